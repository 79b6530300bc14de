//! A service is refused for departures from its normal levels, and not for the levels themselves. `KEELSON_PROGRAMS`
//! sets the number of random services.

use proptest::prelude::*;

use super::{
    Baseline, Decision, Mode, Normal, ReportProfile, ResistanceConfig, ResistanceState, Slo,
    Telemetry,
};
use crate::core::random::Random;

type Level = [f64; 3];

/// Returns how many random cases to run: a few, or as many as the environment asks for.
fn cases(few: u64) -> u64 {
    let asked = std::env::var("KEELSON_PROGRAMS").ok().and_then(|text| text.parse().ok());
    asked.map_or(few, |many: u64| many.max(few))
}

struct Service {
    config: ResistanceConfig,
    report: ReportProfile,
    state: ResistanceState,
    normal: Option<Box<Normal>>,
    now: f64,
}

impl Service {
    fn new() -> Self {
        Self::under(Slo::default())
    }

    fn under(slo: Slo) -> Self {
        let config = ResistanceConfig { slo, ..ResistanceConfig::default() };
        let (report, state) = (ReportProfile::of(&config), ResistanceState::new(&config));
        Self { config, report, state, normal: None, now: 1000.0 }
    }

    /// Reports, and decides for the default voltage. R at the decision, infinite while the breaker is open.
    fn tell(&mut self, [latency, errors, saturation]: Level, now: f64) -> f64 {
        let telemetry = Telemetry::from_lane(latency, errors, saturation);
        let (config, report) = (&self.config, &self.report);
        self.state
            .report_learning(&mut self.normal, config, report, &telemetry, 0.0, now)
            .expect("valid");
        let (decision, _): (Decision, _) = self.state.decide(config, 100.0, now);
        assert!(decision.resistance.is_finite() && decision.resistance >= config.base_resistance);
        if decision.mode == Mode::CircuitBreaker { f64::INFINITY } else { decision.resistance }
    }

    /// Runs so many seconds at a rate. Calls `seen` with the time since the start, and R.
    fn run(
        &mut self,
        rate: f64,
        seconds: f64,
        mut level: impl FnMut(f64) -> Level,
        mut seen: impl FnMut(f64, f64),
    ) {
        let (start, mut step) = (self.now, 0.0);
        while step < seconds * rate {
            let at = step / rate;
            let told = level(at);
            let r = self.tell(told, start + 1000.0 * at);
            seen(at, r);
            step += 1.0;
        }
        self.now = start + 1000.0 * seconds;
    }
}

fn gauss(random: &mut Random) -> f64 {
    (-2.0 * (1.0 - random.unit()).ln()).sqrt() * (std::f64::consts::TAU * random.unit()).cos()
}

/// Returns `level` with noise: none, uniform within 30 %, or Gaussian with a deviation of 30 %.
fn noisy(random: &mut Random, kind: u64, level: Level) -> Level {
    let [latency, errors, saturation] = level.map(|x| match kind {
        0 => x,
        1 => x * (0.7 + 0.6 * random.unit()),
        _ => x * (1.0 + 0.3 * gauss(random)).max(0.05),
    });
    [latency, errors.min(1.0), saturation]
}

/// Returns any steady level that the promise is about.
fn any_level(random: &mut Random) -> Level {
    [10_f64.powf(4.0 * random.unit()), 0.1 * random.unit(), 0.9 * random.unit()]
}

/// Returns a share in per cent.
fn share(refused: u32, all: u32) -> f64 {
    100.0 * f64::from(refused) / f64::from(all.max(1))
}

