//! E6: who is served when not everybody can be.

use super::rows;
use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::Page;
use crate::world::Scenario;

/// What an answer of each class is worth.
const WORTH: [f64; 3] = [150.0, 1.0, 0.1];

pub fn priority(lab: &Lab, page: &mut Page) {
    page.heading("E6. Priority at twice the capacity");
    page.line("Per share of critical requests: critical success, goodput, revenue (answers worth 150 / 1 / 0.1, per cent of what was asked for), inversions (tenths of a second in which background was let in while critical was refused). Median / worst seed. Critical demand is 20, 40, 80, 100 and 180 % of capacity.");
    let kinds: Vec<Kind> = if lab.quick { vec![Kind::None, Kind::ours()] } else { Kind::all() };
    let end = lab.long(20.0, 8.0);
    for share in [0.1, 0.2, 0.4, 0.5, 0.9] {
        let mut scenario = Scenario::steady(2.0, end);
        let rest = 1.0 - share;
        scenario.mix = [(100.0, share), (60.0, 0.6 * rest), (25.0, 0.4 * rest)];
        let found = lab.compare(&scenario, &kinds, |s, r| {
            let to = s.seconds;
            [
                r.success_of(0, 2.0, to),
                r.goodput(2.0, to),
                r.weighted(WORTH, 2.0, to),
                r.inversions(2.0, to),
            ]
        });
        page.line(&format!("\n{:.0} % critical:", 100.0 * share));
        page.table(
            &["policy", "critical %", "goodput %", "revenue %", "inversions"],
            &rows(&kinds, &found, |f| vec![f[0].least(), f[1].least(), f[2].least(), f[3].most()]),
        );
        let ours = &found[kinds.len() - 1];
        if 2.0 * share <= 0.9 {
            let met = ours[0].median >= 99.5;
            page.bar(
                &format!("critical ≥ 99.5 % at {:.0} % of capacity", 200.0 * share),
                ours[0].least(),
                met,
            );
        }
        page.bar(
            &format!("goodput ≥ 97 %, {:.0} % critical", 100.0 * share),
            ours[1].least(),
            ours[1].median >= 97.0,
        );
    }
}
