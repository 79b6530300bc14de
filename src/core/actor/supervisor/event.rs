//! The events of a supervisor, its requests, and its answers.

use super::ids::{ChildId, Pid, RequestId, StartId, StartToken, TimerKey};
use super::reason::{ExitReason, StartError, Why};
use super::report::Report;
use super::spec::{ChildSpec, InvalidSpec, StopSignal};

/// Everything that can happen to a supervisor. Any event is allowed at any time; one that fits nothing changes nothing.
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
        /// The reason.
        reason: ExitReason,
    },
    /// A process has ended. Report the end of every process that was announced by `ChildStarted`, once.
    ChildExited {
        /// The process.
        pid: Pid,
        /// The way in which it ended.
        reason: ExitReason,
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
        /// Its start function.
        token: StartToken,
    },
    /// Stop a child and keep its specification, unless it is temporary or follows a template.
    TerminateChild {
        /// Answered with [`Answer::Done`].
        request: RequestId,
        /// The child.
        child: ChildId,
    },
    /// Stop a child and delete its specification, in one step that nothing interrupts.
    RemoveChild {
        /// Answered with [`Answer::Done`].
        request: RequestId,
        /// The child.
        child: ChildId,
    },
    /// Start a child that does not run and waits for no restart.
    RestartChild {
        /// Answered with [`Answer::Started`].
        request: RequestId,
        /// The child.
        child: ChildId,
    },
    /// Start a child anew: one that runs is stopped first, in one step that nothing interrupts. It does not count as a
    /// restart.
    RenewChild {
        /// Answered with [`Answer::Started`].
        request: RequestId,
        /// The child.
        child: ChildId,
    },
    /// Delete the specification of a child that does not run and waits for no restart.
    DeleteChild {
        /// Answered with [`Answer::Done`].
        request: RequestId,
        /// The child.
        child: ChildId,
    },
    /// An armed timer is due.
    Timer {
        /// The timer.
        timer: TimerKey,
    },
    /// The supervisor is asked to stop: by its parent, or by the owner of the root. An exit signal from another process
    /// is not for the driver to pass on; a supervisor traps those.
    ExitRequested {
        /// The reason it is to stop with.
        reason: ExitReason,
    },
    /// The supervisor is killed: it stops in this very step, and takes its children with it.
    Killed,
}

/// The requests of a supervisor to its driver, which must carry them out in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Start a child, and report the result with the same `start`.
    Start {
        /// The attempt.
        start: StartId,
        /// The child.
        child: ChildId,
        /// Its start function.
        token: StartToken,
    },
    /// A start under way is no longer wanted. A driver that can abort it does so, and reports its result all the same.
    CancelStart {
        /// The attempt.
        start: StartId,
        /// `Shutdown`: the supervisor still waits for it. `Kill`: it has given up, and kills what comes of it. A nested
        /// supervisor that is starting, or only about to, is sent what this says.
        signal: StopSignal,
    },
    /// Send an exit signal.
    Exit {
        /// To this process.
        pid: Pid,
        /// This one.
        signal: StopSignal,
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
        /// The timer.
        timer: TimerKey,
    },
    /// Answer a request.
    Reply {
        /// The request.
        request: RequestId,
        /// With this.
        result: Result<Answer, Refusal>,
    },
    /// A specification is gone, so this token is not started again. An `Err` reply to a start gives the token back
    /// as well, and [`Action::Stopped`] all that are left.
    Forget {
        /// The child.
        child: ChildId,
        /// Its start function.
        token: StartToken,
    },
    /// Tell observers.
    Report(Report),
    /// The children of the configuration run: the supervisor counts as started.
    Ready,
    /// The supervisor has ended. No child that it knows of is alive, or each was killed in this step.
    Stopped {
        /// The reason.
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

/// The reason why a request changed nothing.
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
    Invalid(InvalidSpec),
    /// The start failed; the specification of a new child is not kept.
    StartFailed(StartError),
}
