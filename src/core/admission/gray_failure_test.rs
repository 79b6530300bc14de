//! The calls that the gate takes for slow, and those that it does not.

use proptest::prelude::*;

use super::gray_failure::GrayFailure;
use super::{Admission, Engine, EngineConfig, GateConfig, Outcome};
use crate::core::random::Random;
use crate::core::resistance::Mode;

/// From here on R is at 1.2 times its base.
const SEEN: f64 = 2.0 / 3.0;

/// A service that is called so many times a second, and the judgement of its gate.
struct Watched {
    slowness: GrayFailure,
    random: Random,
    rate: f64,
}

impl Watched {
    fn new(rate: f64, seed: u64) -> Self {
        Self { slowness: GrayFailure::default(), random: Random::new(seed), rate }
    }

    /// Makes calls for so many seconds. Returns after how many seconds they were found slow, and for how many.
    fn run(&mut self, seconds: f64, mut takes: impl FnMut(&mut Random) -> f64) -> (f64, f64) {
        let dt = (1000.0 / self.rate).max(25.0);
        let calls = (self.rate * dt / 1000.0).round();
        let (mut at, mut first, mut seen) = (0.0, f64::INFINITY, 0.0);
        while at < 1000.0 * seconds {
            let mut sum = 0.0;
            let mut left = calls;
            while left > 0.0 {
                let latency = takes(&mut self.random);
                self.slowness.succeed(latency);
                sum += latency;
                left -= 1.0;
            }
            self.slowness.report(calls, sum, dt);
            at += dt;
            if self.slowness.certainty() >= SEEN {
                first = f64::min(first, at / 1000.0);
                seen += dt / 1000.0;
            }
        }
        (first, seen)
    }
}

fn exponential(random: &mut Random) -> f64 {
    -20.0 * (1.0 - random.unit()).ln()
}

/// Draws a latency with a mean of 20 ms and a coefficient of variation of 3: a twentieth of the calls makes half of the
/// work.
fn heavy(random: &mut Random) -> f64 {
    let long = random.unit() < 0.0528;
    exponential(random) / if long { 2.0 * 0.0528 } else { 2.0 * 0.9472 }
}

fn tenth(random: &mut Random) -> f64 {
    let slow = random.unit() < 0.1;
    exponential(random) * if slow { 20.0 } else { 1.0 }
}

#[test]
fn one_slow_call_in_ten_is_seen_at_any_rate() {
    for rate in [1.0, 10.0, 100.0, 1000.0, 10_000.0] {
        for seed in 0..5 {
            let mut watched = Watched::new(rate, seed);
            let (_, before) = watched.run(300.0 + 1000.0 / rate, exponential);
            let (after, _) = watched.run(600.0, tenth);
            // A dozen slow calls at least, and half a second: they must not all have one cause.
            let most = 0.5 + 350.0 / rate;
            assert!(before == 0.0 && after <= most, "{rate}/s, seed {seed}: {before} {after}");
        }
    }
}

#[test]
fn a_heavy_tail_is_normal() {
    for rate in [10.0, 100.0, 1000.0] {
        for seed in 0..5 {
            let (_, seen) = Watched::new(rate, seed).run(900.0, heavy);
            assert!(seen < 1.0, "{rate}/s, seed {seed}: {seen} s of 900");
        }
    }
}

#[test]
fn a_heavier_tail_than_normal_is_seen() {
    for seed in 0..5 {
        let mut watched = Watched::new(200.0, seed);
        watched.run(120.0, heavy);
        let slower =
            |random: &mut Random| heavy(random) * if random.unit() < 0.2 { 20.0 } else { 1.0 };
        let (after, _) = watched.run(10.0, slower);
        assert!(after <= 3.0, "seed {seed}: {after}");
    }
}

#[test]
fn a_queue_that_load_makes_is_not_slow() {
    let mut watched = Watched::new(100.0, 1);
    watched.run(120.0, exponential);
    watched.rate = 200.0;
    // All wait, for longer and longer, up to three times the service.
    let mut wait = 0.0;
    let (_, seen) = watched.run(60.0, |random| {
        wait = f64::min(wait + 0.2, 60.0);
        wait + exponential(random)
    });
    assert!(seen == 0.0, "{seen}");
}

#[test]
fn everything_slower_at_the_same_load_is_seen() {
    for seed in 0..5 {
        let mut watched = Watched::new(100.0, seed);
        watched.run(120.0, exponential);
        let (after, _) = watched.run(10.0, |random| 4.0 * exponential(random));
        assert!(after <= 4.0, "seed {seed}: {after}");
    }
}

