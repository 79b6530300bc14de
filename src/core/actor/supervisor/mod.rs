//! A supervisor as a pure state machine: `(state, event, now) -> (state, actions)`, after the rules of OTP's
//! `supervisor.erl`.
//!
//! It owns no process, no link, no timer and no clock. A driver tells it [`Event`]s and carries out its [`Action`]s, in
//! order. Whatever the driver's side does, and in whatever order, the machine keeps these promises:
//!
//! - **One thing at a time.** While a child starts or stops, other events wait in the order in which they came. None is
//!   lost. Only `ExitRequested` and `Killed` pass the others: a stop is begun as soon as what is under way is done.
//! - **One instance of a child.** A crash leads to one restart, however long the start takes. A process that comes of a
//!   start that was given up is killed, also after the supervisor has ended: keep the machine, or kill such
//!   processes yourself, until the starts that were asked for have answered.
//! - **Order.** Children start first to last and stop last to first, one after the other. Those of a
//!   `simple_one_for_one` supervisor are stopped all at once and share one timer.
//! - **One reply a request**, refused if need be: all that wait are refused when a stop is decided.
//! - **A budget.** More than `max_restarts` in any `within_ms` (both ends included) end the supervisor. A start that
//!   fails in a restart is tried again, and counts again.
//! - **No silence.** Each decision is a [`Report`].
//! - **Cost.** An event of a `one_for_one` or `simple_one_for_one` supervisor with n children is O(log n); starting,
//!   stopping or restarting a group of k is O(k log n).
//!
//! The driver must answer each `Start` once (or never; a timeout is the child's to have); a process's
//! `ChildExited` comes once, after its `ChildStarted` or while its start is under way; `Kill` always leads to
//! `ChildExited`. A process found dead when it is to be linked is reported as an exit.
//!
//! A stop cuts short what holds it up: a start under way is cancelled, and given as long as its child has to stop.
//! A delayed restart is cancelled.
//!
//! `otp/README.md` lists the differences from OTP and their reasons. The logs there were recorded from Erlang, and the
//! tests replay them.

mod children;
mod event;
mod ids;
mod machine;
mod reason;
mod report;
mod requests;
mod spec;
mod starting;
mod stopping;
mod strategy;
mod view;

pub use crate::core::actor::backoff::{Backoff, Jitter};
pub use children::ChildCounts;
pub use event::{Action, Answer, Event, Refusal};
pub use ids::{ChildId, Pid, RequestId, StartId, StartToken, TimerKey};
pub use machine::Supervisor;
pub use reason::{ExitReason, StartError, Why};
pub use report::{ExitVerdict, Report};
pub use spec::{
    AutoShutdown, BudgetScope, ChildKind, ChildPolicy, ChildSpec, InvalidSpec, Restart, Shutdown,
    StopSignal, Strategy, SupervisorConfig,
};
pub use view::{ChildView, Standing};

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod otp;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
