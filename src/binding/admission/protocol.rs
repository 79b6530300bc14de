//! The numbers in which JavaScript and the admission engine speak.

use super::leases;
use crate::binding::lane::Area;
use crate::core::admission::Outcome;
use crate::core::resistance::{DecisionReason, Mode, TaskEnd};
use crate::protocol::{Known, lane_constants, lane_enum, lane_record};

lane_constants! { RESULTS {
    /// `engineAdmit`: the request waits. No reason for shedding has its number.
    pub(crate) const QUEUED: f64 = -100.0;
    /// No reason. A reason for shedding crosses as minus its code: see `shedReasons`.
    pub(crate) const NOT_SHED: f64 = 0.0;
    /// The number of the route's own profile.
    const OWN_PROFILE: f64 = -1.0;
    /// Ids of routes whose remainder by this is the same have the same slot, one after the other.
    const ROUTE_SLOTS: usize = crate::core::slab::MAX_SLOTS;
} }

lane_enum! {
    /// The state of a route's breaker.
    of Mode as ModeCode, prefix "MODE_", texts MODES => MODE {
        Bootstrap "BOOTSTRAP",
        Operational "OPERATIONAL",
        CircuitBreaker "CIRCUIT_BREAKER",
    }
}

lane_enum! {
    /// The decision of `engineRoute`.
    of DecisionReason as DecisionReason, prefix "ANSWER_" => DECISION {
        /// The request may flow.
        Ok,
        /// The voltage is not above R.
        InsufficientVoltage,
        /// The route is in `CIRCUIT_BREAKER`.
        CircuitOpen,
    }
}

lane_enum! {
    /// The outcome of admitted work, for `engineDone`.
    of Outcome as OutcomeCode, prefix "OUTCOME_" => OUTCOME {
        /// It worked.
        Ok,
        /// It failed.
        Failed,
        /// The caller went away and the work stopped.
        Aborted,
        /// It is not to count.
        Ignored,
        /// It failed, because its time was over.
        TimedOut,
    }
}

lane_constants! { LEAVING {
    /// No outcome, though `engineDone` takes it: the client left and the work goes on.
    pub(crate) const OUTCOME_LEFT: u32 = Outcome::TimedOut as u32 + 1;
} }

lane_enum! {
    /// The outcome of a task.
    of TaskEnd as TaskEndCode, prefix "TASK_" => TASK_END {
        Completed,
        Failed,
        TimedOut,
        Aborted,
    }
}

lane_enum! {
    /// The kind of an event of `engineEvent`.
    pub(crate) enum WaiterEventKind, prefix "EVENT_" => EVENT {
        /// Nothing happened.
        None,
        /// A waiter was admitted.
        Admitted,
        /// A waiter was shed.
        Shed,
    }
}

lane_record! {
    /// The answer of `engineIntern`.
    pub(crate) struct InternedCells => INTERNED {
        /// The slot of a route that was forgotten to make room, or -1.
        evicted_slot: f64,
    }
}

lane_record! {
    /// The input of `engineRoute`.
    pub(crate) struct ReportCells => REPORT {
        engine: f64,
        route: f64,
        /// Milliseconds; NaN is not known.
        latency: f64,
        /// A rate; NaN is not known.
        errors: f64,
        /// NaN is not known.
        saturation: f64,
        voltage: f64,
        /// Monotonic ms.
        now: f64,
        /// The number of the profile it is measured against, or `OWN_PROFILE`.
        profile: f64,
        /// Its age, ms.
        age: f64,
    }
}

lane_record! {
    /// The answer of `engineRoute` beside the reason.
    pub(crate) struct Decided => DECIDED {
        /// R, ohms.
        resistance: f64,
        /// The mode.
        mode: f64,
        /// The mode of the decision before.
        mode_before: f64,
        /// The number of neighbours that felt that the route opened.
        bumped: f64,
    }
}

