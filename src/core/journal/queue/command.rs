//! Commands to the writing thread.

use std::sync::Arc;

use crate::core::journal::error::JournalError;
use crate::core::journal::segment::Segment;

/// A compacted segment that waits to take the place of its originals.
#[derive(Debug)]
pub struct Swap {
    pub(crate) temporary: String,
    pub(crate) replaced: Vec<Arc<Segment>>,
    pub(crate) fresh: Arc<Segment>,
    /// Sequences and offsets of its records that belong to streams.
    pub(crate) places: Vec<(u64, u32)>,
}

/// A task for the writing thread, after everything that was accepted before.
#[derive(Debug)]
pub enum Command {
    /// Nothing but the sync.
    Sync,
    /// Forget every entry.
    Clear,
    /// Drop what the options no longer keep, at this time of the journal.
    Retain(f64),
    /// Keep no saved state that does not know of the removal of a key with this sequence.
    ForgetRemoval(u64),
    /// End the active segment.
    Rotate,
    /// Keep a state that stands for all entries before a sequence.
    Snapshot {
        /// The sequence.
        next: u64,
        /// Wall ms at which it was taken.
        wall: f64,
        /// JSON text.
        state: String,
    },
    /// Put a compacted segment in its place.
    Swap(Swap),
}

/// The result of a command: a number whose meaning is the command's, or an error.
pub type CommandResult = Result<u64, JournalError>;
