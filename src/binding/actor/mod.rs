//! Processes and their supervisors.

pub(crate) mod driven;
pub(crate) mod restart;
pub(crate) mod runtime;
pub(crate) mod supervisor;
pub(crate) mod supervisor_protocol;
