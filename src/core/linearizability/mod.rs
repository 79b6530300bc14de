//! Linearizability: whether one order of the operations explains what several clients saw.
//!
//! A history is *linearizable* if its operations can be put in an order in which each one takes effect at one instant
//! between its call and its return, and a sequential model gives each result that was seen (Herlihy and Wing, 1990). An
//! operation without a return may take effect at any time after its call, or never.
//!
//! [`Search`] looks for such an order. It is a pure state machine, since the model lies with the caller: the search asks
//! what an operation does in a state, and the caller answers with the number of the next state. The algorithm is that of
//! Wing and Gong (1993) with the cache of Lowe (2017): no set of operations is tried twice in one state. Its cost grows
//! exponentially with the operations that overlap, so it ends undecided after a number of questions.
//!
//! Histories of objects that know nothing of each other (keys) are linearizable if each one is. So search each alone.

mod search;
#[cfg(all(test, not(loom)))]
mod search_test;

pub use search::{Blocked, HistoryVerdict, OperationSpan, Question, Search};
