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
    page.line("Half the capacity, and from 10 s on one call in ten takes 20 times as long, or one of four backends is 20 times as slow. Detected: R ≥ 12 Ω (its base is 10), or, without R, the first refusal; seconds, median / worst. False alarms: share of the time with a signal under a load that goes from 0.2 to 0.9 and back, and with a pause of 200 ms every 5 s at half load.");
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
    let pairs: Vec<_> = [tenth, quarter, day, pauses]
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

// SCRATCH
pub fn explore(lab: &Lab, page: &mut Page) {
    let ours = *Kind::all().last().expect("one");
    let of = |servers, mean_ms, cv, load, seconds| {
        Scenario::of(servers, Service { mean_ms, cv }, 25.0 * mean_ms, Load::Steps(vec![(seconds, load)]), seconds)
    };
    let mut all: Vec<(String, Scenario)> = Vec::new();
    for cv in [0.5, 1.0, 3.0] {
        for servers in [1, 8, 64] {
            for load in [0.3, 0.7, 0.9, 2.0] {
                let mean = 20.0;
                all.push((format!("C{servers} cv{cv} {load}"), of(servers, mean, cv, load, 120.0)));
            }
        }
    }
    all.push(("2ms x8 .7".into(), of(8, 2.0, 1.0, 0.7, 60.0)));
    all.push(("200ms x8 .7".into(), of(8, 200.0, 1.0, 0.7, 300.0)));
    all.push(("2/s cv3".into(), of(8, 20.0, 3.0, 0.005, 1000.0)));
    all.push(("2/s cv1".into(), of(8, 20.0, 1.0, 0.005, 1000.0)));
    all.push(("2s x64 cv3 .5".into(), of(64, 2000.0, 3.0, 0.5, 300.0)));
    let steps = |cv: f64, servers| Scenario::of(servers, Service { mean_ms: 20.0, cv }, 500.0, Load::Square { on: 0.2, off: 0.95, period: 20.0 }, 120.0);
    for cv in [0.5, 1.0, 3.0] { for k in [1, 8, 64] { all.push((format!("square C{k} {cv}"), steps(cv, k))); } }
    for (name, load) in [("step 2x", vec![(20.0, 0.5), (60.0, 2.0), (120.0, 0.5)]), ("step 0.1-0.9", vec![(60.0, 0.1), (120.0, 0.9)])] {
        for cv in [1.0, 3.0] { for k in [1, 8, 64] {
            all.push((format!("{name} C{k} cv{cv}"), Scenario::of(k, Service { mean_ms: 20.0, cv }, 500.0, Load::Steps(load.clone()), 120.0)));
        } }
    }
    for k in [8, 64] { for ms in [200.0, 1000.0] {
        let mut pauses = of(k, 20.0, 1.0, 0.5, 60.0);
        pauses.pauses = (1..12).map(|i| (5.0 * f64::from(i), ms)).collect();
        all.push((format!("pauses {ms} C{k}"), pauses));
        let mut pauses = of(k, 20.0, 1.0, 0.5, 60.0);
        pauses.pauses = (1..60).map(|i| (f64::from(i), ms.min(300.0))).collect();
        all.push((format!("pauses each s {ms} C{k}"), pauses));
    } }
    for (k, cv, load) in [(1, 3.0, 0.3), (1, 3.0, 0.7), (1, 3.0, 0.9), (1, 1.0, 0.7), (8, 3.0, 0.7), (64, 3.0, 0.7), (8, 1.0, 0.8)] {
        all.push((format!("LONG cv3 C{k} {cv} {load}"), of(k, 20.0, cv, load, 300.0)));
    }
    let n = all.len();
    let gray = |name: &str, servers, mean, cv, load, slow, share| {
        let mut s = of(servers, mean, cv, load, 90.0);
        s.faults = vec![Fault { slow, slow_share: share, ..Fault::of(30.0, 60.0) }];
        (name.to_owned(), s)
    };
    for (k, load) in [(8, 0.25), (64, 0.25), (64, 0.1), (1, 0.1)] {
      for cv in [0.5, 1.0, 3.0] {
        all.push(gray(&format!("10% 20x C{k} {load} cv{cv}"), k, 20.0, cv, load, 20.0, 0.1));
        all.push(gray(&format!("5% 20x C{k} {load} cv{cv}"), k, 20.0, cv, load, 20.0, 0.05));
        all.push(gray(&format!("10% 10x C{k} {load} cv{cv}"), k, 20.0, cv, load, 10.0, 0.1));
        all.push(gray(&format!("all 3x C{k} {load} cv{cv}"), k, 20.0, cv, load, 3.0, 1.0));
        all.push(gray(&format!("all 10x C{k} {load} cv{cv}"), k, 20.0, cv, load, 10.0, 1.0));
      }
    }
    let n = if std::env::var("QUICK").is_ok() {
        all.truncate(n);
        all.retain(|(name, _)| name.contains("cv3") && !name.contains("step") || name.contains("square C64"));
        all.len()
    } else { n };
    let pairs: Vec<_> = all.iter().map(|(_, s)| (s.clone(), ours)).collect();
    let found = lab.measure(&pairs, |s, r| {
        let top = r.span(0.0, s.seconds).iter().map(|b| b.resistance).fold(0.0, f64::max);
        [signalled(r, 0.0, s.seconds), signal(r, 30.0, 60.0), signalled(r, 0.0, 30.0), signalled(r, 62.0_f64.min(s.seconds - 1.0), s.seconds), top, signalled(r, 33.0, 60.0)]
    });
    for (i, (name, _)) in all.iter().enumerate() {
        let f = &found[i];
        if i < n {
            let long = if name.starts_with("LONG") { format!("{:.2}/{:.2}/{:.2}", f[3].median, f[3].mean, f[3].high) } else { String::new() };
            println!("{name:24} {long} false {:.2} / {:.2} %  top R {:.1}/{:.1}", f[0].median, f[0].high, f[4].median, f[4].high);
        } else {
            println!("{name:24} seen {:.1} / {:.1}  share {:.0}/{:.0} before {:.2}/{:.2} after {:.2}/{:.2} %", f[1].median, f[1].high, f[5].median, f[5].low, f[2].median, f[2].high, f[3].median, f[3].high);
        }
    }
    page.line("");
}
