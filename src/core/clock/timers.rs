//! Timers with identity, on two tracks of time.

use std::collections::BTreeMap;

use super::radix_queue::{RadixEntry, RadixQueue};
use super::time_key;
#[cfg(feature = "test-hooks")]
use crate::core::planted::{PlantedFault, is_planted};

/// The time in which a deadline is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// Monotonic time: never jumps.
    Mono,
    /// Wall time: a jump of the wall clock moves when the deadline is reached.
    Wall,
}

/// Names one timer for ever: a slot and the slot's generation, so that a stale id is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId {
    /// Index into the caller's own table of callbacks.
    pub slot: u32,
    /// Counts the slot's uses; below 2^21, so that both fit the 53 bits of a JavaScript integer.
    pub generation: u32,
}

impl TimerId {
    const GENERATIONS: u32 = 1 << 21;

    /// Returns the id as one integer that a JavaScript number holds exactly. Living generations are odd, so their
    /// halves tell them apart; the first use of a slot packs to a small integer, which JavaScript does not allocate.
    pub fn pack(self) -> f64 {
        f64::from(self.generation / 2) * 4_294_967_296.0 + f64::from(self.slot)
    }

    /// Returns the id that [`pack`](Self::pack) packed; for anything else an id that no timer has.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "split into two halves on purpose; out-of-range floats saturate to an id nobody has"
    )]
    pub fn unpack(packed: f64) -> Self {
        let whole = if packed >= 0.0 { packed as u64 } else { u64::MAX };
        let half = (whole >> 32) as u32;
        Self { slot: whole as u32, generation: half.wrapping_mul(2).wrapping_add(1) }
    }
}

/// A timer that fired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// The timer.
    pub id: TimerId,
    /// The monotonic time at which it was due.
    pub at: f64,
    /// Its wall target, when it waited for wall time.
    pub wall: Option<f64>,
    /// Its order of insertion, if it was scheduled for the very instant in which it was made.
    pub immediate: Option<u64>,
}

/// The part of a timer that only cancelling and reporting need; firing does not touch it.
#[derive(Debug, Clone, Copy)]
struct Detail {
    track: Track,
    key: u64,
    /// Order of insertion over both tracks.
    order: u64,
}

/// Set in a queue entry's generation when the timer was scheduled for the instant in which it was made.
const IMMEDIATE: u32 = 1 << 31;

/// A set of pending timers that fires each exactly once, in (deadline, insertion) order, and never one that
/// was cancelled.
///
/// Scheduling, cancelling and firing are amortised O(1) on the monotonic track and O(log n) on the wall track,
/// which has to allow deadlines that move both ways. Memory is proportional to the living timers.
#[derive(Debug, Default)]
pub struct Timers {
    /// Counts the uses of each slot: odd while it has a pending timer. Apart from the details, because firing in
    /// random order costs a cache miss for each line touched.
    generations: Vec<u32>,
    details: Vec<Detail>,
    free: Vec<u32>,
    mono: RadixQueue,
    wall: BTreeMap<(u64, u64), u32>,
    inserted: u64,
    cancelled: u64,
    live: usize,
    /// Cancelled entries that the queue still holds.
    dead: usize,
    /// The time up to which timers were due, for a fault that tests plant.
    #[cfg(feature = "test-hooks")]
    reached: f64,
}

