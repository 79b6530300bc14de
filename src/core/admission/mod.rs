//! wip
pub(crate) mod jitter;
