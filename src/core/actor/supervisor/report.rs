//! What observers are told: nothing that a supervisor decides happens in silence.

use super::event::{ChildId, Pid, Signal, StartId};
use super::reason::{Reason, StartError, Why};

/// What a supervisor does about a child that ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
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
        /// Which.
        child: ChildId,
        /// Its process.
        pid: Pid,
        /// How many times it has been started now: 1 the first time, more for a restart.
        instance: u32,
    },
    /// A start decided that there is nothing to run.
    Ignored {
        /// Whose.
        child: ChildId,
    },
    /// A start failed.
    StartFailed {
        /// Whose.
        child: ChildId,
        /// Why.
        error: StartError,
    },
    /// A start that was given up has brought forth a process after all; it is killed.
    LateStart {
        /// The attempt.
        start: StartId,
        /// The process.
        pid: Pid,
    },
    /// A child ended by itself.
    Exited {
        /// Which.
        child: ChildId,
        /// Its process.
        pid: Pid,
        /// How.
        reason: Reason,
        /// What is done about it.
        verdict: Verdict,
    },
    /// A child that the supervisor had to stop has ended.
    Terminated {
        /// Which.
        child: ChildId,
        /// Its process.
        pid: Pid,
        /// How; anything but `Shutdown`, or `Killed` for one that is killed, is worth a line in a log.
        reason: Reason,
        /// The last signal it was sent; none when it ended before its turn came.
        signal: Option<Signal>,
    },
    /// A child did not stop in time, and is killed.
    ShutdownTimedOut {
        /// Which.
        child: ChildId,
        /// Its process.
        pid: Pid,
    },
    /// A restart waits.
    RestartDelayed {
        /// Whose.
        child: ChildId,
        /// Until then.
        at: f64,
        /// The how-manieth attempt in a row it will be, from 1.
        attempt: u32,
    },
    /// A restart that was due will not be: the child or the supervisor is stopped, or the child restarts with its group.
    RestartCancelled {
        /// Whose.
        child: ChildId,
    },
    /// A restart too many was due: the supervisor will stop.
    GivingUp {
        /// Whose.
        child: ChildId,
        /// Restarts in the window, this one included.
        restarts: u32,
    },
    /// The supervisor begins to stop its children.
    Stopping {
        /// Why.
        why: Why,
    },
}