#[test]
fn a_pause_of_the_process_is_one_event() {
    let mut watched = Watched::new(1000.0, 1);
    watched.run(60.0, exponential);
    for _ in 0..1000 {
        watched.slowness.succeed(10_000.0);
    }
    watched.slowness.report(1000.0, 1e7, 25.0);
    assert_eq!(watched.slowness.certainty(), 0.0);
    let (_, seen) = watched.run(60.0, exponential);
    assert!(seen == 0.0, "{seen}");
}

#[test]
fn a_signal_ends_soon_after_its_cause_and_what_lasts_becomes_normal() {
    for seed in 0..5 {
        let mut healed = Watched::new(100.0, seed);
        healed.run(120.0, exponential);
        let (_, seen) = healed.run(120.0, tenth);
        assert!(seen > 110.0, "seed {seed}: seen {seen} s of 120");
        let (_, seen) = healed.run(60.0, exponential);
        assert!(seen < 10.0, "seed {seed}: seen {seen} s after");
        let mut lasting = Watched::new(100.0, seed);
        lasting.run(120.0, exponential);
        lasting.run(1800.0, tenth);
        let (_, seen) = lasting.run(300.0, tenth);
        assert!(seen == 0.0, "seed {seed}: seen {seen} s after half an hour");
    }
}

#[test]
fn a_gray_failure_shows_in_r_and_neither_scars_nor_sheds() {
    let gate = GateConfig { fixed_limit: Some(64.0), ..GateConfig::default() };
    let mut engine =
        Engine::new(EngineConfig { gate, ..EngineConfig::default() }, 1).expect("valid");
    let id = engine.intern("route", 0.0).id;
    let mut random = Random::new(7);
    let mut open = Vec::new();
    let (mut at, mut most, mut first) = (0.0, 0.0_f64, f64::INFINITY);
    while at < 60_000.0 {
        at += 10.0;
        open.retain(|(until, ticket)| {
            let over = *until <= at;
            if over {
                engine.done(*ticket, Outcome::Ok, *until);
            }
            !over
        });
        let takes = if at > 30_000.0 { tenth(&mut random) } else { exponential(&mut random) };
        match engine.try_admit(id, 25.0, f64::NAN, at) {
            Admission::Admitted(ticket) => open.push((at + takes, ticket)),
            other => panic!("{at}: {other:?}"),
        }
        let reading = engine.reading(id, at).expect("live");
        assert!(reading.scar == 0.0 && reading.mode == Mode::Operational, "{at}: {reading:?}");
        if at > 30_000.0 && reading.total >= 12.0 {
            assert!(reading.vector.latency > 0.2 && reading.pressure > 1.0, "{reading:?}");
            first = first.min(at);
        } else if at <= 30_000.0 {
            assert!(reading.total < 12.0, "{at}: {reading:?}");
        }
        most = most.max(reading.total);
    }
    assert!(first <= 33_000.0 && most < 20.0, "{first} {most}");
}

fn reports() -> impl Strategy<Value = Vec<(Vec<f64>, f64)>> {
    let latency = prop_oneof![4 => 20.0..200.0_f64, 1 => 20.0..20_000.0_f64];
    let report = (prop::collection::vec(latency, 0..20), 25.0..5000.0_f64);
    prop::collection::vec(report, 1..200)
}

fn certainties(reports: &[(Vec<f64>, f64)], unit: f64) -> Vec<f64> {
    let mut slowness = GrayFailure::default();
    let mut certainty = |(calls, dt): &(Vec<f64>, f64)| {
        for latency in calls {
            slowness.succeed(latency * unit);
        }
        slowness.report(calls.len() as f64, calls.iter().sum::<f64>() * unit, *dt);
        slowness.certainty()
    };
    reports.iter().map(&mut certainty).collect()
}

proptest! {
    /// A service four times as slow as another, and otherwise the same, is judged the same.
    #[test]
    fn normal_has_no_unit(reports in reports()) {
        let (one, four) = (certainties(&reports, 1.0), certainties(&reports, 4.0));
        for (a, b) in one.iter().zip(&four) {
            prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    /// Checks that certainty is a number from 0 to 1 for any reports, and 0 as long as nothing is known.
    #[test]
    fn certainty_is_a_share(reports in reports(), unit in prop_oneof![Just(0.0), Just(1e-300), Just(1e300), 0.0..1e6_f64]) {
        let mut calls = 0;
        for (certainty, report) in certainties(&reports, unit).iter().zip(&reports) {
            calls += report.0.len();
            prop_assert!((0.0..=1.0).contains(certainty), "{certainty}");
            prop_assert!(calls >= 64 || *certainty == 0.0, "{certainty} after {calls}");
        }
    }
}
