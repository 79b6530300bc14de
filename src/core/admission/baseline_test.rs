use proptest::prelude::*;

use super::{LatencyBaseline, News};
use crate::core::random::Random;

/// Service times of mean 20 ms: Erlang-4, exponential, or one call in twenty ten times as long as the others are short.
#[derive(Debug, Clone, Copy)]
enum Work {
    Even,
    Exponential,
    Uneven,
}

impl Work {
    fn draw(self, random: &mut Random) -> f64 {
        let mut exponential = |mean: f64| -mean * (1.0 - random.unit()).ln();
        match self {
            Self::Even => (0..4).map(|_| exponential(5.0)).sum(),
            Self::Exponential => exponential(20.0),
            Self::Uneven => {
                let long = exponential(1.0) > 3.0;
                exponential(if long { 180.0 } else { 11.6 })
            }
        }
    }
}

/// Returns mean in flight, latency and softened latency of so many calls, `in_flight` of which are always there, first
/// come first served.
fn loaded(
    known: &LatencyBaseline,
    servers: usize,
    in_flight: usize,
    work: Work,
    calls: usize,
) -> (f64, f64, f64) {
    let mut random = Random::new(7);
    let mut free = vec![0.0_f64; servers];
    let mut ends: Vec<f64> = Vec::new();
    let (mut latency, mut soft) = (0.0, 0.0);
    for call in 0..calls + 4 * in_flight {
        // The next starts when the first of those in flight ends.
        let now = if ends.len() < in_flight {
            0.0
        } else {
            let first = (0..ends.len()).min_by(|a, b| ends[*a].total_cmp(&ends[*b])).expect("some");
            ends.swap_remove(first)
        };
        let server = (0..servers).min_by(|a, b| free[*a].total_cmp(&free[*b])).expect("some");
        let end = free[server].max(now) + work.draw(&mut random);
        free[server] = end;
        ends.push(end);
        if call >= 4 * in_flight {
            latency += end - now;
            soft += known.soften(end - now);
        }
    }
    (in_flight as f64, latency / calls as f64, soft / calls as f64)
}

fn known(work: Work, samples: usize) -> LatencyBaseline {
    let mut random = Random::new(3);
    let mut known = LatencyBaseline::new(None);
    known.observe(1.0, 0.0);
    known.observe(1.0, 160.0);
    for sample in 0..samples {
        known.add(work.draw(&mut random), 1.0);
        if sample % 16 == 15 {
            known.learn(10.0, false);
        }
    }
    known
}

#[test]
fn tells_how_many_wait_inside_whatever_the_work_is_like() {
    for work in [Work::Even, Work::Exponential, Work::Uneven] {
        let known = known(work, 256);
        for servers in [4_usize, 8, 64] {
            for in_flight in [servers, servers + servers / 4, 2 * servers] {
                let (n, latency, soft) = loaded(&known, servers, in_flight, work, 20_000);
                let found = known.waiting(n, latency, soft);
                let truth = (in_flight - servers) as f64;
                let within = 0.25 * truth + 0.08 * servers as f64;
                assert!(
                    (found - truth).abs() <= within,
                    "{work:?} x {servers}, {in_flight} in flight: {found}, not {truth}"
                );
            }
        }
    }
}

#[test]
fn one_server_is_told_from_two() {
    let known = known(Work::Exponential, 256);
    let (n, latency, soft) = loaded(&known, 1, 2, Work::Exponential, 2000);
    assert!(known.waiting(n, latency, soft) > 0.8);
    let (n, latency, soft) = loaded(&known, 2, 2, Work::Exponential, 2000);
    assert!(known.waiting(n, latency, soft) < 0.2);
}

#[test]
fn nothing_waits_while_nothing_is_known() {
    let unknown = LatencyBaseline::new(None);
    assert_eq!(unknown.waiting(10.0, 100.0, 0.5), 0.0);
    let given = LatencyBaseline::new(Some(20.0));
    assert_eq!(given.mean(), 20.0);
    assert_eq!(given.at_most(), 20.0);
    assert_eq!(given.waiting(10.0, 100.0, given.soften(100.0)), 0.0);
}

#[test]
fn a_backlog_in_what_was_known_is_news_and_so_is_a_slower_service() {
    let mut slower = known(Work::Exponential, 256);
    let mut random = Random::new(9);
    for _ in 0..64 {
        slower.add(Work::Exponential.draw(&mut random) + 40.0, 1.0);
    }
    assert_eq!(slower.learn(10.0, false).0, News::Later);
    assert!((50.0..70.0).contains(&slower.mean()), "{}", slower.mean());
    let again: Vec<f64> = (0..64).map(|_| Work::Exponential.draw(&mut random)).collect();
    for latency in &again {
        slower.add(*latency, 1.0);
    }
    assert_eq!(slower.learn(10.0, false).0, News::Sooner);
    let mean = again.iter().sum::<f64>() / 64.0;
    assert!((slower.mean() - mean).abs() < 1e-3, "{} of {mean}", slower.mean());
}

#[test]
fn chance_is_no_news() {
    for work in [Work::Even, Work::Exponential, Work::Uneven] {
        let mut known = known(work, 256);
        let mut random = Random::new(11);
        let news = (0..500).filter(|_| {
            (0..8).for_each(|_| known.add(work.draw(&mut random), 1.0));
            known.learn(10.0, false).0 != News::None
        });
        let found = news.count();
        // Of heavy tails the mean is judged as if it were normal, which it is not.
        assert!(found <= 10, "{work:?}: {found}");
    }
}

proptest! {
    #[test]
    fn nobody_waits_who_is_not_there(
        latencies in prop::collection::vec(0.0_f64..1e6, 8..300),
        in_flight in 0.0_f64..1e4,
        latency in 0.0_f64..1e7,
    ) {
        let mut known = LatencyBaseline::new(None);
        known.observe(1.0, 0.0);
        known.observe(1.0, 100.0);
        for latency in latencies {
            known.add(latency, 1.0);
            if known.fresh() >= 8.0 {
                known.learn(10.0, false);
            }
        }
        let waiting = known.waiting(in_flight, latency, known.soften(latency));
        prop_assert!((0.0..=in_flight).contains(&waiting), "{}", waiting);
        prop_assert!(known.mean() > 0.0 && known.mean().is_finite());
        prop_assert!(known.at_most() >= known.mean());
    }
}
