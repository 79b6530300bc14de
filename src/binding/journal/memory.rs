//! Journals in memory: the core grants appends, and JavaScript makes them.

use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::core::journal::config::JournalOverflow;
use crate::core::journal::memory::{Grant, MemoryJournal};
use crate::protocol::{Code, Flag, Part, lane_record};

pub(crate) type MemoryJournals = Handles<MemoryJournal>;

lane_record! {
    /// The next appends of a journal in memory.
    struct GrantCells => GRANT {
        /// The sequence of the oldest entry that the journal holds; that of the next one when it is empty.
        first: f64,
        /// The sequence of the first append.
        sequence: f64,
        /// Set when each append drops the oldest entry.
        drops: Flag,
    }
}

pub(crate) const PARTS: &[Part] = &[GRANT];

pub(crate) const MODULE: Module = hot_lane! {
    MemoryJournals;
    /// Opens a journal in memory with its sequences and its bound; `overflow` is one of `OverflowCode`. Returns the
    /// journal, with `Grant` of no appends in scratch; -1 when there are more entries than it may hold and it refuses.
    "memoryOpen"(first, next, most, overflow) => open;
    /// Returns how many appends may be made, 0 when the journal refuses; `made` of the last ones were. Scratch: `Grant`.
    "memoryGrant"(journal, made) => grant;
    /// Drops all entries; `made` appends of the last grant were made, and the rest is void. Returns how many there were.
    "memoryClear"(journal, made) => clear;
    /// Closes a journal; a stale handle does nothing.
    "memoryClose"(journal) => close;
};

/// Returns a sequence or a count, which TypeScript has checked. An infinite one saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn count_of(number: f64) -> u64 {
    (number as u64).min(1 << 53)
}

fn open(
    environment: &Local<MemoryJournals>,
    first: f64,
    next: f64,
    most: f64,
    overflow: f64,
) -> f64 {
    let overflow = JournalOverflow::from_f64(overflow).unwrap_or(JournalOverflow::Ignore);
    let most = Some(count_of(most));
    match MemoryJournal::open(count_of(first), count_of(next), most, overflow) {
        Ok(journal) => {
            show(environment, &journal, false);
            environment.table.borrow_mut().open(journal)
        }
        Err(_) => NONE,
    }
}

fn show(environment: &Local<MemoryJournals>, journal: &MemoryJournal, drops: bool) {
    let (first, sequence) = (journal.first() as f64, journal.next() as f64);
    environment.write(GrantCells { first, sequence, drops: drops.into() });
}

fn grant(environment: &Local<MemoryJournals>, journal: f64, made: f64) -> f64 {
    let mut journals = environment.table.borrow_mut();
    let Some(journal) = journals.get(journal) else { return NONE };
    let Grant { appends, drops, .. } = journal.grant(count_of(made));
    show(environment, journal, drops);
    appends as f64
}

fn clear(environment: &Local<MemoryJournals>, journal: f64, made: f64) -> f64 {
    let mut journals = environment.table.borrow_mut();
    journals.get(journal).map_or(NONE, |journal| journal.clear(count_of(made)) as f64)
}

fn close(environment: &Local<MemoryJournals>, journal: f64) -> f64 {
    environment.table.borrow_mut().close(journal);
    0.0
}
