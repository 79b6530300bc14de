//! Atoms: values that change in whole steps, of one thread or shared by all threads of the process.
//!
//! - **Versions** are one state machine for both: each commit has the version after the one before it, and the newest
//!   ones are kept.
//! - **Local atoms** ([`LocalAtoms`]) have their values in JavaScript; the core has versions, order, times and history.
//! - **Shared atoms** are found by a name in a namespace. A **cell** ([`AtomCell`]) holds a value as bytes (or a number
//!   inline). The initial value has version 0. A commit succeeds only over the version that its maker saw.
//! - **Readers take no lock.** The cell's version stands in a [`Word`] of its own, *announced before* the commit is
//!   published. So a reader that finds its version announced knows that no thread ever saw anything newer, and
//!   keeps what it decoded; otherwise it loads the current commit, which is one atomic pointer.
//! - **Committers** queue on a short lock, in which the version is compared, the commit published, kept in the history
//!   and handed to the watchers. History and watchers are in version order by construction.
//! - **Watchers** ([`Subscription`]) start with the first commit after they subscribed and get every one, once, in
//!   order, unless they asked for the newest only.
//! - **Counters and flags** ([`Count`]) are one word each: no bytes, no versions, no lock.
//! - The [`Store`] finds them by name. An atom lives while it is held; the last [`AtomHold`] to go forgets it.

mod cell;
mod commit;
mod feed;
mod local;
#[cfg(all(test, loom))]
mod loom_model;
#[cfg(all(test, not(loom)))]
mod model_test;
mod slab;
mod store;
#[cfg(all(test, not(loom)))]
mod tests;
mod versions;
mod watch;
mod word;

pub use cell::{AtomCell, Conflict};
pub use commit::{At, AtomValue, Commit, NextCommit};
pub use local::{LocalAtomId, LocalAtoms, LocalChange, LocalCommit, OutOfOrder};
pub use slab::{Chunk, WORD_BYTES, Word, WordPlace, WordSlab};
pub use store::{AtomHold, AtomKind, OtherKind, SharedAtom, Store};
pub use watch::Subscription;
pub use word::{Count, LIMIT};
