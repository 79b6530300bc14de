//! Puts the lane on the addon's exports, once in each environment.

use std::ffi::c_void;
use std::ptr;

use napi::{JsValue, sys};

use super::call::arguments;
use super::module::{Export, Module};
use crate::binding::env::{Environment, SCRATCH_LEN, SharedArray};

/// Implements `setPanicFactory(make)`: JavaScript makes the errors of panics, in its own realm and with its own class.
unsafe extern "C" fn set_panic_factory(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    // SAFETY: as for `call`; the reference is never released, like the environment's other one.
    unsafe {
        let (environment, [factory]) = arguments::<Environment, 1>(env, info);
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
pub(crate) unsafe fn install(
    env: sys::napi_env,
    exports: sys::napi_value,
    modules: &[&Module],
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
        for module in modules {
            let data = (module.local)(&*environment);
            for Export { name, callback, .. } in module.exports {
                let mut function = ptr::null_mut();
                napi::check_status!(sys::napi_create_function(
                    env,
                    name.as_ptr().cast(),
                    name.len().cast_signed(),
                    *callback,
                    data,
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
        }
        napi::check_status!(sys::napi_set_named_property(
            env,
            exports,
            c"hot".as_ptr(),
            lane_object
        ))
    }
}
