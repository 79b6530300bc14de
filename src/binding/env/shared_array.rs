//! An array of numbers that JavaScript and Rust both see, for traffic that would cost too much call by call.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use napi::bindgen_prelude::*;
use napi::sys;

/// The memory of a `Float64Array`. It stays valid until [`release`](Self::release), or until the environment ends.
pub(crate) struct SharedArray {
    memory: *const Cell<f64>,
    length: usize,
    reference: sys::napi_ref,
}

impl SharedArray {
    /// Makes one; the value is the `Float64Array`.
    pub(crate) fn create(env: &Env, length: usize) -> Result<(Self, Unknown<'_>)> {
        let mut memory: *mut c_void = ptr::null_mut();
        let [mut buffer, mut array] = [ptr::null_mut(); 2];
        let mut reference = ptr::null_mut();
        let bytes = length * size_of::<f64>();
        // SAFETY: `env` is live and every out pointer is a local. The memory stays in place and alive while the strong
        // reference to the array is held.
        unsafe {
            napi::check_status!(sys::napi_create_arraybuffer(
                env.raw(),
                bytes,
                &raw mut memory,
                &raw mut buffer
            ))?;
            napi::check_status!(sys::napi_create_typedarray(
                env.raw(),
                sys::TypedarrayType::float64_array,
                length,
                buffer,
                0,
                &raw mut array
            ))?;
            napi::check_status!(sys::napi_create_reference(
                env.raw(),
                array,
                1,
                &raw mut reference
            ))?;
            let value = Unknown::from_raw_unchecked(env.raw(), array);
            Ok((Self { memory: memory.cast(), length, reference }, value))
        }
    }

    /// Returns the numbers. Only the environment's own thread touches them.
    pub(crate) fn cells(&self) -> &[Cell<f64>] {
        // SAFETY: `create` made the memory with this length, and it is valid while `self` lives; `Cell<f64>` has the
        // layout of `f64`, and one thread means no data race.
        unsafe { std::slice::from_raw_parts(self.memory, self.length) }
    }

    /// Returns the same memory as bytes, in the order in which JavaScript sees them.
    pub(crate) fn bytes(&self) -> &[Cell<u8>] {
        // SAFETY: as for `cells`; any memory may be looked at as bytes.
        unsafe { std::slice::from_raw_parts(self.memory.cast(), self.length * size_of::<f64>()) }
    }

    /// Lets JavaScript collect the array.
    pub(crate) fn release(self, env: Env) {
        // SAFETY: the reference was made in `create`, in this environment, and is deleted once.
        unsafe { sys::napi_delete_reference(env.raw(), self.reference) };
    }
}
