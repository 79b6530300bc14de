//! A panic of the drawing thread restores the terminal before anything else.

use std::sync::{Mutex, Once, PoisonError};
use std::{panic, thread};

/// The name of the drawing thread.
pub(super) const THREAD: &str = "keelson-dashboard";

static HOOK: Once = Once::new();
static LAST: Mutex<String> = Mutex::new(String::new());

/// Sets the hook. It belongs to this library alone, which has a standard library of its own.
pub(super) fn watch() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |information| {
            if thread::current().name() != Some(THREAD) {
                before(information);
                return;
            }
            crate::terminal::restore();
            *LAST.lock().unwrap_or_else(PoisonError::into_inner) = information.to_string();
        }));
    });
}

/// Returns the words of the last panic, and where it was.
pub(super) fn last() -> String {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
