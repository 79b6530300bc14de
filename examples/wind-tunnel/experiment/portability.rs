//! E7: one configuration in every corner.

use crate::lab::{Lab, Spread};
use crate::policy::{Kind, ORDERS};
use crate::report::{Page, figure};
use crate::world::{Load, Scenario, Service};

/// A service, and how many of its service times clients wait.
#[derive(Debug, Clone, Copy)]
struct Cell {
    service_ms: f64,
    servers: usize,
    cv: f64,
    patience: f64,
}

fn cells(quick: bool) -> Vec<Cell> {
    let mut all = Vec::new();
    for service_ms in [2.0, 20.0, 200.0] {
        for servers in [1, 8, 64] {
            for cv in [0.5, 1.0, 3.0] {
                for patience in [5.0, 25.0] {
                    all.push(Cell { service_ms, servers, cv, patience });
                }
            }
        }
    }
    if quick {
        all.retain(|cell| cell.service_ms == 20.0 && cell.servers == 8 && cell.cv == 1.0);
    }
    all
}

impl Cell {
    /// Some ten thousand arrivals, fewer where they are rare; and when to begin to look.
    fn scenario(&self, load: f64) -> (Scenario, f64) {
        let service = Service { mean_ms: self.service_ms, cv: self.cv };
        let rate = self.servers as f64 / self.service_ms * 1000.0;
        let seconds = (12_000.0 / rate).clamp(6.0, 150.0).ceil();
        let patience = self.patience * self.service_ms;
        let steps = Load::Steps(vec![(seconds, load)]);
        let scenario = Scenario::of(self.servers, service, patience, steps, seconds);
        (scenario, (0.05 * self.service_ms).max(2.0))
    }

    fn name(&self) -> String {
        format!("{} ms × {}, CV {}, {}×", self.service_ms, self.servers, self.cv, self.patience)
    }
}

/// Goodput, critical success and success of one policy in one cell, and below capacity.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    goodput: Spread,
    critical: Spread,
    healthy: Spread,
}

/// Seeds a cell of the rivals and the oracle: there are 54 cells, two loads and thirteen such doors.
const RIVAL_SEEDS: u64 = 20;

/// Within this many points of the best is as good as the best.
const TIE: f64 = 1.0;

pub fn portability(lab: &Lab, page: &mut Page) {
    page.heading("E7. One configuration everywhere");
    page.line("Service time × servers, variation (CV) and patience (in service times), at twice the capacity: goodput / critical success, medians, per cent; for keelson the worst seed's goodput too. keelson has the seeds of the page, every other policy at most 20. Runs are 6 to 150 s long and looked at from 2 s (or 10 s of slow services) on: a policy that takes long to find its limit pays for it. *Oracle*: the best of five orders of service for a door that is told servers, service time and patience; nobody can have more without knowing how long each piece of work takes.");
    let kinds = Kind::all();
    let cells = cells(lab.quick);
    let mut table = Vec::new();
    let mut won = vec![[0_usize; 4]; kinds.len()];
    let mut least = vec![(f64::INFINITY, f64::INFINITY); kinds.len()];
    let mut below = Vec::new();
    for cell in &cells {
        let (bests, outcomes) = run(lab, cell, &kinds);
        let mut row = vec![cell.name(), format!("{} / {}", figure(bests.0), figure(bests.1))];
        for (i, outcome) in outcomes.iter().enumerate() {
            let worst = if i + 1 == kinds.len() {
                format!(" ({})", figure(outcome.goodput.low))
            } else {
                String::new()
            };
            row.push(format!(
                "{}{worst} / {}",
                figure(outcome.goodput.median),
                figure(outcome.critical.median)
            ));
            least[i].0 = least[i].0.min(outcome.goodput.median);
            least[i].1 = least[i].1.min(100.0 * outcome.goodput.median / bests.0);
        }
        let ours = outcomes[kinds.len() - 1];
        if ours.goodput.median < 90.0 {
            below.push(format!(
                "{} ({} of {})",
                cell.name(),
                figure(ours.goodput.median),
                figure(bests.0)
            ));
        }
        count(&outcomes, &mut won);
        table.push(row);
    }
    let head: Vec<&str> =
        ["cell", "oracle"].into_iter().chain(kinds.iter().map(Kind::name)).collect();
    page.table(&head, &table);
    page.line(&format!("Of {} cells, a policy wins those in which no other is more than a point better: in goodput and in critical success at 2×, in success at 0.8×, and in all three. The table also has its lowest goodput, and its lowest share of the oracle's.", cells.len()));
    let score: Vec<Vec<String>> = kinds
        .iter()
        .zip(&won)
        .zip(&least)
        .map(|((kind, won), least)| {
            let mut row = vec![kind.name().to_owned()];
            row.extend(won.iter().map(ToString::to_string));
            row.extend([figure(least.0), figure(least.1)]);
            row
        })
        .collect();
    page.table(
        &[
            "policy",
            "goodput",
            "critical",
            "success at 0.8×",
            "all three",
            "lowest goodput %",
            "of the oracle's %",
        ],
        &score,
    );
    if !below.is_empty() {
        page.line(&format!("Below 90 % (keelson, of the oracle): {}.", below.join("; ")));
    }
    bars(page, &won, &least, cells.len());
}

