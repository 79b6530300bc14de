//! Times of an event loop: how long it runs, how long it waits, and what blocks it.
//!
//! A loop waits for events, then runs what they cause, then waits again. Its thread tells [`LoopTimes`] when it turns
//! from one to the other. Any thread may read them, also while a run lasts.
//!
//! A loop that polls runs the callbacks of files and sockets before its thread can tell that the wait is over. The
//! host counts the time that the loop has waited, and what exceeds it since the turn is a run ([`LoopMoment::idle`]).
//!
//! Percentiles of the delay of a loop hide a stall: one of 150 ms each second leaves the utilisation at 0.15. So the
//! time of long runs is a counter ([`LoopReading::blocked_ms`]), and so is the number of stalls.

#[cfg(all(test, not(loom)))]
mod tests;

use crate::core::sync::{AtomicU64, Ordering};

/// A run of this length blocks the loop: other work waits noticeably. Milliseconds.
pub const BLOCKED_MS: f64 = 50.0;

/// A number that one thread writes and others read.
#[derive(Debug)]
struct Number(AtomicU64);

impl Number {
    fn new(value: f64) -> Self {
        Self(AtomicU64::new(value.to_bits()))
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Acquire))
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Release);
    }

    fn add(&self, value: f64) {
        self.set(self.get() + value);
    }
}

/// A moment of an event loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoopMoment {
    /// Monotonic time, ms.
    pub now: f64,
    /// The time that the loop has waited for events since it began, ms, read after `now`. `None` where the host does
    /// not count it.
    pub idle: Option<f64>,
}

impl From<f64> for LoopMoment {
    fn from(now: f64) -> Self {
        Self { now, idle: None }
    }
}

/// The times of one event loop. Only the loop's own thread calls [`runs`](Self::runs) and [`waits`](Self::waits).
#[derive(Debug)]
pub struct LoopTimes {
    stall_ms: Number,
    /// The time of the last turn; the loop runs since then if it is not negative, else it waits since its negation.
    turned: Number,
    /// The time that the loop had waited when it last turned to waiting.
    idle: Number,
    running: Number,
    waiting: Number,
    blocked: Number,
    longest: Number,
    stalls: Number,
}

/// The times of a loop at one moment, in milliseconds. All but `run_ms` only grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoopReading {
    /// The time spent running.
    pub running_ms: f64,
    /// The time spent waiting for events.
    pub waiting_ms: f64,
    /// The time spent in runs of at least [`BLOCKED_MS`].
    pub blocked_ms: f64,
    /// The longest run.
    pub longest_ms: f64,
    /// The number of runs that were stalls.
    pub stalls: f64,
    /// The length of the run that lasts; 0 while the loop waits.
    pub run_ms: f64,
}

impl LoopTimes {
    /// Begins with a loop that runs. `now` is monotonic, from 0; a run of `stall_ms` or longer is a stall.
    #[must_use]
    pub fn new(stall_ms: f64, now: f64) -> Self {
        Self {
            stall_ms: Number::new(stall_ms),
            turned: Number::new(now),
            idle: Number::new(0.0),
            running: Number::new(0.0),
            waiting: Number::new(0.0),
            blocked: Number::new(0.0),
            longest: Number::new(0.0),
            stalls: Number::new(0.0),
        }
    }

    /// Returns the length of a run that is a stall, milliseconds.
    #[must_use]
    pub fn stall_ms(&self) -> f64 {
        self.stall_ms.get()
    }

    /// Sets the length of a run that is a stall, milliseconds, for runs that have not ended.
    pub fn set_stall_ms(&self, stall_ms: f64) {
        self.stall_ms.set(stall_ms);
    }

    /// Notes that the loop has events, and runs from now on, or since its wait ended.
    pub fn runs(&self, moment: impl Into<LoopMoment>) {
        let moment = moment.into();
        if self.turned.get().is_sign_negative() {
            let (run, wait) = self.since_turn(moment);
            self.waiting.add(wait);
            self.turned.set(moment.now - run);
        }
    }

    /// Notes that the loop waits for events from now on. Returns the length of the run if it was a stall.
    pub fn waits(&self, moment: impl Into<LoopMoment>) -> Option<f64> {
        let LoopMoment { now, idle } = moment.into();
        let turned = self.turned.get();
        if turned.is_sign_negative() {
            return None;
        }
        let run = (now - turned).max(0.0);
        self.idle.set(idle.unwrap_or(0.0));
        // First, so that a reader counts no run twice: it may miss one for a moment.
        self.turned.set(-now);
        self.running.add(run);
        if run >= BLOCKED_MS {
            self.blocked.add(run);
        }
        if run > self.longest.get() {
            self.longest.set(run);
        }
        if run < self.stall_ms() {
            return None;
        }
        self.stalls.add(1.0);
        Some(run)
    }

    /// Returns the length of the run that lasts, milliseconds; 0 while the loop waits.
    #[must_use]
    pub fn run_ms(&self, moment: impl Into<LoopMoment>) -> f64 {
        self.since_turn(moment.into()).0
    }

    /// Returns the lengths of the run and of the wait since the last turn.
    fn since_turn(&self, LoopMoment { now, idle }: LoopMoment) -> (f64, f64) {
        let (turned, before) = loop {
            let turned = self.turned.get();
            let before = self.idle.get();
            // Both are of one turn.
            if turned.to_bits() == self.turned.get().to_bits() {
                break (turned, before);
            }
        };
        if !turned.is_sign_negative() {
            return ((now - turned).max(0.0), 0.0);
        }
        let passed = (now + turned).max(0.0);
        let wait = idle.map_or(passed, |idle| (idle - before).clamp(0.0, passed));
        (passed - wait, wait)
    }

    /// Returns the times, the run or wait that lasts included.
    #[must_use]
    pub fn reading(&self, moment: impl Into<LoopMoment>) -> LoopReading {
        let (run, wait) = self.since_turn(moment.into());
        let is_long = |limit: f64| run >= limit;
        LoopReading {
            running_ms: self.running.get() + run,
            waiting_ms: self.waiting.get() + wait,
            blocked_ms: self.blocked.get() + if is_long(BLOCKED_MS) { run } else { 0.0 },
            longest_ms: self.longest.get().max(run),
            stalls: self.stalls.get() + if is_long(self.stall_ms()) { 1.0 } else { 0.0 },
            run_ms: run,
        }
    }
}

/// Notices stalls of one loop while they last, once each.
#[derive(Debug, Default)]
pub struct StallWatch {
    is_reported: bool,
}

impl StallWatch {
    /// Looks at a loop. Returns the length of its run so far when that has just become a stall.
    pub fn look(&mut self, times: &LoopTimes, moment: impl Into<LoopMoment>) -> Option<f64> {
        let run = times.run_ms(moment);
        if run < times.stall_ms() {
            self.is_reported = false;
            return None;
        }
        (!std::mem::replace(&mut self.is_reported, true)).then_some(run)
    }
}
