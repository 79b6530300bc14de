//! The hot lane: raw Node-API callbacks, wrapped once and nowhere else.
//!
//! A `#[napi]` function with arguments costs about 95 ns a call and a class method 280 ns or more; a raw
//! callback with numbers costs 10 to 25 ns. So what happens per request or per timer goes through here: up to
//! eight numbers (and at most one string, first) come in, one number goes out, and further results are read
//! from the environment's scratch memory. Raw callbacks are in this file alone.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::{JsValue, sys};

use super::environment::{Environment, SCRATCH_LEN};
use super::shared_array::SharedArray;

/// The result of a hot function for "no such object": handles, ids and counts are never negative.
pub(super) const NONE: f64 = -1.0;

/// One function of the lane as JavaScript sees it.
pub(super) struct Export {
    pub(super) name: &'static str,
    /// Parameters as in a TypeScript signature, for the generated declaration.
    pub(super) parameters: &'static str,
    pub(super) doc: &'static str,
    pub(super) callback: sys::napi_callback,
}

/// Lists exports: `"jsName"(a, b) => path;` for numbers, `"jsName"(str text, a) => path;` with a string first.
macro_rules! hot_lane {
    (@params str $text:ident $(, $arg:ident)*) => {
        concat!(stringify!($text), ": string" $(, ", ", stringify!($arg), ": number")*)
    };
    (@params) => { "" };
    (@params $first:ident $(, $arg:ident)*) => {
        concat!(stringify!($first), ": number" $(, ", ", stringify!($arg), ": number")*)
    };
    (@callback $target:path, str $text:ident $(, $arg:ident)*) => {{
        unsafe extern "C" fn raw(
            env: napi::sys::napi_env,
            info: napi::sys::napi_callback_info,
        ) -> napi::sys::napi_value {
            // SAFETY: Node-API calls this with a live env and info, and with the data pointer given on creation.
            unsafe {
                $crate::binding::hot::call_with_text(env, info, |environment, $text, [$($arg),*]| {
                    $target(environment, $text $(, $arg)*)
                })
            }
        }
        Some(raw)
    }};
    (@callback $target:path, $($arg:ident),*) => {{
        unsafe extern "C" fn raw(
            env: napi::sys::napi_env,
            info: napi::sys::napi_callback_info,
        ) -> napi::sys::napi_value {
            // SAFETY: as above.
            unsafe {
                $crate::binding::hot::call(env, info, |environment, [$($arg),*]| {
                    $target(environment $(, $arg)*)
                })
            }
        }
        Some(raw)
    }};
    ($($(#[doc = $doc:literal])* $name:literal($($param:tt)*) => $target:path;)*) => {
        &[$($crate::binding::hot::Export {
            name: $name,
            parameters: $crate::binding::hot::hot_lane!(@params $($param)*),
            doc: concat!($($doc),*),
            callback: $crate::binding::hot::hot_lane!(@callback $target, $($param)*),
        }),*]
    };
}
pub(super) use hot_lane;

/// Runs a hot function on its number arguments; a missing or non-number argument is NaN.
///
/// # Safety
///
/// Only from a callback created by [`install`], with the arguments Node-API gave it.
pub(super) unsafe fn call<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&Environment, [f64; N]) -> f64,
) -> sys::napi_value {
    // SAFETY: forwarded from the caller.
    unsafe {
        let (environment, values) = arguments::<N>(env, info);
        let numbers = values.map(|value| number(env, value));
        finish(env, environment, || body(environment, numbers))
    }
}

/// Like [`call`], with a string as the first argument.
///
/// # Safety
///
/// As for [`call`].
pub(super) unsafe fn call_with_text<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&Environment, &str, [f64; N]) -> f64,
) -> sys::napi_value {
    // SAFETY: forwarded from the caller.
    unsafe {
        // Room for the string and up to seven numbers; unused places are `undefined`.
        let (environment, values) = arguments::<8>(env, info);
        const { assert!(N < 8) };
        let text = text(env, values[0], environment.text.take());
        let numbers = std::array::from_fn(|index| number(env, values[index + 1]));
        let result = finish(env, environment, || body(environment, &text, numbers));
        if text.capacity() <= TEXT_KEPT {
            environment.text.set(text.into_bytes());
        }
        result
    }
}

unsafe fn arguments<'env, const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> (&'env Environment, [sys::napi_value; N]) {
    let mut count = N;
    let mut values = [ptr::null_mut(); N];
    let mut data: *mut c_void = ptr::null_mut();
    // SAFETY: `values` has room for `count`; `data` is the `Environment` given to `napi_create_function`, which
    // is freed only when the environment ends and no callback can run any more.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            values.as_mut_ptr(),
            ptr::null_mut(),
            &raw mut data,
        );
        (&*data.cast::<Environment>(), values)
    }
}

unsafe fn number(env: sys::napi_env, value: sys::napi_value) -> f64 {
    let mut result = f64::NAN;
    // SAFETY: a value of this call, or null, which Node-API refuses without writing.
    unsafe { sys::napi_get_value_double(env, value, &raw mut result) };
    result
}

/// Text that takes more memory is given back after the call.
const TEXT_KEPT: usize = 1 << 20;
/// What a string that was cut at the end of the memory leaves of it: part of a character, and the final zero.
const CUT: usize = 4;

