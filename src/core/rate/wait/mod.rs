//! Those who wait for a quota, in order of arrival.
//!
//! One who waits does so for a cost of one key, or for the same cost of keys of several limiters at once. It is admitted
//! when it is the first at each of its keys and all of them cover the cost; until then nobody behind it is. So nobody
//! overtakes, and the one who has waited longest is the first everywhere: there is no deadlock.
//!
//! A newcomer is refused at once when it could not be admitted in time. For that each awaited key has a
//! [tail](super::tail): its quota behind all who wait. When somebody leaves early, the tails that depend on it are
//! stale; they are made again, by admitting all who still wait in thought, when a newcomer needs them.

mod together;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::limiter::{Limiter, absolute_us};
use super::policy::Verdict;

pub use together::{check_all, take_all};

/// A key of a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The limiter's number in its [`LimiterTable`].
    pub limiter: u64,
    /// The key's slot in that limiter.
    pub slot: u32,
}

/// Finds limiters by their numbers.
pub trait LimiterTable {
    /// Returns a limiter; `None` for one that is closed.
    fn limiter(&mut self, number: u64) -> Option<&mut Limiter>;
}

/// The answer for one who wants to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// It need not wait: its cost was taken. There is a verdict for each key.
    Admitted(Vec<Verdict>),
    /// It waits under this number.
    Waits(u64),
    /// It would be admitted later than it may. Nothing was taken.
    Late {
        /// Microseconds until it would be admitted.
        retry_us: u64,
        /// A bit for each key that alone would be too late.
        late: u32,
    },
    /// As many wait for one of the keys as may.
    Full,
    /// A key is unknown, or the cost can never be met.
    Never,
}

/// The end of a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitOutcome {
    /// Its cost was taken.
    Admitted {
        /// The number of the one who waited.
        id: u64,
        /// The verdict of each key.
        verdicts: Vec<Verdict>,
    },
    /// It cannot be admitted in time any more.
    Late {
        /// The number of the one who waited.
        id: u64,
        /// Microseconds until it would be admitted.
        retry_us: u64,
    },
}

#[derive(Debug, Clone)]
struct QuotaWaiter {
    places: Vec<Place>,
    cost: u32,
    /// The time at which it is thought to be admitted, when no tail of its places is stale.
    at: u64,
    deadline: u64,
    /// Its key in `due`, while it is the first everywhere.
    due: Option<u64>,
}

/// Those who wait for limiters of one clock. Callers pass times as milliseconds of that clock.
#[derive(Debug, Clone, Default)]
pub struct WaitList {
    waiters: BTreeMap<u64, QuotaWaiter>,
    /// Who waits for a key, oldest first.
    queues: BTreeMap<Place, VecDeque<u64>>,
    /// Those who are the first everywhere, by the time at which their keys cover them.
    due: BTreeSet<(u64, u64)>,
    deadlines: BTreeSet<(u64, u64)>,
    /// Keys whose tail is not what it should be.
    stale: BTreeSet<Place>,
    /// Those who were found to be too late, until they are asked for.
    late: VecDeque<(u64, QuotaWaiter)>,
    last_id: u64,
    now: u64,
}

const PRESENT: &str = "limiters are closed after those who wait for them have left";

/// Returns a limiter that somebody waits for.
fn at(table: &mut dyn LimiterTable, place: Place) -> &mut Limiter {
    table.limiter(place.limiter).expect(PRESENT)
}

