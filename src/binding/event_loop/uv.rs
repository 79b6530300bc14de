//! Handles of libuv that say when an event loop begins to wait for events, and when it has some.
//!
//! libuv calls a *prepare* handle before it waits, and a *check* handle after it. Node exports libuv's functions, and
//! they are looked up at run time: another host of Node-API may have none.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::time::Duration;

use napi::sys;

type UvHandle = *mut c_void;
type Callback = unsafe extern "C" fn(UvHandle);

struct Functions {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    prepare_init: unsafe extern "C" fn(*mut c_void, UvHandle) -> c_int,
    prepare_start: unsafe extern "C" fn(UvHandle, Callback) -> c_int,
    check_init: unsafe extern "C" fn(*mut c_void, UvHandle) -> c_int,
    check_start: unsafe extern "C" fn(UvHandle, Callback) -> c_int,
    set_data: unsafe extern "C" fn(UvHandle, *mut c_void),
    get_data: unsafe extern "C" fn(UvHandle) -> *mut c_void,
    unref: unsafe extern "C" fn(UvHandle),
    close: unsafe extern "C" fn(UvHandle, Callback),
    /// Since libuv 1.39.
    idle_time: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
}

/// Numbers of `uv_handle_type`.
const CHECK: c_int = 2;
const PREPARE: c_int = 9;

fn functions() -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    FUNCTIONS.get_or_init(find).as_ref()
}

fn find() -> Option<Functions> {
    #[cfg(unix)]
    let program = libloading::os::unix::Library::this();
    #[cfg(windows)]
    let program = libloading::os::windows::Library::this().ok()?;
    macro_rules! find {
        ($name:literal) => {{
            // SAFETY: the types in `Functions` are those of libuv's header, which are stable in version 1.
            *unsafe { program.get($name) }.ok()?
        }};
    }
    Some(Functions {
        handle_size: find!(b"uv_handle_size\0"),
        prepare_init: find!(b"uv_prepare_init\0"),
        prepare_start: find!(b"uv_prepare_start\0"),
        check_init: find!(b"uv_check_init\0"),
        check_start: find!(b"uv_check_start\0"),
        set_data: find!(b"uv_handle_set_data\0"),
        get_data: find!(b"uv_handle_get_data\0"),
        unref: find!(b"uv_unref\0"),
        close: find!(b"uv_close\0"),
        // SAFETY: as above; libuv takes a lock, so any thread may call it.
        idle_time: unsafe { program.get(b"uv_metrics_idle_time\0") }.ok().map(|found| *found),
    })
}

/// Reads the time that an event loop has waited, from any thread, while the environment lives.
pub(super) struct IdleTime(*mut c_void);

// SAFETY: libuv takes a lock of the loop, and the owner drops this value before the loop goes away.
unsafe impl Send for IdleTime {}

impl IdleTime {
    /// Returns the time that the loop of an environment has waited, to be read later.
    pub(super) fn of(env: napi::Env) -> Option<Self> {
        functions()?.idle_time?;
        loop_of(env).map(Self)
    }

    /// Returns it in ms. `None` where the host does not count it.
    pub(super) fn ms(&self) -> Option<f64> {
        // SAFETY: the loop lives as long as this value.
        let nanoseconds = unsafe { (functions()?.idle_time?)(self.0) };
        // A loop that does not count says 0.
        (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds).as_secs_f64() * 1000.0)
    }
}

/// Returns the event loop of an environment.
fn loop_of(env: napi::Env) -> Option<*mut c_void> {
    let mut event_loop = ptr::null_mut();
    // SAFETY: `env` is live and the out pointer is a local.
    let status = unsafe { sys::napi_get_uv_event_loop(env.raw(), &raw mut event_loop) };
    (status == sys::Status::napi_ok && !event_loop.is_null()).then_some(event_loop.cast())
}

/// Learns when the event loop turns. Its methods run on the loop's thread, and outside of JavaScript.
pub(super) trait Turns {
    /// The loop has events, and runs what they cause.
    fn runs(&self);
    /// The loop is about to wait for events.
    fn waits(&self);
    /// The environment ends.
    fn ends(&self);
}

/// The two handles of an environment, and who learns from them. Freed when libuv has closed both.
struct TurnHandles<T> {
    turns: T,
    prepare: Memory,
    check: Memory,
    /// The number of handles that libuv has not closed.
    open: u8,
    is_closing: bool,
    hook: sys::napi_async_cleanup_hook_handle,
}

