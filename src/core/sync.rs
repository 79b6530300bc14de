//! The synchronisation primitives of the core, in one place so that `--cfg loom` can replace them.
//!
//! Code that runs on several threads imports from here and nowhere else; its loom model, beside it as `loom_model.rs`,
//! then explores the interleavings of the very same code.

#[cfg(loom)]
pub(crate) use loom::sync::Arc;
#[cfg(not(loom))]
pub(crate) use std::sync::Arc;

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
