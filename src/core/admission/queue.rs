//! The wait queue: the highest voltage goes first; within a voltage the oldest, or the newest once a queue stands.

use super::deadlines::{Scheduled, UNSCHEDULED};
use crate::core::slab::Slab;
use crate::core::slab::list::{Link, Linked, List};

/// Empty levels kept for reuse; beyond this they are dropped.
const SPARE_LEVELS: usize = 16;

/// A level that loses this share of its requests is beyond what can be served in order.
const LOST: f64 = 0.1;
/// The number of latest requests that count.
const RECENT: f64 = 128.0;

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) route: u32,
    pub(crate) voltage: f64,
    pub(crate) since: f64,
    pub(crate) ticket_timeout_ms: f64,
    /// The time at which the caller stops waiting, whatever the gate would allow.
    pub(crate) until: f64,
    position: u32,
    /// The waiters of the same voltage before and after it, oldest first.
    link: Link,
}

impl Waiter {
    pub(crate) fn new(
        route: u32,
        voltage: f64,
        since: f64,
        ticket_timeout_ms: f64,
        until: f64,
    ) -> Self {
        let link = Link::ALONE;
        Self { route, voltage, since, ticket_timeout_ms, until, position: UNSCHEDULED, link }
    }
}

impl Scheduled for Waiter {
    fn position(&self) -> u32 {
        self.position
    }
    fn set_position(&mut self, position: u32) {
        self.position = position;
    }
}

impl Linked for Waiter {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

#[derive(Debug)]
struct Level {
    voltage: f64,
    /// The oldest first.
    waiters: List,
    count: usize,
    /// Since when someone has been waiting here without a break.
    busy_since: f64,
    /// Requests since then, and those of them that went unserved.
    came: f64,
    lost: f64,
}

impl Level {
    /// Returns whether it is beyond what can be served in order: busy for longer than `standing_ms`, and losing a
    /// tenth.
    fn stands(&self, now: f64, standing_ms: f64) -> bool {
        self.count > 0 && now - self.busy_since > standing_ms && self.lost >= LOST * self.came
    }
}

/// The order of the waiters of one gate. The waiters live in a slab of the engine.
#[derive(Debug, Default)]
pub(crate) struct WaitQueue {
    /// Ascending voltage.
    levels: Vec<Level>,
    len: usize,
}

impl WaitQueue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, slab: &mut Slab<Waiter>, slot: u32, now: f64) {
        let Some(waiter) = slab.at(slot) else { return };
        let voltage = waiter.voltage;
        let at = self.levels.partition_point(|level| level.voltage < voltage);
        if self.levels.get(at).is_none_or(|level| level.voltage != voltage) {
            if self.levels.len() >= SPARE_LEVELS {
                self.levels.retain(|level| level.count > 0);
            }
            let at = self.levels.partition_point(|level| level.voltage < voltage);
            let level = Level {
                voltage,
                waiters: List::EMPTY,
                count: 0,
                busy_since: now,
                came: 0.0,
                lost: 0.0,
            };
            self.levels.insert(at, level);
            return self.append(slab, at, slot, now);
        }
        self.append(slab, at, slot, now);
    }

    fn append(&mut self, slab: &mut Slab<Waiter>, at: usize, slot: u32, now: f64) {
        let level = &mut self.levels[at];
        if level.count == 0 {
            level.busy_since = now;
            (level.came, level.lost) = (0.0, 0.0);
        }
        level.waiters.push_last(slab, slot);
        level.count += 1;
        level.came += 1.0;
        if level.came > RECENT {
            level.came *= 0.5;
            level.lost *= 0.5;
        }
        self.len += 1;
    }

    /// Returns the waiter that is next. A level that [stands](Level::stands) serves its newest first.
    pub(crate) fn best(&self, now: f64, standing_ms: f64) -> Option<u32> {
        let level = self.levels.iter().rev().find(|level| level.count > 0)?;
        Some(if level.stands(now, standing_ms) {
            level.waiters.last()
        } else {
            level.waiters.first()
        })
    }

    /// Returns whether the level of a voltage [stands](Level::stands).
    pub(crate) fn stands(&self, voltage: f64, now: f64, standing_ms: f64) -> bool {
        let level = self.levels.iter().find(|level| level.voltage == voltage);
        level.is_some_and(|level| level.stands(now, standing_ms))
    }

    /// Returns the waiter that must go for a newcomer of `voltage`, if there is one behind it.
    pub(crate) fn worse_than(&self, voltage: f64, now: f64, standing_ms: f64) -> Option<u32> {
        let level = self.levels.iter().find(|level| level.count > 0)?;
        let standing = level.stands(now, standing_ms);
        let goes_after = level.voltage < voltage || (level.voltage == voltage && standing);
        goes_after.then_some(if standing { level.waiters.first() } else { level.waiters.last() })
    }

    /// Counts a request of this voltage that goes unserved.
    pub(crate) fn lose(&mut self, voltage: f64) {
        if let Some(level) = self.levels.iter_mut().find(|level| level.voltage == voltage) {
            level.lost += 1.0;
        }
    }

    /// Takes a waiter out of the order; it stays in the slab.
    pub(crate) fn remove(&mut self, slab: &mut Slab<Waiter>, slot: u32) {
        let Some(waiter) = slab.at(slot) else { return };
        let voltage = waiter.voltage;
        let at = self.levels.partition_point(|level| level.voltage < voltage);
        let Some(level) = self.levels.get_mut(at) else { return };
        level.waiters.remove(slab, slot);
        level.count -= 1;
        self.len -= 1;
    }
}
