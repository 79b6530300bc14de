//! E9: what is healthy is not to be refused.

use super::rows;
use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::Page;
use crate::world::{Fault, Scenario};

pub fn quiet(lab: &Lab, page: &mut Page) {
    page.heading("E9. Cold start and hardly any traffic");
    page.line("One request in ten seconds, of which every one fails for 150 s; and the first second of a service at 0.5 of its capacity. Refused attempts, per cent, median / worst seed.");
    let kinds = Kind::all();
    let mut seldom = Scenario::steady(0.1 / 400.0, 300.0);
    seldom.faults = vec![Fault { errors: 1.0, ..Fault::of(0.0, 150.0) }];
    let first = lab.compare(&seldom, &kinds, |s, r| [r.refused(0.0, s.seconds)]);
    let second = lab.compare(&Scenario::steady(0.5, 5.0), &kinds, |_, r| [r.refused(0.0, 1.0)]);
    let both: Vec<_> = first.iter().zip(&second).map(|(a, b)| [a[0], b[0]]).collect();
    page.table(
        &["policy", "seldom called", "first second"],
        &rows(&kinds, &both, |f| vec![f[0].most(), f[1].most()]),
    );
    let ours = both[kinds.len() - 1];
    page.bar(
        "E9: nothing refused",
        format!("{}, {} %", ours[0].most(), ours[1].most()),
        ours[0].high == 0.0 && ours[1].high == 0.0,
    );
}
