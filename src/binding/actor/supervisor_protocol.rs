//! The numbers in which JavaScript and a supervisor speak.

use crate::binding::env::SCRATCH_LEN;
use crate::binding::lane::Area;
use crate::core::actor::supervisor::{AutoShutdown, BudgetScope, Restart, StopSignal, Strategy};
use crate::protocol::{Flag, Record, lane_constants, lane_enum, lane_record};

lane_enum! {
    /// The events of a supervisor. The numbers beside an event are called first and second.
    pub(crate) enum SupervisorEvent => EVENT {
        /// Begin.
        Start,
        /// First: the start; second: the pid.
        ChildStarted,
        /// First: the start; second: a kind of exit.
        ChildStartFailed,
        /// First: the pid; second: a kind of exit.
        ChildExited,
        /// First: the request; second: the child. Its policy is in the scratch memory.
        StartChild,
        /// First: the request; second: the child.
        StartDynamic,
        /// First: the request; second: the child.
        RemoveChild,
        /// First: the request; second: the child.
        RenewChild,
        /// First: the timer.
        Timer,
        /// First: a kind of exit.
        ExitRequested,
        Killed,
    }
}

lane_enum! {
    /// Its requests (`DO_…`), and its reports to observers (`TOLD_…`). The numbers beside one are called first to
    /// third.
    pub(crate) enum ActionKind => ACTION_KIND {
        /// First: the start; second: the token of the child to run.
        Start as DO_START,
        /// First: the start; second: a signal.
        CancelStart as DO_CANCEL_START,
        /// First: the pid; second: a signal.
        Exit as DO_EXIT,
        /// First: the timer; second: when, in monotonic ms.
        Arm as DO_ARM,
        /// First: the timer.
        Disarm as DO_DISARM,
        /// First: the request; second: the pid of its child, or -1.
        Reply as DO_REPLY,
        /// First: the request; second: why; third: a rule, or why the start failed.
        Refuse as DO_REFUSE,
        /// First: the child; second: its token.
        Forget as DO_FORGET,
        Ready as DO_READY,
        /// First: why; second: the child; third: why its start failed.
        Stopped as DO_STOPPED,
        /// First: the child; second: its pid; third: which of its processes it is, from 1.
        Started as TOLD_STARTED,
        /// First: the child; second: why.
        StartFailed as TOLD_START_FAILED,
        /// First: the child; second: its pid.
        Exited as TOLD_EXITED,
        /// First: the child; second: its pid.
        Terminated as TOLD_TERMINATED,
        /// As `DO_STOPPED`.
        Stopping as TOLD_STOPPING,
        /// A start that no one waits for any more has led to a process. First: the start; second: its pid.
        LateStart as TOLD_LATE,
    }
}

lane_enum! {
    /// The way to end a process.
    of StopSignal as StopSignalCode, prefix "SIGNAL_" => SIGNAL {
        Shutdown,
        Kill,
    }
}

lane_enum! {
    /// The reason why a request is refused.
    pub(crate) enum RefusalKind, prefix "REFUSED_" => REFUSAL {
        Stopping,
        NotFound,
        Duplicate,
        Specification,
        Arguments,
        /// With the number of the rule that is broken.
        Invalid,
        StartFailed,
        Other,
    }
}

lane_enum! {
    /// The reason why a supervisor ends.
    pub(crate) enum StopKind, prefix "WHY_" => STOP {
        Requested,
        MaxRestarts,
        AutoShutdown,
        StartFailed,
        Killed,
    }
}

lane_enum! {
    /// The reason why a start failed.
    pub(crate) enum StartFailure, prefix "START_" => START_FAILURE {
        /// It threw.
        Failed,
        TimedOut,
        PidTaken,
    }
}

lane_enum! {
    /// The children that are started again with one that ended.
    of Strategy as StrategyCode, prefix "STRATEGY_", texts STRATEGIES => STRATEGY {
        OneForOne "one_for_one",
        OneForAll "one_for_all",
        RestForOne "rest_for_one",
        SimpleOneForOne "simple_one_for_one",
    }
}

lane_enum! {
    /// The ends after which a child is started again.
    of Restart as RestartCode, prefix "RESTART_", texts RESTARTS => RESTART {
        Permanent "permanent",
        Transient "transient",
        Temporary "temporary",
    }
}

lane_enum! {
    /// The ends of significant children after which their supervisor ends too.
    of AutoShutdown as AutoShutdownCode, prefix "AUTO_SHUTDOWN_", texts AUTO_SHUTDOWNS => AUTO_SHUTDOWN {
        Never "never",
        AnySignificant "any_significant",
        AllSignificant "all_significant",
    }
}

lane_enum! {
    /// The children whose restarts are counted together.
    of BudgetScope as ScopeCode, prefix "SCOPE_", texts SCOPES => SCOPE {
        Supervisor "supervisor",
        Child "child",
    }
}

lane_constants! { NUMBERS {
    /// The shutdown of a child that is killed at once.
    pub(crate) const SHUTDOWN_KILLS: f64 = -1.0;
    /// The start timeout of a child that has none.
    pub(crate) const NO_START_TIMEOUT: f64 = -1.0;
    /// A configuration that keeps the rules.
    pub(crate) const NO_RULE: f64 = 0.0;
} }

lane_record! {
    /// The policy of starting, stopping and restarting a child.
    pub(crate) struct PolicyCells => POLICY {
        /// The ends after which it is restarted.
        restart: f64,
        /// The longest time of its shutdown, ms; infinity waits.
        shutdown: f64,
        /// Set when its end may end the supervisor.
        significant: Flag,
        /// The longest time of its start, ms.
        start_timeout: f64,
        /// Set when restarts wait for a back-off.
        delays: Flag,
        /// The first delay, ms.
        initial: f64,
        /// The longest delay, ms.
        longest: f64,
        factor: f64,
        /// The part of a delay that is up to chance.
        jitter: f64,
    }
}

lane_record! {
    /// Stands before the actions of a page.
    pub(crate) struct PageHead => PAGE_HEAD {
        /// The number of actions after this page.
        left: f64,
    }
}

lane_record! {
    /// A request or a report of a supervisor; the first stands behind the head of the page.
    pub(crate) struct ActionCells at PageHead::CELLS => ACTION {
        kind: f64,
        first: f64,
        second: f64,
        third: f64,
    }
}

/// Actions of a page.
pub(crate) const MOST_ACTIONS: usize = (SCRATCH_LEN - ActionCells::BASE) / ActionCells::CELLS;

pub(crate) const PROTOCOL: Area = Area {
    name: "supervisor",
    doc: "The numbers in which JavaScript and a supervisor of the core speak.",
    parts: &[
        &[EVENT, ACTION_KIND, SIGNAL, REFUSAL, STOP, START_FAILURE],
        &[STRATEGY, RESTART, AUTO_SHUTDOWN, SCOPE],
        NUMBERS,
        &[POLICY, PAGE_HEAD, ACTION],
    ],
};
