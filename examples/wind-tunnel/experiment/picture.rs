//! Load, goodput, late answers and R of a run, as a picture and as lines of text.

use std::fmt::Write as _;

use crate::policy::Kind;
use crate::report::{Line, Page, picture, spark};
use crate::world::{PER_SECOND, Record, Scenario};

const SHOWN: [Kind; 3] = [Kind::None, Kind::Gradient2, Kind::Breaker];

fn kinds() -> Vec<Kind> {
    [Kind::ours()].into_iter().chain(SHOWN).collect()
}

/// A figure for each half of a second.
fn series(scenario: &Scenario, record: &Record, of: impl Fn(&Record, f64) -> f64) -> Vec<f64> {
    let halves = std::iter::successors(Some(0.0), |at| Some(at + 0.5));
    halves.take_while(|at| *at < scenario.seconds).map(|at| of(record, at)).collect()
}

fn load(record: &Record, at: f64) -> f64 {
    record.sum(at, at + 0.5, |b| b.offered.iter().sum()) / (0.5 * record.capacity) * 100.0
}

fn resistance(record: &Record, at: f64) -> f64 {
    record.span(at, at + 0.1).first().map_or(f64::NAN, |bucket| bucket.resistance)
}

pub fn draw(page: &mut Page, name: &str, title: &str, scenario: &Scenario) {
    let runs: Vec<(Kind, Record)> = kinds()
        .into_iter()
        .map(|kind| (kind, scenario.run(0, &mut *kind.open(scenario, 0))))
        .collect();
    let panel = |of: &dyn Fn(&Record, f64) -> f64| -> Vec<Line> {
        let line = |(kind, record): &(Kind, Record)| Line {
            name: kind.name().to_owned(),
            values: series(scenario, record, of),
        };
        runs.iter().map(line).collect()
    };
    debug_assert_eq!(PER_SECOND, 10);
    let panels = [
        ("load %", 400.0, panel(&load)),
        ("goodput %", 120.0, panel(&|r, at| r.goodput(at, at + 0.5))),
        ("p99 ms", 600.0, panel(&|r, at| r.latency(0.99, at, at + 0.5))),
        ("R ohm", 140.0, panel(&resistance)),
    ];
    page.picture(name, title, picture(title, scenario.seconds, &panels));
}

/// The same for a terminal.
pub fn terminal(scenario: &Scenario) -> String {
    let mut text = String::new();
    for kind in kinds() {
        let record = scenario.run(0, &mut *kind.open(scenario, 0));
        let rows: [(&str, Vec<f64>, f64); 4] = [
            ("load", series(scenario, &record, load), 250.0),
            ("goodput", series(scenario, &record, |r, at| r.goodput(at, at + 0.5)), 110.0),
            ("p99", series(scenario, &record, |r, at| r.latency(0.99, at, at + 0.5)), 500.0),
            ("R", series(scenario, &record, resistance), 130.0),
        ];
        for (name, values, top) in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:>10} {name:<8} {}", kind.name(), spark(&values, top, 90));
        }
    }
    text
}
