//! Timers with identity, on two tracks of time.

use std::collections::BTreeMap;

use super::order;
use super::radix_queue::{Entry, RadixQueue};

/// Which time a deadline is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// Monotonic time: never jumps.
    Mono,
    /// Wall time: a jump of the wall clock moves when the deadline is reached.
    Wall,
}

/// Names one timer for ever: a slot and the slot's generation, so that a stale id is told from a live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId {
    /// Index into the caller's own table of callbacks.
    pub slot: u32,
    /// Counts the slot's uses; below 2^21, so that both fit the 53 bits of a JavaScript integer.
    pub generation: u32,
}

impl TimerId {
    const GENERATIONS: u32 = 1 << 21;

    /// The id as one integer that a JavaScript number holds exactly.
    pub fn pack(self) -> f64 {
        f64::from(self.generation) * 4_294_967_296.0 + f64::from(self.slot)
    }

    /// The id that [`pack`](Self::pack) made; anything else gives an id that no timer has.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "split into two halves on purpose; out-of-range floats saturate to an id nobody has"
    )]
    pub fn unpack(packed: f64) -> Self {
        let whole = packed as u64;
        Self { slot: whole as u32, generation: (whole >> 32) as u32 }
    }
}

/// A timer that fired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// Which one.
    pub id: TimerId,
    /// The monotonic time at which it was due.
    pub at: f64,
    /// Its wall target, when it waited for wall time.
    pub wall: Option<f64>,
    /// The monotonic time when it was scheduled.
    pub scheduled_at: f64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Free,
    Mono { key: u64 },
    Wall { key: u64 },
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    state: State,
    /// Order of insertion over both tracks.
    order: u64,
    scheduled_at: f64,
}

/// A set of pending timers that fires each exactly once, in (deadline, insertion) order, and never one that
/// was cancelled.
///
/// Scheduling, cancelling and firing are amortised O(1) on the monotonic track and O(log n) on the wall track,
/// which has to allow deadlines that move both ways. Memory is proportional to the living timers.
#[derive(Debug, Default)]
pub struct Timers {
    slots: Vec<Slot>,
    free: Vec<u32>,
    mono: RadixQueue,
    wall: BTreeMap<(u64, u64), u32>,
    inserted: u64,
    live: usize,
    dead: usize,
}

