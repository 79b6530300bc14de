//! Exports of the test build only.

use super::environment::Environment;
use super::hot::{Export, hot_lane};

pub(super) const EXPORTS: &[Export] = hot_lane! {
    /// Panics.
    "testPanic"(number) => panic_on_purpose;
};

fn panic_on_purpose(_: &Environment, number: f64) -> f64 {
    panic!("asked to panic with {number}")
}
