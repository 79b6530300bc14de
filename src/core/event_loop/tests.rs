use proptest::prelude::*;

use super::*;

#[test]
fn counts_runs_waits_and_stalls() {
    let times = LoopTimes::new(200.0, 10.0);
    assert_eq!(times.waits(15.0), None);
    times.runs(100.0);
    assert_eq!(times.waits(300.0), Some(200.0), "a run of the limit is a stall");
    let reading = times.reading(350.0);
    assert_eq!((reading.running_ms, reading.waiting_ms), (205.0, 135.0));
    assert_eq!((reading.blocked_ms, reading.longest_ms, reading.stalls), (200.0, 200.0, 1.0));
    assert_eq!(reading.run_ms, 0.0);
}

#[test]
fn pitfall_17_a_stall_of_150_ms_each_second_is_counted() {
    let times = LoopTimes::new(200.0, 0.0);
    for second in 0..10 {
        let start = f64::from(second) * 1000.0;
        times.runs(start);
        times.waits(start + 150.0);
    }
    let reading = times.reading(10_000.0);
    assert_eq!((reading.blocked_ms, reading.longest_ms, reading.stalls), (1500.0, 150.0, 0.0));
}

#[test]
fn a_run_that_lasts_is_in_the_reading_already() {
    let times = LoopTimes::new(200.0, 0.0);
    let reading = times.reading(5000.0);
    assert_eq!((reading.running_ms, reading.blocked_ms, reading.run_ms), (5000.0, 5000.0, 5000.0));
    assert_eq!((reading.longest_ms, reading.stalls), (5000.0, 1.0));
    times.waits(5000.0);
    assert_eq!(times.reading(5000.0), LoopReading { run_ms: 0.0, ..reading });
}

#[test]
fn a_stall_is_noticed_once_while_it_lasts() {
    let times = LoopTimes::new(200.0, 0.0);
    let mut watch = StallWatch::default();
    assert_eq!(watch.look(&times, 199.0), None);
    assert_eq!(watch.look(&times, 210.0), Some(210.0));
    assert_eq!(watch.look(&times, 5000.0), None);
    times.waits(5000.0);
    assert_eq!(watch.look(&times, 5001.0), None);
    times.runs(5001.0);
    assert_eq!(watch.look(&times, 5300.0), Some(299.0));
}

#[test]
fn another_limit_counts_for_runs_to_come_and_leaves_the_times() {
    let times = LoopTimes::new(200.0, 0.0);
    times.waits(150.0);
    times.set_stall_ms(100.0);
    times.runs(150.0);
    assert_eq!(times.waits(270.0), Some(120.0));
    let reading = times.reading(270.0);
    assert_eq!((reading.stalls, reading.running_ms), (1.0, 270.0));
}

proptest! {
    #[test]
    fn counters_never_shrink_and_add_up_to_the_time(
        turns in prop::collection::vec((any::<bool>(), 0.0..500.0f64), 1..100)
    ) {
        let times = LoopTimes::new(200.0, 0.0);
        let mut now = 0.0;
        let mut before = times.reading(now);
        for (runs, passed) in turns {
            now += passed;
            if runs { times.runs(now) } else { times.waits(now); }
            let reading = times.reading(now);
            prop_assert!((reading.running_ms + reading.waiting_ms - now).abs() < 1e-6);
            for (old, new) in [
                (before.running_ms, reading.running_ms),
                (before.waiting_ms, reading.waiting_ms),
                (before.blocked_ms, reading.blocked_ms),
                (before.longest_ms, reading.longest_ms),
                (before.stalls, reading.stalls),
            ] {
                prop_assert!(new >= old - 1e-6);
            }
            prop_assert!(reading.blocked_ms <= reading.running_ms + 1e-6);
            before = reading;
        }
    }
}

#[test]
fn callbacks_that_run_before_the_wait_is_told_to_be_over_are_a_run() {
    let at = |now: f64, idle: f64| LoopMoment { now, idle: Some(idle) };
    let times = LoopTimes::new(200.0, 0.0);
    let mut watch = StallWatch::default();
    times.waits(at(10.0, 1000.0));
    assert_eq!(times.run_ms(at(500.0, 1490.0)), 0.0, "it waits");
    // At 500 a socket has data, and its callback takes 300.
    assert_eq!(watch.look(&times, at(600.0, 1490.0)), None);
    assert_eq!(watch.look(&times, at(750.0, 1490.0)), Some(250.0));
    assert_eq!(times.reading(at(750.0, 1490.0)).run_ms, 250.0);
    assert_eq!(times.reading(at(750.0, 1490.0)).waiting_ms, 490.0);
    times.runs(at(800.0, 1490.0));
    assert_eq!(times.run_ms(at(810.0, 1490.0)), 310.0, "the run began with the callback");
    assert_eq!(times.waits(at(820.0, 1490.0)), Some(320.0));
    let reading = times.reading(at(820.0, 1490.0));
    assert_eq!((reading.running_ms, reading.waiting_ms), (330.0, 490.0));
    assert_eq!((reading.blocked_ms, reading.stalls), (320.0, 1.0));
}
