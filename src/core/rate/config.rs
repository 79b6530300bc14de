//! The configuration of a limiter, checked.

use super::paced::{LimiterPace, Reservoir};
use super::policy::FOREVER_US;
use crate::core::slab::MAX_SLOTS;

/// The ways of counting quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Never more than the limit in any window, in bounded memory.
    Window,
    /// A bucket that refills steadily.
    Gcra,
    /// Every admission of the last window.
    Log,
    /// Two counters, the older one fading.
    Counter,
}

/// A field of [`LimiterConfig`] that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `limit`: from 1 to 10^9; a log holds at most 100 000.
    Limit = 1,
    /// `window_us`: from 1 to 10^15.
    Window = 2,
    /// `burst`: from 1 to 10^9, only for GCRA, and refilled within 285 years.
    Burst = 3,
    /// `max_keys`: from 1 to 2^24.
    MaxKeys = 4,
    /// `block_us`: at most 285 years.
    Block = 5,
    /// `pace.min_time_us`: at most 10^15.
    MinTime = 6,
    /// `pace.reservoir.amount`: at most 10^9.
    ReservoirAmount = 7,
    /// `pace.reservoir.refresh_amount`: from 1 to 10^9.
    RefreshAmount = 8,
    /// `pace.reservoir.refresh_us`: from 1 to 10^15.
    RefreshInterval = 9,
    /// `max_waiters`: from 1 to 2^24.
    MaxWaiters = 10,
}

/// Options of a limiter. Times are microseconds.
#[derive(Debug, Clone, Copy)]
pub struct LimiterConfig {
    /// The way of counting quotas.
    pub algorithm: Algorithm,
    /// The quota of a window.
    pub limit: u32,
    /// The window.
    pub window_us: u64,
    /// The most that a key can take at once; only GCRA distinguishes it from the limit.
    pub burst: u32,
    /// The most keys that are remembered.
    pub max_keys: usize,
    /// The time for which a key that took too much is blocked; 0 for no block.
    pub block_us: u64,
    /// The pace beside the algorithm.
    pub pace: LimiterPace,
    /// The most that wait for one key.
    pub max_waiters: u32,
}

const MOST: u32 = 1_000_000_000;
/// The most entries of one key's log, at sixteen bytes each.
const LONGEST_LOG: u32 = 100_000;
const LONGEST_WINDOW_US: u64 = 1_000_000_000_000_000;

impl LimiterConfig {
    pub(super) fn validate(&self) -> Result<(), Field> {
        let Self { algorithm, limit, window_us, burst, max_keys, block_us, pace, max_waiters } =
            *self;
        let most = if algorithm == Algorithm::Log { LONGEST_LOG } else { MOST };
        let refill = u128::from(burst) * u128::from(window_us) / u128::from(limit.max(1));
        let none = Reservoir { amount: 0, refresh_amount: 1, refresh_us: 1 };
        let reservoir = pace.reservoir.unwrap_or(none);
        let checks = [
            ((1..=most).contains(&limit), Field::Limit),
            ((1..=LONGEST_WINDOW_US).contains(&window_us), Field::Window),
            ((1..=MOST).contains(&burst), Field::Burst),
            (algorithm == Algorithm::Gcra || burst == limit, Field::Burst),
            (refill < u128::from(FOREVER_US), Field::Burst),
            ((1..=MAX_SLOTS).contains(&max_keys), Field::MaxKeys),
            (block_us <= FOREVER_US, Field::Block),
            (pace.min_time_us <= LONGEST_WINDOW_US, Field::MinTime),
            (reservoir.amount <= MOST, Field::ReservoirAmount),
            ((1..=MOST).contains(&reservoir.refresh_amount), Field::RefreshAmount),
            ((1..=LONGEST_WINDOW_US).contains(&reservoir.refresh_us), Field::RefreshInterval),
            ((1..=1 << 24).contains(&max_waiters), Field::MaxWaiters),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, field)) => Err(field),
            None => Ok(()),
        }
    }
}
