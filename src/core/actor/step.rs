//! What the runtime tells JavaScript to do, in order.

use super::calls::CallFailure;
use super::mail::{Mail, SlotId};
use super::process::Pid;
use super::relations::{LinkId, MonitorId};

/// How a process ends, as far as others have to tell endings apart. The reason itself is JavaScript's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitKind {
    /// It has done its work; links do not mind.
    Normal = 0,
    /// It was told to end; links end too.
    Shutdown = 1,
    /// It failed; links end too.
    Error = 2,
    /// It was ended without being asked.
    Killed = 3,
}

impl ExitKind {
    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Normal, Self::Shutdown, Self::Error, Self::Killed].into_iter().nth(number as usize)
    }
}

/// One thing for JavaScript to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Handle a message. Further ones for the same process follow directly, up to its budget.
    Run {
        /// Who handles it.
        pid: Pid,
        /// What.
        mail: Mail,
    },
    /// Tell a caller that there will be no reply. When `held` is true, the slot is still queued, and comes back as
    /// [`Step::Free`] later.
    CallFailed {
        /// The call.
        slot: SlotId,
        /// Why.
        failure: CallFailure,
        /// Whether the slot must be kept for now.
        held: bool,
    },
    /// A slot that was held can be used again.
    Free {
        /// Which.
        slot: SlotId,
    },
    /// A message that will not be handled: its process ended, or its mailbox was full.
    Dropped {
        /// Who it was for.
        pid: Pid,
        /// What.
        mail: Mail,
    },
    /// Run `terminate`, then report the exit.
    Terminate {
        /// Who.
        pid: Pid,
        /// Why.
        kind: ExitKind,
        /// Who ended, when a link did this.
        because_of: Option<Pid>,
    },
    /// Tell a monitoring process that another one ended.
    Down {
        /// Who is told.
        pid: Pid,
        /// By which monitor.
        monitor: MonitorId,
        /// Who ended.
        ended: Pid,
    },
    /// Tell a process that traps exits that a linked one ended.
    ExitSignal {
        /// Who is told.
        pid: Pid,
        /// By which link.
        link: LinkId,
        /// Who ended.
        ended: Pid,
    },
    /// No further step names this process, which has ended: what is kept of it can be forgotten. Its slot is given away
    /// in the round after this one at the earliest.
    Gone {
        /// Who has ended.
        pid: Pid,
    },
}