/// A string's text, in memory that may be used again. Anything else is the empty text.
unsafe fn text(env: sys::napi_env, value: sys::napi_value, mut bytes: Vec<u8>) -> String {
    let mut length = 0;
    bytes.clear();
    bytes.reserve(CUT + 1);
    // SAFETY: Node-API writes no more than the capacity it is told, the final zero included, and says how much that
    // was without the zero; a null buffer asks for the length. What is no string is refused without writing.
    unsafe {
        let mut get = |memory: *mut u8, capacity| {
            let result = &raw mut length;
            sys::napi_get_value_string_utf8(env, value, memory.cast(), capacity, result);
            length
        };
        let mut written = get(bytes.as_mut_ptr(), bytes.capacity());
        if written >= bytes.capacity() - CUT {
            // Cut, or nearly. With room for the longest text of so many characters V8 does not count its bytes first.
            let needed = get(ptr::null_mut(), 0) + 1;
            bytes.reserve(if needed <= TEXT_KEPT / 3 { 3 * needed } else { needed });
            written = get(bytes.as_mut_ptr(), bytes.capacity());
        }
        bytes.set_len(written);
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Turns the body's number into a JavaScript value and its panic into a JavaScript error.
unsafe fn finish(
    env: sys::napi_env,
    environment: &Environment,
    body: impl FnOnce() -> f64,
) -> sys::napi_value {
    let mut result = ptr::null_mut();
    match catch_unwind(AssertUnwindSafe(body)) {
        // SAFETY: `env` is live for the call.
        Ok(number) => unsafe {
            sys::napi_create_double(env, number, &raw mut result);
        },
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("panic without a message");
            // SAFETY: as above.
            unsafe { throw_panic(env, environment.panic_factory.get(), message) };
        }
    }
    result
}

/// Throws what JavaScript makes of a panic, or a bare error with the code when it gave no factory.
///
/// # Safety
///
/// While `env` is live, with a factory of this environment or null.
unsafe fn throw_panic(env: sys::napi_env, factory: sys::napi_ref, message: &str) {
    // SAFETY: out pointers are locals; a null value is refused by Node-API without effect.
    unsafe {
        let [mut text, mut function, mut receiver, mut error] = [ptr::null_mut(); 4];
        let length = message.len().cast_signed();
        sys::napi_create_string_utf8(env, message.as_ptr().cast(), length, &raw mut text);
        sys::napi_get_undefined(env, &raw mut receiver);
        if !factory.is_null() {
            sys::napi_get_reference_value(env, factory, &raw mut function);
            sys::napi_call_function(env, receiver, function, 1, &raw const text, &raw mut error);
        }
        if error.is_null() {
            let mut code = ptr::null_mut();
            let name = "KEELSON_PANIC";
            let length = name.len().cast_signed();
            sys::napi_create_string_utf8(env, name.as_ptr().cast(), length, &raw mut code);
            sys::napi_create_error(env, code, text, &raw mut error);
        }
        sys::napi_throw(env, error);
    }
}

/// `setPanicFactory(make)`: JavaScript makes the errors of panics, in its own realm and with its own class.
unsafe extern "C" fn set_panic_factory(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    // SAFETY: as for `call`; the reference is never released, like the environment's other one.
    unsafe {
        let (environment, [factory]) = arguments::<1>(env, info);
        let mut reference = ptr::null_mut();
        if sys::napi_create_reference(env, factory, 1, &raw mut reference) == sys::Status::napi_ok {
            environment.panic_factory.set(reference);
        }
    }
    ptr::null_mut()
}

/// Creates the environment's table and puts the lane and its scratch memory on `exports`.
///
/// # Safety
///
/// Once an environment, while its module is being registered, with its own `env` and `exports`.
pub(super) unsafe fn install<'a>(
    env: sys::napi_env,
    exports: sys::napi_value,
    lane: impl Iterator<Item = &'a Export>,
) -> napi::Result<()> {
    unsafe extern "C" fn free(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
        // SAFETY: the pointer came from `Box::into_raw` below, and Node-API runs this once.
        drop(unsafe { Box::from_raw(data.cast::<Environment>()) });
    }
    let owner = napi::Env::from_raw(env);
    // Never released: its memory serves until the environment ends.
    let (scratch, array) = SharedArray::create(&owner, SCRATCH_LEN)?;
    // SAFETY: `env` and `exports` are live, and every out pointer is a local.
    unsafe {
        napi::check_status!(sys::napi_set_named_property(
            env,
            exports,
            c"scratch".as_ptr(),
            array.raw()
        ))?;

        let environment = Box::into_raw(Box::new(Environment::new(scratch)));
        napi::check_status!(sys::napi_set_instance_data(
            env,
            environment.cast(),
            Some(free),
            ptr::null_mut()
        ))?;
        let mut setter = ptr::null_mut();
        napi::check_status!(sys::napi_create_function(
            env,
            c"setPanicFactory".as_ptr(),
            c"setPanicFactory".count_bytes().cast_signed(),
            Some(set_panic_factory),
            environment.cast(),
            &raw mut setter
        ))?;
        napi::check_status!(sys::napi_set_named_property(
            env,
            exports,
            c"setPanicFactory".as_ptr(),
            setter
        ))?;
        let mut lane_object = ptr::null_mut();
        napi::check_status!(sys::napi_create_object(env, &raw mut lane_object))?;
        for export in lane {
            let mut function = ptr::null_mut();
            let name = export.name;
            napi::check_status!(sys::napi_create_function(
                env,
                name.as_ptr().cast(),
                name.len().cast_signed(),
                export.callback,
                environment.cast(),
                &raw mut function
            ))?;
            let name = format!("{name}\0");
            napi::check_status!(sys::napi_set_named_property(
                env,
                lane_object,
                name.as_ptr().cast(),
                function
            ))?;
        }
        napi::check_status!(sys::napi_set_named_property(
            env,
            exports,
            c"hot".as_ptr(),
            lane_object
        ))
    }
}
