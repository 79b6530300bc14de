//! What the service does in each second: from sums that only grow.

use std::collections::VecDeque;

use crate::protocol::{Loop, Memory, Totals};

/// The samples that are kept.
pub const SAMPLES: usize = 120;

/// The last samples of a number.
#[derive(Debug, Default, Clone)]
pub struct History(VecDeque<f64>);

impl History {
    /// Adds a sample. The oldest one goes when there are too many.
    pub fn push(&mut self, value: f64) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// Returns the newest sample.
    pub fn last(&self) -> Option<f64> {
        self.0.back().copied()
    }

    /// Returns the newest samples, the oldest of them first.
    pub fn newest(&self, count: usize) -> Vec<f64> {
        self.0.iter().skip(self.0.len().saturating_sub(count)).copied().collect()
    }
}

/// An event loop, and how much of the last interval it worked.
#[derive(Debug, Default, Clone)]
pub struct LoopLoad {
    /// The loop as the service sent it.
    pub now: Loop,
    /// The part of the interval with work, from 0 to 1.
    pub used: Option<f64>,
    /// The part of the interval in stalls, from 0 to 1.
    pub blocked: Option<f64>,
}

/// What the service does in each second.
#[derive(Debug, Default)]
pub struct Load {
    /// The sums.
    pub totals: Option<Totals>,
    /// The memory.
    pub memory: Option<Memory>,
    /// The event loops.
    pub loops: Vec<LoopLoad>,
    /// Messages a second.
    pub messages: History,
    /// Admitted requests a second.
    pub admitted: History,
    /// Shed requests a second.
    pub shed: History,
    at: Option<f64>,
}

impl Load {
    /// Takes the sums of an update.
    pub fn take(
        &mut self,
        at: f64,
        totals: Option<Totals>,
        memory: Option<Memory>,
        loops: Vec<Loop>,
    ) {
        let seconds = self.at.map_or(0.0, |before| (at - before) / 1000.0);
        self.at = Some(at);
        if memory.is_some() {
            self.memory = memory;
        }
        if let Some(new) = totals {
            if let (Some(old), true) = (self.totals, seconds > 0.0) {
                let rate = |new: f64, old: f64| ((new - old) / seconds).max(0.0);
                self.messages.push(rate(new.messages, old.messages));
                self.admitted.push(rate(new.admitted, old.admitted));
                self.shed.push(rate(new.shed, old.shed));
            }
            self.totals = Some(new);
        }
        for new in loops {
            let old = self.loops.iter_mut().find(|old| old.now.thread == new.thread);
            match old {
                Some(old) => *old = loop_load(&old.now, new),
                None => self.loops.push(LoopLoad { now: new, used: None, blocked: None }),
            }
        }
    }

    /// Returns the stall that has lasted longest, with its thread.
    pub fn stalled(&self) -> Option<&Loop> {
        let lasting = self.loops.iter().map(|one| &one.now).filter(|one| one.stalled.is_some());
        let length = |one: &Loop| one.stalled.as_ref().map_or(0.0, |stall| stall.for_ms);
        lasting.max_by(|one, other| length(one).total_cmp(&length(other)))
    }
}

fn loop_load(old: &Loop, new: Loop) -> LoopLoad {
    let (ran, rested) = (new.running - old.running, new.idle - old.idle);
    let whole = ran + rested;
    let part = |time: f64| (whole > 0.0).then(|| (time / whole).clamp(0.0, 1.0));
    LoopLoad { used: part(ran), blocked: part(new.blocked - old.blocked), now: new }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Blocked;

    fn of_loop(running: f64, idle: f64, blocked: f64) -> Loop {
        Loop { thread: "main".into(), running, idle, blocked, ..Loop::default() }
    }

    #[test]
    fn rates_come_from_two_updates() {
        let mut load = Load::default();
        load.take(1000.0, Some(Totals { messages: 50.0, ..Totals::default() }), None, vec![]);
        assert_eq!(load.messages.last(), None);
        load.take(
            1500.0,
            Some(Totals { messages: 150.0, shed: 1.0, ..Totals::default() }),
            None,
            vec![],
        );
        assert_eq!((load.messages.last(), load.shed.last()), (Some(200.0), Some(2.0)));
    }

    #[test]
    fn a_loop_says_how_much_of_the_interval_it_worked() {
        let mut load = Load::default();
        load.take(0.0, None, None, vec![of_loop(100.0, 100.0, 0.0)]);
        assert_eq!(load.loops[0].used, None);
        load.take(500.0, None, None, vec![of_loop(200.0, 400.0, 50.0)]);
        assert_eq!((load.loops[0].used, load.loops[0].blocked), (Some(0.25), Some(0.125)));
        load.take(500.0, None, None, vec![of_loop(200.0, 400.0, 50.0)]);
        assert_eq!(load.loops[0].used, None);
    }

    #[test]
    fn the_longest_stall_that_lasts_is_found() {
        let stall = |thread: &str, for_ms: f64| Loop {
            thread: thread.into(),
            stalled: Some(Blocked { for_ms, ..Blocked::default() }),
            ..Loop::default()
        };
        let mut load = Load::default();
        load.take(0.0, None, None, vec![stall("main", 300.0), stall("worker 1", 900.0)]);
        assert_eq!(load.stalled().unwrap().thread, "worker 1");
        load.take(
            1.0,
            None,
            None,
            vec![of_loop(0.0, 0.0, 0.0), Loop { thread: "worker 1".into(), ..Loop::default() }],
        );
        assert!(load.stalled().is_none());
    }

    #[test]
    fn only_the_newest_samples_are_kept() {
        let mut history = History::default();
        for value in 0..500 {
            history.push(f64::from(value));
        }
        assert_eq!(history.newest(1000).len(), SAMPLES);
        assert_eq!(history.newest(2), [498.0, 499.0]);
    }
}