impl WaitList {
    /// Takes a cost of all places when it is there and nobody waits for them; else waits for it, `max_wait_us` at most.
    pub fn join(
        &mut self,
        table: &mut dyn LimiterTable,
        places: &[Place],
        cost: u32,
        max_wait_us: u64,
        now_ms: f64,
    ) -> Joined {
        let now = self.tick(now_ms);
        let can_meet = |place: &Place| {
            table.limiter(place.limiter).is_some_and(|limiter| limiter.can_meet(place.slot, cost))
        };
        if places.is_empty() || !places.iter().all(can_meet) {
            return Joined::Never;
        }
        self.refresh(table, now);
        let earliest: Vec<u64> =
            places.iter().map(|place| at(table, *place).earliest(place.slot, cost, now)).collect();
        let admitted_at = earliest.iter().copied().max().unwrap_or(now).max(now);
        if admitted_at <= now && places.iter().all(|place| !self.queues.contains_key(place)) {
            let take = |place: &Place| at(table, *place).admit(place.slot, cost, now);
            return Joined::Admitted(places.iter().map(take).collect());
        }
        let deadline = now.saturating_add(max_wait_us);
        if admitted_at > deadline {
            let bits = earliest.iter().enumerate();
            let late =
                bits.filter(|(_, at)| **at > deadline).fold(0, |bits, (bit, _)| bits | 1 << bit);
            return Joined::Late { retry_us: admitted_at - now, late };
        }
        let is_full = |place: &Place| {
            let waiting = self.queues.get(place).map_or(0, VecDeque::len);
            waiting >= at(table, *place).max_waiters()
        };
        if places.iter().any(is_full) {
            return Joined::Full;
        }
        self.last_id += 1;
        let id = self.last_id;
        for place in places {
            at(table, *place).reserve(place.slot, cost, admitted_at);
            self.queues.entry(*place).or_default().push_back(id);
        }
        if max_wait_us < u64::MAX {
            self.deadlines.insert((deadline, id));
        }
        let places = places.to_vec();
        self.waiters.insert(id, QuotaWaiter { places, cost, at: admitted_at, deadline, due: None });
        self.check_due(table, id, now);
        Joined::Waits(id)
    }

    /// Lets one leave that does not want to wait any more. Returns whether it waited.
    pub fn cancel(&mut self, table: &mut dyn LimiterTable, id: u64, now_ms: f64) -> bool {
        let now = self.tick(now_ms);
        self.remove(table, id, now, false).is_some()
    }

    /// Ends one wait that ends now: call it until there is none. Those who can be admitted come first, oldest first for
    /// each key, then those whose time is over. When there is none, the verdicts of awaited keys are exact.
    pub fn serve(&mut self, table: &mut dyn LimiterTable, now_ms: f64) -> Option<WaitOutcome> {
        let now = self.tick(now_ms);
        while let Some((due, id)) = self.due.first().copied()
            && due <= now
        {
            self.check_due(table, id, now);
            if self.waiters[&id].due.is_some_and(|due| due > now) {
                continue;
            }
            let waiter = &self.waiters[&id];
            let (is_as_thought, cost) = (waiter.at == now, waiter.cost);
            let take = |place: &Place| at(table, *place).admit(place.slot, cost, now);
            let verdicts = waiter.places.iter().map(take).collect();
            self.remove(table, id, now, is_as_thought);
            return Some(WaitOutcome::Admitted { id, verdicts });
        }
        if let Some((deadline, id)) = self.deadlines.first().copied()
            && deadline <= now
        {
            let waiter = self.remove(table, id, now, false).expect("it has a deadline");
            self.late.push_back((id, waiter));
        }
        self.refresh(table, now);
        let (id, waiter) = self.late.pop_front()?;
        // If it tries again, it stands behind all who wait.
        let earliest = |place: &Place| at(table, *place).earliest(place.slot, waiter.cost, now);
        let again = waiter.places.iter().map(earliest).max().unwrap_or(now);
        Some(WaitOutcome::Late { id, retry_us: again.saturating_sub(now).max(1) })
    }

    /// Takes into account that the quota of a key was changed from outside.
    pub fn recheck(&mut self, table: &mut dyn LimiterTable, place: Place, now_ms: f64) {
        let now = self.tick(now_ms);
        let Some(first) = self.queues.get(&place).and_then(|queue| queue.front().copied()) else {
            return;
        };
        self.stale.insert(place);
        self.check_due(table, first, now);
        self.refresh(table, now);
    }

    /// Returns for how many milliseconds from the last time that was passed in no wait ends; `None` when nobody waits.
    pub fn next_in_ms(&self) -> Option<f64> {
        if !self.late.is_empty() {
            return Some(0.0);
        }
        let [due, deadline] = [&self.due, &self.deadlines].map(|times| times.first());
        let next = due.into_iter().chain(deadline).map(|(at, _)| *at).min()?;
        Some(next.saturating_sub(self.now) as f64 / 1000.0)
    }

