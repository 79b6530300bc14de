//! The one entrance: time becomes whole microseconds here, and the policy is chosen.

use super::config::{Algorithm, Field, LimiterConfig};
use super::counter::Counter;
use super::gcra::Gcra;
use super::keys::Keys;
use super::log::SlidingLog;
use super::paced::{LimiterPace, Paced};
use super::policy::{RatePolicy, Verdict};
use super::window::SlidingWindow;

#[derive(Debug, Clone)]
enum PolicyKeys {
    Window(Keys<SlidingWindow>),
    Gcra(Keys<Gcra>),
    Log(Keys<SlidingLog>),
    Counter(Keys<Counter>),
    PacedWindow(Keys<Paced<SlidingWindow>>),
    PacedGcra(Keys<Paced<Gcra>>),
    PacedLog(Keys<Paced<SlidingLog>>),
    PacedCounter(Keys<Paced<Counter>>),
}

/// Runs the same call on whichever table there is.
macro_rules! each {
    ($table:expr, $keys:ident => $body:expr) => {
        match $table {
            PolicyKeys::Window($keys) => $body,
            PolicyKeys::Gcra($keys) => $body,
            PolicyKeys::Log($keys) => $body,
            PolicyKeys::Counter($keys) => $body,
            PolicyKeys::PacedWindow($keys) => $body,
            PolicyKeys::PacedGcra($keys) => $body,
            PolicyKeys::PacedLog($keys) => $body,
            PolicyKeys::PacedCounter($keys) => $body,
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
    /// Costs that were taken since the limiter was made.
    pub admitted: u64,
    /// Costs that were asked for and not there.
    pub refused: u64,
}

/// Quotas of keys, in slots. Callers pass times as milliseconds of a monotonic clock.
#[derive(Debug, Clone)]
pub struct Limiter {
    table: PolicyKeys,
    /// When the limiter began, in microseconds of its clock. Other times inside are counted from here.
    origin_us: u64,
    now: u64,
    max_waiters: u32,
    admitted: u64,
    refused: u64,
}

/// Returns the table of keys for a rule, with a pace if the configuration has one.
fn keys_of<P: RatePolicy>(
    rule: P,
    config: &LimiterConfig,
    plain: fn(Keys<P>) -> PolicyKeys,
    paced: fn(Keys<Paced<P>>) -> PolicyKeys,
) -> PolicyKeys {
    if config.pace == LimiterPace::default() {
        plain(Keys::new(rule, config))
    } else {
        paced(Keys::new(Paced::new(rule, config.pace), config))
    }
}

/// Returns a clock's time in whole microseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and what is no number is 0"
)]
pub(super) fn absolute_us(now_ms: f64) -> u64 {
    // Rounded, not cut: a sum of decimal milliseconds may lie a hair below the microsecond that is meant.
    ((now_ms * 1000.0).round() as u64).min(1 << 62)
}

