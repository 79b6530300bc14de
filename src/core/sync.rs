//! The synchronisation primitives of the core, in one place so that `--cfg loom` can replace them.
//!
//! Code that runs on several threads imports from here and nowhere else; its loom model, beside it as `loom_model.rs`,
//! then explores the interleavings of the very same code.

#[cfg(loom)]
pub(crate) use loom::sync::Arc;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::Arc;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};

/// A lock without poisoning: what it guards is consistent at every point at which a panic could happen.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(Inner<T>);

#[cfg(loom)]
use loom::sync::{Mutex as Inner, MutexGuard as InnerGuard};
#[cfg(not(loom))]
use parking_lot::{Mutex as Inner, MutexGuard as InnerGuard};

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Inner::new(value))
    }

    #[cfg(not(loom))]
    pub(crate) fn lock(&self) -> InnerGuard<'_, T> {
        self.0.lock()
    }

    #[cfg(loom)]
    pub(crate) fn lock(&self) -> InnerGuard<'_, T> {
        self.0.lock().expect("no panic in a model while locked")
    }
}

/// A pointer that one thread replaces while others load it. What a loader gets stays alive while it is held, and with
/// it the loader sees all that was done before it was stored.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct Published<T>(arc_swap::ArcSwap<T>);

#[cfg(not(loom))]
impl<T> Published<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(arc_swap::ArcSwap::new(value))
    }

    /// Without a lock.
    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.0.store(value);
    }
}

/// In a model: a lock has the same contract, and loom cannot look into `arc-swap`.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Published<T>(Mutex<Arc<T>>);

#[cfg(loom)]
impl<T> Published<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        Arc::clone(&*self.0.lock())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        let before = std::mem::replace(&mut *self.0.lock(), value);
        drop(before);
    }
}
