//! The one entrance: time becomes whole microseconds here, and the policy is chosen.

use super::config::{Algorithm, Field, LimiterConfig};
use super::counter::Counter;
use super::gcra::Gcra;
use super::keys::Keys;
use super::log::SlidingLog;
use super::policy::Verdict;

#[derive(Debug, Clone)]
enum PolicyKeys {
    Gcra(Keys<Gcra>),
    Log(Keys<SlidingLog>),
    Counter(Keys<Counter>),
}

/// Runs the same call on whichever table there is.
macro_rules! each {
    ($table:expr, $keys:ident => $body:expr) => {
        match $table {
            PolicyKeys::Gcra($keys) => $body,
            PolicyKeys::Log($keys) => $body,
            PolicyKeys::Counter($keys) => $body,
        }
    };
}

/// The size of a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Keys that are remembered.
    pub keys: usize,
    /// Keys that were forgotten to make room before they were idle.
    pub displaced: u64,
    /// Bytes of all of it.
    pub bytes: usize,
}

/// Quotas of keys, in slots. Callers pass times as milliseconds of a monotonic clock.
#[derive(Debug, Clone)]
pub struct Limiter {
    table: PolicyKeys,
    origin_ms: f64,
    now: u64,
}

impl Limiter {
    /// # Errors
    ///
    /// The first field that is refused.
    pub fn new(config: &LimiterConfig, now_ms: f64) -> Result<Self, Field> {
        config.validate()?;
        let LimiterConfig { limit, window_us, burst, .. } = *config;
        let table = match config.algorithm {
            Algorithm::Gcra => {
                PolicyKeys::Gcra(Keys::new(Gcra::new(limit, window_us, burst), config))
            }
            Algorithm::Log => PolicyKeys::Log(Keys::new(SlidingLog::new(limit, window_us), config)),
            Algorithm::Counter => {
                PolicyKeys::Counter(Keys::new(Counter::new(limit, window_us), config))
            }
        };
        Ok(Self { table, origin_ms: now_ms, now: 0 })
    }

    /// Tests a cost without taking it; without a slot, for a new key. Returns `None` for a cost above the capacity, or
    /// 0.
    pub fn check(&mut self, slot: Option<u32>, cost: u32, now_ms: f64) -> Option<Verdict> {
        let now = self.tick(now_ms);
        each!(&mut self.table, keys => keys.check(slot, cost, now))
    }

    /// Takes a cost if it is there. `None` for a slot that stands for no key, a cost above the capacity, or 0.
    pub fn take(&mut self, slot: u32, cost: u32, now_ms: f64) -> Option<Verdict> {
        let now = self.tick(now_ms);
        each!(&mut self.table, keys => keys.take(slot, cost, now))
    }

    /// Adds a key and takes a cost of it. `None` as for [`take`](Self::take); then nothing was added.
    pub fn enter(
        &mut self,
        cost: u32,
        now_ms: f64,
        forgotten: &mut dyn FnMut(u32),
    ) -> Option<(u32, Verdict)> {
        self.check(None, cost, now_ms)?;
        let now = self.now;
        each!(&mut self.table, keys => {
            let slot = keys.add(now, forgotten);
            let verdict = keys.take(slot, cost, now)?;
            keys.settle(slot);
            Some((slot, verdict))
        })
    }

    /// Adds a key that has taken nothing.
    pub fn add(&mut self, now_ms: f64, forgotten: &mut dyn FnMut(u32)) -> u32 {
        let now = self.tick(now_ms);
        each!(&mut self.table, keys => keys.add(now, forgotten))
    }

    /// Takes points whether they are there or not. Returns false for a slot that stands for no key.
    pub fn penalty(&mut self, slot: u32, points: u32, now_ms: f64) -> bool {
        let now = self.tick(now_ms);
        each!(&mut self.table, keys => keys.penalty(slot, points, now))
    }

    /// Gives points back, up to the whole quota. Returns false for a slot that stands for no key.
    pub fn reward(&mut self, slot: u32, points: u32, now_ms: f64) -> bool {
        let now = self.tick(now_ms);
        each!(&mut self.table, keys => keys.reward(slot, points, now))
    }

    /// Refuses the key for a time, from now on; 0 ends a block. False for a slot that stands for no key.
    pub fn block(&mut self, slot: u32, block_us: u64, now_ms: f64) -> bool {
        let now = self.tick(now_ms);
        each!(&mut self.table, keys => keys.block(slot, block_us, now))
    }

    /// Forgets a key. Returns whether there was one.
    pub fn forget(&mut self, slot: u32) -> bool {
        each!(&mut self.table, keys => keys.forget(slot))
    }

    /// Forgets up to `most` keys that are as good as new, and calls `forgotten` for each. Returns how many they were.
    pub fn sweep(&mut self, now_ms: f64, most: usize, forgotten: &mut dyn FnMut(u32)) -> usize {
        let now = self.tick(now_ms);
        each!(&mut self.table, keys => keys.sweep(now, most, forgotten))
    }

    /// Returns how long no key is idle, in milliseconds from the last time that was passed in; `None` when there is no
    /// key.
    pub fn idle_in_ms(&self) -> Option<f64> {
        let next = each!(&self.table, keys => keys.next_idle())?;
        Some(next.saturating_sub(self.now) as f64 / 1000.0)
    }

    /// Returns the size of the limiter.
    pub fn stats(&self) -> Stats {
        each!(&self.table, keys => Stats {
            keys: keys.len(),
            displaced: keys.displaced(),
            bytes: keys.bytes(),
        })
    }

    /// Microseconds since the limiter was made; never fewer than before.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and what is no number is 0"
    )]
    fn tick(&mut self, now_ms: f64) -> u64 {
        // Rounded, not cut: a sum of decimal milliseconds may lie a hair below the microsecond that is meant.
        let now = ((now_ms - self.origin_ms) * 1000.0).round() as u64;
        self.now = self.now.max(now.min(1 << 62));
        self.now
    }
}