impl Limiter {
    /// # Errors
    ///
    /// The first field that is refused.
    pub fn new(config: &LimiterConfig, now_ms: f64) -> Result<Self, Field> {
        config.validate()?;
        let LimiterConfig { limit, window_us, burst, .. } = *config;
        let table = match config.algorithm {
            Algorithm::Window => {
                let rule = SlidingWindow::new(limit, window_us);
                keys_of(rule, config, PolicyKeys::Window, PolicyKeys::PacedWindow)
            }
            Algorithm::Gcra => {
                let rule = Gcra::new(limit, window_us, burst);
                keys_of(rule, config, PolicyKeys::Gcra, PolicyKeys::PacedGcra)
            }
            Algorithm::Log => {
                let rule = SlidingLog::new(limit, window_us);
                keys_of(rule, config, PolicyKeys::Log, PolicyKeys::PacedLog)
            }
            Algorithm::Counter => {
                let rule = Counter::new(limit, window_us);
                keys_of(rule, config, PolicyKeys::Counter, PolicyKeys::PacedCounter)
            }
        };
        let origin_us = absolute_us(now_ms);
        let max_waiters = config.max_waiters;
        Ok(Self { table, origin_us, now: 0, max_waiters, admitted: 0, refused: 0 })
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
        let verdict = each!(&mut self.table, keys => keys.take(slot, cost, now));
        self.count(verdict)
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
        let (slot, verdict) = each!(&mut self.table, keys => {
            let slot = keys.add(now, forgotten);
            let verdict = keys.take(slot, cost, now)?;
            keys.settle(slot);
            (slot, verdict)
        });
        self.count(Some(verdict))?;
        Some((slot, verdict))
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

    /// Forgets a key. Returns whether there was one. A key that others wait for stays, with its whole quota.
    pub fn forget(&mut self, slot: u32) -> bool {
        each!(&mut self.table, keys => {
            if keys.is_awaited(slot) {
                keys.renew(slot);
                return true;
            }
            keys.forget(slot)
        })
    }

    /// Returns whether others wait for a key.
    pub fn is_awaited(&self, slot: u32) -> bool {
        each!(&self.table, keys => keys.is_awaited(slot))
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
            admitted: self.admitted,
            refused: self.refused,
        })
    }

    /// Counts the answer of a take, and returns it.
    fn count(&mut self, verdict: Option<Verdict>) -> Option<Verdict> {
        match verdict {
            Some(Verdict { allowed: true, .. }) => self.admitted += 1,
            Some(_) => self.refused += 1,
            None => {}
        }
        verdict
    }

    /// Microseconds since the limiter was made; never fewer than before.
    fn tick(&mut self, now_ms: f64) -> u64 {
        self.tick_us(absolute_us(now_ms))
    }

    fn tick_us(&mut self, absolute_us: u64) -> u64 {
        self.now = self.now.max(absolute_us.saturating_sub(self.origin_us));
        self.now
    }
}

/// What a list of those who wait asks of a limiter. Times are microseconds of the limiter's clock.
impl Limiter {
    /// Returns the most that wait for one key.
    pub(super) fn max_waiters(&self) -> usize {
        self.max_waiters as usize
    }

    /// Returns whether a slot stands for a key and a cost can ever be met.
    pub(super) fn can_meet(&self, slot: u32, cost: u32) -> bool {
        each!(&self.table, keys => keys.has(slot) && keys.can_ever_meet(cost))
    }

    /// Returns the first time at which the key itself covers a cost, whoever waits.
    pub(super) fn due(&mut self, slot: u32, cost: u32, now_us: u64) -> u64 {
        let now = self.tick_us(now_us);
        self.origin_us + each!(&mut self.table, keys => keys.due(slot, cost, now))
    }

    /// Returns the first time at which a cost is covered behind all who wait.
    pub(super) fn earliest(&mut self, slot: u32, cost: u32, now_us: u64) -> u64 {
        let now = self.tick_us(now_us);
        self.origin_us + each!(&mut self.table, keys => keys.earliest(slot, cost, now))
    }

    /// Takes a cost at a later time, behind all who wait.
    pub(super) fn reserve(&mut self, slot: u32, cost: u32, at_us: u64) {
        let at = at_us.saturating_sub(self.origin_us);
        each!(&mut self.table, keys => keys.reserve(slot, cost, at));
    }

    /// Forgets who was thought to be admitted when, of those who wait for a key.
    pub(super) fn restart_tail(&mut self, slot: u32, now_us: u64) {
        let now = self.tick_us(now_us);
        each!(&mut self.table, keys => keys.restart_tail(slot, now));
    }

    /// Ends the wait for a key.
    pub(super) fn end_tail(&mut self, slot: u32) {
        each!(&mut self.table, keys => keys.end_tail(slot));
    }

    /// Takes a cost that is there, for one who waited.
    pub(super) fn admit(&mut self, slot: u32, cost: u32, now_us: u64) -> Verdict {
        let now = self.tick_us(now_us);
        self.admitted += 1;
        each!(&mut self.table, keys => keys.admit(slot, cost, now))
    }
}