#[test]
fn steady_telemetry_of_any_level_noise_and_rate_is_not_refused() {
    for seed in 0..cases(2000) {
        let mut random = Random::new(seed);
        let (level, kind) = (any_level(&mut random), seed % 3);
        let rate = 10_f64.powf(4.0 * random.unit());
        let learned = (500.0 / rate).min(120.0);
        let seconds = learned + (1000.0 / rate).clamp(0.3, 300.0);
        let mut service = Service::new();
        // By the lowest named priority.
        let (mut early, mut late, mut first, mut then) = (0, 0, 0, 0);
        service.run(
            rate,
            seconds,
            |_| noisy(&mut random, kind, level),
            |at, r| {
                let (refused, all) =
                    if at < learned { (&mut early, &mut first) } else { (&mut late, &mut then) };
                *refused += u32::from(r >= 25.0);
                *all += 1;
            },
        );
        let shares = [share(early, first), share(late, then)];
        assert!(shares[0] <= 5.0 && shares[1] <= 1.0, "{shares:?} {level:?} {rate}/s, seed {seed}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Latency,
    Errors,
    Saturation,
}

impl Turn {
    const ALL: [Self; 3] = [Self::Latency, Self::Errors, Self::Saturation];

    fn of(self, [latency, errors, saturation]: Level, part: f64) -> Level {
        match self {
            Self::Latency => [latency * 5_f64.powf(part), errors, saturation],
            Self::Errors => [latency, errors + 0.2 * part, saturation],
            Self::Saturation => [latency, errors, saturation + (1.0 - saturation) * part],
        }
    }
}

/// Returns a service, its level, its turn, and the rate of its reports. Where saturation turns it is at most a half, so
/// that full is not within the noise of normal.
fn any_turn(seed: u64) -> (Random, Level, Turn, f64) {
    let mut random = Random::new(seed);
    let turn = Turn::ALL[usize::try_from(seed % 3).expect("small")];
    let mut level = any_level(&mut random);
    if matches!(turn, Turn::Saturation) {
        level[2] *= 0.5 / 0.9;
    }
    let rate = 10_f64.powf(2.5 * random.unit());
    (random, level, turn, rate)
}

#[test]
fn a_turn_for_the_worse_is_refused_from_five_seconds_on_the_lowest_first_and_heals() {
    let (count, mut late) = (cases(600), 0);
    for seed in 0..count {
        let (mut random, level, turn, rate) = any_turn(seed);
        let mut service = Service::new();
        service.run(rate, 130.0, |_| noisy(&mut random, 1, level), |_, _| {});
        let mut first = [f64::INFINITY; 2];
        let mut allowed = 0.0;
        service.run(
            rate,
            40.0,
            |_| noisy(&mut random, 1, turn.of(level, 1.0)),
            |at, r| {
                for (first, voltage) in first.iter_mut().zip([25.0, 100.0]) {
                    *first = if r >= voltage { first.min(at) } else { *first };
                }
                allowed = if r < 100.0 { at } else { allowed };
            },
        );
        let about = format!("{turn:?} of {level:?} at {rate}/s, seed {seed}");
        assert!(first[0] < first[1], "{first:?}: {about}");
        late += u64::from(allowed >= 5.0);
        assert!(allowed < 12.0, "{allowed} s: {about}");
        let mut refused = 0.0;
        service.run(
            rate,
            40.0,
            |_| noisy(&mut random, 1, level),
            |at, r| {
                refused = if r >= 25.0 { at } else { refused };
            },
        );
        assert!(refused < 30.0, "healed after {refused} s: {about}");
    }
    // Of those, saturations with noise, reported once a second.
    assert!(late * 100 <= count, "{late} of {count}");
}

#[test]
fn a_creep_over_an_hour_is_followed_and_one_over_a_minute_is_a_turn_for_the_worse() {
    for seed in 0..cases(30) {
        let (mut random, level, turn, rate) = any_turn(seed);
        let rate = rate.min(20.0);
        let mut service = Service::new();
        service.run(rate, 300.0, |_| noisy(&mut random, 1, level), |_, _| {});
        let (mut slow, mut fast) = (service.state, service.normal.clone());
        let (mut refused, mut all) = (0, 0);
        let creep = |random: &mut Random, part| noisy(random, 1, turn.of(level, part));
        service.run(
            rate,
            3600.0,
            |at| creep(&mut random, at / 3600.0),
            |_, r| {
                refused += u32::from(r >= 25.0);
                all += 1;
            },
        );
        let about = format!("{turn:?} of {level:?} at {rate}/s, seed {seed}");
        assert!(share(refused, all) <= 1.0, "an hour: {refused} of {all}: {about}");
        std::mem::swap(&mut slow, &mut service.state);
        std::mem::swap(&mut fast, &mut service.normal);
        service.now = 301_000.0;
        let mut allowed = 0.0;
        service.run(
            rate,
            90.0,
            |at| creep(&mut random, (at / 60.0).min(1.0)),
            |at, r| {
                allowed = if r < 100.0 { at } else { allowed };
            },
        );
        assert!(allowed < 75.0, "a minute: {allowed} s: {about}");
    }
}

#[test]
fn a_new_level_is_refused_for_minutes_and_normal_after_ten() {
    for seed in 0..cases(60) {
        let (mut random, level, turn, rate) = any_turn(seed);
        let mut service = Service::new();
        service.run(rate, 130.0, |_| noisy(&mut random, 1, level), |_, _| {});
        let [mut soon, mut later, mut after] = [(0, 0); 3];
        service.run(
            rate,
            720.0,
            |_| noisy(&mut random, 1, turn.of(level, 1.0)),
            |at, r| {
                let (part, is_wrong) = match at {
                    at if at < 12.0 => return,
                    at if at < 420.0 => (&mut soon, r < 100.0),
                    at if at < 600.0 => (&mut later, false),
                    _ => (&mut after, r >= 25.0),
                };
                part.0 += u32::from(is_wrong);
                part.1 += 1;
            },
        );
        let wrong = [share(soon.0, soon.1), share(after.0, after.1)];
        assert!(
            wrong[0] <= 1.0 && wrong[1] <= 1.0,
            "{wrong:?}: {turn:?} of {level:?} at {rate}/s, seed {seed}"
        );
    }
}

#[test]
fn a_young_service_that_changes_is_normal_after_minutes() {
    let mut service = Service::new();
    service.run(10.0, 5.0, |_| [10.0, 0.0, 0.1], |_, _| {});
    let mut last = 0.0;
    service.run(
        10.0,
        300.0,
        |_| [400.0, 0.0, 0.1],
        |at, r| last = if r >= 25.0 { at } else { last },
    );
    assert!((60.0..130.0).contains(&last), "{last}");
}

type Shape = (&'static str, fn(&mut Random, f64) -> Level);

const SHAPES: [Shape; 13] = [
    ("two kinds of calls", |r, _| [if r.unit() < 0.2 { 500.0 } else { 5.0 }, 0.0, 0.3]),
    ("a heavy tail", |r, _| [10.0 * (1.0 - r.unit()).powf(-1.0 / 1.2), 0.0, 0.3]),
    ("log-normal", |r, _| [20.0 * (1.5 * gauss(r)).exp(), 0.0, 0.3]),
    ("a pause in a thousand", |r, _| [if r.unit() < 0.001 { 6e4 } else { 20.0 }, 0.0, 0.3]),
    ("errors 0 or 1", |r, _| [20.0, f64::from(u8::from(r.unit() < 0.05)), 0.3]),
    ("an error in a thousand", |r, _| [20.0, f64::from(u8::from(r.unit() < 0.001)), 0.3]),
    ("no noise", |_, _| [20.0, 0.0, 0.5]),
    ("0 or 1 ms", |r, _| [(2.0 * r.unit()).floor(), 0.0, 0.1]),
    ("waves of a minute", |_, t| [30.0 * (1.1 * (t / 9.55).sin()).exp(), 0.0, 0.3]),
    ("day and night", |_, t| {
        [30.0 * (1.6 * (t / 573.0).sin()).exp(), 0.0, 0.5 + 0.4 * (t / 573.0).sin()]
    }),
    ("counters that are reset", |r, _| if r.unit() < 0.01 { [0.0; 3] } else { [50.0, 0.02, 0.5] }),
    ("nonsense in a thousand", |r, _| [50.0, 0.02, if r.unit() < 0.001 { 1e9 } else { 0.5 }]),
    ("more than full, always", |r, _| [50.0, 0.0, 3.0 * (0.7 + 0.6 * r.unit())]),
];

#[test]
fn wild_telemetry_that_stays_as_it_is_is_not_refused() {
    for (name, shape) in SHAPES {
        for rate in [1.0 / 60.0, 1.0, 7.0, 100.0] {
            let mut random = Random::new(7);
            let mut service = Service::new();
            let (mut refused, mut all) = (0, 0);
            let seconds = if rate < 1.0 { 36_000.0 } else { 3600.0 };
            service.run(
                rate,
                seconds,
                |at| shape(&mut random, at),
                |_, r| {
                    refused += u32::from(r >= 25.0);
                    all += 1;
                },
            );
            assert!(share(refused, all) <= 1.0, "{name} at {rate}/s: {refused} of {all}");
        }
    }
}

#[test]
fn gaps_bursts_and_a_rate_that_falls_are_no_turns() {
    let mut random = Random::new(3);
    let mut service = Service::new();
    let call =
        |r: &mut Random| [20.0 * (0.7 + 0.6 * r.unit()), f64::from(u8::from(r.unit() < 0.05)), 0.4];
    let (mut refused, mut all) = (0, 0);
    let mut count = |_, r: f64| {
        refused += u32::from(r >= 25.0);
        all += 1;
    };
    service.run(1000.0, 120.0, |_| call(&mut random), &mut count);
    service.run(1.0, 600.0, |_| call(&mut random), &mut count);
    service.now += 3.6e6;
    service.run(50.0, 60.0, |_| call(&mut random), &mut count);
    for burst in 0..300 {
        service.now = 4.7e6 + 1000.0 * f64::from(burst);
        service.run(100_000.0, 0.002, |_| call(&mut random), &mut count);
    }
    assert!(share(refused, all) <= 0.1, "{refused} of {all}");
}

#[test]
fn how_often_a_turn_is_told_does_not_matter() {
    let courses = [4.0, 100.0, 10_000.0].map(|rate| {
        let mut service = Service::new();
        service.run(rate, 20.0, |_| [50.0, 0.01, 0.3], |_, _| {});
        let mut opened = f64::INFINITY;
        service.run(
            rate,
            6.0,
            |_| [250.0, 0.01, 0.3],
            |at, r| {
                opened = if r >= 100.0 { opened.min(at) } else { opened };
            },
        );
        (opened, service.state.reading(&service.config, service.now).total)
    });
    for (opened, r) in courses {
        assert!((opened - courses[0].0).abs() <= 0.3, "{courses:?}");
        assert!((r / courses[0].1 - 1.0).abs() < 0.01, "{courses:?}");
    }
}

#[test]
fn what_was_given_stays_whatever_the_service_does() {
    for given in [Slo::given(), Slo { latency: Baseline::Given, ..Slo::default() }] {
        let mut service = Service::under(given);
        let mut last = 0.0;
        service.run(10.0, 1200.0, |_| [300.0, 0.0, 0.1], |_, r| last = r);
        assert!(last >= 100.0);
    }
    // Levels near the configured number are learned, and no others.
    let near = Slo { latency: Baseline::Near, baseline_latency_ms: 100.0, ..Slo::default() };
    for (latency, normal, refused) in
        [(700.0, 700.0, false), (10_000.0, 800.0, true), (3.0, 12.5, false)]
    {
        let mut service = Service::under(near);
        let mut last = 0.0;
        service.run(10.0, 1200.0, |_| [latency, 0.0, 0.1], |_, r| last = r);
        let learned = service.normal.expect("two reports").learned().latency_ms.expect("learned");
        assert!((learned / normal - 1.0).abs() < 1e-3, "{learned}");
        assert_eq!(last >= 100.0, refused, "{latency}");
    }
}

#[test]
fn more_errors_than_a_fifth_are_normal_only_once_they_last() {
    let mut service = Service::new();
    let (mut soon, mut late) = (0.0, 0.0);
    service.run(
        10.0,
        700.0,
        |_| [20.0, 0.6, 0.1],
        |at, r| {
            if (5.0..120.0).contains(&at) {
                soon = r;
            }
            late = r;
        },
    );
    assert!(soon >= 100.0 && late < 25.0, "{soon} {late}");
}

#[test]
fn what_is_refused_late_or_idle_teaches_nothing() {
    let mut service = Service::new();
    service.run(10.0, 30.0, |_| [50.0, 0.02, 0.3], |_, _| {});
    let before = (service.state, service.normal.clone());
    let (config, report, now) = (service.config, service.report, service.now);
    let mut tell = |telemetry: Telemetry, age: f64| {
        service.state.report_learning(&mut service.normal, &config, &report, &telemetry, age, now)
    };
    tell(Telemetry::from_lane(-1.0, 0.0, 0.0), 0.0).expect_err("negative");
    tell(Telemetry::from_lane(1.0, 0.0, 0.0), -1.0).expect_err("an age");
    tell(Telemetry::from_lane(9000.0, 1.0, 1.0), 20_000.0).expect("late");
    assert_eq!(service.normal, before.1);
    let learned = |service: &Service| service.normal.as_ref().expect("two reports").learned();
    let known = learned(&service);
    service.run(10.0, 3600.0, |_| [0.0; 3], |_, r| assert_eq!(r, 10.0));
    assert_eq!(learned(&service), known);
    service.run(10.0, 60.0, |_| [50.0, 0.02, 0.3], |_, r| assert!(r < 11.0));
}

proptest! {
    #[test]
    fn a_worse_report_never_means_less_resistance(
        history in prop::collection::vec((0.0..3000.0_f64, 0.0..5000.0_f64, 0.0..=1.0_f64, 0.0..3.0_f64), 1..80),
        more in 0.0..20.0_f64,
    ) {
        let mut service = Service::new();
        for (gap, latency, errors, saturation) in &history {
            service.now += gap;
            let now = service.now;
            service.tell([*latency, *errors, *saturation], now);
        }
        let (_, latency, errors, saturation) = history[0];
        let now = service.now + 300.0;
        let calm = worse_than([latency, errors, saturation], 0.0);
        let a = service_at(&mut service_copy(&service), calm, now);
        let b = service_at(&mut service, worse_than(calm, more), now);
        prop_assert!(b >= a - 1e-6, "{a} {b}");
    }
}

/// Makes each signal worse, so that none is the report of an idle service.
fn worse_than([latency, errors, saturation]: Level, more: f64) -> Level {
    [latency.max(0.1) * (1.0 + more), (errors * (1.0 + more)).min(1.0), saturation * (1.0 + more)]
}

fn service_copy(service: &Service) -> Service {
    Service { normal: service.normal.clone(), ..*service }
}

fn service_at(service: &mut Service, level: Level, now: f64) -> f64 {
    service.tell(level, now);
    service.state.reading(&service.config, now).total
}
