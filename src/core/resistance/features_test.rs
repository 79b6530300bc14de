//! Profiles, learned thresholds and baselines, staleness, delay, neighbours, tasks, shared scars, selection.

use proptest::prelude::*;

use super::{
    Budget, Candidate, DecisionReason, Mode, PROFILES, Profile, ProfileSpec, ReportProfile,
    ResistanceConfig, ResistanceState, Slo, TaskEnd, Telemetry, TunerConfig, select,
};

fn t(latency: f64, error: f64, saturation: f64) -> Telemetry {
    Telemetry::from_lane(latency, error, saturation)
}

const NAN: f64 = f64::NAN;

fn plain() -> ResistanceConfig {
    ResistanceConfig { bootstrap_ticks: 0, tuner: None, ..ResistanceConfig::default() }
}

struct Route {
    profile: Profile,
    state: ResistanceState,
}

impl Route {
    #[expect(clippy::large_types_passed_by_value, reason = "called once a test, with a literal")]
    fn new(profile: Profile) -> Self {
        Self { state: ResistanceState::new(&profile.config), profile }
    }

    fn report(&mut self, telemetry: Telemetry, age: f64, now: f64) {
        let Profile { config, report, .. } = &self.profile;
        self.state.report_as(config, report, &telemetry, age, now).expect("valid");
    }

    fn hold(&mut self, telemetry: Telemetry, from: f64, to: f64) {
        let mut now = from;
        while now < to {
            self.report(telemetry, 0.0, now);
            self.state.decide(&self.profile.config, 100.0, now);
            now += 100.0;
        }
    }

    fn r(&self, now: f64) -> f64 {
        self.state.resistance(&self.profile.config, now).0
    }
}

#[test]
fn each_profile_is_at_rest_at_its_own_baseline() {
    for workload in &PROFILES {
        let profile = Profile::of(&plain(), workload);
        let baseline = profile.config.slo.baseline_latency_ms;
        let mut route = Route::new(profile);
        route.report(t(baseline, NAN, NAN), 0.0, 0.0);
        assert_eq!(route.r(0.0), 10.0, "{}", workload.name);
        route.report(t(3.0 * baseline, NAN, NAN), 0.0, 100.0);
        assert!(route.r(100.0) > 11.0, "{}", workload.name);
    }
}

#[test]
fn the_same_stress_scars_by_the_profile_s_multiplier() {
    let scar = |workload| {
        let mut route = Route::new(Profile::of(&plain(), workload));
        route.report(t(NAN, 1.0, NAN), 0.0, 0.0);
        route.state.reading(&route.profile.config, 500.0).scar
    };
    let standard = scar(&PROFILES[1]);
    assert!(standard > 20.0);
    for workload in &PROFILES {
        let ratio = scar(workload) / standard;
        assert!((ratio - workload.scar_multiplier).abs() < 1e-6, "{} {ratio}", workload.name);
    }
}

#[test]
fn a_call_brings_its_own_profile_and_leaves_the_next_one_alone() {
    let standard = Profile::of(&plain(), &PROFILES[1]);
    let heavy = Profile::of(&plain(), &PROFILES[2]);
    let mut route = Route::new(standard);
    let slow = t(4_000.0, NAN, NAN);
    route.state.report_as(&standard.config, &heavy.report, &slow, 0.0, 0.0).expect("valid");
    assert_eq!(route.r(900.0), 10.0, "4 s are nothing for HEAVY");
    route.report(slow, 0.0, 1_000.0);
    assert!(route.r(1_900.0) > 40.0, "and trauma for STANDARD");
}

#[test]
fn a_custom_profile_refuses_what_is_out_of_range_by_name() {
    let base = Profile::of(&plain(), &PROFILES[1]);
    let spec = ProfileSpec { scar_factor: Some(-1.0), ..ProfileSpec::default() };
    assert_eq!(base.with(&plain(), &spec).expect_err("negative").field, "scarFactor");
    let spec = ProfileSpec { scar_multiplier: Some(3.0), ..ProfileSpec::default() };
    assert_eq!(base.with(&plain(), &spec).expect("valid").report.scar_factor, 15.0);
    for (max_duration_ms, heartbeat_ms, field) in [
        (0.0, 0.0, "maxDurationMs"),
        (f64::INFINITY, 0.0, "maxDurationMs"),
        (1.0, -1.0, "heartbeatMs"),
    ] {
        let spec = ProfileSpec {
            max_duration_ms: Some(max_duration_ms),
            heartbeat_ms: Some(heartbeat_ms),
            ..ProfileSpec::default()
        };
        assert_eq!(base.with(&plain(), &spec).expect_err("out of range").field, field);
    }
}

