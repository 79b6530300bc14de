//! What a supervisor is told, what it asks for, and what it answers.

use super::reason::{Reason, StartError, Why};
use super::report::Report;
use super::spec::{ChildSpec, Invalid};

/// Names one child among those of its supervisor, for as long as its specification is there. The caller chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(pub u64);

/// Names one process for ever. The caller chooses it and never uses it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u64);

/// What to start: the caller's own name for a start function and its arguments. It is handed back with each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Names a request. The caller chooses it; exactly one reply carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names one attempt to start a child, so that a late result is told from a wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartId(pub(super) u64);

/// Names one timer of one supervisor; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey(pub(super) u64);

macro_rules! numbered {
    ($name:ident) => {
        impl $name {
            /// As a number, for a driver that keeps it elsewhere.
            pub fn number(self) -> u64 {
                self.0
            }

            /// From what [`number`](Self::number) gave; any other number fits nothing.
            pub fn from_number(number: u64) -> Self {
                Self(number)
            }
        }
    };
}

numbered!(StartId);
numbered!(TimerKey);

/// What a supervisor is told. Any event is allowed at any time; one that fits nothing changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// Begin: start the children of the configuration. Counts once.
    Start,
    /// A start has succeeded.
    ChildStarted {
        /// The attempt.
        start: StartId,
        /// The process that lives now.
        pid: Pid,
    },
    /// A start has decided that there is nothing to run. That is no failure: the child is there, without a process.
    ChildIgnored {
        /// The attempt.
        start: StartId,
    },
    /// A start has failed; no process is left of it.
    ChildStartFailed {
        /// The attempt.
        start: StartId,
        /// Why.
        reason: Reason,
    },
    /// A process has ended. To be told of every process that was announced by `ChildStarted`, once.
    ChildExited {
        /// The process.
        pid: Pid,
        /// How.
        reason: Reason,
    },
    /// Add a child and start it.
    StartChild {
        /// Answered with [`Answer::Started`].
        request: RequestId,
        /// The new child, the last in the order.
        spec: ChildSpec,
    },
    /// Add a child after the template of a `simple_one_for_one` supervisor, and start it.
    StartDynamic {
        /// Answered with [`Answer::Started`].
        request: RequestId,
        /// The new child's name.
        child: ChildId,
        /// What to start.
        token: Token,
    },
    /// Stop a child and keep its specification, unless it is temporary or follows a template.
    TerminateChild {
        /// Answered with [`Answer::Done`].
        request: RequestId,
        /// Which.
        child: ChildId,
    },
    /// Stop a child and delete its specification, in one step that nothing comes between.
    RemoveChild {
        /// Answered with [`Answer::Done`].
        request: RequestId,
        /// Which.
        child: ChildId,
    },
    /// Start a child that does not run and waits for no restart.
    RestartChild {
        /// Answered with [`Answer::Started`].
        request: RequestId,
        /// Which.
        child: ChildId,
    },
    /// Start a child anew: one that runs is stopped first, in one step that nothing comes between. Nobody counts it as a
    /// restart.
    RenewChild {
        /// Answered with [`Answer::Started`].
        request: RequestId,
        /// Which.
        child: ChildId,
    },
    /// Delete the specification of a child that does not run and waits for no restart.
    DeleteChild {
        /// Answered with [`Answer::Done`].
        request: RequestId,
        /// Which.
        child: ChildId,
    },
    /// An armed timer is due.
    Timer {
        /// Which.
        timer: TimerKey,
    },
    /// The supervisor is asked to stop: by its parent, or by whoever owns the root. An exit signal from anybody else is
    /// not for the driver to pass on; a supervisor traps those.
    ExitRequested {
        /// The reason it is to stop with.
        reason: Reason,
    },
    /// The supervisor is killed: it stops in this very step, and takes its children with it.
    Killed,
}

/// How a child is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Asked; it may clean up, and it may refuse.
    Shutdown,
    /// Ended for certain. The driver owes a `ChildExited` for it, whatever the process does.
    Kill,
}

/// What a supervisor asks of its driver. They are to be carried out in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Start a child, and tell how it went with the same `start`.
    Start {
        /// The attempt.
        start: StartId,
        /// Whom.
        child: ChildId,
        /// What to run.
        token: Token,
    },
    /// A start under way is no longer wanted. A driver that can abort it does so, and tells its result all the same.
    CancelStart {
        /// The attempt.
        start: StartId,
        /// `Shutdown`: the supervisor still waits for it. `Kill`: it has given up, and kills what comes of it. A nested
        /// supervisor that is starting, or only about to, is sent what this says.
        signal: Signal,
    },
    /// Send an exit signal.
    Exit {
        /// To this process.
        pid: Pid,
        /// This one.
        signal: Signal,
    },
    /// Send [`Event::Timer`] at this monotonic time.
    Arm {
        /// With this key.
        timer: TimerKey,
        /// At this time.
        at: f64,
    },
    /// Forget a timer.
    Disarm {
        /// Which.
        timer: TimerKey,
    },
    /// Answer a request.
    Reply {
        /// Which.
        request: RequestId,
        /// With this.
        result: Result<Answer, Refusal>,
    },
    /// A specification is gone, so nobody will start this token again. An `Err` reply to a start gives the token back
    /// as well, and [`Action::Stopped`] all that are left.
    Forget {
        /// The child.
        child: ChildId,
        /// What it ran.
        token: Token,
    },
    /// Tell observers.
    Report(Report),
    /// The children of the configuration run: the supervisor counts as started.
    Ready,
    /// The supervisor has ended. No child that it knows of is alive, or each was killed in this step.
    Stopped {
        /// Why.
        why: Why,
    },
}

/// A request that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The child runs; without a process when its start decided that there is nothing to run.
    Started {
        /// The child.
        child: ChildId,
        /// Its process.
        pid: Option<Pid>,
    },
    /// The child was stopped or deleted.
    Done,
}

/// A request that was refused; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The supervisor is ending or has ended.
    Stopping,
    /// No child has this name.
    NotFound,
    /// A child of this name runs already.
    AlreadyStarted(Pid),
    /// A child of this name is there, without a process.
    AlreadyPresent,
    /// The child runs.
    Running,
    /// The child waits for its restart.
    Restarting,
    /// A `simple_one_for_one` supervisor has a template and no specifications to start, restart or delete.
    SimpleOneForOne,
    /// Only a `simple_one_for_one` supervisor has a template.
    NotSimpleOneForOne,
    /// `max_children` are there.
    MaxChildren,
    /// The specification breaks a rule.
    Invalid(Invalid),
    /// The start failed; the specification of a new child is not kept.
    StartFailed(StartError),
}
