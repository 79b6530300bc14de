//! Decides how often each key may do something: quotas of keys, in whole microseconds.
//!
//! A [`Limiter`] holds the state of its keys in slots; the caller maps the names of keys to slots. It decides by one of
//! four policies, which are pure functions of state and time:
//!
//! - the sliding [window]: admits at most the limit in any window; exact for up to 128 admissions a key, and at most
//!   1/64 of the window late beyond that, in at most 3 KiB a key.
//! - [GCRA](gcra): a bucket that refills steadily, in one timestamp; admits at most `burst + rate × t` in any time `t`.
//! - the [log]: every admission of the last window; admits at most the limit in any window, in memory that grows with
//!   it.
//! - the [counter]: two counts; close to the log, in constant memory.
//!
//! Each of them may have a [pace](paced) beside it: a least time between two admissions, and a reservoir. Whoever cannot
//! be admitted yet may [wait]: in order of arrival, for one key or for keys of several limiters at once.
//!
//! There is no timer: each call passes the time, and the limiter computes what is due. Time never runs backwards here.
//! All arithmetic is in integers, so nothing drifts and a retry hint is exact. The number of keys is bounded: a key
//! that is as good as new is forgotten first, else the one that will be so the soonest.

mod awaited;
mod config;
mod counter;
mod gcra;
mod idle;
mod keys;
mod limiter;
mod log;
mod marks;
mod paced;
mod policy;
mod tail;
mod wait;
mod window;

#[cfg(test)]
mod differential_test;
#[cfg(test)]
mod keys_test;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod wait_test;
#[cfg(test)]
mod window_test;

pub use config::{Algorithm, Field, LimiterConfig};
pub use limiter::{Limiter, Stats};
pub use paced::{LimiterPace, Reservoir};
pub use policy::Verdict;
pub use wait::{Joined, LimiterTable, Place, WaitList, WaitOutcome, check_all, take_all};