#[test]
fn a_custom_profile_takes_over_the_time_limits_that_it_does_not_set() {
    let heavy = Profile::of(&plain(), &PROFILES[2]);
    let spec = ProfileSpec { max_duration_ms: Some(7.0), ..ProfileSpec::default() };
    let budget = heavy.with(&plain(), &spec).expect("valid").budget;
    assert_eq!(budget, Budget { max_duration_ms: 7.0, heartbeat_ms: 5_000.0, abortable: true });
}

#[test]
fn a_reading_keeps_the_reason_of_the_last_decision() {
    let config = plain();
    let mut route = Route::new(Profile::of(&config, &PROFILES[1]));
    assert_eq!(route.state.reading(&config, 0.0).decided, None);
    for (voltage, reason) in [(1e6, DecisionReason::Ok), (1.0, DecisionReason::InsufficientVoltage)]
    {
        let (decision, _) = route.state.decide(&config, voltage, 0.0);
        assert_eq!(decision.reason, reason);
        assert_eq!(route.state.reading(&config, 0.0).decided, Some(reason));
    }
}

/// Returns a route whose R at rest is high: a weak service under steady pressure, with a little noise.
fn busy() -> (Route, f64) {
    let tuner = Some(TunerConfig { warmup_ticks: 0.0, ..TunerConfig::default() });
    let slo = Slo { latency_criticality: 1e9, ..Slo::default() };
    let mut route =
        Route::new(Profile::of(&ResistanceConfig { slo, tuner, ..plain() }, &PROFILES[1]));
    for step in 0..600 {
        let now = 100.0 * f64::from(step);
        let latency = if step % 2 == 0 { 150.0 } else { 170.0 };
        route.report(t(latency, NAN, NAN), 0.0, now);
        route.state.decide(&route.profile.config, 100.0, now);
    }
    (route, 60_000.0)
}

#[test]
fn a_breaker_closes_at_the_learned_point_not_at_a_share_of_the_break() {
    let (route, now) = busy();
    let reading = route.state.reading(&route.profile.config, now - 100.0);
    // Mean 21 and deviation 1.5, where half the break, 16 ohm, is a resistance this route never has.
    assert!((30.5..31.5).contains(&reading.break_at), "{reading:?}");
    assert!((21.0..=0.9 * reading.break_at).contains(&reading.recovery_at), "{reading:?}");
    assert!(reading.total > 0.5 * reading.break_at);
}

#[test]
fn nothing_is_learned_while_a_voltage_that_flows_at_rest_is_refused() {
    let (mut route, now) = busy();
    let config = route.profile.config;
    let learned = route.state.reading(&config, now).break_at;
    let voltage = 20.0;
    for step in 0..600 {
        let now = now + 100.0 * f64::from(step);
        route.report(t(165.0, NAN, NAN), 0.0, now);
        let (decision, _) = route.state.decide(&config, voltage, now);
        assert!(!decision.allow, "{decision:?}");
    }
    let frozen = route.state.reading(&config, now + 60_000.0).break_at;
    assert!((frozen - learned).abs() < 0.2, "{learned} {frozen}");
    // A voltage below the resistance at rest is refused always, which is no shedding.
    let mut route =
        Route::new(Profile::of(&ResistanceConfig { tuner: config.tuner, ..plain() }, &PROFILES[1]));
    for step in 0..600 {
        let now = 100.0 * f64::from(step);
        route.report(t(100.0, NAN, NAN), 0.0, now);
        route.state.decide(&config, 5.0, now);
    }
    assert!(route.state.reading(&config, 60_000.0).break_at < 100.0, "it learned");
}

