//! Lets another thread read what belongs to one, also while JavaScript runs or is blocked.
//!
//! An owner that nobody observes takes no lock: a call tests one flag. Once observed, each borrow of a table holds the
//! lock, and so does each reader. JavaScript holds no borrow while its own code runs, so a reader waits for a call into
//! the core at most.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use parking_lot::{ReentrantMutex, ReentrantMutexGuard};

/// The owner while it lives and is observed, else null; behind the lock.
struct Observed<E>(Cell<*const E>);

// SAFETY: the pointer is read and written under the lock alone, and followed as `Observer::read` describes.
unsafe impl<E> Send for Observed<E> {}

/// The lock round what belongs to an owner, a value of one thread.
pub(super) struct Observation<E> {
    /// The number of observers. Only the owner's thread reads and writes it.
    observers: Cell<u32>,
    observed: Arc<ReentrantMutex<Observed<E>>>,
}

impl<E> Default for Observation<E> {
    fn default() -> Self {
        let observed = Observed(Cell::new(ptr::null()));
        Self { observers: Cell::new(0), observed: Arc::new(ReentrantMutex::new(observed)) }
    }
}

/// Proof that the owner's thread may use what belongs to it; holds the lock if the owner is observed.
pub(super) struct Entry<'env, E> {
    _lock: Option<ReentrantMutexGuard<'env, Observed<E>>>,
}

impl<E> Observation<E> {
    /// Enters on the owner's thread.
    #[inline]
    pub(super) fn enter(&self) -> Entry<'_, E> {
        let lock = if self.observers.get() == 0 { None } else { Some(self.lock()) };
        Entry { _lock: lock }
    }

    #[cold]
    fn lock(&self) -> ReentrantMutexGuard<'_, Observed<E>> {
        self.observed.lock()
    }

    /// Adds an observer of the owner. Only on its thread, and while it holds no [`Entry`].
    pub(super) fn begin(&self, owner: &E) -> Observer<E> {
        self.observed.lock().0.set(owner);
        self.observers.set(self.observers.get() + 1);
        Observer(Arc::clone(&self.observed))
    }

    /// Removes an observer. The last one leaves all without an owner.
    pub(super) fn end(&self) {
        let left = self.observers.get().saturating_sub(1);
        if left == 0 {
            self.close();
        }
        self.observers.set(left);
    }

    /// Leaves all observers without an owner: it ends.
    pub(super) fn close(&self) {
        self.observed.lock().0.set(ptr::null());
    }
}

/// Reads what belongs to an owner from any thread.
pub(super) struct Observer<E>(Arc<ReentrantMutex<Observed<E>>>);

impl<E> Clone for Observer<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Observer<E> {
    /// Reads under the lock, so all at one instant. Returns `None` when the owner has ended or is not observed any more.
    pub(super) fn read<R>(&self, body: impl FnOnce(&E) -> R) -> Option<R> {
        let observed = self.0.lock();
        // SAFETY: `close` takes the lock before the owner goes away, so a pointer that is not null is live while the
        // lock is held.
        let owner = unsafe { observed.0.get().as_ref() }?;
        Some(body(owner))
    }
}
