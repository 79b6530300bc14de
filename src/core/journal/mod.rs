//! Durable journals: entries in order, on disk, and there after a crash once they were acknowledged.
//!
//! # Guarantees
//!
//! - **Prefix.** The recovered entries are a prefix of the appended ones, in order, without gaps; never half an entry.
//! - **Acknowledged is kept.** Below [`queue::Progress::synced`] an entry survives a power cut, given a disk that
//!   honours a sync; below `written` it survives the process.
//! - **Damage is reported.** A torn tail that was never acknowledged is cut and reported. Damage to what was
//!   acknowledged is refused with its place, unless salvage was asked for.
//! - **A failure ends the writer.** After a failed write or sync the content of the disk is unknown, so nothing is
//!   retried: the journal is closed, and the next opening reads what there is.
//! - **One writer a directory**, by a lock of the operating system; readers beside it take none.
//! - **Found where it is looked for.** Acknowledged entries lie where the journal's path leads; see [`Log::look`].
//!
//! # Layers
//!
//! [`elements`] takes a batch apart. [`format`] encodes bytes. [`storage`] is a directory: the [`disk`], or the tests'
//! faulty one. [`scan`] walks over records, [`segment`] indexes files, and [`time`] computes the age of entries.
//! [`recovery`] reads a directory and `log` writes to it. `retention`, [`compaction`], [`snapshot`] and `salvage`
//! change it, and [`backup`] copies it. [`streams`] is the index of streams, and [`stream_reader`] reads by it.
//! [`queue`] hands appends to the thread in [`writer`]. [`reader`] reads pages, and [`follower`] does so beside another
//! process. A process opens its journals by [`registry`].
//!
//! [`memory`] decides for journals in memory, whose entries stay in JavaScript.

pub mod backup;
#[cfg(all(test, not(loom)))]
mod backup_test;
pub mod compaction;
#[cfg(all(test, not(loom)))]
mod compaction_test;
pub mod config;
#[cfg(all(test, not(loom)))]
mod crash_test;
#[cfg(all(test, not(loom)))]
mod damage_test;
pub mod disk;
pub mod elements;
#[cfg(all(test, not(loom)))]
mod elements_test;
pub mod error;
#[cfg(all(test, not(loom)))]
mod faulty;
pub mod follower;
pub mod format;
#[cfg(all(test, not(loom)))]
mod format_test;
mod front;
pub mod fuzz;
mod log;
pub mod memory;
pub mod queue;
pub mod reader;
pub mod recovery;
pub mod registry;
mod retention;
mod salvage;
pub mod scan;
pub mod segment;
pub mod snapshot;
pub mod storage;
pub mod stream_reader;
pub mod streams;
#[cfg(all(test, not(loom)))]
mod streams_model_test;
#[cfg(all(test, not(loom)))]
mod streams_test;
pub mod time;
pub mod writer;
#[cfg(all(test, not(loom)))]
mod writer_test;

pub use log::Log;
