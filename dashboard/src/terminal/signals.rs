//! A signal that ends the program restores the terminal first.
//!
//! The handler puts back the action that it replaced and raises the signal again, so that the program gets it as it
//! would without the dashboard: by its own handler, by Node's, or by the end of the process.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{c_int, sigaction};

/// The signals that end a program which does not handle them, and that somebody sends to a program in a terminal.
const SIGNALS: [c_int; 5] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGABRT];

/// The action that a handler replaced. Written before the handler is set, read after.
struct Before {
    is_set: AtomicBool,
    action: UnsafeCell<MaybeUninit<sigaction>>,
}

// SAFETY: `is_set` orders the accesses: it is stored (release) after the write, and loaded (acquire) before a read. It is
// written only by the drawing thread, while it is false.
unsafe impl Sync for Before {}

static BEFORE: [Before; SIGNALS.len()] = [const {
    Before { is_set: AtomicBool::new(false), action: UnsafeCell::new(MaybeUninit::uninit()) }
}; SIGNALS.len()];

fn handler() -> usize {
    let handler: extern "C" fn(c_int) = on_signal;
    handler as usize
}

#[cfg(target_os = "linux")]
fn errno() -> *mut c_int {
    // SAFETY: it only returns the address of this thread's value.
    unsafe { libc::__errno_location() }
}

#[cfg(not(target_os = "linux"))]
fn errno() -> *mut c_int {
    // SAFETY: it only returns the address of this thread's value.
    unsafe { libc::__error() }
}

extern "C" fn on_signal(signal: c_int) {
    let place = errno();
    // SAFETY: the address is that of this thread's value.
    let before = unsafe { *place };
    // It also puts back the actions of all these signals.
    super::restore();
    // The program goes on when it handles the signal: what it was about to read must not change.
    // SAFETY: as above.
    unsafe { *place = before };
    // SAFETY: raising a signal is allowed in a handler. It is delivered when this handler ends.
    unsafe { libc::raise(signal) };
}

fn current(signal: c_int) -> Option<sigaction> {
    let mut found = MaybeUninit::<sigaction>::uninit();
    // SAFETY: no new action is given, and there is room for the current one.
    let result = unsafe { sigaction(signal, ptr::null(), found.as_mut_ptr()) };
    // SAFETY: `sigaction` succeeded, so it wrote the whole value.
    (result == 0).then(|| unsafe { found.assume_init() })
}

/// Sets the handlers, also where the program has replaced them since.
pub(super) fn install() {
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
        let Some(action) = current(signal) else { continue };
        if action.sa_sigaction == handler() || action.sa_sigaction == libc::SIG_IGN {
            continue;
        }
        before.is_set.store(false, Ordering::Release);
        // SAFETY: `is_set` is false, so nobody reads it, and only the drawing thread installs.
        unsafe { *before.action.get() = MaybeUninit::new(action) };
        before.is_set.store(true, Ordering::Release);
        // SAFETY: all zeros are an action: no flags, an empty mask.
        let mut ours: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        ours.sa_sigaction = handler();
        ours.sa_flags = libc::SA_RESTART;
        // SAFETY: `ours` is a whole action whose handler has the type that its flags ask for.
        unsafe { sigaction(signal, &raw const ours, ptr::null_mut()) };
    }
}

/// Puts back what was before, where our handler is still set. May be called in a signal handler.
pub(super) fn remove() {
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
        let is_ours = current(signal).is_some_and(|action| action.sa_sigaction == handler());
        if before.is_set.swap(false, Ordering::AcqRel) && is_ours {
            // SAFETY: `is_set` was true, so the action was written.
            unsafe { sigaction(signal, (*before.action.get()).as_ptr(), ptr::null_mut()) };
        }
    }
}
