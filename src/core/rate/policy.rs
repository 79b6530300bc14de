//! The parts that all policies have in common.

/// The quota of a key at one moment. Times are microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Set when the cost is within the quota.
    pub allowed: bool,
    /// The part of the quota that was used before.
    pub used: u32,
    /// The part that is left; after an allowed take, without its cost.
    pub remaining: u32,
    /// After this, and not before, the cost would be allowed, if nothing else is taken meanwhile. 0 when it is.
    pub retry_us: u64,
    /// After this the whole quota is there again.
    pub reset_us: u64,
    /// For how much longer the key is blocked.
    pub blocked_us: u64,
}

/// Longest time a key can be in debt or blocked: 285 years. Sums of times stay far below 2^64.
pub(super) const FOREVER_US: u64 = 1 << 53;

/// A rule of quotas. Costs are from 1 to the capacity.
pub(super) trait RatePolicy {
    /// The state of a key; the default is a key that has taken nothing.
    type State: Default + Clone;

    /// Returns how much a new key can take at once.
    fn capacity(&self) -> u32;

    /// Tests a cost without taking it. Only forgets what is past.
    fn test(&self, state: &mut Self::State, now: u64, cost: u32) -> Verdict;

    /// Takes a cost that [`test`](Self::test) allowed.
    fn admit(&self, state: &mut Self::State, now: u64, cost: u32) {
        self.consume(state, now, cost);
    }

    /// Takes points, whether they are there or not.
    fn consume(&self, state: &mut Self::State, now: u64, points: u32);

    /// Gives points back, the last taken first, up to the whole quota.
    fn refund(&self, state: &mut Self::State, now: u64, points: u32);

    /// Returns the time from which on the state is as good as new.
    fn idle_at(&self, state: &Self::State) -> u64;

    /// Returns the bytes that a state holds beside itself.
    fn heap_bytes(state: &Self::State) -> usize;
}
