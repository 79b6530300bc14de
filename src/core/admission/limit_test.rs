use super::{GateConfig, Limit};

/// Returns a gate whose limit is 16 and whose service takes 20 ms.
fn limit() -> (Limit, GateConfig) {
    let config = GateConfig {
        initial_limit: 16.0,
        latency_baseline_ms: Some(20.0),
        ..GateConfig::default()
    };
    (Limit::new(&config), config)
}

#[test]
fn a_backlog_that_outlasts_every_client_halves_the_limit() {
    let (mut limit, config) = limit();
    for _ in 0..200 {
        limit.abandoned(&config, 500.0, 500.0, 0.0);
    }
    assert_eq!(limit.value(), 1.0);
    assert!(limit.has_room(0.0));
}

#[test]
fn clients_with_reasons_of_their_own_do_not() {
    let (mut limit, config) = limit();
    for _ in 0..200 {
        limit.abandoned(&config, 5.0, 500.0, 0.0);
    }
    assert_eq!(limit.value(), 16.0);
}

#[test]
fn a_limit_of_one_grows_again() {
    let config =
        GateConfig { initial_limit: 1.0, latency_baseline_ms: Some(20.0), ..GateConfig::default() };
    let mut limit = Limit::new(&config);
    for _ in 0..20 {
        limit.block();
        limit.sample(&config, (1.0, true), 20.0, 0.0, 0.0);
    }
    assert!(limit.value() >= 2.0);
}
