//! What the simulator says of the run that `loopback/main.mts` does with real servers.

use super::rows;
use crate::lab::Lab;
use crate::policy::Kind;
use crate::report::Page;
use crate::world::{Load, Scenario, Service};

pub fn loopback(lab: &Lab, page: &mut Page) {
    page.heading("Loopback");
    page.line("8 servers of exponential 60 ms and patience 500 ms (slow enough for a busy machine to keep time with): 2 s at half the capacity, 6 s at twice; from 3 s on. What the simulator says (median / worst seed):");
    let kinds = [Kind::None, Kind::Fixed, Kind::Aimd, Kind::Breaker, Kind::ours()];
    let scenario = Scenario::of(
        8,
        Service::exponential(60.0),
        500.0,
        Load::Steps(vec![(2.0, 0.5), (8.0, 2.0)]),
        8.0,
    );
    let found = lab.compare(&scenario, &kinds, |_, r| {
        // By the time of the request, as the clients of the loopback runs count.
        let good = r.sum(3.0, 8.0, |b| b.good.iter().sum());
        [100.0 * good / (r.capacity * 5.0), r.success_of(0, 3.0, 8.0)]
    });
    page.table(
        &["policy, simulated", "goodput %", "critical %"],
        &rows(&kinds, &found, |f| vec![f[0].least(), f[1].least()]),
    );
}
