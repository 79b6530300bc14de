//! The reasons why processes and supervisors end.

use super::ids::ChildId;

/// The ways in which a process ends. The caller keeps the value of an error, under a number of its choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// It was done.
    Normal,
    /// It was asked to stop.
    Shutdown,
    /// It was asked to stop, or chose to, with a value of its own.
    ShutdownWith(u64),
    /// It was killed.
    Killed,
    /// It crashed.
    Error(u64),
}

impl ExitReason {
    /// Returns whether a transient child that ends so is left alone: it was done, or asked to stop.
    pub fn is_quiet(self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::ShutdownWith(_))
    }
}

/// The reason why a start did not lead to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartError {
    /// It said so.
    Failed(ExitReason),
    /// It took longer than it may. A process that it leads to later is killed.
    TimedOut,
    /// It returned a process that is another child of this supervisor already. That child is left alone.
    PidTaken,
}

/// The reason why a supervisor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was asked to.
    Requested(ExitReason),
    /// A restart too many was due.
    MaxRestarts {
        /// The child.
        child: ChildId,
    },
    /// A significant child ended, and the supervisor is configured to end with it.
    AutoShutdown {
        /// The child.
        child: ChildId,
    },
    /// A child of the configuration could not be started.
    StartFailed {
        /// The child.
        child: ChildId,
        /// The reason.
        error: StartError,
    },
    /// It was killed.
    Killed,
}

impl Why {
    /// Returns the reason that the supervisor's own parent sees.
    ///
    /// Giving up and following a significant child are `Shutdown`, as in OTP. So a *transient* supervisor that gives up
    /// is not started again. Make it permanent if its parent must act.
    pub fn reason(self) -> ExitReason {
        match self {
            Self::Requested(reason) => reason,
            Self::StartFailed {
                error:
                    StartError::Failed(ExitReason::Error(detail) | ExitReason::ShutdownWith(detail)),
                ..
            } => ExitReason::ShutdownWith(detail),
            Self::MaxRestarts { .. } | Self::AutoShutdown { .. } | Self::StartFailed { .. } => {
                ExitReason::Shutdown
            }
            Self::Killed => ExitReason::Killed,
        }
    }
}