fn bars(page: &mut Page, won: &[[usize; 4]], least: &[(f64, f64)], cells: usize) {
    let ours = won.len() - 1;
    for (i, what) in
        ["goodput", "critical success", "success at 0.8×", "all three"].iter().enumerate()
    {
        let rival = won[..ours].iter().map(|won| won[i]).max().unwrap_or(0);
        let found = format!("{} of {cells}; best baseline {rival}", won[ours][i]);
        page.bar(&format!("E7: most cells won in {what}"), found, won[ours][i] > rival);
    }
    page.bar(
        "E7: no cell below 90 % of capacity",
        format!("{} %", figure(least[ours].0)),
        least[ours].0 >= 90.0,
    );
    page.bar(
        "E7: no cell below 90 % of the oracle",
        format!("{} %", figure(least[ours].1)),
        least[ours].1 >= 90.0,
    );
}

/// The best that could be had, and what each policy got.
fn run(lab: &Lab, cell: &Cell, kinds: &[Kind]) -> ((f64, f64), Vec<Outcome>) {
    let (heavy, start) = cell.scenario(2.0);
    let (light, _) = cell.scenario(0.8);
    let figures = move |s: &Scenario, r: &crate::world::Record| {
        [
            r.goodput(start, s.seconds),
            r.success_of(0, start, s.seconds),
            r.success(start, s.seconds),
        ]
    };
    let few = Lab { seeds: lab.seeds.min(RIVAL_SEEDS), ..*lab };
    let oracle = few.compare(&heavy, &ORDERS.map(Kind::Oracle), figures);
    let best =
        |i: usize| oracle.iter().map(|found: &[Spread; 3]| found[i].median).fold(0.0, f64::max);
    let (rivals, ours) = kinds.split_at(kinds.len() - 1);
    let [loaded, healthy] = [&heavy, &light].map(|scenario| {
        let mut found = few.compare(scenario, rivals, figures);
        found.extend(lab.compare(scenario, ours, figures));
        found
    });
    let outcomes = loaded
        .iter()
        .zip(&healthy)
        .map(|(heavy, light)| Outcome { goodput: heavy[0], critical: heavy[1], healthy: light[2] })
        .collect();
    ((best(0), best(1)), outcomes)
}

fn count(outcomes: &[Outcome], won: &mut [[usize; 4]]) {
    let figures: Vec<[f64; 3]> =
        outcomes.iter().map(|o| [o.goodput.median, o.critical.median, o.healthy.median]).collect();
    let best: [f64; 3] =
        std::array::from_fn(|i| figures.iter().map(|figures| figures[i]).fold(0.0, f64::max));
    for (figures, won) in figures.iter().zip(won) {
        let wins: [bool; 3] = std::array::from_fn(|i| figures[i] >= best[i] - TIE);
        for (count, win) in
            won.iter_mut().zip(wins.into_iter().chain([wins.iter().all(|win| *win)]))
        {
            *count += usize::from(win);
        }
    }
}
