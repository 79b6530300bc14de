//! What each term of R buys, in the gate and in `route()`, and what each part of the gate buys.

use keelson::core::admission::EngineConfig;
use keelson::core::resistance::{self, Slo};

use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::{Page, figure};
use crate::world::{Fault, Load, Scenario, Service};

/// What `route()` is without learning: in these scenarios overload begins with the first request, and would be normal.
fn told() -> EngineConfig {
    let mut config = EngineConfig::default();
    config.resistance.slo = Slo::given();
    config
}

/// The same change to the physics of the gate and to that of `route()`.
fn without(change: impl Fn(&mut resistance::ResistanceConfig)) -> EngineConfig {
    let mut config = told();
    change(&mut config.gate.resistance);
    change(&mut config.resistance);
    config
}

/// Each term of R taken out.
fn terms() -> [(&'static str, EngineConfig); 4] {
    let weightless = |config: &mut resistance::ResistanceConfig| {
        let slo = &mut config.slo;
        (slo.latency_criticality, slo.error_criticality, slo.saturation_criticality) =
            (0.0, 0.0, 0.0);
    };
    [
        ("all terms", told()),
        ("without pressure", without(weightless)),
        ("without scar", without(|config| config.scar_factor = 0.0)),
        (
            "without R",
            without(|config| {
                weightless(config);
                (config.damping_factor, config.scar_factor) = (0.0, 0.0);
            }),
        ),
    ]
}

pub fn ablation(lab: &Lab, page: &mut Page) {
    page.heading("What each part buys");
    page.line("Medians, per cent; 0.7 times the capacity and two retries in the failures. *Spared*: attempts that were not sent to a service in which every call fails.");
    page.line("\nTerms of R in the gate:");
    let mut kinds: Vec<_> = terms().map(|(name, config)| (name, Kind::Gate(config))).into();
    let mut still = told();
    still.gate.resistance.damping_factor = 0.0;
    kinds.insert(2, ("without momentum", Kind::Gate(still)));
    measure(lab, page, &kinds);
    page.line("Terms of R in `route()`, which is all the protection there is here (telemetry: moving averages over finished calls, in flight over three times the servers; an SLO of 100 ms, 1 % and 0.5 is given). Momentum has no weight by default; *with momentum* it has that of the earlier library, 20:");
    let mut kinds: Vec<_> = terms().map(|(name, config)| (name, Kind::Route(config))).into();
    let mut moved = told();
    moved.resistance.damping_factor = 20.0;
    kinds.insert(2, ("with momentum", Kind::Route(moved)));
    kinds.push(("all terms, and what is normal is learned", Kind::Route(EngineConfig::default())));
    measure(lab, page, &kinds);
    page.line("Parts of the gate:");
    let config = EngineConfig::default();
    let mut fixed = config;
    fixed.gate.fixed_limit = Some(12.0);
    let mut trickle = config;
    (trickle.gate.trickle_per_second, trickle.gate.trickle_share) = (1e-6, 0.0);
    measure(
        lab,
        page,
        &[
            ("all parts", Kind::Gate(config)),
            ("a fixed limit of 12", Kind::Gate(fixed)),
            ("no wait queue", Kind::NoQueue(config)),
            ("one voltage for all", Kind::Flat(config)),
            ("no reports of left clients", Kind::Deaf(config)),
            ("a place is freed when its client leaves", Kind::Hasty(config)),
            ("without the trickle", Kind::Gate(trickle)),
        ],
    );
}

fn measure(lab: &Lab, page: &mut Page, kinds: &[(&str, Kind)]) {
    let heavy = Scenario::steady(2.0, 15.0);
    let tight =
        Scenario::of(8, Service::exponential(20.0), 100.0, Load::Steps(vec![(15.0, 2.0)]), 15.0);
    let mut outage = Scenario::steady(0.7, 35.0);
    outage.retries = 2;
    let mut brown = outage.clone();
    outage.faults = vec![Fault { errors: 1.0, ..Fault::of(10.0, 20.0) }];
    brown.faults = vec![Fault { slow: 10.0, errors: 0.3, ..Fault::of(10.0, 20.0) }];
    let mut gray = Scenario::steady(0.6, 30.0);
    gray.faults = vec![Fault { slow: 3.0, ..Fault::of(10.0, 30.0) }];
    let lab = Lab { seeds: lab.seeds.min(20), ..*lab };
    let kinds_only: Vec<Kind> = kinds.iter().map(|(_, kind)| *kind).collect();
    let heavy = lab.compare(&heavy, &kinds_only, |s, r| {
        [r.goodput(2.0, s.seconds), r.success_of(0, 2.0, s.seconds)]
    });
    let tight = lab.compare(&tight, &kinds_only, |s, r| [r.goodput(2.0, s.seconds)]);
    let outage = lab
        .compare(&outage, &kinds_only, |s, r| [r.refused(12.0, 20.0), r.recovery(20.0, s.seconds)]);
    let brown = lab
        .compare(&brown, &kinds_only, |s, r| [r.success(10.0, 20.0), r.success(20.0, s.seconds)]);
    let gray = lab.compare(&gray, &kinds_only, |s, r| [r.goodput(12.0, s.seconds) * 3.0]);
    let table: Vec<Vec<String>> = (0..kinds.len())
        .map(|i| {
            vec![
                kinds[i].0.to_owned(),
                figure(heavy[i][0].median),
                figure(heavy[i][1].median),
                figure(tight[i][0].median),
                figure(outage[i][0].median),
                figure(outage[i][1].median),
                figure(brown[i][0].median),
                figure(brown[i][1].median),
                figure(gray[i][0].median),
            ]
        })
        .collect();
    let head: Vec<&str> = [""].into_iter().chain(COLUMNS).collect();
    page.table(&head, &table);
    for row in &table[1..] {
        page.line(&sentence(&table[0], row));
    }
    page.line("");
}

const COLUMNS: [&str; 8] = [
    "goodput at 2×",
    "critical",
    "goodput, patience 100 ms",
    "outage: spared",
    "recovered after s",
    "brown-out: success",
    "after",
    "3× slower: goodput",
];

/// What changed by a point (a second) or more when something was taken out.
fn sentence(whole: &[String], row: &[String]) -> String {
    let changed: Vec<String> = (1..row.len())
        .filter(|&i| match (whole[i].parse::<f64>(), row[i].parse::<f64>()) {
            (Ok(with), Ok(without)) => (with - without).abs() >= 1.0,
            _ => whole[i] != row[i],
        })
        .map(|i| format!("{} {} instead of {}", COLUMNS[i - 1], row[i], whole[i]))
        .collect();
    let found = if changed.is_empty() {
        "no difference here: it buys nothing.".to_owned()
    } else {
        format!("{}.", changed.join("; "))
    };
    format!("- *{}*: {found}", row[0])
}
