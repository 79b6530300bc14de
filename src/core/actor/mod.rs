//! Processes: who restarts them, and when.
//!
//! - [`supervisor`] decides which children run. It is a pure state machine; whoever owns processes, links and timers
//!   drives it.

pub mod supervisor;
