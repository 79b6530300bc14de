//! The reading of a tuner: what it has learned, and whether that is in force.

use super::{ResistanceConfig, TunerConfig, TunerReading, tuner::Tuner};

/// A tuner that remembers one tick of 100 ms, and is warm after five.
fn config() -> ResistanceConfig {
    let tuner = TunerConfig { window_size: 1.0, warmup_ticks: 5.0, ..TunerConfig::default() };
    ResistanceConfig { min_delta_t_ms: 100.0, tuner: Some(tuner), ..ResistanceConfig::default() }
}

fn read(tuner: &Tuner, config: &ResistanceConfig) -> TunerReading {
    tuner.reading(config).expect("a tuner")
}

#[test]
fn a_tuner_has_a_reading_only_where_it_tunes_the_break() {
    let config = config();
    let mut tuner = Tuner::new(&config);
    tuner.learn(&config, 20.0, 100.0);
    assert_eq!(tuner.reading(&ResistanceConfig { tuner: None, ..config }), None);
    assert!(tuner.reading(&config).is_some());
}

#[test]
fn a_reading_has_the_mean_and_the_deviation_weighted_by_time() {
    let config = config();
    let mut tuner = Tuner::new(&config);
    let nothing = TunerReading { mean: 0.0, deviation: 0.0, ticks: 0.0, is_warm: false };
    assert_eq!(read(&tuner, &config), nothing);
    tuner.learn(&config, 20.0, 50.0);
    assert_eq!(read(&tuner, &config), TunerReading { mean: 20.0, ticks: 0.5, ..nothing });
    tuner.learn(&config, 30.0, 100.0);
    // Of what was before a time constant ago, 1/e is left.
    let keep = (-1.0_f64).exp();
    let reading = read(&tuner, &config);
    assert!((reading.mean - (30.0 - 10.0 * keep)).abs() < 1e-9, "{reading:?}");
    assert!((reading.deviation - 10.0 * (keep * (1.0 - keep)).sqrt()).abs() < 1e-9, "{reading:?}");
    assert_eq!((reading.ticks, reading.is_warm), (1.5, false));
}

#[test]
fn a_reading_is_the_same_however_its_time_is_divided() {
    let config = config();
    let [mut once, mut often] = [Tuner::new(&config), Tuner::new(&config)];
    for tuner in [&mut once, &mut often] {
        tuner.learn(&config, 20.0, 100.0);
    }
    once.learn(&config, 40.0, 300.0);
    for _ in 0..30 {
        often.learn(&config, 40.0, 10.0);
    }
    let (whole, parts) = (read(&once, &config), read(&often, &config));
    assert!((whole.mean - parts.mean).abs() < 1e-9, "{whole:?} {parts:?}");
    assert!((whole.deviation - parts.deviation).abs() < 1e-9, "{whole:?} {parts:?}");
    assert!((whole.ticks - parts.ticks).abs() < 1e-9, "{whole:?} {parts:?}");
}

#[test]
fn a_reading_is_warm_once_the_healthy_time_has_passed_and_the_recovery_is_learned_then() {
    let config = config();
    let mut tuner = Tuner::new(&config);
    tuner.learn(&config, 20.0, 499.0);
    assert!(!read(&tuner, &config).is_warm);
    assert_eq!(tuner.recovery_at(&config), config.recovery_for(tuner.break_at()));
    tuner.learn(&config, 20.0, 1.0);
    assert!(read(&tuner, &config).is_warm);
    assert_eq!(tuner.recovery_at(&config), 30.0_f64.min(0.9 * tuner.break_at()));
    for no_time in [0.0, -1.0] {
        let before = read(&tuner, &config);
        tuner.learn(&config, 90.0, no_time);
        assert_eq!(read(&tuner, &config), before);
    }
}

#[test]
fn a_reading_without_a_time_to_warm_up_is_warm_with_the_first_healthy_time() {
    let tuner_config = TunerConfig { warmup_ticks: 0.0, ..TunerConfig::default() };
    let config = ResistanceConfig { tuner: Some(tuner_config), ..config() };
    let mut tuner = Tuner::new(&config);
    assert!(!read(&tuner, &config).is_warm);
    tuner.learn(&config, 20.0, 1.0);
    assert!(read(&tuner, &config).is_warm);
}
