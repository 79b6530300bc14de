//! Wakes an environment from any thread: one weak thread-safe function an environment.
//!
//! Node frees the function with its environment, while other threads may still wake it. So every wake goes through a
//! lock that the environment's clean-up takes to disconnect the waker; after that, waking does nothing.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::sys;
use parking_lot::Mutex;

use crate::core::inbox;

/// The environment's thread-safe function while it lives.
struct WakeFunction(sys::napi_threadsafe_function);

// SAFETY: Node-API allows a thread-safe function to be called from any thread while it is alive, which the lock
// around each use ensures.
unsafe impl Send for WakeFunction {}

/// Wakes one environment. Its inbox and its clean-up hook share it.
#[derive(Clone, Default)]
pub(crate) struct Waker(Arc<Mutex<Option<WakeFunction>>>);

impl inbox::Wake for Waker {
    fn wake(&self) {
        if let Some(WakeFunction(function)) = &*self.0.lock() {
            // SAFETY: connected, so the environment has not been cleaned up. The queue is unbounded: no blocking.
            unsafe {
                sys::napi_call_threadsafe_function(
                    *function,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                );
            }
        }
    }
}

impl Waker {
    /// Connects the waker to a JavaScript function, which is called without arguments, soon after each wake. The one
    /// connected before is not called any more.
    ///
    /// # Safety
    ///
    /// On the environment's thread, with a function of it.
    pub(crate) unsafe fn connect(
        &self,
        env: sys::napi_env,
        function: sys::napi_value,
    ) -> napi::Result<()> {
        // SAFETY: `env` and `function` are live; out pointers are locals.
        unsafe {
            let mut name = ptr::null_mut();
            let text = "keelson";
            napi::check_status!(sys::napi_create_string_utf8(
                env,
                text.as_ptr().cast(),
                text.len().cast_signed(),
                &raw mut name
            ))?;
            let mut waking = ptr::null_mut();
            napi::check_status!(sys::napi_create_threadsafe_function(
                env,
                function,
                ptr::null_mut(),
                name,
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                None,
                &raw mut waking
            ))?;
            // Weak: notifications alone keep no process alive; a caller that waits for one calls `hold`.
            napi::check_status!(sys::napi_unref_threadsafe_function(env, waking))?;
            let before = self.0.lock().replace(WakeFunction(waking));
            if let Some(WakeFunction(before)) = before {
                // A module that was loaded anew (jest does so for each test file): the newest copy listens.
                sys::napi_release_threadsafe_function(
                    before,
                    sys::ThreadsafeFunctionReleaseMode::abort,
                );
                return Ok(());
            }
            // Hooks run last first: this one before the function's own.
            let data = Box::into_raw(Box::new(self.clone())).cast();
            napi::check_status!(sys::napi_add_env_cleanup_hook(env, Some(disconnect), data))
        }
    }

    /// Sets whether the event loop stays open for wakes.
    pub(crate) fn hold(&self, env: &napi::Env, held: bool) {
        if let Some(WakeFunction(function)) = &*self.0.lock() {
            // SAFETY: connected, and on the thread of the environment.
            unsafe {
                if held {
                    sys::napi_ref_threadsafe_function(env.raw(), *function);
                } else {
                    sys::napi_unref_threadsafe_function(env.raw(), *function);
                }
            }
        }
    }
}

unsafe extern "C" fn disconnect(data: *mut c_void) {
    // SAFETY: the box was made in `connect`, and a hook runs once.
    let waker = unsafe { Box::from_raw(data.cast::<Waker>()) };
    if let Some(WakeFunction(function)) = waker.0.lock().take() {
        // SAFETY: still alive, as its own hook runs after this one; nobody can use it any more.
        unsafe {
            sys::napi_release_threadsafe_function(
                function,
                sys::ThreadsafeFunctionReleaseMode::abort,
            );
        }
    }
}