/// Memory of a handle, aligned for any field.
type Memory = Box<[u128]>;

/// The open handles of an environment. They hold no event loop open.
pub(super) struct LoopHandles<T: Turns + 'static>(*mut TurnHandles<T>);

impl<T: Turns + 'static> LoopHandles<T> {
    /// Opens the handles of an environment. Returns `None` where the host has no libuv.
    pub(super) fn open(env: &napi::Env, turns: T) -> Option<Self> {
        let uv = functions()?;
        let event_loop = loop_of(*env)?;
        // SAFETY: a number of `uv_handle_type`.
        let memory = |kind| unsafe { vec![0u128; (uv.handle_size)(kind).div_ceil(16)].into() };
        let (prepare, check) = (memory(PREPARE), memory(CHECK));
        let hook = ptr::null_mut();
        let handles = Box::into_raw(Box::new(TurnHandles {
            turns,
            prepare,
            check,
            open: 2,
            is_closing: false,
            hook,
        }));
        // SAFETY: the memory of both handles is as large as libuv says, and stays in place until libuv has closed
        // them; the box lives as long.
        unsafe {
            let (prepare, check) = ((*handles).prepare.as_mut_ptr(), (*handles).check.as_mut_ptr());
            (uv.prepare_init)(event_loop, prepare.cast());
            (uv.check_init)(event_loop, check.cast());
            (uv.set_data)(prepare.cast(), handles.cast());
            (uv.set_data)(check.cast(), handles.cast());
            (uv.prepare_start)(prepare.cast(), on_prepare::<T>);
            (uv.check_start)(check.cast(), on_check::<T>);
            (uv.unref)(prepare.cast());
            (uv.unref)(check.cast());
            let hook = &raw mut (*handles).hook;
            sys::napi_add_async_cleanup_hook(env.raw(), Some(clean_up::<T>), handles.cast(), hook);
        }
        Some(Self(handles))
    }

    /// Closes the handles. Only on the environment's thread.
    pub(super) fn close(self) {
        // SAFETY: the environment has not ended, so the handles are open or being closed.
        unsafe { close(self.0) };
    }
}

unsafe extern "C" fn on_prepare<T: Turns>(handle: UvHandle) {
    if let Some(uv) = functions() {
        // SAFETY: `open` set the data of the handle, and it lives until libuv has closed the handle.
        unsafe { &*(uv.get_data)(handle).cast::<TurnHandles<T>>() }.turns.waits();
    }
}

unsafe extern "C" fn on_check<T: Turns>(handle: UvHandle) {
    if let Some(uv) = functions() {
        // SAFETY: as above.
        unsafe { &*(uv.get_data)(handle).cast::<TurnHandles<T>>() }.turns.runs();
    }
}

/// Asks libuv to close both handles, once.
unsafe fn close<T: Turns>(handles: *mut TurnHandles<T>) {
    let Some(uv) = functions() else { return };
    // SAFETY: the box lives until libuv has closed both handles, and libuv calls `on_close` on this thread later.
    unsafe {
        if std::mem::replace(&mut (*handles).is_closing, true) {
            return;
        }
        let (prepare, check) = ((*handles).prepare.as_mut_ptr(), (*handles).check.as_mut_ptr());
        (uv.close)(prepare.cast(), on_close::<T>);
        (uv.close)(check.cast(), on_close::<T>);
    }
}

unsafe extern "C" fn on_close<T: Turns>(handle: UvHandle) {
    let Some(uv) = functions() else { return };
    // SAFETY: as for `on_prepare`; the box is freed with the last of its two handles, after which nothing names it.
    unsafe {
        let handles = (uv.get_data)(handle).cast::<TurnHandles<T>>();
        (*handles).open -= 1;
        if (*handles).open == 0 {
            sys::napi_remove_async_cleanup_hook((*handles).hook);
            drop(Box::from_raw(handles));
        }
    }
}

/// The environment ends: it waits until libuv has closed the handles.
unsafe extern "C" fn clean_up<T: Turns>(_: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    let handles = data.cast::<TurnHandles<T>>();
    // SAFETY: the hook is removed before the handles are freed.
    unsafe {
        (*handles).turns.ends();
        close(handles);
    }
}
