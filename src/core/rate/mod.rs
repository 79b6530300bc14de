//! How often each key may do something: quotas of keys, decided in whole microseconds.
//!
//! A [`Limiter`] holds the state of its keys in slots; what a key is called is its caller's business. It decides by one
//! of three policies, which are pure functions of state and time:
//!
//! - [GCRA](gcra): a bucket that refills steadily, in one timestamp; admits at most `burst + rate × t` in any time `t`.
//! - the [log]: every admission of the last window; admits at most the limit in any window, in memory that grows with
//!   it.
//! - the [counter]: two counts; close to the log, in constant memory.
//!
//! There is no timer: what is due is found out by reading the time that is passed in. It never runs backwards here,
//! and all of its arithmetic is in integers, so that nothing drifts and a hint when to come back is exact. Keys are
//! bounded: one that is as good as new is forgotten first, else the one that would be soonest.

mod config;
mod counter;
mod gcra;
mod idle;
mod keys;
mod limiter;
mod log;
mod policy;

#[cfg(test)]
mod differential_test;
#[cfg(test)]
mod keys_test;
#[cfg(test)]
mod naive;

pub use config::{Algorithm, Field, LimiterConfig};
pub use limiter::{Limiter, Stats};
pub use policy::Verdict;
