//! Names of processes, links and monitors.

use crate::core::slab::handle::id;

id! {
    /// A process; stale once it has exited.
    Pid
}

/// A link between two processes; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// A monitor of one process by another; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonitorId(pub u64);
