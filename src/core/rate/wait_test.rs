//! Those who wait, against lists of what was admitted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::config::{Algorithm, LimiterConfig};
use super::limiter::Limiter;
use super::paced::{LimiterPace, Reservoir};
use super::wait::{Joined, LimiterTable, Place, WaitList, WaitOutcome, take_all};

#[derive(Debug, Clone)]
struct Table(Vec<Limiter>);

impl LimiterTable for Table {
    fn limiter(&mut self, number: u64) -> Option<&mut Limiter> {
        self.0.get_mut(usize::try_from(number).ok()?)
    }
}

const LIMITERS: u64 = 3;
const KEYS: u32 = 2;

fn config(algorithm: Algorithm, limit: u32, window_us: u64, pace: LimiterPace) -> LimiterConfig {
    let (burst, max_keys) = (limit, 100);
    LimiterConfig {
        algorithm,
        limit,
        window_us,
        burst,
        max_keys,
        block_us: 0,
        pace,
        max_waiters: 6,
    }
}

/// The limiters of the programs: quick, slow, and with a pace. Each has the same two keys.
fn configs() -> [LimiterConfig; 3] {
    let reservoir = Reservoir { amount: 9, refresh_amount: 4, refresh_us: 150 };
    let pace = LimiterPace { min_time_us: 7, reservoir: Some(reservoir) };
    [
        config(Algorithm::Window, 3, 40, LimiterPace::default()),
        config(Algorithm::Gcra, 4, 100, LimiterPace::default()),
        config(Algorithm::Window, 5, 100, pace),
    ]
}

fn place(limiter: u64, slot: u32) -> Place {
    Place { limiter, slot }
}

#[derive(Debug, Clone)]
enum Op {
    Join { limiters: u64, key: u32, cost: u32, max_wait: u64 },
    Take { limiters: u64, key: u32, cost: u32 },
    Cancel(usize),
    Advance(u64),
    Penalty(u64, u32, u32),
    Reward(u64, u32, u32),
    Block(u64, u32, u64),
    Forget(u64, u32),
}

fn op() -> impl Strategy<Value = Op> {
    let (limiters, limiter, key) = (1..1_u64 << LIMITERS, 0..LIMITERS, 0..KEYS);
    let max_wait = prop_oneof![Just(u64::MAX), 0..400_u64];
    prop_oneof![
        8 => (limiters.clone(), key.clone(), 1..4_u32, max_wait)
            .prop_map(|(limiters, key, cost, max_wait)| Op::Join { limiters, key, cost, max_wait }),
        2 => (limiters, key.clone(), 1..4_u32)
            .prop_map(|(limiters, key, cost)| Op::Take { limiters, key, cost }),
        3 => (0..8_usize).prop_map(Op::Cancel),
        5 => (0..60_u64).prop_map(Op::Advance),
        1 => (limiter.clone(), key.clone(), 1..4_u32).prop_map(|(l, k, p)| Op::Penalty(l, k, p)),
        1 => (limiter.clone(), key.clone(), 1..4_u32).prop_map(|(l, k, p)| Op::Reward(l, k, p)),
        1 => (limiter.clone(), key.clone(), 0..90_u64).prop_map(|(l, k, t)| Op::Block(l, k, t)),
        1 => (limiter, key).prop_map(|(l, k)| Op::Forget(l, k)),
    ]
}

#[derive(Debug, Clone)]
struct Waiting {
    places: Vec<Place>,
    cost: u32,
    deadline: u64,
}

/// The list under test with its limiters, and beside it who waits and what was admitted.
#[derive(Debug, Clone)]
struct World {
    table: Table,
    list: WaitList,
    now: u64,
    waiting: BTreeMap<u64, Waiting>,
    admitted: BTreeMap<Place, Vec<(u64, u32)>>,
    /// Keys whose quota was changed from outside, so that the lists say nothing about them.
    changed: Vec<Place>,
}

impl World {
    fn new() -> Self {
        let open = |config: &LimiterConfig| {
            let mut limiter = Limiter::new(config, 0.0).expect("valid");
            for slot in 0..KEYS {
                // A debt keeps a key until the next one has come.
                assert_eq!(limiter.add(0.0, &mut |_| {}), slot);
                limiter.block(slot, 1, 0.0);
            }
            limiter
        };
        Self {
            table: Table(configs().iter().map(open).collect()),
            list: WaitList::default(),
            now: 10,
            waiting: BTreeMap::new(),
            admitted: BTreeMap::new(),
            changed: Vec::new(),
        }
    }

