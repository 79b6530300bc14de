//! E8: failures that no error tells of. E11: a neighbour's failure.

use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::{Page, figure};
use crate::world::{Backend, Fault, Load, Record, Scenario, Service};

/// R this far above its base is a signal: a fifth of it, as in BOOTSTRAP.
const SIGNAL: f64 = 12.0;

/// Seconds from `from` until R signals, or a policy without R refuses; infinity if not by `to`.
fn signal(record: &Record, from: f64, to: f64) -> f64 {
    let seen = record
        .span(from, to)
        .iter()
        .position(|b| if b.resistance.is_nan() { b.refused > 0 } else { b.resistance >= SIGNAL });
    seen.map_or(f64::INFINITY, |tenth| tenth as f64 / 10.0)
}

/// Tenths of a second with a signal, per cent.
fn signalled(record: &Record, from: f64, to: f64) -> f64 {
    let span = record.span(from, to);
    let seen = span
        .iter()
        .filter(|b| if b.resistance.is_nan() { b.refused > 0 } else { b.resistance >= SIGNAL });
    100.0 * seen.count() as f64 / span.len().max(1) as f64
}

pub fn gray(lab: &Lab, page: &mut Page) {
    page.heading("E8. Gray failure: slow, and no errors");
    page.line("Half the capacity, and from 10 s on one call in ten takes 20 times as long, or one of four backends is 20 times as slow. Detected: R ≥ 12 Ω (its base is 10), or, without R, the first refusal; seconds, median / worst. False alarms: share of the time with a signal under a load that goes from 0.2 to 0.9 and back, with a pause of 200 ms every 5 s at half load, and with service times of CV 3 at 0.7. Twice the capacity, after 10 s of half of it, is no gray failure either; a signal then is no mistake, and not wanted.");
    let kinds = Kind::all();
    let mut tenth = Scenario::steady(0.25, 30.0);
    tenth.faults = vec![Fault { slow: 20.0, slow_share: 0.1, ..Fault::of(10.0, 30.0) }];
    let mut quarter = Scenario::steady(0.5, 30.0);
    quarter.backends = vec![Backend { servers: 2, service: Service::exponential(20.0) }; 4];
    quarter.routes = vec![vec![0, 1, 2, 3]];
    quarter.faults = vec![Fault { slow: 20.0, ..Fault::of(10.0, 30.0) }];
    let day = Scenario::standard(Load::Sine { mean: 0.55, swing: 0.35, period: 60.0 }, 60.0);
    let mut pauses = Scenario::steady(0.5, 30.0);
    pauses.pauses = (1..6).map(|i| (5.0 * f64::from(i), 200.0)).collect();
    let heavy = Service { mean_ms: 20.0, cv: 3.0 };
    let tail = Scenario::of(8, heavy, 500.0, Load::Steps(vec![(60.0, 0.7)]), 60.0);
    let overload = Scenario::standard(Load::Steps(vec![(10.0, 0.5), (30.0, 2.0)]), 30.0);
    let pairs: Vec<_> = [tenth, quarter, day, pauses, tail, overload]
        .into_iter()
        .flat_map(|scenario| kinds.iter().map(move |kind| (scenario.clone(), *kind)))
        .collect();
    let found = lab.measure(&pairs, |s, r| {
        let to = s.seconds;
        [signal(r, 10.0, to), signalled(r, 2.0, to), r.success(12.0, to), signalled(r, 4.0, 10.0)]
    });
    let n = kinds.len();
    let table: Vec<Vec<String>> = (0..n)
        .map(|i| {
            let at = |scenario: usize| &found[scenario * n + i];
            vec![
                kinds[i].name().to_owned(),
                at(0)[0].most(),
                figure(at(0)[2].median),
                at(1)[0].most(),
                figure(at(1)[2].median),
                figure(at(2)[1].median),
                figure(at(3)[1].median),
                figure(at(4)[1].median),
                figure(at(5)[1].median),
            ]
        })
        .collect();
    let head = [
        "policy",
        "1 call in 10: detected s",
        "success %",
        "1 backend of 4: detected s",
        "success %",
        "false, day %",
        "false, pauses %",
        "false, heavy tail %",
        "overload %",
    ];
    page.table(&head, &table);
    let ours = |scenario: usize| &found[scenario * n + n - 1];
    page.bar(
        "E8: one backend of four is seen within 3 s",
        format!("{} s", ours(1)[0].most()),
        ours(1)[0].median <= 3.0,
    );
    page.bar(
        "E8: one call in ten is seen within 3 s",
        format!("{} s", ours(0)[0].most()),
        ours(0)[0].median <= 3.0,
    );
    page.bar(
        "E8: no alarm by day",
        format!("{} % of the time", ours(2)[1].most()),
        ours(2)[1].median == 0.0,
    );
    page.bar(
        "E8: no alarm by pauses",
        format!("{} % of the time", ours(3)[1].most()),
        ours(3)[1].median == 0.0,
    );
    page.bar(
        "E8: no alarm by a heavy tail",
        format!("{} % of the time", ours(4)[1].most()),
        ours(4)[1].median == 0.0,
    );
}

pub fn neighbour(lab: &Lab, page: &mut Page) {
    page.heading("E11. Two dependencies, one of which dies");
    page.line("Two routes with a gate and a backend each, at 0.7 of their capacity; from 10 to 20 s one backend fails every call. Success of the other route meanwhile, and of the route itself afterwards, per cent, median / worst.");
    let kinds = Kind::all();
    let mut scenario = Scenario::steady(0.7, 35.0);
    scenario.backends = vec![Backend { servers: 8, service: Service::exponential(20.0) }; 2];
    scenario.routes = vec![vec![0], vec![1]];
    scenario.faults = vec![Fault { errors: 1.0, ..Fault::of(10.0, 20.0) }];
    let found = lab.compare(&scenario, &kinds, |s, r| {
        [r.success_on(1, 10.0, 20.0), r.success_on(0, 23.0, s.seconds)]
    });
    page.table(
        &["policy", "the other route", "the route, from 3 s after"],
        &super::rows(&kinds, &found, |f| vec![f[0].least(), f[1].least()]),
    );
    let ours = &found[kinds.len() - 1];
    page.bar("E11: the other route ≥ 99 %", ours[0].least(), ours[0].median >= 99.0);
}
