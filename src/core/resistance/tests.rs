//! The named behaviours of the engine, one test each.

use super::{
    Decision, DecisionReason, Mode, ResistanceConfig, ResistanceState, Slo, Telemetry, TunerConfig,
    Weights,
};
use crate::core::random::Random;

struct Route {
    config: ResistanceConfig,
    weights: Weights,
    state: ResistanceState,
}

impl Route {
    #[expect(clippy::large_types_passed_by_value, reason = "called once a test, with a literal")]
    fn new(config: ResistanceConfig) -> Self {
        config.validate().expect("valid");
        Self { config, weights: Weights::of(&config), state: ResistanceState::new(&config) }
    }

    fn report(&mut self, telemetry: Telemetry, now: f64) {
        self.state.report(&self.config, &self.weights, &telemetry, now).expect("valid telemetry");
    }

    /// Reports the same thing every `every` ms during `[from, to)`.
    fn hold(&mut self, telemetry: Telemetry, from: f64, to: f64, every: f64) {
        let steps = ((to - from) / every).round();
        let mut i = 0.0;
        while i < steps {
            self.report(telemetry, from + i * every);
            i += 1.0;
        }
    }

    fn r(&self, now: f64) -> f64 {
        self.state.resistance(&self.config, now).0
    }

    fn mode(&self, now: f64) -> Mode {
        self.state.resistance(&self.config, now).1
    }
}

fn t(latency: f64, error: f64, saturation: f64) -> Telemetry {
    Telemetry::from_lane(latency, error, saturation)
}

fn sick() -> Telemetry {
    t(500.0, 0.5, 0.9)
}

fn well() -> Telemetry {
    t(60.0, 0.0, 0.3)
}

fn no_tuner() -> ResistanceConfig {
    ResistanceConfig { tuner: None, ..ResistanceConfig::default() }
}

#[test]
fn bootstrap_is_a_fixed_resistance_that_allows_any_higher_voltage() {
    let mut route = Route::new(ResistanceConfig::default());
    for i in 0..10 {
        route.report(sick(), f64::from(i));
        assert_eq!(route.state.resistance(&route.config, f64::from(i)), (12.0, Mode::Bootstrap));
    }
    assert!(Decision::new(12.0, Mode::Bootstrap, 100.0).allow);
    assert!(!Decision::new(12.0, Mode::Bootstrap, 12.0).allow, "V must be strictly above R");
    route.report(well(), 10.0);
    assert_eq!(route.mode(10.0), Mode::Operational);
}

#[test]
fn an_omitted_signal_is_unknown_not_good() {
    let mut route = Route::new(ResistanceConfig { bootstrap_ticks: 0, ..no_tuner() });
    route.report(t(100.0, f64::NAN, f64::NAN), 0.0);
    let reading = route.state.reading(&route.config, 0.0);
    assert_eq!(
        (reading.vector.error, reading.vector.saturation, reading.pressure),
        (0.0, 0.0, 0.0)
    );
}

#[test]
fn one_and_ten_thousand_reports_a_second_mean_the_same() {
    let mut readings = Vec::new();
    for every in [1000.0, 100.0, 7.8125, 0.1] {
        let mut route = Route::new(ResistanceConfig { bootstrap_ticks: 0, ..no_tuner() });
        route.hold(well(), 0.0, 20_000.0, every);
        route.hold(sick(), 20_000.0, 22_000.0, every);
        readings.push(route.state.reading(&route.config, 22_000.0));
    }
    for reading in &readings {
        assert!((reading.total - readings[0].total).abs() < 1e-3, "{readings:?}");
    }
}

#[test]
fn the_scar_grows_fifty_ohm_a_second_and_stops_at_its_cap() {
    let mut route = Route::new(ResistanceConfig { bootstrap_ticks: 0, ..no_tuner() });
    route.hold(sick(), 0.0, 1000.0, 10.0);
    let scar = route.state.reading(&route.config, 1000.0).scar;
    assert!((scar - 500.0 * (1.0 - (-0.1_f64).exp())).abs() < 1e-6, "{scar}");
    route.hold(sick(), 1000.0, 600_000.0, 100.0);
    assert_eq!(route.state.reading(&route.config, 600_000.0).scar, 120.0);
}

#[test]
fn a_report_after_an_idle_hour_is_not_an_hour_of_trauma() {
    let mut route = Route::new(ResistanceConfig { bootstrap_ticks: 0, ..no_tuner() });
    route.report(sick(), 0.0);
    route.report(sick(), 3_600_000.0);
    assert!(route.state.reading(&route.config, 3_600_000.0).scar < 1e-6);
}

#[test]
fn an_incident_of_any_length_heals_in_three_seconds_of_healthy_reports() {
    for length in [3_000.0, 60_000.0, 3_600_000.0] {
        let mut route = Route::new(no_tuner());
        route.hold(well(), 0.0, 5_000.0, 100.0);
        route.hold(sick(), 5_000.0, 5_000.0 + length, 100.0);
        let end = 5_000.0 + length;
        assert_eq!(route.mode(end), Mode::CircuitBreaker);
        route.hold(well(), end, end + 3_000.0, 100.0);
        assert_eq!(route.mode(end + 3_000.0), Mode::Operational, "after {length}");
        assert!(route.r(end + 3_000.0) < 20.0);
    }
}