impl Timers {
    /// Adds a timer that is due at `deadline` on its track; `now` is the monotonic time of the call.
    pub fn schedule(&mut self, track: Track, deadline: f64, now: f64) -> TimerId {
        let order = self.inserted;
        self.inserted += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 timers");
            self.slots.push(Slot {
                generation: 0,
                state: State::Free,
                order: 0,
                scheduled_at: 0.0,
            });
            slot
        });
        let generation = self.slots[slot as usize].generation;
        let mut key = order::key(deadline);
        let state = match track {
            Track::Mono => {
                key = self.mono.push(Entry { key, slot, generation });
                State::Mono { key }
            }
            Track::Wall => {
                self.wall.insert((key, order), slot);
                State::Wall { key }
            }
        };
        self.slots[slot as usize] = Slot { generation, state, order, scheduled_at: now };
        self.live += 1;
        TimerId { slot, generation }
    }

    /// Removes a timer. Returns whether it was pending; a fired, cancelled or unknown id changes nothing.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        let Some(slot) = self.slots.get(id.slot as usize) else { return false };
        if slot.generation != id.generation {
            return false;
        }
        match slot.state {
            State::Free => return false,
            State::Wall { key } => {
                self.wall.remove(&(key, slot.order));
                self.release(id.slot);
            }
            State::Mono { key } => {
                self.release(id.slot);
                self.mono.forget(key);
                self.dead += 1;
                if self.dead > self.live + 64 {
                    let slots = &self.slots;
                    self.mono.compact(|entry| is_alive(slots, entry));
                    self.dead = 0;
                }
            }
        }
        true
    }

    /// The monotonic time at which the next timer is due, where wall time is `wall_offset` ahead of it.
    pub fn next_due(&mut self, wall_offset: f64) -> Option<f64> {
        let mono = self.peek_mono();
        let wall = self.wall.keys().next().map(|&(key, _)| order::time(key) - wall_offset);
        match (mono, wall) {
            (Some(mono), Some(wall)) => Some(mono.min(wall)),
            (mono, wall) => mono.or(wall),
        }
    }

    /// Fires the first timer due at or before `now`, if there is one.
    pub fn pop_due(&mut self, now: f64, wall_offset: f64) -> Option<Due> {
        let mono = self.peek_mono().filter(|&at| at <= now);
        let wall = self
            .wall
            .first_key_value()
            .map(|(&(key, order), &slot)| (order::time(key), order, slot))
            .filter(|&(target, ..)| target - wall_offset <= now);
        let Some((target, order, slot)) = wall else {
            return mono.and_then(|_| self.pop_mono(now));
        };
        let at = target - wall_offset;
        if let Some(mono_at) = mono
            && (mono_at < at || (mono_at == at && self.front_order(mono_at) < order))
        {
            return self.pop_mono(now);
        }
        self.wall.remove(&(order::key(target), order));
        Some(self.fire(slot, at, Some(target)))
    }

    /// The first timer that is due at or before `now`, left pending.
    pub fn first_due_now(&mut self, now: f64, wall_offset: f64) -> Option<TimerId> {
        let slots = &self.slots;
        let mono = self.mono.front_until(order::key(now), |entry| is_alive(slots, entry));
        if let Some(entry) = mono {
            return Some(TimerId { slot: entry.slot, generation: entry.generation });
        }
        let (&(key, _), &slot) = self.wall.first_key_value()?;
        let due = order::time(key) - wall_offset <= now;
        due.then(|| TimerId { slot, generation: self.slots[slot as usize].generation })
    }

    /// Pending timers.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no timer is pending.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Pending timers with their deadlines (mono, wall), in order of insertion. O(n log n): for reports.
    pub fn pending(&self) -> Vec<(TimerId, Track, f64)> {
        let mut all: Vec<_> = (0_u32..)
            .zip(&self.slots)
            .filter_map(|(slot, entry)| {
                let id = TimerId { slot, generation: entry.generation };
                match entry.state {
                    State::Free => None,
                    State::Mono { key } => Some((entry.order, id, Track::Mono, order::time(key))),
                    State::Wall { key } => Some((entry.order, id, Track::Wall, order::time(key))),
                }
            })
            .collect();
        all.sort_unstable_by_key(|&(order, ..)| order);
        all.into_iter().map(|(_, id, track, deadline)| (id, track, deadline)).collect()
    }

    /// Slots and queue entries held, to show in tests that cancelled timers are gone.
    pub fn held(&self) -> usize {
        self.mono.held() + self.wall.len()
    }

    fn peek_mono(&mut self) -> Option<f64> {
        let slots = &self.slots;
        self.mono.peek(|entry| is_alive(slots, entry)).map(order::time)
    }

    /// Insertion order of the first timer at this monotonic deadline, which is about to be reached.
    fn front_order(&mut self, at: f64) -> u64 {
        let slots = &self.slots;
        let front = self.mono.front_until(order::key(at), |entry| is_alive(slots, entry));
        front.map_or(u64::MAX, |entry| self.slots[entry.slot as usize].order)
    }

    fn pop_mono(&mut self, now: f64) -> Option<Due> {
        let slots = &self.slots;
        let entry = self.mono.pop_until(order::key(now), |entry| is_alive(slots, entry))?;
        Some(self.fire(entry.slot, order::time(entry.key), None))
    }

    fn fire(&mut self, slot: u32, at: f64, wall: Option<f64>) -> Due {
        let Slot { generation, scheduled_at, .. } = self.slots[slot as usize];
        self.release(slot);
        Due { id: TimerId { slot, generation }, at, wall, scheduled_at }
    }

    fn release(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Free;
        entry.generation = (entry.generation + 1) % TimerId::GENERATIONS;
        self.free.push(slot);
        self.live -= 1;
    }
}

fn is_alive(slots: &[Slot], entry: &Entry) -> bool {
    let slot = &slots[entry.slot as usize];
    slot.generation == entry.generation && matches!(slot.state, State::Mono { .. })
}
