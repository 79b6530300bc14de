//! The quota of a key as it will be when all who wait for it have been admitted.

use std::collections::BTreeMap;

use super::policy::FOREVER_US;

/// A key that others wait for is never idle: it is not forgotten.
pub(super) const PINNED: u64 = (1 << 62) + 1;

/// The quota of a key behind all who wait for it.
#[derive(Debug, Clone)]
pub(super) struct QueueTail<S> {
    pub(super) state: S,
    /// The time of the last of their admissions; nobody is admitted before it.
    pub(super) at: u64,
}

/// The tails of keys that others wait for.
pub(super) type Tails<S> = BTreeMap<u32, QueueTail<S>>;

const _: () = assert!(PINNED <= u64::MAX - FOREVER_US);