#[test]
fn a_breaker_closes_with_time_alone() {
    let mut route = Route::new(ResistanceConfig::default());
    route.hold(sick(), 0.0, 60_000.0, 50.0);
    assert_eq!(route.mode(60_000.0), Mode::CircuitBreaker);
    assert_eq!(route.mode(100_000.0), Mode::Operational);
    assert!((route.r(3_600_000.0) - 10.0).abs() < 1e-9);
}

#[test]
fn recovery_never_raises_resistance() {
    let mut route = Route::new(no_tuner());
    route.hold(well(), 0.0, 5_000.0, 100.0);
    route.hold(sick(), 5_000.0, 8_000.0, 100.0);
    let mut last = route.r(8_000.0);
    for step in 0..400 {
        let now = 8_000.0 + 25.0 * f64::from(step);
        route.report(well(), now);
        assert!(route.r(now) <= last + 1e-9, "rose at {now}");
        last = route.r(now);
    }
}

#[test]
fn momentum_is_signed_and_reads_the_slope_of_a_ramp() {
    let mut route =
        Route::new(ResistanceConfig { bootstrap_ticks: 0, momentum_dead_band: 0.0, ..no_tuner() });
    let at_pressure = |p: f64| t(100.0 * (1.0 + p.atanh()), f64::NAN, f64::NAN);
    for step in 0..200 {
        let now = 50.0 * f64::from(step);
        route.report(at_pressure(0.00005 * now), now);
    }
    let up = route.state.reading(&route.config, 9_950.0).momentum_per_second;
    assert!((0.03..=0.05).contains(&up), "a ramp of 0.05/s read as {up}");
    route.hold(well(), 10_000.0, 12_000.0, 50.0);
    let reading = route.state.reading(&route.config, 12_000.0);
    assert!(reading.momentum_per_second < 0.0 && reading.momentum == 0.0);
}

#[test]
fn steady_noise_inside_the_dead_band_is_no_momentum() {
    let mut route = Route::new(no_tuner());
    for step in 0..1000 {
        let latency = if step % 2 == 0 { 105.0 } else { 115.0 };
        route.report(t(latency, 0.0, 0.5), 10.0 * f64::from(step));
    }
    assert_eq!(route.state.reading(&route.config, 9_990.0).momentum_per_second, 0.0);
}

#[test]
fn the_tuner_learns_alike_at_any_rate_and_stands_still_in_an_incident() {
    let config = ResistanceConfig {
        base_resistance: 10.0,
        tuner: Some(TunerConfig { min_floor: 1.0, ..TunerConfig::default() }),
        ..ResistanceConfig::default()
    };
    let mut breaks = Vec::new();
    for every in [1000.0, 10.0, 1.0] {
        let mut route = Route::new(config);
        let busy = t(130.0, 0.01, 0.5);
        route.hold(busy, 0.0, 60_000.0, every);
        let learned = route.state.reading(&config, 60_000.0).break_at;
        route.hold(sick(), 60_000.0, 90_000.0, every);
        assert_eq!(route.state.reading(&config, 90_000.0).break_at, learned);
        breaks.push(learned);
    }
    assert!(breaks.iter().all(|b| (b - breaks[0]).abs() < 0.1), "{breaks:?}");
}

#[test]
fn the_break_comes_from_the_untuned_one_to_the_learned_one_without_a_jump() {
    let mut route = Route::new(ResistanceConfig::default());
    let (mut last, mut lowest) = (100.0, f64::INFINITY);
    for step in 0..600 {
        let now = 50.0 * f64::from(step);
        route.report(well(), now);
        let break_at = route.state.reading(&route.config, now).break_at;
        assert!((0.0..2.0).contains(&(last - break_at)), "{last} to {break_at} at {now}");
        lowest = break_at.min(lowest);
        last = break_at;
    }
    // 10 + sqrt(10 / 15.05) * 90: the untuned break counts as much as 10 s, and 5.05 s are remembered.
    assert!((lowest - 83.4).abs() < 0.1, "{lowest}");
}

