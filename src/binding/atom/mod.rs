//! Shared atoms, counters and flags.

pub(crate) mod memory;
pub(crate) mod open;
pub(crate) mod values;
pub(crate) mod words;