    /// Returns how many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Returns whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    fn tick(&mut self, now_ms: f64) -> u64 {
        self.now = self.now.max(absolute_us(now_ms));
        self.now
    }

    fn is_first_everywhere(&self, id: u64, waiter: &QuotaWaiter) -> bool {
        waiter.places.iter().all(|place| self.queues[place].front() == Some(&id))
    }

    /// Finds out when one is admitted, if it is the first everywhere.
    fn check_due(&mut self, table: &mut dyn LimiterTable, id: u64, now: u64) {
        let waiter = &self.waiters[&id];
        if !self.is_first_everywhere(id, waiter) {
            return;
        }
        let due = |place: &Place| at(table, *place).due(place.slot, waiter.cost, now);
        let due = waiter.places.iter().map(due).max().unwrap_or(now);
        let waiter = self.waiters.get_mut(&id).expect("it waits");
        if let Some(before) = waiter.due.replace(due) {
            self.due.remove(&(before, id));
        }
        self.due.insert((due, id));
    }

    /// Takes one out of its queues. `is_as_thought` says that the tails have counted it as it was.
    fn remove(
        &mut self,
        table: &mut dyn LimiterTable,
        id: u64,
        now: u64,
        is_as_thought: bool,
    ) -> Option<QuotaWaiter> {
        let waiter = self.waiters.remove(&id)?;
        self.deadlines.remove(&(waiter.deadline, id));
        if let Some(due) = waiter.due {
            self.due.remove(&(due, id));
        }
        let mut next = Vec::new();
        for place in &waiter.places {
            let queue = self.queues.get_mut(place).expect("it waits there");
            let index = queue.binary_search(&id).expect("it waits there");
            queue.remove(index);
            match queue.front().copied() {
                None => {
                    self.queues.remove(place);
                    self.stale.remove(place);
                    at(table, *place).end_tail(place.slot);
                }
                Some(first) => {
                    if index == 0 {
                        next.push(first);
                    }
                    if !is_as_thought {
                        self.stale.insert(*place);
                    }
                }
            }
        }
        for first in next {
            self.check_due(table, first, now);
        }
        Some(waiter)
    }

    /// Makes stale tails again, with those of all keys that are connected by somebody who waits for both.
    fn refresh(&mut self, table: &mut dyn LimiterTable, now: u64) {
        while let Some(place) = self.stale.first().copied() {
            for id in self.rebuild(table, place, now) {
                let waiter = self.remove(table, id, now, true).expect("it waits");
                self.late.push_back((id, waiter));
            }
        }
    }

    /// Admits all who wait in thought, in order of arrival. Returns those who would be too late; they are left out.
    fn rebuild(&mut self, table: &mut dyn LimiterTable, place: Place, now: u64) -> Vec<u64> {
        let (places, ids) = self.connected(place);
        for place in places {
            self.stale.remove(&place);
            at(table, place).restart_tail(place.slot, now);
        }
        let mut late = Vec::new();
        for id in ids {
            let waiter = self.waiters.get_mut(&id).expect("it waits");
            let cost = waiter.cost;
            let earliest = |place: &Place| at(table, *place).earliest(place.slot, cost, now);
            waiter.at = waiter.places.iter().map(earliest).max().unwrap_or(now);
            if waiter.at > waiter.deadline {
                late.push(id);
                continue;
            }
            for place in &waiter.places {
                at(table, *place).reserve(place.slot, cost, waiter.at);
            }
        }
        late
    }

    /// Returns the keys that are connected with a key, and all who wait for them.
    fn connected(&self, place: Place) -> (BTreeSet<Place>, BTreeSet<u64>) {
        let (mut places, mut ids) = (BTreeSet::from([place]), BTreeSet::new());
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            for id in self.queues.get(&place).into_iter().flatten() {
                if !ids.insert(*id) {
                    continue;
                }
                let waiter = &self.waiters[id];
                open.extend(waiter.places.iter().filter(|place| places.insert(**place)));
            }
        }
        (places, ids)
    }
}