impl Timers {
    /// Adds a timer that is due at `deadline` on its track; `now` is the time of the call on that track.
    pub fn schedule(&mut self, track: Track, deadline: f64, now: f64) -> TimerId {
        let order = self.inserted;
        self.inserted += 1;
        let mut key = time_key::of(deadline);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            self.details.push(Detail { track, key, order });
            u32::try_from(self.details.len() - 1).expect("fewer than 2^32 timers")
        });
        let generation = self.generations[slot as usize] + 1;
        self.generations[slot as usize] = generation;
        match track {
            Track::Mono => {
                let immediate = if deadline <= now { IMMEDIATE } else { 0 };
                key = self.mono.push(RadixEntry { key, slot, generation: generation | immediate });
            }
            Track::Wall => {
                self.wall.insert((key, order), slot);
            }
        }
        self.details[slot as usize] = Detail { track, key, order };
        self.live += 1;
        TimerId { slot, generation }
    }

    /// Returns how many timers have fired.
    pub fn fired(&self) -> u64 {
        self.inserted - self.cancelled - self.live as u64
    }

    /// Removes a timer. Returns whether it was pending; a fired, cancelled or unknown id changes nothing.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        #[cfg(feature = "test-hooks")]
        if self.is_spared(id) {
            return false;
        }
        let was_pending = self.remove(id);
        self.cancelled += u64::from(was_pending);
        was_pending
    }

    /// Returns whether a fault that tests plant keeps a timer from being cancelled.
    #[cfg(feature = "test-hooks")]
    fn is_spared(&self, id: TimerId) -> bool {
        let detail = self.details.get(id.slot as usize);
        is_planted(PlantedFault::CancelledTimerFires)
            && detail.is_some_and(|detail| detail.key <= time_key::of(self.reached))
    }

    /// Fires a timer out of its turn. Returns whether it was pending.
    pub(super) fn take(&mut self, id: TimerId) -> bool {
        self.remove(id)
    }

    #[inline]
    fn remove(&mut self, id: TimerId) -> bool {
        let current = self.generations.get(id.slot as usize);
        if current != Some(&id.generation) || !is_live(id.generation) {
            return false;
        }
        let Detail { track, key, order } = self.details[id.slot as usize];
        self.release(id.slot);
        match track {
            Track::Wall => {
                self.wall.remove(&(key, order));
            }
            Track::Mono => {
                self.mono.forget(key);
                self.dead += 1;
                if self.dead > self.live + 64 {
                    self.mono.compact(alive(&self.generations, &mut self.dead));
                }
            }
        }
        true
    }

    /// Returns the pending timers of the earliest instant that has been reached, in the order of
    /// [`pop_due`](Self::pop_due).
    pub(super) fn due_first(&mut self, now: f64, wall_offset: f64) -> Vec<TimerId> {
        #[cfg(feature = "test-hooks")]
        {
            self.reached = now;
        }
        let mono_at = self.peek_mono().filter(|&at| at <= now);
        let is_due = |target: f64| target - wall_offset <= now || target <= now + wall_offset;
        let at_of = |target: f64| (target - wall_offset).min(now);
        let wall_at = self.wall.keys().next().map(|&(key, _)| time_key::time(key));
        let wall_at = wall_at.filter(|&target| is_due(target)).map(at_of);
        let Some(at) = [mono_at, wall_at].into_iter().flatten().min_by(f64::total_cmp) else {
            return Vec::new();
        };
        let mut found: Vec<(u64, TimerId)> = Vec::new();
        if mono_at == Some(at) {
            let key = time_key::of(at);
            let front = self.mono.front_group(key, alive(&self.generations, &mut self.dead));
            let slots: Vec<u32> = front.map(|entry| entry.slot).collect();
            let order = |slot: u32| self.details[slot as usize].order;
            found.extend(slots.into_iter().map(|slot| (order(slot), self.id_of(slot))));
        }
        let targets = self.wall.iter().take_while(|((key, _), _)| {
            let target = time_key::time(*key);
            is_due(target) && at_of(target) <= at
        });
        found.extend(targets.map(|(&(_, order), &slot)| (order, self.id_of(slot))));
        found.sort_unstable_by_key(|&(order, _)| order);
        found.into_iter().map(|(_, id)| id).collect()
    }

    fn id_of(&self, slot: u32) -> TimerId {
        TimerId { slot, generation: self.generations[slot as usize] }
    }

    /// Returns the monotonic time at which the next timer is due, where wall time is `wall_offset` ahead of it.
    pub fn next_due(&mut self, wall_offset: f64) -> Option<f64> {
        let mono = self.peek_mono();
        let wall = self.wall.keys().next().map(|&(key, _)| time_key::time(key) - wall_offset);
        match (mono, wall) {
            (Some(mono), Some(wall)) => Some(mono.min(wall)),
            (mono, wall) => mono.or(wall),
        }
    }

    /// Fires the first timer due at or before `now`, if there is one.
    pub fn pop_due(&mut self, now: f64, wall_offset: f64) -> Option<Due> {
        if self.wall.is_empty() {
            return self.pop_mono(now);
        }
        let mono = self.peek_mono().filter(|&at| at <= now);
        let wall = self
            .wall
            .first_key_value()
            .map(|(&(key, order), &slot)| (time_key::time(key), order, slot))
            // Either way round: a deadline is met at its wall time, whatever the difference rounds to.
            .filter(|&(target, ..)| target - wall_offset <= now || target <= now + wall_offset);
        let Some((target, order, slot)) = wall else {
            return mono.and_then(|_| self.pop_mono(now));
        };
        let at = (target - wall_offset).min(now);
        if let Some(mono_at) = mono
            && (mono_at < at || (mono_at == at && self.front_order(mono_at) < order))
        {
            return self.pop_mono(now);
        }
        self.wall.remove(&(time_key::of(target), order));
        Some(self.fire(slot, at, Some(target), None))
    }

    /// Returns the first timer that is due at or before `now`, left pending.
    pub fn first_due_now(&mut self, now: f64, wall_offset: f64) -> Option<TimerId> {
        let alive = alive(&self.generations, &mut self.dead);
        if let Some(entry) = self.mono.front_until(time_key::of(now), alive) {
            return Some(TimerId { slot: entry.slot, generation: entry.generation & !IMMEDIATE });
        }
        let (&(key, _), &slot) = self.wall.first_key_value()?;
        let due = time_key::time(key) - wall_offset <= now;
        due.then(|| TimerId { slot, generation: self.generations[slot as usize] })
    }

    /// Writes the slots of timers that are likely to fire next. Returns how many. With very many timers, firing waits
    /// for memory more than for anything else; looking at a few dozen words at once overlaps those waits, here and in
    /// the caller's table.
    pub fn upcoming(&self, slots: &mut [u32]) -> usize {
        let found = self.mono.upcoming(slots);
        let touched =
            slots[..found].iter().fold(0, |sum, &slot| sum ^ self.generations[slot as usize]);
        std::hint::black_box(touched);
        found
    }

    /// Timers ever scheduled: the order that the next one gets.
    pub fn inserted(&self) -> u64 {
        self.inserted
    }

    /// Returns the number of pending timers.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Returns whether no timer is pending.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Returns the pending timers with their deadlines (mono, wall), in order of insertion. O(n log n): for reports.
    pub fn pending(&self) -> Vec<(TimerId, Track, f64)> {
        let slots = (0_u32..).zip(self.generations.iter().zip(&self.details));
        let mut all: Vec<_> = slots
            .filter(|(_, (generation, _))| is_live(**generation))
            .map(|(slot, (&generation, detail))| {
                let id = TimerId { slot, generation };
                (detail.order, id, detail.track, time_key::time(detail.key))
            })
            .collect();
        all.sort_unstable_by_key(|&(order, ..)| order);
        all.into_iter().map(|(_, id, track, deadline)| (id, track, deadline)).collect()
    }

    /// Returns the number of slots and queue entries, to show in tests that cancelled timers are gone.
    pub fn held(&self) -> usize {
        self.mono.held() + self.wall.len()
    }

    fn peek_mono(&mut self) -> Option<f64> {
        self.mono.peek(alive(&self.generations, &mut self.dead)).map(time_key::time)
    }

    /// Returns the insertion order of the first timer at this monotonic deadline, which is about to be reached.
    fn front_order(&mut self, at: f64) -> u64 {
        let front =
            self.mono.front_until(time_key::of(at), alive(&self.generations, &mut self.dead));
        front.map_or(u64::MAX, |entry| self.details[entry.slot as usize].order)
    }

    fn pop_mono(&mut self, now: f64) -> Option<Due> {
        let entry =
            self.mono.pop_until(time_key::of(now), alive(&self.generations, &mut self.dead))?;
        let immediate =
            (entry.generation & IMMEDIATE != 0).then(|| self.details[entry.slot as usize].order);
        Some(self.fire(entry.slot, time_key::time(entry.key), None, immediate))
    }

    fn fire(&mut self, slot: u32, at: f64, wall: Option<f64>, immediate: Option<u64>) -> Due {
        let id = TimerId { slot, generation: self.generations[slot as usize] };
        self.release(slot);
        Due { id, at, wall, immediate }
    }

    fn release(&mut self, slot: u32) {
        let generation = &mut self.generations[slot as usize];
        *generation += 1;
        // A slot whose generations are used up is retired, so that no id ever names another timer.
        if *generation < TimerId::GENERATIONS {
            self.free.push(slot);
        }
        self.live -= 1;
    }
}

fn is_live(generation: u32) -> bool {
    generation % 2 == 1
}

/// Tells living entries from cancelled ones, and counts the cancelled ones that are dropped. While there are none,
/// it does not look: a look is a cache miss.
fn alive<'a>(
    generations: &'a [u32],
    dead: &'a mut usize,
) -> impl FnMut(&RadixEntry) -> bool + use<'a> {
    move |entry| {
        if *dead == 0 {
            return true;
        }
        let living = generations[entry.slot as usize] == entry.generation & !IMMEDIATE;
        *dead -= usize::from(!living);
        living
    }
}
