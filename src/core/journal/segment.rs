//! The index of the segments: enough to find any record with one read, in little memory.

use std::sync::Arc;

use super::format::{Compacted, HEADER, Header, Record};
use super::time::Pace;
use crate::core::sync::Mutex;

/// Bytes between two entries of a segment's index: the most that a reader has to skip.
const STRIDE: u64 = 1 << 15;

/// The end of a segment's name.
pub const SEGMENT: &str = ".segment";
/// The end of a snapshot's name.
pub const SNAPSHOT: &str = ".snapshot";
/// The suffix of a file that is being written; the next writer removes it.
pub const TEMPORARY: &str = ".tmp";
/// The suffix of a file that salvage put aside.
pub const DAMAGED: &str = ".damaged";
/// The directory of a journal of its own, for what JavaScript saves beside this one.
pub const STATES: &str = "states";
/// The file that the writer locks.
pub const LOCK: &str = "keelson.lock";

/// Returns the name of a numbered file.
pub fn name(number: u64, suffix: &str) -> String {
    format!("{number:020}{suffix}")
}

/// Returns the number in such a name.
pub fn number(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let known = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    known.then(|| digits.parse().ok()).flatten()
}

/// One segment.
#[derive(Debug)]
pub struct Segment {
    /// Its header.
    pub header: Header,
    survey: Mutex<Survey>,
}

/// The contents of a segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contents {
    /// Bytes, header included.
    pub bytes: u64,
    /// Entries.
    pub count: u64,
    /// The sequence after its last entry; of a compacted one, its end.
    pub next: u64,
    /// The journal's time at its first entry; see [`super::time`].
    pub first: f64,
    /// The journal's time at its last entry.
    pub last: f64,
}

/// A place in a segment at which a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordMark {
    /// The record's sequence.
    pub sequence: u64,
    /// Its offset.
    pub offset: u64,
    /// Counts the records of the segment before it.
    pub place: u64,
}

/// The contents of a segment while it is read or written, with marks some way apart.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The sums.
    pub contents: Contents,
    /// Some places, in order.
    pub marks: Vec<RecordMark>,
    /// The journal's time at its last record.
    pub pace: Pace,
}

impl Survey {
    /// Creates the survey of a segment with nothing but its header.
    pub fn new(header: &Header) -> Self {
        Self {
            contents: Contents {
                bytes: HEADER as u64,
                count: 0,
                next: header.base,
                first: header.created,
                last: header.created,
            },
            marks: Vec::new(),
            pace: Pace::new(header),
        }
    }

    /// Counts one more record, which stands at the end; when it was written is made out from what it says.
    pub fn add(&mut self, record: &Record<'_>) {
        let time = self.pace.hear(record);
        if let Some(mark) = record.mark() {
            self.last_at(mark.last);
        }
        self.add_at(record, time);
    }

    /// Counts one more record, which is written at this time of the journal.
    pub fn add_at(&mut self, record: &Record<'_>, time: f64) {
        let offset = self.contents.bytes;
        self.contents.bytes += record.size as u64;
        if record.control {
            return;
        }
        if self.marks.last().is_none_or(|mark| offset >= mark.offset + STRIDE) {
            let place = self.contents.count;
            self.marks.push(RecordMark { sequence: record.sequence, offset, place });
        }
        if self.contents.count == 0 {
            self.contents.first = time;
        }
        self.contents.count += 1;
        self.contents.next = record.sequence + 1;
        self.contents.last = time;
    }

    /// Sets the time at which the last entry was written; the times of the others follow.
    pub fn last_at(&mut self, time: f64) {
        if self.contents.count > 0 && time.is_finite() {
            self.contents.first += time - self.contents.last;
            self.contents.last = time;
        }
    }
}

impl Segment {
    /// Creates a segment whose contents are known.
    pub fn new(header: Header, survey: Survey) -> Arc<Self> {
        Arc::new(Self { header, survey: Mutex::new(survey) })
    }

    /// Returns the name of its file.
    pub fn name(&self) -> String {
        name(self.header.base, SEGMENT)
    }

    /// Returns its contents of the moment.
    pub fn contents(&self) -> Contents {
        self.survey.lock().contents
    }

