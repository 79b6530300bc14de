//! Atoms, local and shared, counters and flags.

pub(crate) mod local;
pub(crate) mod memory;
pub(crate) mod open;
pub(crate) mod values;
pub(crate) mod words;
