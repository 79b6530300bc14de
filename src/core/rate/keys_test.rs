//! Debts, blocks, and which keys are forgotten.

use proptest::prelude::*;

use super::config::{Algorithm, Field, LimiterConfig};
use super::limiter::Limiter;
use super::paced::{LimiterPace, Reservoir};
use super::policy::FOREVER_US;

const ALL: [Algorithm; 4] =
    [Algorithm::Window, Algorithm::Gcra, Algorithm::Log, Algorithm::Counter];

fn config(algorithm: Algorithm) -> LimiterConfig {
    LimiterConfig {
        algorithm,
        limit: 10,
        window_us: 1_000_000,
        burst: 10,
        max_keys: 1000,
        block_us: 0,
        pace: LimiterPace::default(),
        max_waiters: 100,
    }
}

fn open(algorithm: Algorithm) -> Limiter {
    Limiter::new(&config(algorithm), 0.0).expect("valid")
}

fn enter(limiter: &mut Limiter, cost: u32, now_ms: f64) -> (u32, Vec<u32>) {
    let mut forgotten = Vec::new();
    let (slot, _) = limiter.enter(cost, now_ms, &mut |slot| forgotten.push(slot)).expect("a cost");
    (slot, forgotten)
}

#[test]
fn rate_config_is_refused_field_by_field() {
    type Spoil = (Field, fn(&mut LimiterConfig));
    fn reservoir(amount: u32, refresh_amount: u32, refresh_us: u64) -> Reservoir {
        Reservoir { amount, refresh_amount, refresh_us }
    }
    let refused: [Spoil; 16] = [
        (Field::Limit, |c| c.limit = 0),
        (Field::Limit, |c| c.limit = 1_000_000_001),
        (Field::Window, |c| c.window_us = 0),
        (Field::Window, |c| c.window_us = u64::MAX),
        (Field::Burst, |c| c.burst = 0),
        (Field::Burst, |c| (c.burst, c.window_us) = (1_000_000_000, 1_000_000_000_000_000)),
        (Field::MaxKeys, |c| c.max_keys = 0),
        (Field::MaxKeys, |c| c.max_keys = (1 << 24) + 1),
        (Field::Block, |c| c.block_us = FOREVER_US + 1),
        (Field::MinTime, |c| c.pace.min_time_us = u64::MAX),
        (Field::ReservoirAmount, |c| c.pace.reservoir = Some(reservoir(1_000_000_001, 1, 1))),
        (Field::RefreshAmount, |c| c.pace.reservoir = Some(reservoir(0, 0, 1))),
        (Field::RefreshAmount, |c| c.pace.reservoir = Some(reservoir(0, 1_000_000_001, 1))),
        (Field::RefreshInterval, |c| c.pace.reservoir = Some(reservoir(0, 1, 0))),
        (Field::RefreshInterval, |c| c.pace.reservoir = Some(reservoir(0, 1, u64::MAX))),
        (Field::MaxWaiters, |c| c.max_waiters = 0),
    ];
    for (field, spoil) in refused {
        let mut spoilt = config(Algorithm::Gcra);
        spoil(&mut spoilt);
        assert_eq!(Limiter::new(&spoilt, 0.0).err(), Some(field));
    }
    for algorithm in [Algorithm::Window, Algorithm::Log, Algorithm::Counter] {
        let spoilt = LimiterConfig { burst: 11, ..config(algorithm) };
        assert_eq!(Limiter::new(&spoilt, 0.0).err(), Some(Field::Burst));
    }
    let long = LimiterConfig { limit: 100_001, burst: 100_001, ..config(Algorithm::Log) };
    assert_eq!(Limiter::new(&long, 0.0).err(), Some(Field::Limit));
}

