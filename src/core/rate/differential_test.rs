//! A million random schedules for each policy against its naive rule, with penalties and rewards: the same decisions,
//! and hints that are exact to the microsecond.

use super::config::{Algorithm, LimiterConfig};
use super::limiter::Limiter;
use super::naive::{Array, Bucket, Naive, Windows};
use super::paced::LimiterPace;
use crate::core::random::Random;

const SCHEDULES: usize = 1_000_000;
const STEPS: u32 = 8;

fn small(random: &mut Random, bound: u32) -> u32 {
    u32::try_from(random.below(u64::from(bound))).expect("below a u32")
}

/// Compares with a naive limiter, on small quotas and windows, so that edges are met often.
fn compare<N: Naive>(algorithm: Algorithm, naive: impl Fn(&LimiterConfig) -> N) {
    let mut random = Random::new(7);
    let [mut allowed, mut refused] = [0_u64; 2];
    for schedule in 0..SCHEDULES {
        let limit = 1 + small(&mut random, 7);
        let burst = if algorithm == Algorithm::Gcra { 1 + small(&mut random, 9) } else { limit };
        let window_us = 1 + random.below(23);
        let config = LimiterConfig {
            algorithm,
            limit,
            window_us,
            burst,
            max_keys: 3,
            block_us: 0,
            pace: LimiterPace::default(),
            max_waiters: 1,
        };
        let mut model = naive(&config);
        let mut limiter = Limiter::new(&config, 1.0).expect("valid");
        let slot = limiter.add(1.0, &mut |_| {});
        let mut now = 0;
        for step in 0..STEPS {
            now += random.below(window_us + 2) * random.below(2);
            let now_ms = 1.0 + now as f64 / 1000.0;
            let cost = 1 + small(&mut random, burst);
            // A penalised log that is full makes a mark larger: it is stricter than an array.
            match random.below(8) {
                0 if algorithm != Algorithm::Log => {
                    model.take(now, cost);
                    assert!(limiter.penalty(slot, cost, now_ms));
                }
                1 => {
                    model.give(now, cost);
                    assert!(limiter.reward(slot, cost, now_ms));
                }
                _ => {}
            }
            let context = || format!("schedule {schedule}, step {step}, {config:?}, cost {cost}");
            let fits = model.fits(now, cost);
            let checked = limiter.check(Some(slot), cost, now_ms).expect("a key");
            let verdict = limiter.take(slot, cost, now_ms).expect("a key");
            assert_eq!((checked.allowed, verdict.allowed), (fits, fits), "{}", context());
            assert_eq!(checked.remaining, model.room(now, burst), "{}", context());
            assert_eq!(checked.used + checked.remaining, burst, "{}", context());
            if fits {
                allowed += 1;
                model.take(now, cost);
                assert_eq!(verdict.retry_us, 0, "{}", context());
            } else {
                refused += 1;
                let longest = u64::from(STEPS + 2) * window_us * u64::from(burst);
                assert_eq!(verdict.retry_us, model.wait(now, cost, longest), "{}", context());
            }
            // Until a reset something is missing, and not after it.
            let reset = verdict.reset_us;
            assert_eq!(model.room(now + reset, burst), burst, "{}", context());
            assert!(
                reset == 0
                    || algorithm == Algorithm::Counter
                    || model.room(now + reset - 1, burst) < burst
            );
        }
    }
    assert!(allowed > SCHEDULES as u64 && refused > SCHEDULES as u64, "{allowed} {refused}");
}

#[test]
fn rate_gcra_decides_as_a_token_bucket() {
    compare(Algorithm::Gcra, |config| Bucket {
        drops: i64::from(config.burst) * config.window_us.cast_signed(),
        limit: i64::from(config.limit),
        window: config.window_us.cast_signed(),
        burst: i64::from(config.burst),
        last: 0,
    });
}

#[test]
fn rate_log_decides_as_an_array() {
    compare(Algorithm::Log, |config| Array {
        taken: Vec::new(),
        limit: config.limit as usize,
        window: config.window_us,
    });
}

#[test]
fn rate_window_decides_as_an_array_while_it_is_exact() {
    compare(Algorithm::Window, |config| Array {
        taken: Vec::new(),
        limit: config.limit as usize,
        window: config.window_us,
    });
}

#[test]
fn rate_counter_decides_as_two_counts() {
    compare(Algorithm::Counter, |config| Windows {
        taken: Vec::new(),
        limit: u64::from(config.limit),
        window: config.window_us,
    });
}
