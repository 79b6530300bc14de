//! Exports of the test build only.

use crate::binding::env::Local;
use crate::binding::lane::{Module, hot_lane};

pub(crate) const MODULE: Module = hot_lane! {
    ();
    /// Panics.
    "testPanic"(number) => panic_on_purpose;
};

fn panic_on_purpose(_: &Local<()>, number: f64) -> f64 {
    panic!("asked to panic with {number}")
}