#[test]
fn rate_costs_that_can_never_be_met_change_nothing() {
    for algorithm in ALL {
        let mut limiter = open(algorithm);
        for cost in [0, 11, u32::MAX] {
            assert_eq!(limiter.check(None, cost, 0.0), None);
            assert!(limiter.enter(cost, 0.0, &mut |_| {}).is_none());
        }
        assert_eq!(limiter.stats().keys, 0);
        let slot = limiter.add(0.0, &mut |_| {});
        assert_eq!(limiter.take(slot, 11, 0.0), None);
        assert_eq!(limiter.take(slot + 1, 1, 0.0), None);
        assert_eq!(limiter.check(Some(slot), 1, 0.0).expect("a key").remaining, 10);
    }
}

#[test]
fn rate_time_that_runs_backwards_or_is_none_stands_still() {
    for algorithm in ALL {
        let mut limiter = open(algorithm);
        let (slot, _) = enter(&mut limiter, 10, 5000.0);
        for now in [0.0, -1e300, f64::NAN, f64::NEG_INFINITY, 5000.0] {
            let verdict = limiter.take(slot, 1, now).expect("a key");
            assert!(!verdict.allowed && verdict.retry_us > 0, "{algorithm:?} {now}");
        }
        assert!(limiter.take(slot, 10, f64::INFINITY).expect("a key").allowed);
        assert!(!limiter.take(slot, 10, 1e300).expect("a key").allowed);
    }
}

#[test]
fn rate_penalties_are_debts_and_rewards_forgive_them() {
    for algorithm in ALL {
        let mut limiter = open(algorithm);
        let (slot, _) = enter(&mut limiter, 4, 0.0);
        assert!(limiter.penalty(slot, 16, 0.0));
        let verdict = limiter.check(Some(slot), 1, 0.0).expect("a key");
        assert!(!verdict.allowed && verdict.remaining == 0, "{algorithm:?} {verdict:?}");
        assert!(limiter.reward(slot, 16, 0.0));
        assert_eq!(limiter.check(Some(slot), 1, 0.0).expect("a key").remaining, 6);
        assert!(limiter.reward(slot, u32::MAX, 0.0));
        assert_eq!(limiter.check(Some(slot), 10, 0.0).expect("a key").remaining, 10);
        for _ in 0..100 {
            assert!(limiter.penalty(slot, u32::MAX, 0.0));
        }
        let far = limiter.check(Some(slot), 1, 1e18).expect("a key");
        assert!(far.allowed, "{algorithm:?} {far:?}");
    }
}

#[test]
fn rate_a_penalised_log_keeps_as_many_marks_as_its_limit() {
    let mut limiter = open(Algorithm::Log);
    let slot = limiter.add(0.0, &mut |_| {});
    for step in 0..100 {
        limiter.penalty(slot, 1, f64::from(step) / 1000.0);
    }
    assert!(limiter.stats().bytes < 2000, "{:?}", limiter.stats());
    assert!(!limiter.check(Some(slot), 1, 1000.0).expect("a key").allowed);
    assert!(limiter.check(Some(slot), 10, 1000.1).expect("a key").allowed);
}

#[test]
fn rate_blocks_end_by_themselves_and_do_not_hide_a_longer_wait() {
    for algorithm in ALL {
        let mut limiter = open(algorithm);
        let (slot, _) = enter(&mut limiter, 1, 0.0);
        assert!(limiter.block(slot, 300_000_000, 0.0));
        let verdict = limiter.take(slot, 1, 1.0).expect("a key");
        assert_eq!((verdict.allowed, verdict.retry_us), (false, 299_999_000));
        assert_eq!(verdict.blocked_us, 299_999_000);
        assert_eq!(verdict.remaining, 9, "a refusal takes nothing");
        assert!(limiter.take(slot, 1, 300_000.0).expect("a key").allowed);
        limiter.penalty(slot, 9, 300_000.0);
        limiter.block(slot, 1, 300_000.0);
        assert!(limiter.check(Some(slot), 10, 300_000.0).expect("a key").retry_us >= 900_000);
        limiter.block(slot, 5, 300_000.0);
        limiter.block(slot, 0, 300_000.0);
        assert_eq!(limiter.check(Some(slot), 1, 300_000.0).expect("a key").blocked_us, 0);
    }
}