    /// Counts what was written at its end.
    pub fn extend(&self, more: impl FnOnce(&mut Survey)) {
        more(&mut self.survey.lock());
    }

    /// Returns the sequence after the last it stands for.
    pub fn end(&self) -> u64 {
        self.header.compacted.map_or_else(|| self.contents().next, |Compacted { end, .. }| end)
    }

    /// Returns the offset at which to begin to look for a sequence: that of the last mark at or before it.
    pub fn mark_before(&self, sequence: u64) -> Option<RecordMark> {
        let survey = self.survey.lock();
        let after = survey.marks.partition_point(|mark| mark.sequence <= sequence);
        after.checked_sub(1).map(|index| survey.marks[index])
    }

    /// Returns the offset at which to begin to look for a record by its number: that of the last mark at or before it.
    pub fn mark_at(&self, place: u64) -> Option<RecordMark> {
        let survey = self.survey.lock();
        let after = survey.marks.partition_point(|mark| mark.place <= place);
        after.checked_sub(1).map(|index| survey.marks[index])
    }

    /// Returns the mark after a place, which is where a block that begins there ends.
    pub fn mark_after(&self, offset: u64) -> Option<RecordMark> {
        let survey = self.survey.lock();
        let after = survey.marks.partition_point(|mark| mark.offset <= offset);
        survey.marks.get(after).copied()
    }
}

/// The segments in order, and where the journal begins: shared by the writer and the readers of a process.
#[derive(Debug, Default)]
pub struct Catalog(Mutex<Listing>);

/// A moment of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// In order of their bases; never two for one sequence.
    pub segments: Vec<Arc<Segment>>,
    /// The first sequence that is still served.
    pub start: u64,
    /// Counts the records of the segments before that.
    pub hidden: u64,
}

impl Catalog {
    /// Creates a catalogue of these.
    pub fn new(listing: Listing) -> Self {
        Self(Mutex::new(listing))
    }

    /// Returns the listing as it is now.
    pub fn now(&self) -> Listing {
        self.0.lock().clone()
    }

    /// Returns the first sequence that is served.
    pub fn start(&self) -> u64 {
        self.0.lock().start
    }

    /// Changes it at once for all readers.
    pub fn change<R>(&self, body: impl FnOnce(&mut Listing) -> R) -> R {
        body(&mut self.0.lock())
    }

    /// Returns the number of its entries, unsynced ones included.
    pub fn count(&self) -> u64 {
        self.0.lock().count()
    }
}

impl Listing {
    /// Returns the number of entries from `start` on.
    pub fn count(&self) -> u64 {
        let all: u64 = self.segments.iter().map(|segment| segment.contents().count).sum();
        all.saturating_sub(self.hidden)
    }

    /// Takes the first segment out; the journal begins behind it.
    pub fn drop_first(&mut self) {
        let first = self.segments.remove(0);
        let end = first.end();
        if end <= self.start {
            self.hidden = self.hidden.saturating_sub(first.contents().count);
        } else {
            self.start = end;
            self.hidden = 0;
        }
    }

    /// Returns the sequence after the last removal of a key that compactions dropped from these; 0 for none.
    pub fn removed(&self) -> u64 {
        let all = self.segments.iter().filter_map(|segment| segment.header.compacted);
        all.map(|compacted| compacted.removed).max().unwrap_or(0)
    }

    /// Returns the number of entries before `end`, which is not far from the journal's own.
    pub fn count_before(&self, end: u64) -> u64 {
        let next = self.segments.last().map_or(0, |segment| segment.end());
        self.count().saturating_sub(next.saturating_sub(end))
    }

    /// Returns the bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.contents().bytes).sum()
    }

    /// Returns the index of the segment that stands for a sequence, or of the first after it.
    pub fn place_of(&self, sequence: u64) -> usize {
        let after = self.segments.partition_point(|segment| segment.header.base <= sequence);
        let Some(before) = after.checked_sub(1) else { return 0 };
        // The last one is open-ended.
        let within = after == self.segments.len() || self.segments[before].end() > sequence;
        if within { before } else { after }
    }
}
