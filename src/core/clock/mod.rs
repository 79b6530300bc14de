//! Time as data: deadlines fire in (deadline, insertion) order, and a cancelled one never does.
//!
//! - [`RadixQueue`] orders monotonic deadlines in amortised constant time.
//! - [`Timers`] adds identity, cancellation and wall-clock deadlines.
//! - [`Controlled`] is a clock that moves only when its owner moves it.
//! - [`Simulated`] is one whose owner also picks among timers of one instant.
//!
//! All times are `f64` milliseconds, the unit JavaScript has; nothing here reads a clock.

mod controlled;
mod event_queue;
mod radix_queue;
mod simulated;
pub(crate) mod time_key;
mod timers;

pub use controlled::{Controlled, ControlledStep};
pub use event_queue::EventQueue;
pub use radix_queue::{RadixEntry, RadixQueue};
pub use simulated::Simulated;
pub use timers::{Due, TimerId, Timers, Track};

#[cfg(test)]
mod model_test;
