//! Finds the place where a journal begins within a segment: the record at a distance from the segment's beginning, and
//! the reverse.
//!
//! In an ordinary segment that is a subtraction. A compacted one has gaps, so the block around the place is read. The
//! result is kept, so that a journal that drops one entry for each new one reads each block once.

use std::sync::Arc;

use super::error::JournalError;
use super::format::{self, HEADER};
use super::scan::{ScanStep, Scanner};
use super::segment::{Listing, Segment};
use super::storage::Storage;

/// A block of a compacted segment that was looked at last.
#[derive(Debug, Default)]
pub(super) struct Front {
    segment: Option<Arc<Segment>>,
    /// Counts the records before the block.
    place: u64,
    /// The sequences of its records.
    sequences: Vec<u64>,
}

impl Front {
    /// Returns the sequence of the record with so many records before it in its segment; the segment's end when there
    /// is none.
    pub(super) fn sequence_at(
        &mut self,
        storage: &dyn Storage,
        segment: &Arc<Segment>,
        place: u64,
    ) -> Result<u64, JournalError> {
        if place >= segment.contents().count {
            return Ok(segment.end());
        }
        if segment.header.compacted.is_none() {
            return Ok(segment.header.base + place);
        }
        if let Some(sequence) = self.known(segment, place) {
            return Ok(sequence);
        }
        let mark = segment.mark_at(place);
        let offset = mark.map_or(HEADER as u64, |mark| mark.offset);
        let end = segment.mark_after(offset).map_or(segment.contents().bytes, |mark| mark.offset);
        self.segment = Some(Arc::clone(segment));
        self.place = mark.map_or(0, |mark| mark.place);
        self.sequences.clear();
        each(storage, segment, (offset, end), |sequence| {
            self.sequences.push(sequence);
            true
        })?;
        Ok(self.known(segment, place).unwrap_or_else(|| segment.end()))
    }

    fn known(&self, segment: &Arc<Segment>, place: u64) -> Option<u64> {
        let same = self.segment.as_ref().is_some_and(|known| Arc::ptr_eq(known, segment));
        let index = usize::try_from(place.checked_sub(self.place)?).ok()?;
        self.sequences.get(index).copied().filter(|_| same)
    }
}

/// Counts the records of all segments before the listing's start.
pub(super) fn hidden(storage: &dyn Storage, listing: &Listing) -> Result<u64, JournalError> {
    let mut count = 0;
    for segment in &listing.segments {
        if segment.header.base >= listing.start {
            break;
        }
        count += before(storage, segment, listing.start)?;
    }
    Ok(count)
}

/// Counts the records of a segment before a sequence.
fn before(storage: &dyn Storage, segment: &Segment, sequence: u64) -> Result<u64, JournalError> {
    let count = segment.contents().count;
    if sequence >= segment.end() {
        return Ok(count);
    }
    if segment.header.compacted.is_none() {
        return Ok(sequence.saturating_sub(segment.header.base).min(count));
    }
    let mark = segment.mark_before(sequence);
    let offset = mark.map_or(HEADER as u64, |mark| mark.offset);
    let mut place = mark.map_or(0, |mark| mark.place);
    each(storage, segment, (offset, segment.contents().bytes), |found| {
        place += u64::from(found < sequence);
        found < sequence
    })?;
    Ok(place)
}

/// Visits the sequences of the records of a part of a segment, until the body has enough.
fn each(
    storage: &dyn Storage,
    segment: &Segment,
    (offset, end): (u64, u64),
    mut body: impl FnMut(u64) -> bool,
) -> Result<(), JournalError> {
    let corrupt = |offset, reason: &str| JournalError::Corrupt {
        segment: segment.name(),
        offset,
        reason: reason.into(),
    };
    let file =
        storage.open(&segment.name(), false)?.ok_or_else(|| corrupt(0, "the file is gone"))?;
    let mut scanner = Scanner::new(&*file, format::seed(segment.header.base), offset, end);
    loop {
        match scanner.step()? {
            ScanStep::End => return Ok(()),
            ScanStep::Record(record, _) => {
                if !body(record.sequence) {
                    return Ok(());
                }
            }
            ScanStep::Bad(offset, reason) => return Err(corrupt(offset, reason)),
        }
    }
}
