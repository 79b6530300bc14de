//! Options of a writer, and their bounds.

use super::error::JournalError;
use super::format::{FRAME, MAX_RECORD};

/// What a full journal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// `max_entries` means nothing.
    #[default]
    Ignore,
    /// The oldest entries go.
    DropOldest,
    /// An append is refused.
    Refuse,
}

/// Options of a writer.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The size in bytes at which a segment is ended: 4 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// The largest record in bytes, frame included: up to [`MAX_RECORD`].
    pub max_record_bytes: u64,
    /// How many entries are kept, see [`Overflow`].
    pub max_entries: Option<u64>,
    /// What happens beyond that.
    pub overflow: Overflow,
    /// How many bytes of segments are kept; whole segments go, the oldest first.
    pub max_bytes: Option<u64>,
    /// How old, in ms of wall time, the youngest entry of a segment may be.
    pub max_age_ms: Option<f64>,
    /// Whether damaged ranges are left out and reported instead of refused.
    pub salvage: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_record_bytes: 16 << 20,
            max_entries: None,
            overflow: Overflow::Ignore,
            max_bytes: None,
            max_age_ms: None,
            salvage: false,
        }
    }
}

/// With a limit, so many segments make up what is kept: what goes at once is that part of it.
const PARTS: u64 = 8;

impl Config {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    ///
    /// [`JournalError::Invalid`] with the option's name.
    pub fn check(&self) -> Result<(), JournalError> {
        let refuse = |field, why| Err(JournalError::Invalid { field, why });
        if !(4096..=1 << 30).contains(&self.segment_bytes) {
            return refuse("options.segmentBytes", "an integer from 4096 to 1073741824");
        }
        if !(FRAME as u64 + 1..=MAX_RECORD as u64).contains(&self.max_record_bytes) {
            return refuse("options.maxRecordBytes", "an integer from 45 to 268435455");
        }
        if self.max_entries == Some(0) {
            return refuse("options.maxEntries", "a positive integer");
        }
        if self.max_bytes.is_some_and(|bytes| bytes < 8192) {
            return refuse("options.maxBytes", "an integer from 8192");
        }
        if self.max_age_ms.is_some_and(|age| !(age > 0.0 && age.is_finite())) {
            return refuse("options.maxAgeMs", "a positive, finite number of milliseconds");
        }
        Ok(())
    }

    /// The first option in which two differ; salvage is a matter of one opening only.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let same = [
            ("options.segmentBytes", self.segment_bytes == other.segment_bytes),
            ("options.maxRecordBytes", self.max_record_bytes == other.max_record_bytes),
            ("options.maxEntries", self.max_entries == other.max_entries),
            ("options.overflow", self.overflow == other.overflow),
            ("options.maxBytes", self.max_bytes == other.max_bytes),
            ("options.maxAgeMs", self.max_age_ms == other.max_age_ms),
        ];
        same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }

    /// How many entries are kept at most, when the oldest give way.
    pub fn kept(&self) -> Option<u64> {
        if self.overflow == Overflow::DropOldest { self.max_entries } else { None }
    }

    /// The size at which a segment is ended, small enough for `max_bytes` to be met in steps.
    pub fn segment_limit(&self) -> u64 {
        let part = self.max_bytes.map_or(u64::MAX, |bytes| (bytes / PARTS).max(4096));
        self.segment_bytes.min(part)
    }

    /// Whether a segment that holds so much is ended for the sake of retention.
    pub fn is_part(&self, count: u64, age_ms: f64) -> bool {
        // A small limit is met within a segment; new files for a handful of entries would only cost.
        self.kept().is_some_and(|kept| count >= (kept / PARTS).max(1024))
            || self.max_age_ms.is_some_and(|age| age_ms * PARTS as f64 >= age && count > 0)
    }
}
