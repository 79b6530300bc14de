//! Exports of the test build only.

use crate::binding::env::Local;
use crate::binding::lane::{Module, hot_lane};
use crate::core::planted;

pub(crate) const MODULE: Module = hot_lane! {
    ();
    /// Panics.
    "testPanic"(number) => panic_on_purpose;
    /// Plants the faults of these bits in the core, and no others.
    "testPlant"(faults) => plant_faults;
};

fn panic_on_purpose(_: &Local<()>, number: f64) -> f64 {
    panic!("asked to panic with {number}")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test passes a small integer"
)]
fn plant_faults(_: &Local<()>, faults: f64) -> f64 {
    planted::plant(faults as u32);
    0.0
}