    fn of(&mut self, limiter: u64) -> &mut Limiter {
        self.table.limiter(limiter).expect("one of them")
    }

    fn now_ms(&self) -> f64 {
        self.now as f64 / 1000.0
    }

    fn places(limiters: u64, key: u32) -> Vec<Place> {
        (0..LIMITERS).filter(|bit| limiters >> bit & 1 == 1).map(|l| place(l, key)).collect()
    }

    fn is_awaited(&self, place: Place) -> bool {
        self.waiting.values().any(|waiting| waiting.places.contains(&place))
    }

    fn admit(&mut self, places: &[Place], cost: u32) -> Result<(), TestCaseError> {
        for place in places {
            let list = self.admitted.entry(*place).or_default();
            let config = configs()[usize::try_from(place.limiter).expect("few")];
            if !self.changed.contains(place) {
                if let (Some((last, _)), true) = (list.last(), config.pace.min_time_us > 0) {
                    prop_assert!(self.now - last >= config.pace.min_time_us);
                }
                list.push((self.now, cost));
                let points = |since: u64| -> u32 {
                    list.iter().filter(|(at, _)| *at >= since).map(|(_, points)| points).sum()
                };
                if config.algorithm == Algorithm::Window {
                    let since = (self.now + 1).saturating_sub(config.window_us);
                    prop_assert!(points(since) <= config.limit, "{list:?}");
                }
                if let Some(Reservoir { amount, refresh_amount, refresh_us }) =
                    config.pace.reservoir
                {
                    let refill = self.now / refresh_us;
                    let full = if refill == 0 { amount } else { refresh_amount };
                    prop_assert!(points(refill * refresh_us) <= full, "{list:?}");
                }
            }
        }
        Ok(())
    }