#[test]
fn the_break_is_relative_to_the_mean_and_follows_the_deviation() {
    let learned = |latencies: [f64; 2], tuner: TunerConfig, base: f64| {
        let slo = Slo { latency_criticality: 1e4, ..Slo::default() };
        let tuner = Some(tuner);
        let config = ResistanceConfig {
            base_resistance: base,
            bootstrap_ticks: 0,
            slo,
            tuner,
            ..ResistanceConfig::default()
        };
        let mut route = Route::new(config);
        for step in 0..600 {
            let latency = latencies[step % 2];
            route.report(t(latency, f64::NAN, f64::NAN), 100.0 * step as f64);
        }
        let reading = route.state.reading(&route.config, 59_900.0);
        assert_eq!(reading.mode, Mode::Operational);
        assert!(reading.recovery_at < reading.break_at);
        reading.break_at
    };
    let tuner = TunerConfig::default();
    let quiet = learned([50.0, 50.0], tuner, 10.0);
    let higher = learned([150.0, 150.0], tuner, 10.0);
    let noisy = learned([100.0, 180.0], tuner, 10.0);
    assert!((quiet - 83.4).abs() < 0.1, "{quiet}");
    assert!(higher > 1.3 * quiet && noisy > quiet + 5.0, "{quiet} {higher} {noisy}");
    assert!((learned([50.0, 50.0], tuner, 20.0) - 2.0 * quiet).abs() < 0.2);
    assert_eq!(learned([50.0, 50.0], tuner, 150.0), tuner.hard_ceiling);
    assert_eq!(learned([50.0, 50.0], TunerConfig { min_floor: 90.0, ..tuner }, 10.0), 90.0);
    // Without doubt it is the mean and three deviations, at least the mean and the base.
    let sure = TunerConfig { warmup_ticks: 0.0, ..tuner };
    assert!((learned([50.0, 50.0], sure, 10.0) - 20.0).abs() < 1e-9);
    let three = learned([50.0, 180.0], TunerConfig { sensitivity: 6.0, ..sure }, 10.0);
    // Half of the time 10 ohm, half 10 + 9.21 * tanh(0.8).
    let spread = 0.5 * 1e4_f64.ln_1p() * 0.8_f64.tanh();
    assert!((three - (10.0 + spread + 6.0 * spread)).abs() < 0.6, "{three}");
}

#[test]
fn invalid_telemetry_changes_nothing() {
    let mut route = Route::new(ResistanceConfig::default());
    route.hold(well(), 0.0, 2_000.0, 100.0);
    let before = route.state;
    for (bad, field) in [
        (Telemetry { latency_ms: Some(-1.0), ..well() }, "latencyMs"),
        (Telemetry { latency_ms: Some(f64::INFINITY), ..well() }, "latencyMs"),
        (Telemetry { error_rate: Some(1.5), ..well() }, "errorRate"),
        (Telemetry { error_rate: Some(f64::NAN), ..well() }, "errorRate"),
        (Telemetry { saturation: Some(-0.1), ..well() }, "saturation"),
    ] {
        let error =
            route.state.report(&route.config, &route.weights, &bad, 2_100.0).expect_err("bad");
        assert_eq!(error.field, field);
        assert_eq!(route.state, before);
    }
}

#[test]
fn a_clock_that_goes_back_is_a_pause() {
    let mut route = Route::new(ResistanceConfig { bootstrap_ticks: 0, ..no_tuner() });
    route.hold(sick(), 100_000.0, 101_000.0, 100.0);
    let before = route.r(100_900.0);
    assert_eq!(route.r(0.0), before, "reading in the past reads the present");
    route.report(sick(), 0.0);
    assert!((route.r(0.0) - before).abs() < 10.0);
    route.hold(well(), 100.0, 60_000.0, 100.0);
    assert_eq!(route.r(60_000.0), 10.0, "time goes on from where the clock went");
}

#[test]
fn ordinary_healthy_traffic_is_never_denied() {
    // Synthetic traffic of which the formulas per call (Atrion 2.0) denied 29 to 99 %.
    for rate in [20.0, 100.0, 500.0, 2000.0] {
        for seed in 0..10 {
            let mut random = Random::new(seed);
            let mut route = Route::new(ResistanceConfig::default());
            let (mut now, mut denied, mut all) = (0.0, 0, 0);
            while now < 20_000.0 {
                let tail = if random.unit() < 0.01 { 250.0 } else { 0.0 };
                let latency = 60.0 + 120.0 * random.unit() + tail;
                let error = if random.unit() < 0.005 { 0.05 } else { 0.0 };
                route.report(t(latency, error, 0.3 + 0.2 * random.unit()), now);
                let (r, mode) = route.state.resistance(&route.config, now);
                denied += i32::from(!Decision::new(r, mode, 100.0).allow);
                all += 1;
                now += 1000.0 / rate;
            }
            assert_eq!(denied, 0, "of {all} at {rate}/s, seed {seed}");
        }
    }
}

#[test]
fn reasons_say_which_rule_refused() {
    assert_eq!(Decision::new(10.0, Mode::Operational, 10.5).reason, DecisionReason::Ok);
    assert_eq!(
        Decision::new(10.0, Mode::Operational, 10.0).reason,
        DecisionReason::InsufficientVoltage
    );
    assert_eq!(
        Decision::new(10.0, Mode::Operational, f64::NAN).reason,
        DecisionReason::InsufficientVoltage
    );
    assert_eq!(Decision::new(10.0, Mode::CircuitBreaker, 1e9).reason, DecisionReason::CircuitOpen);
}
