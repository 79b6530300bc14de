//! One JavaScript environment: the tables of the modules, scratch memory, and the way to wake it from other threads.
//!
//! Environments share nothing. A worker has tables of its own, which end with it.

mod environment;
mod handles;
mod observation;
mod shared_array;
mod waker;

pub(crate) use environment::{Environment, Local, SCRATCH_LEN, TableReader};
pub(crate) use handles::Handles;
pub(crate) use shared_array::SharedArray;