#[test]
fn rate_too_much_blocks_once() {
    let config = LimiterConfig { block_us: 300_000_000, ..config(Algorithm::Gcra) };
    let mut limiter = Limiter::new(&config, 0.0).expect("valid");
    let (slot, _) = enter(&mut limiter, 10, 0.0);
    assert_eq!(limiter.take(slot, 1, 0.0).expect("a key").retry_us, 300_000_000);
    // A refused take does not prolong it, and a check does not begin it.
    assert_eq!(limiter.take(slot, 1, 200_000.0).expect("a key").retry_us, 100_000_000);
    assert!(limiter.take(slot, 10, 300_000.0).expect("a key").allowed);
    assert!(!limiter.check(Some(slot), 1, 300_000.0).expect("a key").allowed);
    assert!(limiter.take(slot, 1, 301_000.0).expect("a key").allowed);
}

#[test]
fn rate_idle_keys_go_first_and_then_the_soonest_idle() {
    let config = LimiterConfig { max_keys: 4, ..config(Algorithm::Gcra) };
    let mut limiter = Limiter::new(&config, 0.0).expect("valid");
    let [a, b, c, d] = [1, 5, 3, 9].map(|cost| enter(&mut limiter, cost, 0.0).0);
    limiter.block(d, 300_000_000, 0.0);
    // `a` was the soonest idle when it came, but has been used since.
    limiter.take(a, 9, 0.0);
    assert_eq!(enter(&mut limiter, 10, 0.0), (c, vec![c]));
    assert_eq!(limiter.stats().displaced, 1);
    // At 0.5 s `b` is as good as new: it is no loss.
    assert_eq!(enter(&mut limiter, 10, 500.0), (b, vec![b]));
    assert_eq!(limiter.stats().displaced, 1);
    assert_eq!((limiter.stats().keys, limiter.sweep(1e6, 100, &mut |_| {})), (4, 4));
    assert_eq!(limiter.stats().keys, 0);
    assert!(!limiter.forget(a) && !limiter.penalty(d, 1, 0.0));
}

#[test]
fn rate_a_stream_of_new_keys_holds_only_what_is_in_use() {
    for algorithm in ALL {
        let mut limiter = open(algorithm);
        // Ten keys a second that are idle after at most two.
        for second in 0..100 {
            for _ in 0..10 {
                enter(&mut limiter, 1, f64::from(second) * 1000.0);
            }
        }
        assert!(limiter.stats().keys <= 40, "{algorithm:?} {:?}", limiter.stats());
        assert_eq!(limiter.stats().displaced, 0);
    }
}

#[test]
fn rate_a_million_keys_take_at_most_64_bytes_each() {
    let config = LimiterConfig { max_keys: 1_000_000, ..config(Algorithm::Gcra) };
    let mut limiter = Limiter::new(&config, 0.0).expect("valid");
    for key in 0..2_000_000_u32 {
        // Keys are used again while others come, so that many places are out of date.
        let (slot, _) = enter(&mut limiter, 1 + key % 9, 0.0);
        limiter.take(slot / 2, 1, 0.0);
    }
    let stats = limiter.stats();
    assert_eq!((stats.keys, stats.displaced), (1_000_000, 1_000_000));
    assert!(stats.bytes <= 64 * stats.keys, "{stats:?}");
}

#[derive(Debug, Clone)]
enum Op {
    Enter(u32),
    Take(usize, u32),
    Penalty(usize, u32),
    Reward(usize, u32),
    Block(usize, u64),
    Forget(usize),
    Sweep(usize),
}

fn op() -> impl Strategy<Value = (f64, Op)> {
    let place = 0..8_usize;
    let op = prop_oneof![
        3 => (1..=10_u32).prop_map(Op::Enter),
        4 => (place.clone(), 1..=10_u32).prop_map(|(at, cost)| Op::Take(at, cost)),
        1 => (place.clone(), 1..=30_u32).prop_map(|(at, points)| Op::Penalty(at, points)),
        1 => (place.clone(), 1..=30_u32).prop_map(|(at, points)| Op::Reward(at, points)),
        1 => (place.clone(), 0..3_000_000_u64).prop_map(|(at, time)| Op::Block(at, time)),
        1 => place.prop_map(Op::Forget),
        1 => (0..4_usize).prop_map(Op::Sweep),
    ];
    ((0..900_u32).prop_map(f64::from), op)
}

