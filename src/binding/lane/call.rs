//! Calls from JavaScript: arguments in, a number or a panic out.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::sys;

use crate::binding::env::{Environment, Local};

/// Runs a hot function on its number arguments; a missing or non-number argument is NaN.
///
/// # Safety
///
/// Only from a callback that was installed with a [`Local`] of `T`, with the arguments of Node-API.
pub(crate) unsafe fn call<T, const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&Local<T>, [f64; N]) -> f64,
) -> sys::napi_value {
    // SAFETY: forwarded from the caller.
    unsafe {
        let (local, values) = arguments::<Local<T>, N>(env, info);
        let numbers = values.map(|value| number(env, value));
        finish(env, local, || body(local, numbers))
    }
}

/// Does the same as [`call`], with a string as the first argument.
///
/// # Safety
///
/// As for [`call`].
pub(crate) unsafe fn call_with_text<T, const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&Local<T>, &str, [f64; N]) -> f64,
) -> sys::napi_value {
    // SAFETY: forwarded from the caller.
    unsafe {
        // Room for the string and up to seven numbers; unused places are `undefined`.
        let (local, values) = arguments::<Local<T>, 8>(env, info);
        const { assert!(N < 8) };
        let text = text(env, values[0], local.text.take());
        let numbers = std::array::from_fn(|index| number(env, values[index + 1]));
        let result = finish(env, local, || body(local, &text, numbers));
        if text.capacity() <= TEXT_KEPT {
            local.text.set(text.into_bytes());
        }
        result
    }
}

/// Reads the data pointer and the arguments of a call.
///
/// # Safety
///
/// In a callback that was created with a `D` as its data, which lives as long as the environment.
pub(super) unsafe fn arguments<'env, D, const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> (&'env D, [sys::napi_value; N]) {
    let mut count = N;
    let mut values = [ptr::null_mut(); N];
    let mut data: *mut c_void = ptr::null_mut();
    // SAFETY: `values` has room for `count`; `data` is the `D` that the function was created with, which
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
        (&*data.cast::<D>(), values)
    }
}

unsafe fn number(env: sys::napi_env, value: sys::napi_value) -> f64 {
    let mut result = f64::NAN;
    // SAFETY: a value of this call, or null, which Node-API refuses without writing.
    unsafe { sys::napi_get_value_double(env, value, &raw mut result) };
    result
}

/// A buffer that grew beyond this many bytes is freed after the call.
const TEXT_KEPT: usize = 1 << 20;
/// The most bytes that a string cut at the end of the memory leaves unused: part of a character, and the final zero.
const CUT: usize = 4;

/// Returns a string's text, in memory that may be used again. Anything else is the empty text.
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
