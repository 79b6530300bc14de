//! The steps that the runtime asks JavaScript to carry out, in order.

use super::calls::CallFailure;
use super::exit::ExitKind;
use super::ids::{LinkId, MonitorId, Pid};
use super::mail::{Mail, SlotId};

/// One thing for JavaScript to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Handle a message. Further ones for the same process follow directly, up to its budget.
    Run {
        /// The process that handles it.
        pid: Pid,
        /// The message.
        mail: Mail,
    },
    /// Tell a caller that there will be no reply. When `held` is true, the slot is still queued, and comes back as
    /// [`Step::Free`] later.
    CallFailed {
        /// The call.
        slot: SlotId,
        /// The reason.
        failure: CallFailure,
        /// Set while the slot must be kept.
        held: bool,
    },
    /// A slot that was held can be used again.
    Free {
        /// The slot.
        slot: SlotId,
    },
    /// A message that will not be handled: its process ended, or its mailbox was full.
    Dropped {
        /// The process it was for.
        pid: Pid,
        /// The message.
        mail: Mail,
    },
    /// Run `terminate`, then report the exit.
    Terminate {
        /// The process.
        pid: Pid,
        /// The way in which it ends.
        kind: ExitKind,
        /// The process whose end did this by a link.
        because_of: Option<Pid>,
    },
    /// Tell a monitoring process that another one ended.
    Down {
        /// The process that monitors.
        pid: Pid,
        /// By which monitor.
        monitor: MonitorId,
        /// The process that ended.
        ended: Pid,
    },
    /// Tell a process that traps exits that a linked one ended.
    ExitSignal {
        /// The process that traps exits.
        pid: Pid,
        /// By which link.
        link: LinkId,
        /// The process that ended.
        ended: Pid,
    },
    /// No further step names this process, which has ended: you can forget what you keep of it. Its slot is reused in
    /// the round after this one at the earliest.
    Gone {
        /// The process that ended.
        pid: Pid,
    },
}
