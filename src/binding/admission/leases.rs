//! Leases of long tasks.

use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::core::admission::{Lease, LeaseBudget, MissedDeadline};
use crate::protocol::{Code, Part, lane_enum, lane_record};

pub(crate) type Leases = Handles<Lease>;

lane_enum! {
    /// The deadline that a task has missed.
    of MissedDeadline as MissedDeadline, prefix "MISSED_" => MISSED {
        /// Its time is over.
        Time,
        /// It has missed three heartbeats.
        Heartbeat,
    }
}

lane_record! {
    /// The state of a lease.
    struct LeaseCells => LEASE {
        /// When the task ends without another heartbeat.
        ends_at: f64,
        /// The most progress that was reported.
        progress: f64,
    }
}

pub(crate) const PARTS: &[Part] = &[MISSED, LEASE];

pub(crate) const MODULE: Module = hot_lane! {
    Leases;
    /// Starts a lease. Returns it. Scratch: `Lease`.
    "leaseStart"(max_duration_ms, heartbeat_ms, needs_progress, now) => start;
    /// Takes a heartbeat; NaN is no progress. Scratch: `Lease`.
    "leaseBeat"(lease, progress, now) => beat;
    /// Returns the `MissedDeadline`, or -1 when there is none.
    "leaseMissed"(lease, now) => missed;
    /// Ends a lease; a stale handle does nothing.
    "leaseEnd"(lease) => end;
};

fn show(environment: &Local<Leases>, lease: &Lease) {
    environment.write(LeaseCells { ends_at: lease.ends_at(), progress: lease.progress() });
}

fn start(
    environment: &Local<Leases>,
    max_duration_ms: f64,
    heartbeat_ms: f64,
    needs_progress: f64,
    now: f64,
) -> f64 {
    let needs_progress = needs_progress != 0.0;
    let lease = Lease::new(LeaseBudget { max_duration_ms, heartbeat_ms, needs_progress }, now);
    show(environment, &lease);
    environment.table.borrow_mut().open(lease)
}

fn beat(environment: &Local<Leases>, lease: f64, progress: f64, now: f64) -> f64 {
    let mut leases = environment.table.borrow_mut();
    let Some(lease) = leases.get(lease) else { return NONE };
    lease.beat(Some(progress).filter(|progress| !progress.is_nan()), now);
    show(environment, lease);
    0.0
}

fn missed(environment: &Local<Leases>, lease: f64, now: f64) -> f64 {
    let mut leases = environment.table.borrow_mut();
    leases.get(lease).and_then(|lease| lease.missed(now)).map_or(NONE, MissedDeadline::to_f64)
}

fn end(environment: &Local<Leases>, lease: f64) -> f64 {
    environment.table.borrow_mut().close(lease);
    0.0
}
