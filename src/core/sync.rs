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

/// A lock without poisoning: its content is consistent at every point at which a panic could happen.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(Inner<T>);

#[cfg(loom)]
pub(crate) use loom::sync::MutexGuard;
#[cfg(loom)]
use loom::sync::{Condvar as InnerCondvar, Mutex as Inner};
#[cfg(not(loom))]
pub(crate) use parking_lot::MutexGuard;
#[cfg(not(loom))]
use parking_lot::{Condvar as InnerCondvar, Mutex as Inner};

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Inner::new(value))
    }

    #[cfg(not(loom))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }

    /// Takes the lock if it is free.
    #[cfg(not(loom))]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock()
    }

    #[cfg(loom)]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }

    #[cfg(loom)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
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

    /// Loads the value without a lock.
    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Stores a value; the one before.
    pub(crate) fn replace(&self, value: Arc<T>) -> Arc<T> {
        self.0.swap(value)
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

    pub(crate) fn replace(&self, value: Arc<T>) -> Arc<T> {
        std::mem::replace(&mut *self.0.lock(), value)
    }
}

/// Looks at a value that another thread changes in a moment, before sleeping on a lock. In a model, where every look is
/// another branch, one.
pub(crate) const SPINS: usize = if cfg!(loom) { 1 } else { 100 };

/// Moments to stand back after another thread was first: a few commits' time.
pub(crate) const BACK_OFF: usize = if cfg!(loom) { 0 } else { 40 };

/// Passes a moment without giving up the processor.
pub(crate) fn spin() {
    #[cfg(loom)]
    loom::hint::spin_loop();
    #[cfg(not(loom))]
    std::hint::spin_loop();
}

/// Lets other threads run.
pub(crate) fn give_up_processor() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::thread::yield_now();
}

/// Orders what is sequentially consistent. Such stores and loads have one order by themselves; loom orders fences alone.
pub(crate) fn full_fence() {
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// Waits for what another thread changes under a [`Mutex`].
#[derive(Debug, Default)]
pub(crate) struct Condvar(InnerCondvar);

impl Condvar {
    /// Gives the lock up while it waits; the caller checks its condition again, as wake-ups may be spurious.
    #[cfg(not(loom))]
    pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(&mut guard);
        guard
    }

    #[cfg(loom)]
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).expect("no panic in a model while locked")
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
