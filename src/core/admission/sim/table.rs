//! The wide table of `docs/design/admission.md`, written to the test output.

use std::fmt::Write as _;

use super::report::{Report, spread};
use super::world::{Door, Fault, Scenario};
use crate::core::admission::EngineConfig;

const SEEDS: u64 = 5;

fn runs(scenario: &Scenario) -> Vec<Report> {
    (0..SEEDS).map(|seed| scenario.run(seed)).collect()
}

fn line(out: &mut String, label: &str, reports: &[Report], from: usize, to: usize) {
    let of = |f: &dyn Fn(&Report) -> f64| spread(reports.iter().map(f));
    let good = of(&|r| r.goodput(from, to));
    let critical = of(&|r| r.success_of(0, from, to));
    writeln!(
        out,
        "| {label} | {:.1} / {:.1} | {:.2} / {:.2} | {:.3} | {:.0} | {:.0} | {:.1} | {:.0} |",
        good.median,
        good.lowest,
        critical.median,
        critical.lowest,
        of(&|r| r.shed_share(from, to)).median,
        of(&|r| r.p99(from, to)).median,
        of(&|r| r.flaps(from, to)).highest,
        of(&|r| r.baseline).median,
        of(&|r| r.limit).median,
    )
    .expect("a string takes all");
}

#[test]
#[ignore = "prints a table for docs/design/admission.md and takes about a minute"]
fn wide_table() {
    let mut out = String::from(
        "\n| service x servers @ load | goodput % median/worst | critical % median/worst | shed % | p99 ms | flaps | baseline ms | limit |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (service_ms, timeout_ms) in [(2.0, 100.0), (20.0, 500.0), (200.0, 2000.0)] {
        for servers in [1, 8, 64] {
            for load in [0.5, 0.8, 1.5, 2.0, 4.0] {
                let (from, to) = match service_ms {
                    2.0 => (2, 12_u8),
                    20.0 => (2, 40),
                    _ => (10, 200),
                };
                let mut scenario = Scenario::standard(vec![(f64::from(to), load)]);
                (scenario.service_ms, scenario.timeout_ms) = (service_ms, timeout_ms);
                scenario.servers = servers;
                let label = format!("{service_ms} ms x {servers} @ {load}");
                line(&mut out, &label, &runs(&scenario), from, usize::from(to));
            }
        }
    }
    for servers in [8, 64] {
        let mut s3 = Scenario::standard(vec![(60.0, 0.7)]);
        s3.servers = servers;
        s3.retries = 2;
        s3.faults = vec![Fault { from: 20.0, to: 30.0, slow: 10.0, errors: 0.3 }];
        let reports = runs(&s3);
        let of = |f: &dyn Fn(&Report) -> f64| spread(reports.iter().map(f));
        writeln!(
            out,
            "S3 x {servers}: before {:.2} during {:.2} after {:.2} recovery {:.0} (worst {:.0}) flaps {:.1} reasons {:?}",
            of(&|r| r.success(5, 20)).median,
            of(&|r| r.success(20, 30)).median,
            of(&|r| r.success(30, 60)).median,
            of(&|r| r.recovery(30, 60) as f64).median,
            of(&|r| r.recovery(30, 60) as f64).highest,
            of(&|r| r.flaps(0, 60)).highest,
            reports[0].reasons,
        )
        .expect("a string takes all");
    }
    let full = EngineConfig::default();
    for (label, door) in [
        ("open", Door::Open),
        ("no queue", Door::NoQueue(full)),
        ("flat", Door::Flat(full)),
        ("gate", Door::Gate(full)),
    ] {
        let mut scenario = Scenario::standard(vec![(30.0, 2.0)]);
        scenario.door = door;
        line(&mut out, &format!("{label} @ 2"), &runs(&scenario), 2, 30);
    }
    ablate(&mut out);
    show(&out);
}

/// Shows the worth of each term of R, in an outage and in a brown-out.
fn ablate(out: &mut String) {
    let full = EngineConfig::default();
    let (mut still, mut unscarred, mut weightless) = (full, full, full);
    still.gate.resistance.damping_factor = 0.0;
    unscarred.gate.resistance.scar_factor = 0.0;
    let slo = &mut weightless.gate.resistance.slo;
    (slo.latency_criticality, slo.error_criticality, slo.saturation_criticality) = (0.0, 0.0, 0.0);
    for (label, config) in [
        ("all terms", full),
        ("no momentum", still),
        ("no scar", unscarred),
        ("no pressure term", weightless),
    ] {
        let mut scenario = Scenario::standard(vec![(40.0, 0.7)]);
        scenario.door = Door::Gate(config);
        scenario.retries = 2;
        scenario.faults = vec![Fault { from: 10.0, to: 20.0, slow: 1.0, errors: 1.0 }];
        let outage = runs(&scenario);
        scenario.faults = vec![Fault { from: 10.0, to: 20.0, slow: 10.0, errors: 0.3 }];
        let brown = runs(&scenario);
        let of =
            |reports: &[Report], f: &dyn Fn(&Report) -> f64| spread(reports.iter().map(f)).median;
        writeln!(
            out,
            "R with {label}: outage admitted {:.1} % of attempts, then recovery {:.0} s; brown-out success {:.1} %, after {:.2} %",
            of(&outage, &|r| 100.0 - r.shed_share(12, 20)),
            of(&outage, &|r| r.recovery(20, 40) as f64),
            of(&brown, &|r| r.success(10, 20)),
            of(&brown, &|r| r.success(20, 40)),
        )
        .expect("a string takes all");
    }
}

#[expect(clippy::print_stdout, reason = "printing the table is what the test is for")]
fn show(out: &str) {
    println!("{out}");
}
