//! A lock that one thread, its owner, takes often, and others rarely, to read what belongs to the owner.
//!
//! The owner enters with one store and one load, which costs half of a mutex. It waits only while a reader reads. Each
//! side writes its own flag and then reads that of the other (Dekker's algorithm): stores and loads that are
//! sequentially consistent have one order, so at least one side sees the other, and that side waits.

#[cfg(loom)]
mod loom_model;

use crate::core::sync::{AtomicU64, Mutex, Ordering, SPINS, full_fence, give_up_processor, spin};

/// See the module.
#[derive(Debug)]
pub struct OwnerLock {
    /// 1 while the owner is inside.
    inside: AtomicU64,
    /// 1 while a reader reads, or waits for the owner to leave.
    reader: AtomicU64,
    /// Held by the reader, and by an owner that lets it finish.
    turn: Mutex<()>,
}

impl Default for OwnerLock {
    fn default() -> Self {
        Self { inside: AtomicU64::new(0), reader: AtomicU64::new(0), turn: Mutex::new(()) }
    }
}

impl OwnerLock {
    /// Enters on the owner's thread, which is not inside. Waits while a reader reads.
    #[inline]
    pub fn enter(&self) {
        self.inside.store(1, Ordering::SeqCst);
        full_fence();
        if self.reader.load(Ordering::SeqCst) != 0 {
            self.give_way();
        }
    }

    #[cold]
    fn give_way(&self) {
        self.inside.store(0, Ordering::Release);
        let _turn = self.turn.lock();
        // The next reader waits for the turn first, then for the owner.
        self.inside.store(1, Ordering::SeqCst);
    }

    /// Leaves on the owner's thread.
    #[inline]
    pub fn leave(&self) {
        self.inside.store(0, Ordering::Release);
    }

    /// Reads while the owner is outside. The owner must not be inside on the same thread: this would wait for ever.
    pub fn read<R>(&self, body: impl FnOnce() -> R) -> R {
        let _turn = self.turn.lock();
        let reading = ReaderFlag::begin(&self.reader);
        let mut looks = 0;
        while self.inside.load(Ordering::SeqCst) != 0 {
            looks += 1;
            if looks <= SPINS {
                spin();
            } else {
                give_up_processor();
            }
        }
        let result = body();
        drop(reading);
        result
    }
}

/// The flag of a reader, which goes also when it panics.
struct ReaderFlag<'a>(&'a AtomicU64);

impl<'a> ReaderFlag<'a> {
    fn begin(flag: &'a AtomicU64) -> Self {
        flag.store(1, Ordering::SeqCst);
        full_fence();
        Self(flag)
    }
}

impl Drop for ReaderFlag<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::UnsafeCell;
    use std::sync::Arc;

    use super::*;

    /// An owner with two numbers, which are equal whenever it is outside.
    struct Owned {
        lock: OwnerLock,
        numbers: UnsafeCell<(u64, u64)>,
    }

    // SAFETY: the numbers are used by the owner inside, and by readers in `read`.
    unsafe impl Sync for Owned {}

    #[test]
    fn readers_see_what_belongs_to_the_owner_between_its_turns_alone() {
        let owned =
            Arc::new(Owned { lock: OwnerLock::default(), numbers: UnsafeCell::new((0, 0)) });
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let owned = Arc::clone(&owned);
                std::thread::spawn(move || {
                    let mut last = 0;
                    while last < 100_000 {
                        // SAFETY: the owner is outside.
                        let (one, other) = owned.lock.read(|| unsafe { *owned.numbers.get() });
                        assert_eq!(one, other);
                        assert!(one >= last);
                        last = one;
                    }
                })
            })
            .collect();
        for number in 1..=100_000 {
            owned.lock.enter();
            // SAFETY: the owner is inside.
            unsafe {
                (*owned.numbers.get()).0 = number;
                (*owned.numbers.get()).1 = number;
            }
            owned.lock.leave();
        }
        for reader in readers {
            reader.join().expect("no reader fails");
        }
    }

    #[test]
    fn a_reader_that_panics_leaves_the_lock_free() {
        let lock = OwnerLock::default();
        let read = std::panic::AssertUnwindSafe(|| lock.read(|| panic!("no")));
        assert!(std::panic::catch_unwind(read).is_err());
        lock.enter();
        lock.leave();
        assert_eq!(lock.read(|| 1), 1);
    }
}
