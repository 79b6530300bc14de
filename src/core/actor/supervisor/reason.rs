//! Why processes and supervisors end.

use super::event::ChildId;

/// How a process ended. What goes with an error stays with the caller, under a number of its choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was done.
    Normal,
    /// It was asked to stop.
    Shutdown,
    /// It was asked to stop, or chose to, with something to say about it.
    ShutdownWith(u64),
    /// It was killed.
    Killed,
    /// It crashed.
    Error(u64),
}

impl Reason {
    /// Whether a transient child that ends so is left alone: done, or asked to stop.
    pub fn is_quiet(self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::ShutdownWith(_))
    }
}

/// Why a start did not lead to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartError {
    /// It said so.
    Failed(Reason),
    /// It took longer than it may. What comes of it later is killed.
    TimedOut,
    /// It returned a process that is another child of this supervisor already. That child is left alone.
    PidTaken,
}

/// Why a supervisor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was asked to.
    Requested(Reason),
    /// A restart too many was due.
    MaxRestarts {
        /// Whose.
        child: ChildId,
    },
    /// A significant child ended, and the supervisor was told to follow.
    AutoShutdown {
        /// Which.
        child: ChildId,
    },
    /// A child of the configuration could not be started.
    StartFailed {
        /// Which.
        child: ChildId,
        /// Why.
        error: StartError,
    },
    /// It was killed.
    Killed,
}

impl Why {
    /// The reason that the supervisor's own parent sees.
    ///
    /// Giving up and following a significant child are `Shutdown`, as in OTP. So a *transient* supervisor that gives up
    /// is not started again; who wants its parent to act makes it permanent.
    pub fn reason(self) -> Reason {
        match self {
            Self::Requested(reason) => reason,
            Self::StartFailed {
                error: StartError::Failed(Reason::Error(detail) | Reason::ShutdownWith(detail)),
                ..
            } => Reason::ShutdownWith(detail),
            Self::MaxRestarts { .. } | Self::AutoShutdown { .. } | Self::StartFailed { .. } => {
                Reason::Shutdown
            }
            Self::Killed => Reason::Killed,
        }
    }
}
