//! Counters and flags: one word, no lock.

use super::slab::{Word, WordPlace};
use crate::core::sync::Ordering;

/// The largest count, and with a minus the smallest: JavaScript numbers hold these exactly.
pub const LIMIT: i64 = (1 << 53) - 1;

/// An integer within ±[`LIMIT`] that all threads change without a lock and without losing a step. A flag is one that
/// is 0 or 1.
///
/// All operations on one word are in one order that every thread agrees on, and who reads a value also sees what its
/// writer had done before.
#[derive(Debug)]
pub struct Count(Word);

impl Count {
    pub(super) fn new(word: Word, initial: i64) -> Self {
        word.store(initial.cast_unsigned(), Ordering::Release);
        Self(word)
    }

    /// Returns the place of the word.
    pub fn place(&self) -> WordPlace {
        self.0.place()
    }

    /// Returns the value now.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire).cast_signed()
    }

    /// Adds to the value. Returns the new value; `None`, and no change, when that would leave ±[`LIMIT`].
    pub fn add(&self, amount: i64) -> Option<i64> {
        let mut seen = self.get();
        loop {
            let next = seen.checked_add(amount).filter(|sum| (-LIMIT..=LIMIT).contains(sum))?;
            // Not a fetch-and-add: that could only undo an overflow after others have seen it.
            match self.0.compare_exchange_weak(
                seen.cast_unsigned(),
                next.cast_unsigned(),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(next),
                Err(current) => seen = current.cast_signed(),
            }
        }
    }

    /// Sets the value and returns the one before.
    pub fn set(&self, value: i64) -> i64 {
        self.0.swap(value.cast_unsigned(), Ordering::AcqRel).cast_signed()
    }

    /// Sets the value if it is `expected`. Returns whether it was.
    pub fn compare_and_set(&self, expected: i64, value: i64) -> bool {
        self.0
            .compare_exchange(
                expected.cast_unsigned(),
                value.cast_unsigned(),
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .is_ok()
    }
}
