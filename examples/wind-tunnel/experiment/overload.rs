//! E1 goodput over load, E2 a step up and down, E10 servers that go and come back.

use super::{picture, rows};
use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::{Page, figure};
use crate::world::{Load, Scenario};

pub fn curve(lab: &Lab, page: &mut Page) {
    page.heading("E1. Goodput over offered load");
    page.line("Answers in time, per cent of capacity (below 1×: of what was asked for), median / worst seed.");
    let kinds = Kind::all();
    let loads: &[f64] = if lab.quick {
        &[0.8, 2.0]
    } else {
        &[0.5, 0.75, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0]
    };
    let end = lab.long(20.0, 8.0);
    let mut table: Vec<Vec<String>> =
        kinds.iter().map(|kind| vec![kind.name().to_owned()]).collect();
    let mut late: Vec<Vec<String>> = table.clone();
    for &load in loads {
        let scenario = Scenario::steady(load, end);
        let found = lab.compare(&scenario, &kinds, |s, r| {
            let good =
                if load < 1.0 { r.success(2.0, s.seconds) } else { r.goodput(2.0, s.seconds) };
            [
                good,
                r.latency(0.99, 2.0, s.seconds),
                r.success_of(0, 2.0, s.seconds),
                r.refused(0.0, s.seconds),
                r.wasted(2.0, s.seconds),
            ]
        });
        for (i, figures) in found.iter().enumerate() {
            table[i].push(figures[0].least());
            if [0.75, 1.0, 1.5, 2.0, 4.0].contains(&load) {
                late[i].push(format!(
                    "{:.0} ms, {:.0} %",
                    figures[1].median,
                    figures[4].median.abs()
                ));
            }
        }
        let ours = &found[kinds.len() - 1];
        if load >= 1.5 {
            let met = ours[0].median >= 98.0;
            page.bar(&format!("goodput at {load}× ≥ 98 %"), ours[0].least(), met);
            let met = ours[2].median >= 99.5;
            page.bar(&format!("critical at {load}× ≥ 99.5 %"), ours[2].least(), met);
        } else if load <= 0.8 {
            page.bar(
                &format!("nothing shed at {load}×"),
                format!("{} %", ours[3].most()),
                ours[3].median == 0.0,
            );
        } else if load == 0.9 {
            let met = ours[0].median >= 99.5;
            page.bar("success at 0.9× ≥ 99.5 %", ours[0].least(), met);
            page.bar(
                "nothing shed at 0.9×",
                format!("{} %", ours[3].most()),
                ours[3].median == 0.0,
            );
        }
    }
    let head: Vec<String> =
        ["policy".to_owned()].into_iter().chain(loads.iter().map(|x| format!("{x}×"))).collect();
    page.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &table);
    if !lab.quick {
        page.line("The 99th percentile of answers in time, and the share of the work whose client had left:");
        page.table(&["policy", "0.75×", "1×", "1.5×", "2×", "4×"], &late);
    }
}

pub fn step(lab: &Lab, page: &mut Page) {
    page.heading("E2. A step from 0.5 to 2 times the capacity and back");
    let kinds = Kind::all();
    let scenario =
        Scenario::standard(Load::Steps(vec![(10.0, 0.5), (30.0, 2.0), (45.0, 0.5)]), 45.0);
    let found = lab.compare(&scenario, &kinds, |_, r| {
        [
            r.goodput(10.0, 30.0),
            r.success_of(0, 10.0, 30.0),
            r.latency(0.99, 10.0, 30.0),
            r.convergence(100.0, 10.0, 30.0),
            r.recovery(30.0, 45.0),
            r.flaps(0.0, 45.0),
        ]
    });
    let head = [
        "policy",
        "goodput %",
        "critical %",
        "p99 ms",
        "converged after s",
        "recovered after s",
        "flaps/min",
    ];
    page.table(
        &head,
        &rows(&kinds, &found, |f| {
            vec![f[0].least(), f[1].least(), f[2].most(), f[3].most(), f[4].most(), f[5].most()]
        }),
    );
    let ours = &found[kinds.len() - 1];
    page.bar("E2: converges within 1 s", format!("{} s", ours[3].most()), ours[3].median <= 1.0);
    page.bar("E2: recovers within 3 s", format!("{} s", ours[4].most()), ours[4].high <= 3.0);
    picture::draw(page, "step", "E2: 0.5 to 2 times the capacity and back (seed 0)", &scenario);
}

pub fn resize(lab: &Lab, page: &mut Page) {
    page.heading("E10. Servers that go and come back");
    page.line(
        "8 servers, 4 from 20 to 40 s, then 8 again; twice the capacity of the moment is offered.",
    );
    let kinds = Kind::all();
    let mut scenario =
        Scenario::standard(Load::Steps(vec![(20.0, 2.0), (40.0, 1.0), (60.0, 2.0)]), 60.0);
    scenario.resize = vec![(20.0, 4), (40.0, 8)];
    let found = lab.compare(&scenario, &kinds, |_, r| {
        [2.0 * r.goodput(22.0, 40.0), r.goodput(42.0, 60.0), r.success_of(0, 22.0, 60.0)]
    });
    page.table(
        &["policy", "goodput on 4, %", "on 8 again, %", "critical %"],
        &rows(&kinds, &found, |f| {
            vec![figure(f[0].median) + " / " + &figure(f[0].low), f[1].least(), f[2].least()]
        }),
    );
}
