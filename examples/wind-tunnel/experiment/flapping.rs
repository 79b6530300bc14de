//! E5: a load that swings around the capacity.

use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::Page;
use crate::world::{Load, Scenario};

pub fn flapping(lab: &Lab, page: &mut Page) {
    page.heading("E5. Flapping, with goodput beside it");
    page.line("Load between 0.7 and 1.3 times the capacity, or 1.5 and 0.5 by turns. Crossings a minute of the admitted share from 0.9 to 0.1 or back (worst seed); answers in time, per cent of what could be done second by second, median / worst.");
    let kinds = Kind::all();
    let mut loads = vec![("sine 2 s", Load::Sine { mean: 1.0, swing: 0.3, period: 2.0 })];
    if !lab.quick {
        loads = vec![
            ("sine 0.5 s", Load::Sine { mean: 1.0, swing: 0.3, period: 0.5 }),
            ("sine 2 s", Load::Sine { mean: 1.0, swing: 0.3, period: 2.0 }),
            ("sine 10 s", Load::Sine { mean: 1.0, swing: 0.3, period: 10.0 }),
            ("sine 60 s", Load::Sine { mean: 1.0, swing: 0.3, period: 60.0 }),
            ("on/off 4 s", Load::Square { on: 1.5, off: 0.5, period: 4.0 }),
        ];
    }
    let mut table: Vec<Vec<String>> =
        kinds.iter().map(|kind| vec![kind.name().to_owned()]).collect();
    let seconds = lab.long(62.0, 12.0);
    for (name, load) in &loads {
        let scenario = Scenario::standard(load.clone(), seconds);
        // What could be done: min(load, 1), in the mean over the time that is looked at.
        let steps = 1000;
        let possible = (0..steps)
            .map(|i| load.at(2.0 + (seconds - 2.0) * f64::from(i) / f64::from(steps)).min(1.0))
            .sum::<f64>()
            / f64::from(steps);
        let found = lab.compare(&scenario, &kinds, |s, r| {
            [r.flaps(2.0, s.seconds), r.goodput(2.0, s.seconds) / possible]
        });
        for (row, figures) in table.iter_mut().zip(&found) {
            row.push(format!("{:.0}; {}", figures[0].high, figures[1].least()));
        }
        let ours = &found[kinds.len() - 1];
        let met = ours[0].high <= 2.0 && ours[1].median >= 95.0;
        page.bar(
            &format!("{name}: ≤ 2 flaps/min, goodput ≥ 95 %"),
            table[kinds.len() - 1].last().cloned().unwrap_or_default(),
            met,
        );
    }
    let head: Vec<&str> =
        ["policy"].into_iter().chain(loads.iter().map(|(name, _)| *name)).collect();
    page.table(&head, &table);
}
