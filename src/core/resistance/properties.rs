//! Properties that hold for every history of reports, not just for those that we thought of.

use proptest::prelude::*;

use super::{ResistanceConfig, ResistanceState, Telemetry, Weights};

fn telemetry() -> impl Strategy<Value = Telemetry> {
    let latency = prop_oneof![Just(None), (0.0..2000.0_f64).prop_map(Some), Just(Some(f64::MAX))];
    let error = prop_oneof![Just(None), (0.0..=1.0_f64).prop_map(Some)];
    let saturation = prop_oneof![Just(None), (0.0..3.0_f64).prop_map(Some), Just(Some(1e300))];
    (latency, error, saturation).prop_map(|(latency_ms, error_rate, saturation)| Telemetry {
        latency_ms,
        error_rate,
        saturation,
    })
}

/// Reports with the time since the previous one; negative is a clock going back.
fn history() -> impl Strategy<Value = Vec<(f64, Telemetry)>> {
    let gap = prop_oneof![Just(0.0), 0.01..50.0, 50.0..5_000.0, Just(3.6e6), -10_000.0..0.0];
    prop::collection::vec((gap, telemetry()), 0..60)
}

fn replay(config: &ResistanceConfig, history: &[(f64, Telemetry)]) -> (ResistanceState, f64) {
    let weights = Weights::of(config);
    let mut state = ResistanceState::new(config);
    let mut now = 1000.0;
    for (gap, telemetry) in history {
        now += gap;
        state.report(config, &weights, telemetry, now).expect("valid");
    }
    (state, now)
}

proptest! {
    #[test]
    fn r_is_finite_and_never_below_base(history in history(), later in 0.0..1e7_f64, far: bool) {
        let config = ResistanceConfig::default();
        let (mut state, mut now) = replay(&config, &history);
        if far {
            now += 1e300;
            let sick = Telemetry { error_rate: Some(1.0), ..Telemetry::default() };
            state.report(&config, &Weights::of(&config), &sick, now).expect("valid");
        }
        let reading = state.reading(&config, now + later);
        for x in [reading.total, reading.scar, reading.momentum, reading.pressure, reading.break_at] {
            prop_assert!(x.is_finite());
        }
        prop_assert!(reading.total >= config.base_resistance);
        prop_assert!(reading.scar <= config.effective_scar_cap());
        prop_assert!(reading.recovery_at < reading.break_at);
    }

    #[test]
    fn r_decays_to_base_without_traffic(history in history()) {
        let config = ResistanceConfig { bootstrap_ticks: 0, ..ResistanceConfig::default() };
        let (state, now) = replay(&config, &history);
        let (mut last, mut at) = (f64::INFINITY, now + config.hold_ms);
        for _ in 0..80 {
            let r = state.resistance(&config, at).0;
            prop_assert!(r <= last + 1e-9);
            last = r;
            at += 2_500.0;
        }
        prop_assert!((last - config.base_resistance).abs() < 1e-3, "{last}");
    }

    #[test]
    fn reading_does_not_depend_on_the_steps_taken(history in history(), a in 0.0..3_000.0_f64, b in 0.0..3_000.0_f64) {
        // A report that repeats the last one, inside its hold, is a step.
        let config = ResistanceConfig { bootstrap_ticks: 0, tuner: None, hold_ms: 10_000.0, ..ResistanceConfig::default() };
        let weights = Weights::of(&config);
        let (mut state, now) = replay(&config, &history);
        let Some((_, last)) = history.last() else { return Ok(()) };
        let direct = state.reading(&config, now + a + b);
        state.report(&config, &weights, last, now + a).expect("valid");
        let stepped = state.reading(&config, now + a + b);
        prop_assert!((direct.total - stepped.total).abs() < 1e-6, "{} {}", direct.total, stepped.total);
    }

    #[test]
    fn more_stress_never_means_less_resistance(
        history in history(), base in telemetry(), more in 0.0..5.0_f64, age in 0.0..5_000.0_f64,
    ) {
        let config = ResistanceConfig { bootstrap_ticks: 0, ..ResistanceConfig::default() };
        let weights = Weights::of(&config);
        let (state, now) = replay(&config, &history);
        let calm = Telemetry {
            latency_ms: base.latency_ms.or(Some(50.0)),
            error_rate: base.error_rate.or(Some(0.0)),
            saturation: base.saturation.or(Some(0.0)),
        };
        let worse = Telemetry {
            latency_ms: calm.latency_ms.map(|x| (x * (1.0 + more)).min(f64::MAX)),
            error_rate: calm.error_rate.map(|x| (x * (1.0 + more)).min(1.0)),
            saturation: calm.saturation.map(|x| x * (1.0 + more)),
        };
        let (mut a, mut b) = (state, state);
        a.report(&config, &weights, &calm, now).expect("valid");
        b.report(&config, &weights, &worse, now).expect("valid");
        let (low, high) = (a.resistance(&config, now + age).0, b.resistance(&config, now + age).0);
        // Before the first report there is no direction, so both start level.
        prop_assert!(high >= low - 1e-9, "{low} {high}");
    }

    #[test]
    fn a_scar_does_not_depend_on_the_report_rate(every in 0.1..1000.0_f64, latency in 0.0..2000.0_f64) {
        let config = ResistanceConfig { bootstrap_ticks: 0, tuner: None, ..ResistanceConfig::default() };
        let weights = Weights::of(&config);
        let telemetry = Telemetry { latency_ms: Some(latency), ..Telemetry::default() };
        let mut often = ResistanceState::new(&config);
        let mut once = ResistanceState::new(&config);
        once.report(&config, &weights, &telemetry, 0.0).expect("valid");
        let mut now = 0.0;
        while now < 1000.0 {
            often.report(&config, &weights, &telemetry, now).expect("valid");
            now += every;
        }
        let (a, b) = (often.reading(&config, 1000.0), once.reading(&config, 1000.0));
        prop_assert!((a.total - b.total).abs() < 1e-4, "{} {}", a.total, b.total);
    }
}
