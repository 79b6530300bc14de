//! Wakes an environment from any thread: one weak thread-safe function an environment.
//!
//! Node frees the function with its environment, while other threads may still ring. So every ring goes through a lock
//! that the environment's clean-up takes to disconnect the bell; after that, ringing does nothing.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::sys;
use parking_lot::Mutex;

use crate::core::inbox;

/// The environment's thread-safe function while it lives.
struct Line(sys::napi_threadsafe_function);

// SAFETY: Node-API allows a thread-safe function to be called from any thread while it is alive, which the lock
// around each use ensures.
unsafe impl Send for Line {}

/// Rings one environment; shared by its inbox and its clean-up hook.
#[derive(Clone, Default)]
pub(super) struct Bell(Arc<Mutex<Option<Line>>>);

impl inbox::Wake for Bell {
    fn wake(&self) {
        if let Some(Line(function)) = &*self.0.lock() {
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

impl Bell {
    /// Connects the bell to a JavaScript function, which is called without arguments, soon after each ring. The one
    /// connected before is not called any more.
    ///
    /// # Safety
    ///
    /// On the environment's thread, with a function of it.
    pub(super) unsafe fn connect(
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
            let mut line = ptr::null_mut();
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
                &raw mut line
            ))?;
            // Weak: news alone keep no process alive; who is owed something asks for `hold`.
            napi::check_status!(sys::napi_unref_threadsafe_function(env, line))?;
            let before = self.0.lock().replace(Line(line));
            if let Some(Line(before)) = before {
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

    /// Whether the event loop waits for rings.
    pub(super) fn hold(&self, env: &napi::Env, held: bool) {
        if let Some(Line(function)) = &*self.0.lock() {
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
    let bell = unsafe { Box::from_raw(data.cast::<Bell>()) };
    if let Some(Line(function)) = bell.0.lock().take() {
        // SAFETY: still alive, as its own hook runs after this one; nobody can use it any more.
        unsafe {
            sys::napi_release_threadsafe_function(
                function,
                sys::ThreadsafeFunctionReleaseMode::abort,
            );
        }
    }
}
