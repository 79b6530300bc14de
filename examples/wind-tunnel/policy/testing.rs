//! Short runs of the standard service.

use super::Kind;
use crate::world::{Load, Record, Scenario};

/// A door in front of the standard service, loaded in steps up to a second each.
#[expect(clippy::large_types_passed_by_value, reason = "once a test")]
pub fn run(steps: &[(f64, f64)], kind: Kind) -> Record {
    let seconds = steps.last().map_or(0.0, |(until, _)| *until);
    let scenario = Scenario::standard(Load::Steps(steps.to_vec()), seconds);
    scenario.run(1, &mut *kind.open(&scenario, 1))
}
