//! Admission: decides which request starts now, which waits and which is shed, for work that we measure ourselves.
//!
//! Per route a gate holds four things:
//!
//! - an in-flight [limit](limit) that follows the service's own speed;
//! - a [queue] ordered by voltage, then by age;
//! - the [resistance](super::resistance), computed from measured errors, latency and queueing: a request flows only if
//!   its voltage is above it;
//! - a [trickle] that is admitted whatever the other three say, so that no gate stays shut.
//!
//! [`Engine`] is the only entrance for requests. It is a pure function of its inputs, its seed and the time that a
//! caller passes. [`Lease`] says when a long task must end.
//! `docs/design/admission.md` has the rules, the constants with their reasons, and the measurements.

mod admit;
mod baseline;
mod client_patience;
mod clock;
mod config;
mod deadlines;
mod engine;
mod evidence;
mod gate;
mod gray_failure;
mod ids;
mod lease;
mod limit;
mod names;
mod priority;
mod profiles;
mod queue;
mod route;
mod routes;
mod settings;
mod settle;
mod shed;
mod ticket;
mod trickle;

#[cfg(test)]
mod gray_failure_test;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

pub use config::{EngineConfig, GateConfig};
pub use engine::{Admission, Engine, Interned, WaiterEvent};
pub use gate::GateSnapshot;
pub use ids::{RouteId, TicketId, WaiterId};
pub use lease::{Lease, LeaseBudget, MissedDeadline};
pub use priority::{PRIORITIES, Priority};
pub use route::{Own, Routed};
pub use settings::MAX_PROFILES;
pub use shed::{Outcome, REASONS, Shed, ShedReason};
