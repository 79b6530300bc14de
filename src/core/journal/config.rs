//! Options of a writer, and their bounds.

use super::error::JournalError;
use super::format::{FRAME, MAX_RECORD};

/// The ways in which a full journal takes an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JournalOverflow {
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
pub struct JournalConfig {
    /// The size in bytes at which a segment is ended: 4 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// The largest record in bytes, frame included: up to [`MAX_RECORD`].
    pub max_record_bytes: u64,
    /// The most entries that are kept, see [`JournalOverflow`].
    pub max_entries: Option<u64>,
    /// The way in which a full journal takes an append.
    pub overflow: JournalOverflow,
    /// The most bytes of segments that are kept. Whole segments go, the oldest first.
    pub max_bytes: Option<u64>,
    /// The greatest age, in ms of the journal's time, of the youngest entry of a segment that is kept.
    pub max_age_ms: Option<f64>,
    /// Set to leave damaged ranges out and report them, instead of refusing the journal.
    pub salvage: bool,
    /// Permissions of new files, where the system has such; less the process's `umask`.
    pub mode: u32,
    /// Set when it is open for one user alone, and not shared by the users of a process.
    pub exclusive: bool,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_record_bytes: 16 << 20,
            max_entries: None,
            overflow: JournalOverflow::Ignore,
            max_bytes: None,
            max_age_ms: None,
            salvage: false,
            mode: 0o600,
            exclusive: false,
        }
    }
}

/// With a limit, this many segments make up the kept entries: that part of them goes at once.
const PARTS: u64 = 8;

impl JournalConfig {
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
        if self.mode & !0o777 != 0 || self.mode & 0o600 != 0o600 {
            return refuse("options.mode", "permissions that let the owner read and write");
        }
        Ok(())
    }

    /// Returns the first option in which two differ, and its value in this one. Salvage concerns one opening only.
    pub fn difference(&self, other: &Self) -> Option<(&'static str, String)> {
        let count = |value: Option<u64>| value.map_or("left out".into(), |value| value.to_string());
        let age = self.max_age_ms.map_or("left out".into(), |age| age.to_string());
        let mode = format!("0o{:o}", self.mode);
        let overflow = match self.overflow {
            JournalOverflow::Ignore => "'none'",
            JournalOverflow::DropOldest => "'bounded:drop_oldest'",
            JournalOverflow::Refuse => "'bounded:error'",
        };
        let all = [
            (
                "segmentBytes",
                self.segment_bytes == other.segment_bytes,
                self.segment_bytes.to_string(),
            ),
            (
                "maxRecordBytes",
                self.max_record_bytes == other.max_record_bytes,
                self.max_record_bytes.to_string(),
            ),
            ("maxEntries", self.max_entries == other.max_entries, count(self.max_entries)),
            ("overflow", self.overflow == other.overflow, overflow.into()),
            ("maxBytes", self.max_bytes == other.max_bytes, count(self.max_bytes)),
            ("maxAgeMs", self.max_age_ms == other.max_age_ms, age),
            ("mode", self.mode == other.mode, mode),
        ];
        all.into_iter().find(|(_, same, _)| !same).map(|(option, _, value)| (option, value))
    }

    /// Returns the most entries that are kept, when the oldest give way.
    pub fn kept(&self) -> Option<u64> {
        if self.overflow == JournalOverflow::DropOldest { self.max_entries } else { None }
    }

    /// Returns the size at which a segment is ended, small enough for `max_bytes` to be met in steps.
    pub fn segment_limit(&self) -> u64 {
        let part = self.max_bytes.map_or(u64::MAX, |bytes| (bytes / PARTS).max(4096));
        self.segment_bytes.min(part)
    }

    /// Returns whether a segment that holds so much is ended for the sake of retention.
    pub fn is_part(&self, count: u64, age_ms: f64) -> bool {
        // A small limit is met within a segment; new files for a handful of entries would only cost.
        self.kept().is_some_and(|kept| count >= (kept / PARTS).max(1024))
            || count > 0 && self.is_long(age_ms)
    }

    /// Returns whether a segment that spans so much time is more than a part of the age that is kept.
    pub fn is_long(&self, span_ms: f64) -> bool {
        self.max_age_ms.is_some_and(|age| span_ms * PARTS as f64 >= age)
    }
}
