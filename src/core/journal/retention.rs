//! What a journal forgets: by count exactly, by bytes and age in whole segments, and on request everything.
//!
//! Files go oldest first, each removal made to last before the next, so that a crash leaves no hole.

use super::error::JournalError;
use super::log::Log;
use super::segment::{self, SEGMENT, SNAPSHOT, Segment};

impl Log {
    /// Lets go of what the options say is too much at the wall time `now`. Returns how many entries went.
    ///
    /// # Errors
    ///
    /// What the operating system refused.
    pub fn retain(&mut self, now: f64) -> Result<u64, JournalError> {
        let before = self.catalog.count();
        if let Some(kept) = self.config.kept() {
            self.catalog.change(|listing| {
                let surplus = listing.count().saturating_sub(kept);
                listing.start = skip(&listing.segments, listing.start, surplus);
            });
        }
        while let Some(first) = self.expendable(now) {
            // Readers first: nobody looks for what is gone.
            self.catalog.change(|listing| {
                listing.segments.remove(0);
                listing.start = listing.start.max(listing.segments[0].header.base);
            });
            self.storage.remove(&segment::name(first, SEGMENT))?;
            self.storage.sync_directory()?;
        }
        Ok(before - self.catalog.count())
    }

    /// The base of the oldest segment, when it may go. The last one stays: it knows the next sequence.
    fn expendable(&self, now: f64) -> Option<u64> {
        let listing = self.catalog.now();
        let [first, _, ..] = listing.segments.as_slice() else { return None };
        let old = |age: f64| first.contents().last_wall < now - age;
        let goes = first.end() <= listing.start
            || self.config.max_bytes.is_some_and(|bytes| listing.bytes() > bytes)
            || self.config.max_age_ms.is_some_and(old);
        goes.then_some(first.header.base)
    }

    /// Forgets every entry; the sequence goes on. Returns how many there were.
    ///
    /// # Errors
    ///
    /// What the operating system refused.
    pub fn clear(&mut self) -> Result<u64, JournalError> {
        let cleared = self.catalog.count();
        // The new segment carries the sequence on before the old ones go.
        self.rotate()?;
        let bases: Vec<u64> = self.catalog.change(|listing| {
            let last = listing.segments.len() - 1;
            listing.start = listing.segments[last].header.base;
            listing.segments.drain(..last).map(|segment| segment.header.base).collect()
        });
        for base in bases {
            self.storage.remove(&segment::name(base, SEGMENT))?;
            self.storage.sync_directory()?;
        }
        for name in self.storage.list()? {
            if segment::number(&name, SNAPSHOT).is_some() {
                self.storage.remove(&name)?;
            }
        }
        self.storage.sync_directory()?;
        Ok(cleared)
    }
}

/// Where the journal begins once so many entries from `start` on are gone. Within a segment with gaps nothing is
/// counted: it stays or goes as a whole.
fn skip(segments: &[std::sync::Arc<Segment>], mut start: u64, mut surplus: u64) -> u64 {
    for segment in segments {
        if surplus == 0 {
            break;
        }
        let contents = segment.contents();
        let from = start.max(segment.header.base);
        if segment.header.compacted.is_some() {
            if surplus < contents.count {
                break;
            }
            surplus -= contents.count;
            start = segment.end();
        } else {
            let here = (contents.next.saturating_sub(from)).min(surplus);
            surplus -= here;
            start = from + here;
        }
    }
    start
}
