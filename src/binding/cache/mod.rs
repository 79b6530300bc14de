//! Caches: those of one environment, and those that threads share.

pub(crate) mod local;
pub(crate) mod shared;
mod shared_lists;
