//! Lets another thread read what belongs to one, also while JavaScript runs or is blocked.
//!
//! An owner that nobody observes takes no lock: a call tests one flag. Once observed, each borrow of a table holds the
//! [`OwnerLock`], and so does each reader. JavaScript holds no borrow while its own code runs, so a reader waits for a
//! call into the core at most.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use crate::core::owner_lock::OwnerLock;

/// An owner's lock, and the owner while it lives and is observed, else null.
struct Observed<E> {
    lock: OwnerLock,
    owner: Cell<*const E>,
}

// SAFETY: the pointer is written in a turn of a reader and read in one, and followed as `Observer::read` describes.
unsafe impl<E> Send for Observed<E> {}
// SAFETY: as above.
unsafe impl<E> Sync for Observed<E> {}

/// The lock round what belongs to an owner, a value of one thread.
pub(super) struct Observation<E> {
    /// The number of observers. Only the owner's thread reads and writes it.
    observers: Cell<u32>,
    /// The number of entries that hold the lock, one within the other. Only the owner's thread reads and writes it.
    entries: Cell<u32>,
    observed: Arc<Observed<E>>,
}

impl<E> Default for Observation<E> {
    fn default() -> Self {
        let observed = Observed { lock: OwnerLock::default(), owner: Cell::new(ptr::null()) };
        Self { observers: Cell::new(0), entries: Cell::new(0), observed: Arc::new(observed) }
    }
}

/// Proof that the owner's thread may use what belongs to it; holds the lock if the owner is observed.
pub(super) struct Entry<'env, E> {
    locked: Option<&'env Observation<E>>,
}

impl<E> Drop for Entry<'_, E> {
    #[inline]
    fn drop(&mut self) {
        if let Some(observation) = self.locked {
            observation.leave();
        }
    }
}

impl<E> Observation<E> {
    /// Enters on the owner's thread.
    #[inline]
    pub(super) fn enter(&self) -> Entry<'_, E> {
        if self.observers.get() == 0 {
            return Entry { locked: None };
        }
        if self.entries.get() == 0 {
            self.observed.lock.enter();
        }
        self.entries.set(self.entries.get() + 1);
        Entry { locked: Some(self) }
    }

    #[inline]
    fn leave(&self) {
        let left = self.entries.get() - 1;
        self.entries.set(left);
        if left == 0 {
            self.observed.lock.leave();
        }
    }

    /// Adds an observer of the owner. Only on its thread, and while it holds no [`Entry`].
    pub(super) fn begin(&self, owner: &E) -> Observer<E> {
        self.set_owner(owner);
        self.observers.set(self.observers.get() + 1);
        Observer(Arc::clone(&self.observed))
    }

    /// Removes an observer. The last one leaves all without an owner. As [`begin`](Self::begin), without an [`Entry`].
    pub(super) fn end(&self) {
        let left = self.observers.get().saturating_sub(1);
        if left == 0 {
            self.close();
        }
        self.observers.set(left);
    }

    /// Leaves all observers without an owner: it ends. Without an [`Entry`].
    pub(super) fn close(&self) {
        self.set_owner(ptr::null());
    }

    fn set_owner(&self, owner: *const E) {
        debug_assert_eq!(self.entries.get(), 0, "the lock is free");
        self.observed.lock.read(|| self.observed.owner.set(owner));
    }
}

/// Reads what belongs to an owner from any thread.
pub(super) struct Observer<E>(Arc<Observed<E>>);

impl<E> Clone for Observer<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Observer<E> {
    /// Reads under the lock, so all at one instant. Returns `None` when the owner has ended or is not observed any more.
    /// On the owner's thread, only while it holds no [`Entry`].
    pub(super) fn read<R>(&self, body: impl FnOnce(&E) -> R) -> Option<R> {
        self.0.lock.read(|| {
            // SAFETY: `close` takes a turn before the owner goes away, so a pointer that is not null is live in one.
            let owner = unsafe { self.0.owner.get().as_ref() }?;
            Some(body(owner))
        })
    }
}
