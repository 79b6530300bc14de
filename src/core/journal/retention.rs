//! Drops entries: by count exactly, by bytes and age in whole segments, and all on request. Files go oldest first. Each
//! removal is made durable before the next, so that a crash leaves no hole.

use super::error::JournalError;
use super::log::Log;
use super::recovery::Files;
use super::segment::{self, SEGMENT, SNAPSHOT};
use super::time::ClockReadings;

impl Log {
    /// Lets go of what the options say is too much at this time of the journal. Returns how many entries went.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn retain(&mut self, time: f64) -> Result<u64, JournalError> {
        self.hear(ClockReadings { time, ..self.clocks });
        let before = self.catalog.count();
        self.keep_newest()?;
        while let Some(first) = self.expendable() {
            // What takes their place is on disk first: a power cut must not leave less than the limits say.
            if self.unsynced() > 0 {
                self.sync()?;
            }
            // Readers first, so that none looks for a file that is gone.
            self.catalog.change(super::segment::Listing::drop_first);
            self.storage.remove(&segment::name(first, SEGMENT))?;
            self.storage.sync_directory()?;
        }
        self.streams.starts_at(self.catalog.start());
        Ok(before - self.catalog.count())
    }

    /// Lets go of the oldest entries beyond the number that is kept; their files stay until they hold nothing else.
    ///
    /// # Errors
    ///
    /// The error of the operating system, and damage in what must be read.
    pub fn keep_newest(&mut self) -> Result<(), JournalError> {
        let Some(kept) = self.config.kept() else { return Ok(()) };
        if self.catalog.count() <= kept {
            return Ok(());
        }
        let listing = self.catalog.now();
        let mut hidden = listing.hidden + (listing.count() - kept);
        let goal = hidden;
        for segment in &listing.segments {
            let count = segment.contents().count;
            if hidden >= count {
                hidden -= count;
                continue;
            }
            let start = self.front.sequence_at(&*self.storage, segment, hidden)?;
            self.catalog.change(|listing| (listing.start, listing.hidden) = (start, goal));
            self.streams.starts_at(start);
            break;
        }
        Ok(())
    }

    /// Returns the base of the oldest segment, when it may go. The last one stays: it knows the next sequence.
    fn expendable(&self) -> Option<u64> {
        let listing = self.catalog.now();
        let [first, _, ..] = listing.segments.as_slice() else { return None };
        let old = |age: f64| first.contents().last < self.time() - age;
        let goes = first.end() <= listing.start
            || self.config.max_bytes.is_some_and(|bytes| listing.bytes() > bytes)
            || self.config.max_age_ms.is_some_and(old);
        goes.then_some(first.header.base)
    }

    /// Forgets every entry; the sequence goes on. Returns how many there were.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn clear(&mut self) -> Result<u64, JournalError> {
        let cleared = self.catalog.count();
        // The new segment carries the sequence on before the old ones go. Saved states go first: without the entries
        // they stand for, they would bring them back.
        self.rotate()?;
        self.forget_snapshots(u64::MAX)?;
        let bases: Vec<u64> = self.catalog.change(|listing| {
            let last = listing.segments.len() - 1;
            listing.start = listing.segments[last].header.base;
            listing.hidden = 0;
            listing.segments.drain(..last).map(|segment| segment.header.base).collect()
        });
        self.streams.starts_at(self.catalog.start());
        for base in bases {
            self.storage.remove(&segment::name(base, SEGMENT))?;
            self.storage.sync_directory()?;
        }
        Ok(cleared)
    }

    /// Keeps no saved state, now or later, that does not know of this removal of a key, which is about to be dropped.
    /// Returns how many went.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn forget_removal(&mut self, sequence: u64) -> Result<u64, JournalError> {
        self.forgotten = self.forgotten.max(sequence + 1);
        self.forget_snapshots(sequence)
    }

    /// Removes the saved states that stand for nothing from `next` on.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    fn forget_snapshots(&mut self, next: u64) -> Result<u64, JournalError> {
        self.look()?;
        let mut gone = 0;
        for sequence in Files::list(&*self.storage)?.snapshots {
            if sequence <= next {
                self.storage.remove(&segment::name(sequence, SNAPSHOT))?;
                gone += 1;
            }
        }
        if gone > 0 {
            self.storage.sync_directory()?;
        }
        Ok(gone)
    }
}

impl Log {
    /// Drops the entries before a sequence, in a journal that was just copied.
    ///
    /// # Errors
    ///
    /// Damage, and what the operating system refused.
    pub(super) fn begin_at(&mut self, start: u64) -> Result<(), JournalError> {
        let mut listing = self.catalog.now();
        listing.start = listing.start.max(start);
        listing.hidden = super::front::hidden(&*self.storage, &listing)?;
        self.catalog.change(|now| *now = listing);
        self.streams.starts_at(start);
        Ok(())
    }
}
