//! Restarts of processes: one budget and back-off a process.

use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::actor::{Backoff, Jitter, RestartBudget, RestartVerdict, Restarts};
use crate::protocol::lane_record;

pub(crate) type RestartTable = Handles<Restarts>;

lane_record! {
    /// The decision about a process that failed.
    struct Failed => FAILED {
        /// The delay of its restart, ms.
        delay: f64,
        /// The number of attempts, when the process is not started again.
        attempts: f64,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "restarts",
    doc: "The numbers in which JavaScript and the restarts of a process speak.",
    parts: &[&[FAILED]],
};

pub(crate) const MODULE: Module = hot_lane! {
    RestartTable;
    /// Opens the restarts of a process. Returns their handle. A negative count is no budget; times are ms, jitter is
    /// percent.
    "restartsOpen"(count, within, initial, max, factor, jitter) => open;
    /// Forgets them; a stale handle does nothing.
    "restartsClose"(restarts) => close;
    /// Notes that `init` of the process has succeeded.
    "restartsStarted"(restarts, now) => started;
    /// Notes that the process has failed. Returns the number of the attempt, from 1, or 0 to give up. Scratch:
    /// `Failed`.
    "restartsFailed"(restarts, now, chance) => failed;
};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a checked 32-bit integer, or -1"
)]
fn open(
    environment: &Local<RestartTable>,
    count: f64,
    within: f64,
    initial: f64,
    max: f64,
    factor: f64,
    jitter: f64,
) -> f64 {
    let budget = (count >= 0.0).then_some(RestartBudget { count: count as u32, within });
    let restarts = Restarts::new(
        budget,
        Backoff { initial_ms: initial, max_ms: max, factor, jitter: Jitter::EitherWay(jitter) },
    );
    environment.table.borrow_mut().open(restarts)
}

fn close(environment: &Local<RestartTable>, restarts: f64) -> f64 {
    environment.table.borrow_mut().close(restarts);
    0.0
}

fn with(
    environment: &Local<RestartTable>,
    restarts: f64,
    body: impl FnOnce(&mut Restarts) -> f64,
) -> f64 {
    environment.table.borrow_mut().get(restarts).map_or(NONE, body)
}

fn started(environment: &Local<RestartTable>, restarts: f64, now: f64) -> f64 {
    with(environment, restarts, |restarts| {
        restarts.started(now);
        0.0
    })
}

fn failed(environment: &Local<RestartTable>, restarts: f64, now: f64, chance: f64) -> f64 {
    with(environment, restarts, |restarts| match restarts.failed(now, chance) {
        RestartVerdict::Restart { attempt, delay } => {
            environment.write(Failed { delay, attempts: f64::from(attempt) });
            f64::from(attempt)
        }
        RestartVerdict::GiveUp { attempts } => {
            environment.write(Failed { delay: 0.0, attempts: f64::from(attempts) });
            0.0
        }
    })
}
