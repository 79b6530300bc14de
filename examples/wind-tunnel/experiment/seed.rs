//! The earlier library's table of results, done again with what it left out.

use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::{Page, figure};
use crate::world::{Fault, Load, Scenario, Service};

pub fn table(lab: &Lab, page: &mut Page) {
    page.heading("The earlier library's table, done again");
    flapping(lab, page);
    recovery(lab, page);
    revenue(lab, page);
    false_denials(lab, page);
    page.line("Gray failure, with detection delay and false alarms, is E8.");
}

/// Its flapping test: errors alternate between 40 and 60 %. Here they stop, and somebody looks what is let in then.
fn flapping(lab: &Lab, page: &mut Page) {
    page.line("**Flapping** (it claims 1 transition against 49). Its stress: the error rate alternates between 40 and 60 % every 100 ms for 10 s; then the service is well for 30 s. Worst seed's crossings a minute, success during the stress and afterwards, per cent, median.");
    let kinds = [Kind::None, Kind::Breaker, Kind::Classic, Kind::ours()];
    let mut scenario = Scenario::steady(0.5, 50.0);
    scenario.faults = (0..100)
        .map(|i| {
            let from = 10.0 + 0.1 * f64::from(i);
            Fault { errors: if i % 2 == 0 { 0.4 } else { 0.6 }, ..Fault::of(from, from + 0.1) }
        })
        .collect();
    let found = lab.compare(&scenario, &kinds, |_, r| {
        [r.flaps(10.0, 50.0), r.success(10.0, 20.0), r.success(23.0, 50.0)]
    });
    page.table(
        &["policy", "flaps/min", "success in the stress", "from 3 s after it"],
        &super::rows(&kinds, &found, |f| {
            vec![figure(f[0].high), figure(f[1].median), f[2].least()]
        }),
    );
}

/// Its lab: normal, a spike of half failures and 500 ms, normal again. Over a thousand seeds.
fn recovery(lab: &Lab, page: &mut Page) {
    page.line("**Breaker recovery** (it claims an exit at R = 49.7 Ω). Its load: 10 requests a second, 3 s of 25 times slower service and half failures, then a healthy service. Share of the seeds that are back within 8 s (1 000 seeds), and seconds until then.");
    let kinds = [Kind::Breaker, Kind::Classic, Kind::ClassicRoute, Kind::ours()];
    let load = Load::Steps(vec![(25.0, 0.1)]);
    let mut scenario = Scenario::of(2, Service::exponential(20.0), 2000.0, load, 25.0);
    scenario.faults = vec![Fault { slow: 25.0, errors: 0.5, ..Fault::of(5.0, 8.0) }];
    let many = Lab { seeds: if lab.quick { 20 } else { 1000 }, ..*lab };
    let found = many.compare(&scenario, &kinds, |_, r| {
        let after = r.recovery(8.0, 25.0);
        [100.0 * f64::from(u8::from(after <= 8.0)), after]
    });
    let table: Vec<Vec<String>> = kinds
        .iter()
        .zip(&found)
        .map(|(kind, figures)| {
            vec![kind.name().to_owned(), figure(figures[0].mean), figures[1].most()]
        })
        .collect();
    page.table(&["policy", "back within 8 s, % of seeds", "recovered after s"], &table);
    let ours = found[kinds.len() - 1][0].mean;
    page.bar(
        "breaker recovery within 8 s in every seed",
        format!("{} %", figure(ours)),
        ours == 100.0,
    );
}

/// Its Black Friday, with a database whose speed depends on what is let in.
fn revenue(lab: &Lab, page: &mut Page) {
    page.line("**Priority shedding** (it claims 84 % of the revenue; its script fails the same share with no guard at all). Checkout 25 %, search 75 % of the requests, at 0.5, then 1.5, then 3 times the capacity for 10 s each: checkouts and searches that succeed, per cent, median / worst.");
    let kinds = Kind::all();
    let mut scenario =
        Scenario::standard(Load::Steps(vec![(10.0, 0.5), (20.0, 1.5), (30.0, 3.0)]), 30.0);
    scenario.mix = [(100.0, 0.25), (60.0, 0.75), (25.0, 0.0)];
    let found = lab.compare(&scenario, &kinds, |s, r| {
        [r.success_of(0, 0.0, s.seconds), r.success_of(1, 0.0, s.seconds)]
    });
    page.table(
        &["policy", "checkout", "search"],
        &super::rows(&kinds, &found, |f| vec![f[0].least(), f[1].least()]),
    );
    let ours = &found[kinds.len() - 1];
    page.bar("revenue protected ≥ 99.5 %", ours[0].least(), ours[0].median >= 99.5);
}

/// Ordinary traffic around its baseline of 100 ms.
fn false_denials(lab: &Lab, page: &mut Page) {
    page.line("**False denials.** Healthy traffic around the latency that the earlier library takes for normal (100 ms, CV 0.5, 0.5 % errors), at a third of the capacity: attempts refused, per cent, median / worst.");
    let kinds = [
        Kind::Classic,
        Kind::ClassicRoute,
        Kind::Route(keelson::core::admission::EngineConfig::default()),
        Kind::ours(),
    ];
    let rates: &[usize] = if lab.quick { &[6] } else { &[6, 30, 150, 600] };
    let mut table: Vec<Vec<String>> =
        kinds.iter().map(|kind| vec![kind.name().to_owned()]).collect();
    for &servers in rates {
        let service = Service { mean_ms: 100.0, cv: 0.5 };
        let mut scenario =
            Scenario::of(servers, service, 5000.0, Load::Steps(vec![(20.0, 0.33)]), 20.0);
        scenario.faults = vec![Fault { errors: 0.005, ..Fault::of(0.0, 20.0) }];
        let few = Lab { seeds: lab.seeds.min(20), ..*lab };
        let found = few.compare(&scenario, &kinds, |s, r| [r.refused(0.0, s.seconds)]);
        for (row, [refused]) in table.iter_mut().zip(&found) {
            row.push(refused.most());
        }
        let ours = found[kinds.len() - 1][0];
        page.bar(
            &format!("no false denials at {:.0}/s", servers as f64 * 3.3),
            format!("{} %", ours.most()),
            ours.high == 0.0,
        );
    }
    let head: Vec<String> = ["policy".to_owned()]
        .into_iter()
        .chain(rates.iter().map(|n| format!("{:.0}/s", *n as f64 * 3.3)))
        .collect();
    page.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &table);
}
