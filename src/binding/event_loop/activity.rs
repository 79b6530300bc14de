//! The message that JavaScript handles, as another thread sees it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::binding::env::SharedArray;
use crate::binding::lane::{Area, NONE};
use crate::protocol::{Record, lane_record};

lane_record! {
    /// The message that is handled. JavaScript writes it, and clears `operation` behind the handler.
    pub(super) struct ActivityCells => ACTIVITY {
        /// The operation of `Operation`, or -1 while no message is handled.
        operation: f64,
        /// The handle of the runtime.
        runtime: f64,
        /// The pid of the process.
        pid: f64,
        /// The number of the message's type.
        message: f64,
    }
}

impl ActivityCells {
    /// Nothing is handled.
    pub(super) const NOTHING: Self =
        Self { operation: NONE, runtime: NONE, pid: NONE, message: NONE };
}

pub(crate) const PROTOCOL: Area = Area {
    name: "event-loop",
    doc: "The numbers in which JavaScript says what it handles.",
    parts: &[&[ACTIVITY]],
};

/// The texts behind the numbers of an activity.
#[derive(Default)]
pub(crate) struct Texts {
    labels: BTreeMap<(u64, u64), String>,
    types: Vec<String>,
}

impl Texts {
    pub(super) fn label(&mut self, runtime: f64, pid: f64, label: String) {
        self.labels.insert((runtime.to_bits(), pid.to_bits()), label);
    }

    pub(super) fn forget(&mut self, runtime: f64, pid: f64) {
        self.labels.remove(&(runtime.to_bits(), pid.to_bits()));
    }

    /// Returns the number of a type. JavaScript bounds how many there are.
    pub(super) fn type_of(&mut self, text: String) -> f64 {
        self.types.push(text);
        (self.types.len() - 1) as f64
    }
}

/// A message that is handled.
#[derive(Clone)]
pub(crate) struct Handling {
    pub(crate) runtime: f64,
    pub(crate) pid: f64,
    /// The name or the id of the process.
    pub(crate) label: Option<String>,
    /// The type of the message.
    pub(crate) message: Option<String>,
    /// The callback that runs.
    pub(crate) handler: &'static str,
}

/// Callbacks by operation.
const HANDLERS: [&str; 5] = ["handleCast", "handleCall", "handleInfo", "terminate", "handleInfo"];

/// Reads the cells from any thread, while the environment lives.
pub(super) struct ActivityMemory([*const AtomicU64; <ActivityCells as Record>::CELLS]);

// SAFETY: the memory is only read, by atomic loads, and the owner drops this value before the memory goes away.
unsafe impl Send for ActivityMemory {}

impl ActivityMemory {
    pub(super) fn new(array: &SharedArray) -> Self {
        let cells = array.cells();
        Self(std::array::from_fn(|index| (&raw const cells[index]).cast()))
    }

    /// Returns the message that is handled, if any. One that changes meanwhile may be mixed with the next: a stall
    /// changes nothing.
    pub(super) fn handling(&self, texts: &Texts) -> Option<Handling> {
        // SAFETY: the memory of the array lives as long as this value; a cell has the size and alignment of the atomic.
        let [operation, runtime, pid, message] =
            self.0.map(|cell| f64::from_bits(unsafe { &*cell }.load(Ordering::Relaxed)));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a wrong number saturates and names nothing"
        )]
        let text = |index: f64| (index >= 0.0).then(|| texts.types.get(index as usize)).flatten();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as above")]
        let handler = (operation >= 0.0).then(|| HANDLERS.get(operation as usize)).flatten()?;
        Some(Handling {
            runtime,
            pid,
            label: texts.labels.get(&(runtime.to_bits(), pid.to_bits())).cloned(),
            message: text(message).cloned(),
            handler,
        })
    }
}
