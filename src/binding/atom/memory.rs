//! The words of shared atoms as memory that JavaScript reads without a call.
//!
//! Asking the core whether a version is still current takes 35 to 60 ns on the machine where this was decided, and the
//! promise is 30 ns. A read of mapped memory takes 12, most of it V8's call of `Atomics.load`. The low half is read
//! first and atomically, then the high half. Versions only grow, so halves that both equal an earlier version are that
//! very version. (Two plain reads would take 3 ns, but a compiler may move them out of a loop that waits.)

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;

use super::values::STORE;
use crate::core::atom::Chunk;

/// Returns a chunk of words as an `ArrayBuffer` over the same memory, or `None` where the host allows no such buffers.
///
/// Read it only. It stays valid for as long as the buffer lives.
#[napi(catch_unwind, ts_return_type = "ArrayBuffer | null")]
pub fn shared_memory(env: Env, chunk: u32) -> Option<Unknown<'static>> {
    let chunk = STORE.chunk(chunk)?;
    // The halves of a word differ by their place.
    if cfg!(target_endian = "big") {
        return None;
    }
    let (memory, bytes) = chunk.memory();
    let held = Arc::into_raw(chunk).cast_mut().cast::<c_void>();
    let mut buffer = ptr::null_mut();
    // SAFETY: `env` is live and `buffer` a local. The memory stays in place while `held` is, which `release` gives
    // back when the buffer is gone. Both sides access it atomically, and JavaScript does not write.
    unsafe {
        let status = sys::napi_create_external_arraybuffer(
            env.raw(),
            memory.cast_mut().cast(),
            bytes,
            Some(release),
            held,
            &raw mut buffer,
        );
        if status != sys::Status::napi_ok {
            drop(Arc::from_raw(held.cast::<Chunk>()));
            return None;
        }
        Some(Unknown::from_raw_unchecked(env.raw(), buffer))
    }
}

unsafe extern "C" fn release(_: sys::napi_env, _: *mut c_void, held: *mut c_void) {
    // SAFETY: from `Arc::into_raw` above; Node-API runs this once a buffer.
    drop(unsafe { Arc::from_raw(held.cast::<Chunk>()) });
}
