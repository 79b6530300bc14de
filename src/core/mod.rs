//! Every decision keelson makes: no Node, no wall clock, no process-global state.
//!
//! Time always arrives as an argument, in milliseconds of the caller's clock, so that the same inputs give
//! the same outputs in production, in a test and in a simulation.

pub mod actor;
pub mod admission;
pub mod atom;
pub mod bus;
pub mod cache;
pub mod choice;
pub mod clock;
pub mod error;
pub mod event_loop;
pub mod inbox;
pub mod journal;
pub mod linearizability;
pub mod names;
pub mod observe;
pub mod owner_lock;
pub mod planted;
pub mod random;
pub mod rate;
pub mod resistance;
pub(crate) mod slab;
mod sync;
