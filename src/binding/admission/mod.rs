//! The admission engine.

pub(crate) mod config;
pub(crate) mod engine;
pub(crate) mod leases;
pub(crate) mod profiles;
pub(crate) mod protocol;