#[test]
fn silence_closes_a_route_and_news_opens_it() {
    let config = ResistanceConfig {
        staleness_rate: 0.5,
        bootstrap_ticks: 3,
        tuner: None,
        ..ResistanceConfig::default()
    };
    let mut route = Route::new(Profile::of(&config, &PROFILES[1]));
    assert_eq!(
        route.state.resistance(&config, 1e6).1,
        Mode::Bootstrap,
        "never heard of is not silent"
    );
    route.hold(t(50.0, 0.0, 0.2), 0.0, 1_000.0);
    let at = |now| route.state.resistance(&config, now);
    assert_eq!(at(1_900.0), (10.0, Mode::Operational));
    assert_eq!(at(11_800.0).1, Mode::Operational);
    assert_eq!(at(11_950.0).1, Mode::CircuitBreaker, "0.5 ohm a second for ten seconds");
    assert!(at(11_950.0).0 >= 15.0);
    assert!(at(1e300).0.is_finite());
    route.report(t(50.0, 0.0, 0.2), 0.0, 20_000.0);
    assert_eq!(route.state.resistance(&config, 20_000.0), (10.0, Mode::Operational));
}

#[test]
fn old_news_is_taken_further_along_its_slope_and_later_news_goes_before_it() {
    let ramp = |age: f64| {
        let mut route = Route::new(Profile::of(&plain(), &PROFILES[1]));
        for step in 0..50_u32 {
            let now = 100.0 * f64::from(step);
            route.report(t(100.0 + 3.0 * f64::from(step), NAN, NAN), 0.0, now);
        }
        route.report(t(260.0, NAN, NAN), age, 5_000.0);
        route.state.reading(&plain(), 5_000.0)
    };
    let (fresh, aged) = (ramp(0.0), ramp(50.0));
    assert!(fresh.momentum_per_second > 0.05, "{fresh:?}");
    let ahead = aged.vector.latency - fresh.vector.latency;
    assert!((ahead - 0.05 * fresh.momentum_per_second).abs() < 1e-3, "{ahead} {fresh:?}");
    assert!(aged.vector.latency <= 1.0);
    // Late news counts and changes nothing.
    assert_eq!(ramp(2_000.0).vector, {
        let mut route = Route::new(Profile::of(&plain(), &PROFILES[1]));
        for step in 0..50_u32 {
            route.report(t(100.0 + 3.0 * f64::from(step), NAN, NAN), 0.0, 100.0 * f64::from(step));
        }
        route.state.reading(&plain(), 5_000.0).vector
    });
}

#[test]
fn tasks_leave_the_scar_of_their_outcome() {
    let config = plain();
    let after = |end| {
        let mut state = ResistanceState::new(&config);
        state.task_ended(&config, end, 5.0, 0.0);
        state.reading(&config, 0.0).scar
    };
    let scars =
        [TaskEnd::Completed, TaskEnd::Failed, TaskEnd::TimedOut, TaskEnd::Aborted].map(after);
    assert_eq!(scars, [0.0, 5.0, 10.0, 0.0]);
    let mut state = ResistanceState::new(&config);
    for _ in 0..1_000 {
        state.task_ended(&config, TaskEnd::TimedOut, 5.0, 0.0);
    }
    let reading = state.reading(&config, 0.0);
    assert_eq!((reading.scar, reading.mode), (120.0, Mode::CircuitBreaker));
    assert_eq!(state.resistance(&config, 60_000.0).1, Mode::Operational, "time heals it");
}

fn candidate(resistance: f64, closed: bool) -> Candidate {
    Candidate { resistance, closed }
}

#[test]
fn selection_does_not_underflow() {
    let far = [candidate(760.0, false), candidate(900.0, false)];
    assert_eq!(select(&far, 10.0, 1.0, 0.0, 0.5), Some(0));
    let huge = [candidate(1e9, false), candidate(1e9 + 1.0, false)];
    assert_eq!(select(&huge, 10.0, 1.0, 0.0, 0.52), Some(0), "10 % apart: 52.5 to 47.5");
    assert_eq!(select(&huge, 10.0, 1.0, 0.0, 0.53), Some(1));
    assert_eq!(select(&[], 10.0, 1.0, 0.0, 0.5), None);
}

#[test]
fn closed_routes_are_only_explored() {
    let routes = [candidate(10.0, true), candidate(200.0, false), candidate(10.0, true)];
    for step in 0..100 {
        let unit = f64::from(step) / 100.0;
        let chosen = select(&routes, 10.0, 1.0, 0.1, unit).expect("one");
        assert_eq!(chosen == 1, unit >= 0.1 || (1.0 / 3.0..2.0 / 3.0).contains(&(unit / 0.1)));
    }
    let all = [candidate(10.0, true), candidate(10.0, true)];
    assert_eq!(select(&all, 10.0, 1.0, 0.0, 0.9), Some(1), "when all are closed, any");
}