proptest! {
    /// Checks for any calls that the caller and the limiter agree on which keys there are, and that their number is
    /// bounded. A key that is forgotten without need is as good as new, and a hint is never too long nor too short.
    #[test]
    fn rate_keys_are_told_apart(
        algorithm in prop::sample::select(&ALL[..]),
        is_paced in any::<bool>(),
        ops in prop::collection::vec(op(), 1..80)) {
        let reservoir = Reservoir { amount: 15, refresh_amount: 10, refresh_us: 700_000 };
        let pace = LimiterPace { min_time_us: 90_000, reservoir: Some(reservoir) };
        let pace = if is_paced { pace } else { LimiterPace::default() };
        let config = LimiterConfig { max_keys: 5, pace, ..config(algorithm) };
        let mut limiter = Limiter::new(&config, 0.0).expect("valid");
        let mut live: Vec<u32> = Vec::new();
        let mut now = 0.0;
        for (step, op) in ops {
            now += step;
            let at = |place: usize| live.get(place).copied();
            match op {
                Op::Enter(cost) => {
                    let displaced = limiter.stats().displaced;
                    let idle: Vec<u32> = live
                        .iter()
                        .copied()
                        .filter(|slot| {
                            let quote = limiter.check(Some(*slot), 1, now).expect("a key");
                            quote.reset_us == 0
                        })
                        .collect();
                    let (slot, forgotten) = enter(&mut limiter, cost, now);
                    for gone in &forgotten {
                        let needed = live.len() == 5 && forgotten.len() == 1;
                        prop_assert!(idle.contains(gone) || needed);
                        live.retain(|other| other != gone);
                    }
                    let was_displaced = limiter.stats().displaced - displaced;
                    prop_assert_eq!(was_displaced, u64::from(forgotten.iter().any(|gone| !idle.contains(gone))));
                    prop_assert!(was_displaced == 0 || idle.is_empty());
                    prop_assert!(!live.contains(&slot));
                    live.push(slot);
                }
                Op::Take(place, cost) => {
                    if let Some(slot) = at(place) {
                        let verdict = limiter.take(slot, cost, now).expect("a key");
                        if !verdict.allowed {
                            let later = |us: u64| {
                                let then = now + us as f64 / 1000.0;
                                limiter.clone().check(Some(slot), cost, then).expect("a key").allowed
                            };
                            let until = verdict.retry_us;
                            prop_assert!(later(until), "{:?}", verdict);
                            prop_assert!(!later(until - 1), "{:?}", verdict);
                        }
                    }
                }
                Op::Penalty(place, points) => {
                    prop_assert_eq!(at(place).is_some_and(|slot| limiter.penalty(slot, points, now)), at(place).is_some());
                }
                Op::Reward(place, points) => {
                    prop_assert_eq!(at(place).is_some_and(|slot| limiter.reward(slot, points, now)), at(place).is_some());
                }
                Op::Block(place, time) => {
                    prop_assert_eq!(at(place).is_some_and(|slot| limiter.block(slot, time, now)), at(place).is_some());
                }
                Op::Forget(place) => {
                    if let Some(slot) = at(place) {
                        prop_assert!(limiter.forget(slot));
                        prop_assert!(!limiter.forget(slot));
                        live.retain(|other| *other != slot);
                    }
                }
                Op::Sweep(most) => {
                    let mut gone = Vec::new();
                    let swept = limiter.sweep(now, most, &mut |slot| gone.push(slot));
                    prop_assert!(swept == gone.len() && swept <= most);
                    live.retain(|slot| !gone.contains(slot));
                }
            }
            prop_assert_eq!(limiter.stats().keys, live.len());
            prop_assert!(live.len() <= 5);
        }
    }
}