    /// Ends the waits that end now.
    fn serve(&mut self) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms();
        let mut served: Vec<(u64, Vec<Place>)> = Vec::new();
        while let Some(outcome) = self.list.serve(&mut self.table, now_ms) {
            match outcome {
                WaitOutcome::Admitted { id, verdicts } => {
                    let waiting = self.waiting.remove(&id).expect("it waits");
                    prop_assert_eq!(verdicts.len(), waiting.places.len());
                    prop_assert!(self.now <= waiting.deadline);
                    let overtakes = |(before, each): &(u64, Vec<Place>)| {
                        *before > id && each.iter().any(|place| waiting.places.contains(place))
                    };
                    prop_assert!(!served.iter().any(overtakes));
                    served.push((id, waiting.places.clone()));
                    self.admit(&waiting.places, waiting.cost)?;
                }
                WaitOutcome::Late { id, retry_us } => {
                    let waiting = self.waiting.remove(&id).expect("it waits");
                    prop_assert!(retry_us >= 1 && waiting.deadline < u64::MAX);
                    self.check_hint(&waiting.places, waiting.cost, retry_us)?;
                }
            }
        }
        // Nobody who came before one that was admitted waits for any of its keys.
        for (id, places) in &served {
            for (_, waiting) in self.waiting.range(..id) {
                prop_assert!(!waiting.places.iter().any(|place| places.contains(place)));
            }
        }
        // Whoever is the first everywhere waits for a quota.
        for (id, waiting) in self.waiting.clone() {
            let is_first = waiting.places.iter().all(|place| {
                self.waiting
                    .iter()
                    .all(|(other, each)| *other >= id || !each.places.contains(place))
            });
            if is_first {
                let now = self.now;
                let mut due =
                    |place: &Place| self.of(place.limiter).due(place.slot, waiting.cost, now);
                prop_assert!(waiting.places.iter().any(|place| due(place) > now));
            }
        }
        Ok(())
    }

    /// Lets time pass, with a stop at each moment at which a wait ends.
    fn advance(&mut self, by: u64) -> Result<(), TestCaseError> {
        let end = self.now + by;
        loop {
            self.serve()?;
            let next = self.list.next_in_ms();
            prop_assert_eq!(next.is_none(), self.waiting.is_empty());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a short time"
            )]
            let next = next.map(|ms| (ms * 1000.0).round() as u64);
            prop_assert!(next != Some(0));
            match next {
                Some(next) if self.now + next <= end => self.now += next,
                _ => break,
            }
        }
        self.now = end;
        self.serve()
    }

    /// Checks that one who joins now is admitted exactly after the time that was hinted at.
    fn check_hint(&self, places: &[Place], cost: u32, retry_us: u64) -> Result<(), TestCaseError> {
        let mut then = self.clone();
        let now_ms = then.now_ms();
        if places.iter().any(|place| then.list_is_full(*place)) {
            return Ok(());
        }
        let Joined::Waits(id) = then.list.join(&mut then.table, places, cost, u64::MAX, now_ms)
        else {
            return Err(TestCaseError::fail("it need not wait"));
        };
        let end = then.now + retry_us;
        loop {
            let now_ms = then.now_ms();
            while let Some(outcome) = then.list.serve(&mut then.table, now_ms) {
                if let WaitOutcome::Admitted { id: admitted, .. } = outcome
                    && admitted == id
                {
                    prop_assert_eq!(then.now, end);
                    return Ok(());
                }
            }
            let next = then.list.next_in_ms().expect("it waits");
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a short time"
            )]
            let next = (next * 1000.0).round() as u64;
            then.now += next;
            prop_assert!(then.now <= end, "{} > {end}", then.now);
        }
    }

    fn list_is_full(&self, place: Place) -> bool {
        self.waiting.values().filter(|waiting| waiting.places.contains(&place)).count() >= 6
    }

    fn changed(&mut self, limiter: u64, key: u32) -> Result<(), TestCaseError> {
        let place = place(limiter, key);
        self.changed.push(place);
        let now_ms = self.now_ms();
        self.list.recheck(&mut self.table, place, now_ms);
        self.serve()
    }

    fn run(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms();
        match *op {
            Op::Join { limiters, key, cost, max_wait } => {
                let places = Self::places(limiters, key);
                match self.list.join(&mut self.table, &places, cost, max_wait, now_ms) {
                    Joined::Admitted(_) => {
                        prop_assert!(places.iter().all(|place| !self.is_awaited(*place)));
                        self.admit(&places, cost)?;
                    }
                    Joined::Waits(id) => {
                        let deadline = self.now.saturating_add(max_wait);
                        self.waiting.insert(id, Waiting { places, cost, deadline });
                    }
                    Joined::Late { retry_us, .. } => {
                        prop_assert!(retry_us > max_wait);
                        self.check_hint(&places, cost, retry_us)?;
                    }
                    Joined::Full => {
                        prop_assert!(places.iter().any(|place| self.list_is_full(*place)));
                    }
                    Joined::Never => return Err(TestCaseError::fail("a cost that can be met")),
                }
            }
            Op::Take { limiters, key, cost } => {
                let places = Self::places(limiters, key);
                let verdicts =
                    take_all(&mut self.table, &places, cost, now_ms).expect("keys and a cost");
                if verdicts.iter().all(|verdict| verdict.allowed) {
                    prop_assert!(places.iter().all(|place| !self.is_awaited(*place)));
                    self.admit(&places, cost)?;
                } else if let ([place], [verdict]) = (&places[..], &verdicts[..]) {
                    self.check_hint(&[*place], cost, verdict.retry_us)?;
                }
            }
            Op::Cancel(nth) => {
                if let Some(id) = self.waiting.keys().nth(nth).copied() {
                    self.waiting.remove(&id);
                    prop_assert!(self.list.cancel(&mut self.table, id, now_ms));
                    prop_assert!(!self.list.cancel(&mut self.table, id, now_ms));
                }
            }
            Op::Advance(by) => self.advance(by)?,
            Op::Penalty(limiter, key, points) => {
                self.of(limiter).penalty(key, points, now_ms);
                self.changed(limiter, key)?;
            }
            Op::Reward(limiter, key, points) => {
                self.of(limiter).reward(key, points, now_ms);
                self.changed(limiter, key)?;
            }
            Op::Block(limiter, key, time) => {
                self.of(limiter).block(key, time, now_ms);
                self.changed(limiter, key)?;
            }
            Op::Forget(limiter, key) => {
                // Only a key that somebody waits for stays.
                if self.is_awaited(place(limiter, key)) {
                    prop_assert!(self.of(limiter).forget(key));
                    self.changed(limiter, key)?;
                }
            }
        }
        prop_assert_eq!(self.list.len(), self.waiting.len());
        for limiter in 0..LIMITERS {
            for key in 0..KEYS {
                let is_awaited = self.of(limiter).is_awaited(key);
                prop_assert_eq!(is_awaited, self.is_awaited(place(limiter, key)));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// Checks for any programs that nobody overtakes, that quotas hold, that nobody waits longer than it may, that hints
    /// are exact to the microsecond, and that in the end nobody waits.
    #[test]
    fn rate_waits_are_served_in_order_and_in_time(ops in prop::collection::vec(op(), 1..50)) {
        let mut world = World::new();
        for op in &ops {
            world.run(op)?;
            world.serve()?;
        }
        world.advance(1_000_000)?;
        prop_assert!(world.waiting.is_empty() && world.list.is_empty());
        prop_assert_eq!(world.list.next_in_ms(), None);
    }
}

fn open(limit: u32, window_us: u64) -> (Table, WaitList) {
    let config = config(Algorithm::Window, limit, window_us, LimiterPace::default());
    let mut limiter = Limiter::new(&config, 0.0).expect("valid");
    limiter.add(0.0, &mut |_| {});
    (Table(vec![limiter]), WaitList::default())
}

#[test]
fn rate_waiters_keep_their_key_and_others_may_be_remembered_beyond_the_most() {
    let config =
        LimiterConfig { max_keys: 1, ..config(Algorithm::Window, 1, 1000, LimiterPace::default()) };
    let mut table = Table(vec![Limiter::new(&config, 0.0).expect("valid")]);
    let mut list = WaitList::default();
    table.0[0].add(0.0, &mut |_| {});
    assert!(matches!(list.join(&mut table, &[place(0, 0)], 1, 0, 0.0), Joined::Admitted(_)));
    assert_eq!(list.join(&mut table, &[place(0, 0)], 1, u64::MAX, 0.0), Joined::Waits(1));
    let mut forgotten = Vec::new();
    let other = table.0[0].add(0.0, &mut |slot| forgotten.push(slot));
    assert_eq!((other, forgotten.len(), table.0[0].stats().keys), (1, 0, 2));
    assert!(matches!(list.serve(&mut table, 1.0), Some(WaitOutcome::Admitted { id: 1, .. })));
    table.0[0].add(5.0, &mut |slot| forgotten.push(slot));
    assert!(!forgotten.is_empty());
}

#[test]
fn rate_a_wait_that_can_never_end_is_refused() {
    let (mut table, mut list) = open(2, 1000);
    for (places, cost) in [
        (vec![], 1),
        (vec![place(0, 0)], 0),
        (vec![place(0, 0)], 3),
        (vec![place(0, 9)], 1),
        (vec![place(9, 0)], 1),
    ] {
        assert_eq!(list.join(&mut table, &places, cost, u64::MAX, 0.0), Joined::Never);
    }
    assert!(take_all(&mut table, &[place(9, 0)], 1, 0.0).is_none());
}

#[test]
fn rate_a_thousand_who_leave_at_once_leave_nothing() {
    let config = LimiterConfig {
        max_waiters: 1000,
        ..config(Algorithm::Window, 1, 1000, LimiterPace::default())
    };
    let mut limiter = Limiter::new(&config, 0.0).expect("valid");
    limiter.add(0.0, &mut |_| {});
    let (mut table, mut list) = (Table(vec![limiter]), WaitList::default());
    let join =
        |list: &mut WaitList, table: &mut Table| list.join(table, &[place(0, 0)], 1, u64::MAX, 0.0);
    assert!(matches!(join(&mut list, &mut table), Joined::Admitted(_)));
    for id in 1..=1000 {
        assert_eq!(join(&mut list, &mut table), Joined::Waits(id));
    }
    assert_eq!(join(&mut list, &mut table), Joined::Full);
    for id in 1..=1000 {
        assert!(list.cancel(&mut table, id, 0.0));
    }
    assert!(list.is_empty() && !table.0[0].is_awaited(0));
    assert_eq!(list.next_in_ms(), None);
}