fn history() -> impl Strategy<Value = Vec<(f64, f64, f64, f64)>> {
    let gap = prop_oneof![0.01..50.0, 50.0..5_000.0, Just(3.6e6), -1_000.0..0.0];
    let age = prop_oneof![Just(0.0), 0.0..500.0, Just(1e6)];
    prop::collection::vec((gap, 0.0..2_000.0_f64, 0.0..=1.0_f64, age), 0..50)
}

fn replay(config: &ResistanceConfig, history: &[(f64, f64, f64, f64)]) -> (ResistanceState, f64) {
    let report = ReportProfile::of(config);
    let (mut state, mut now) = (ResistanceState::new(config), 1_000.0);
    for (gap, latency, error, age) in history {
        now += gap;
        let telemetry = t(*latency, *error, NAN);
        state.report_as(config, &report, &telemetry, *age, now).expect("valid");
        state.decide(config, 60.0, now);
    }
    (state, now)
}

fn thorough() -> ResistanceConfig {
    ResistanceConfig { damping_factor: 20.0, staleness_rate: 0.5, ..ResistanceConfig::default() }
}

proptest! {
    #[test]
    fn whatever_is_shared_changes_r_by_no_more_than_its_blend(
        history in history(), blend in 0.0..=1.0_f64, later in 0.0..60_000.0_f64,
        lies in prop::collection::vec((prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -1e9..1e9], 0.0..1e6_f64), 1..30),
    ) {
        let config = ResistanceConfig { bootstrap_ticks: 0, ..ResistanceConfig::default() };
        let (state, now) = replay(&config, &history);
        let mut told = state;
        for (scar, age) in lies {
            told.share(&config, scar, blend, age, now);
        }
        let (own, with) = (state.reading(&config, now + later), told.reading(&config, now + later));
        prop_assert_eq!(own.scar, with.scar, "the own scar is never touched");
        prop_assert!((with.total - own.total).abs() <= blend * config.effective_scar_cap() + 1e-3);
        prop_assert_eq!(own.break_at, with.break_at);
    }

    #[test]
    fn a_neighbour_never_opens_a_route(history in history(), bumps in 1..200_u32) {
        let config = ResistanceConfig { bootstrap_ticks: 0, cascade_bump: 50.0, ..ResistanceConfig::default() };
        let (mut state, now) = replay(&config, &history);
        let before = state.resistance(&config, now);
        for _ in 0..bumps {
            state.neighbour_opened(&config, now);
        }
        let after = state.resistance(&config, now);
        prop_assert!(after.1 == before.1);
        prop_assert!(after.0 >= before.0 - 1e-9);
        prop_assert!(after.0 <= before.0.max(state.reading(&config, now).recovery_at) + 1e-9);
    }

    #[test]
    fn r_is_finite_and_never_below_base_with_everything_on(history in history(), later in 0.0..1e9_f64) {
        let config = thorough();
        let (mut state, now) = replay(&config, &history);
        state.share(&config, 120.0, 1.0, 0.0, now);
        state.task_ended(&config, TaskEnd::TimedOut, 500.0, now);
        let reading = state.reading(&config, now + later);
        prop_assert!(reading.total.is_finite() && reading.total >= config.base_resistance);
        prop_assert!(reading.recovery_at < reading.break_at);
        prop_assert!(reading.vector.magnitude() <= 3.0_f64.sqrt() + 1e-9);
    }

    #[test]
    fn selection_is_always_one_of_them(
        resistances in prop::collection::vec((0.0..1e9_f64, any::<bool>()), 1..20),
        beta in 0.0..100.0_f64, explore in 0.0..0.5_f64, unit in 0.0..1.0_f64,
    ) {
        let candidates: Vec<_> = resistances.iter().map(|(r, closed)| candidate(*r, *closed)).collect();
        let chosen = select(&candidates, 10.0, beta, explore, unit);
        prop_assert!(chosen.is_some_and(|index| index < candidates.len()));
    }
}
