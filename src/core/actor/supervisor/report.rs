//! The reports to observers: a supervisor decides nothing in silence.

use super::ids::{ChildId, Pid, StartId};
use super::reason::{ExitReason, StartError, Why};
use super::spec::StopSignal;

/// The reaction of a supervisor to a child that ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitVerdict {
    /// Start it again, if the budget allows.
    Restart,
    /// Leave it as it is; its specification stays.
    Leave,
    /// Delete its specification: it is temporary, or follows a template.
    Remove,
}

/// Something an observer may want to know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Report {
    /// A child runs.
    Started {
        /// The child.
        child: ChildId,
        /// Its process.
        pid: Pid,
        /// Counts its starts with this one: 1 the first time, more for a restart.
        instance: u32,
    },
    /// A start decided that there is nothing to run.
    Ignored {
        /// The child.
        child: ChildId,
    },
    /// A start failed.
    StartFailed {
        /// The child.
        child: ChildId,
        /// The reason.
        error: StartError,
    },
    /// An abandoned start has led to a process after all; it is killed.
    LateStart {
        /// The attempt.
        start: StartId,
        /// The process.
        pid: Pid,
    },
    /// A child ended by itself.
    Exited {
        /// The child.
        child: ChildId,
        /// Its process.
        pid: Pid,
        /// The way in which it ended.
        reason: ExitReason,
        /// The reaction.
        verdict: ExitVerdict,
    },
    /// A child that the supervisor had to stop has ended.
    Terminated {
        /// The child.
        child: ChildId,
        /// Its process.
        pid: Pid,
        /// The way in which it ended. Anything but `Shutdown`, or `Killed` for a child that is killed, is worth a line
        /// in a log.
        reason: ExitReason,
        /// The last signal it was sent; none when it ended before its turn came.
        signal: Option<StopSignal>,
    },
    /// A child did not stop in time, and is killed.
    ShutdownTimedOut {
        /// The child.
        child: ChildId,
        /// Its process.
        pid: Pid,
    },
    /// A restart waits.
    RestartDelayed {
        /// The child.
        child: ChildId,
        /// Until then.
        at: f64,
        /// The how-manieth attempt in a row it will be, from 1.
        attempt: u32,
    },
    /// A restart that was due will not be: the child or the supervisor is stopped, or the child restarts with its
    /// group.
    RestartCancelled {
        /// The child.
        child: ChildId,
    },
    /// A restart too many was due: the supervisor will stop.
    GivingUp {
        /// The child.
        child: ChildId,
        /// Restarts in the window, this one included.
        restarts: u32,
    },
    /// The supervisor begins to stop its children.
    Stopping {
        /// The reason.
        why: Why,
    },
}
