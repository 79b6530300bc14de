//! The experiments E1 to E11 and E13, the earlier library's table done again, and what each part buys. E12, the cost of
//! a decision, is a benchmark: `npm run bench -- admission`.

mod ablation;
mod failure;
mod flapping;
mod healthy;
mod loopback;
mod normal;
mod overload;
mod picture;
mod portability;
mod priority;
mod recovery;
mod seed;
mod shapes;

pub use picture::terminal;

use crate::lab::{Lab, Spread};
use crate::policy::Kind;
use crate::report::Page;

/// An experiment.
type Experiment = (&'static str, fn(&Lab, &mut Page));

/// All of them, in the order of the page.
pub const ALL: [Experiment; 15] = [
    ("e1", overload::curve),
    ("e2", overload::step),
    ("e3", recovery::outages),
    ("e4", recovery::metastability),
    ("e5", flapping::flapping),
    ("e6", priority::priority),
    ("e7", portability::portability),
    ("e8", failure::gray),
    ("e9", healthy::quiet),
    ("e10", overload::resize),
    ("e11", failure::neighbour),
    ("e13", normal::normal),
    ("seed", seed::table),
    ("ablation", ablation::ablation),
    ("loopback", loopback::loopback),
];

/// The row of each policy: its name, and the cells made of its figures.
fn rows<const N: usize>(
    kinds: &[Kind],
    found: &[[Spread; N]],
    cells: impl Fn(&[Spread; N]) -> Vec<String>,
) -> Vec<Vec<String>> {
    let row = |(kind, figures): (&Kind, &[Spread; N])| {
        let mut row = vec![kind.name().to_owned()];
        row.extend(cells(figures));
        row
    };
    kinds.iter().zip(found).map(row).collect()
}
