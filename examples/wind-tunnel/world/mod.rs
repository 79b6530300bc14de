//! A service behind a door, in virtual time: the same seed gives the same run, event by event. Arrivals, classes and
//! service times are drawn from a stream that no policy touches, so that all policies meet the same traffic.

mod record;
mod run;
mod scenario;
mod service;

pub use record::{PER_SECOND, Record};
pub use scenario::{Backend, Fault, Load, Scenario};
pub use service::Service;