lane_record! {
    /// The state of a route that a process can share, for `engineOwn`.
    pub(crate) struct OwnState => OWN_STATE {
        /// Its own scar, ohms.
        scar: f64,
        /// R, ohms.
        resistance: f64,
    }
}

lane_record! {
    /// A request of `engineAdmit` and `engineShadow`.
    pub(crate) struct Request => REQUEST {
        engine: f64,
        route: f64,
        voltage: f64,
        /// The longest time of the work, ms; NaN is the gate's own.
        timeout: f64,
        /// Monotonic ms.
        now: f64,
        /// The longest wait, ms; 0 is not at all. `engineShadow` does not read it.
        max_wait: f64,
    }
}

lane_record! {
    /// The outcome of a request, and the content of an event.
    pub(crate) struct AdmissionCells => ADMISSION {
        /// The time of the next `engineExpire`. Not a field of events.
        wake: f64,
        /// The time after which another try makes sense, ms.
        retry_after: f64,
        /// R, ohms.
        resistance: f64,
        /// The id of the waiter, or -1.
        waiter: f64,
        /// Events that `engineEvent` can return; of a request.
        events: f64,
        /// Minus the code of the reason; not of `engineAdmit`, which returns it.
        reason: f64,
        /// The ticket; of an event.
        ticket: f64,
    }
}

lane_record! {
    /// The input of `engineDone`.
    pub(crate) struct Ended => ENDED {
        engine: f64,
        ticket: f64,
        /// An outcome, or `OUTCOME_LEFT`.
        outcome: f64,
        /// Monotonic ms.
        now: f64,
    }
}

lane_record! {
    /// R and its terms, ohms unless it says otherwise.
    pub(crate) struct RouteReading, read => ROUTE_READING {
        base: f64,
        pressure: f64,
        momentum: f64,
        scar: f64,
        /// R.
        total: f64,
        mode: f64,
        break_at: f64,
        recovery_at: f64,
        /// The number of reports that were taken in.
        ticks: f64,
        /// Monotonic ms.
        last_update: Known,
        shared: f64,
        staleness: f64,
        /// The pressure of latency, -1 to 1.
        latency: f64,
        /// The pressure of errors, -1 to 1.
        errors: f64,
        /// The pressure of saturation, -1 to 1.
        saturation: f64,
        learned_latency_ms: Known,
        learned_error_rate: Known,
        learned_saturation: Known,
        scar_factor: f64,
        /// The voltage of the last decision.
        voltage: Known,
        /// Its reason, a `DecisionReason`.
        decided: Known,
        /// The learned mean of R.
        tuner_mean: Known,
        /// The learned deviation of R.
        tuner_deviation: Known,
        /// Healthy time, in units of `minDeltaT`.
        tuner_ticks: Known,
        /// 1 once the recovery threshold is the learned one.
        tuner_is_warm: Known,
    }
}

lane_record! {
    /// The numbers of a gate.
    pub(crate) struct GateReading, read => GATE_READING {
        limit: f64,
        in_flight: f64,
        queued: f64,
        admitted: f64,
        trickled: f64,
        succeeded: f64,
        failed: f64,
        timed_out: f64,
        latency_baseline_ms: Known,
        queue_delay_ms: f64,
        queue_deadline_ms: f64,
        error_rate: Known,
        /// The number of shed requests, by reason.
        shed_limit: f64,
        shed_queue_full: f64,
        shed_queue_deadline: f64,
        shed_displaced: f64,
        shed_resistance: f64,
        /// The same by priority.
        shed_background: f64,
        shed_low: f64,
        shed_normal: f64,
        shed_high: f64,
        shed_critical: f64,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "admission",
    doc: "The numbers in which JavaScript and the admission engine of the core speak.",
    parts: &[
        RESULTS,
        &[MODE, DECISION, OUTCOME],
        LEAVING,
        &[TASK_END, EVENT, INTERNED, REPORT, DECIDED, OWN_STATE, REQUEST, ADMISSION, ENDED],
        &[ROUTE_READING, GATE_READING],
        leases::PARTS,
    ],
};
