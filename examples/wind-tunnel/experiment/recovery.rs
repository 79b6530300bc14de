//! E3 brown-outs and outages at every rate, E4 retries that keep a collapse alive.

use super::picture;
use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::{Page, figure};
use crate::world::{Fault, Load, Scenario, Service};

/// A service called so often a second, at 0.7 of its capacity; a quick one if it is seldom called.
fn called(rate: f64, seconds: f64) -> Scenario {
    if rate < 100.0 {
        let load = Load::Steps(vec![(seconds, rate / 50.0)]);
        return Scenario::of(1, Service::exponential(20.0), 2000.0, load, seconds);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "3 to 286")]
    let servers = (rate / 0.7 * 0.02).round() as usize;
    let load = Load::Steps(vec![(seconds, 0.7)]);
    Scenario::of(servers, Service::exponential(20.0), 500.0, load, seconds)
}

pub fn outages(lab: &Lab, page: &mut Page) {
    page.heading("E3. Outage and brown-out, from 1 to 10 000 requests a second");
    page.line("Seconds until five in a row answer 99 % again, median / worst seed, after an outage (every call fails) and a brown-out (10 times slower, 30 % errors) of so many seconds; two retries. At most 20 seeds, 3 at 10 000/s; –: not run, because it would be a million requests and more a seed.");
    let kinds = Kind::all();
    let lengths: &[f64] = if lab.quick { &[1.0] } else { &[0.1, 1.0, 10.0, 120.0] };
    let rates: &[f64] =
        if lab.quick { &[10.0, 400.0] } else { &[1.0, 10.0, 100.0, 1000.0, 10_000.0] };
    let mut medians = Vec::new();
    for (what, slow, errors) in [("outage", 1.0, 1.0), ("brown-out", 10.0, 0.3)] {
        for &length in lengths {
            let mut table: Vec<Vec<String>> =
                kinds.iter().map(|kind| vec![kind.name().to_owned()]).collect();
            for &rate in rates {
                let mut scenario = called(rate, 5.0 + length + 20.0);
                if rate >= 1000.0 && length > 10.0 {
                    for row in &mut table {
                        row.push("–".into());
                    }
                    continue;
                }
                scenario.retries = 2;
                scenario.faults = vec![Fault { slow, errors, ..Fault::of(5.0, 5.0 + length) }];
                // Few seeds where each is a million requests.
                let lab = Lab {
                    seeds: if rate > 5000.0 { lab.seeds.min(3) } else { lab.seeds.min(20) },
                    ..*lab
                };
                let found =
                    lab.compare(&scenario, &kinds, |s, r| [r.recovery(5.0 + length, s.seconds)]);
                for (row, [recovery]) in table.iter_mut().zip(&found) {
                    row.push(recovery.most());
                }
                let ours = found[kinds.len() - 1][0];
                if what == "outage" && length >= 1.0 {
                    medians.push(ours.median);
                }
                let what = format!("{what} of {length} s at {rate}/s: recovery ≤ 3 s");
                page.bar(&what, format!("{} s", ours.most()), ours.median <= 3.0);
            }
            page.line(&format!("\n{what}, {length} s:"));
            let head: Vec<String> = ["policy".to_owned()]
                .into_iter()
                .chain(rates.iter().map(|rate| format!("{rate}/s")))
                .collect();
            page.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &table);
        }
    }
    let (low, high) =
        medians.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), x| (l.min(*x), h.max(*x)));
    // A tenth of a second is what can be told apart.
    let met = high <= 2.0 * low.max(0.5);
    page.bar(
        "outage recovery within 2× across rates",
        format!("{} to {} s", figure(low), figure(high)),
        met,
    );
    let mut scenario = called(400.0, 35.0);
    scenario.retries = 2;
    scenario.faults = vec![Fault { errors: 1.0, ..Fault::of(5.0, 15.0) }];
    picture::draw(
        page,
        "outage",
        "E3: an outage of 10 s at 400 requests a second (seed 0)",
        &scenario,
    );
}

pub fn metastability(lab: &Lab, page: &mut Page) {
    page.heading("E4. Retries that keep a collapse alive");
    page.line("0.9 times the capacity, 5 s of service times ten times as long, clients that try again. Success from 5 s after the trigger on, per cent, median / worst seed.");
    let kinds = Kind::all();
    let cases: &[(u32, Option<f64>)] = if lab.quick {
        &[(2, None)]
    } else {
        &[(0, None), (1, None), (2, None), (3, None), (3, Some(0.1))]
    };
    let mut table: Vec<Vec<String>> =
        kinds.iter().map(|kind| vec![kind.name().to_owned()]).collect();
    for &(retries, budget) in cases {
        let mut scenario = Scenario::steady(0.9, 35.0);
        (scenario.retries, scenario.budget) = (retries, budget);
        scenario.faults = vec![Fault { slow: 10.0, ..Fault::of(10.0, 15.0) }];
        let found = lab.compare(&scenario, &kinds, |s, r| {
            [r.success(20.0, s.seconds), r.recovery(15.0, s.seconds)]
        });
        for (row, figures) in table.iter_mut().zip(&found) {
            row.push(figures[0].least());
        }
        let ours = &found[kinds.len() - 1];
        let what = format!(
            "E4, {retries} retries{}: success back ≥ 97 %",
            if budget.is_some() { ", budgeted" } else { "" }
        );
        page.bar(&what, ours[0].least(), ours[0].median >= 97.0);
    }
    let name = |(retries, budget): &(u32, Option<f64>)| {
        format!("{retries} retries{}", if budget.is_some() { ", budget 10 %" } else { "" })
    };
    let head: Vec<String> =
        ["policy".to_owned()].into_iter().chain(cases.iter().map(name)).collect();
    page.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &table);
}
