//! Reading in pages: each is found by the catalogue's marks and checked record by record. Memory: a page.

use std::sync::Arc;

use super::error::JournalError;
use super::format::{self, HEADER, Record};
use super::recovery::read_header;
use super::scan::{ScanStep, Scanner};
use super::segment::{Catalog, Listing, Segment};
use super::storage::{File, Storage};

/// Bytes read at once for a page.
const CHUNK: usize = 1 << 16;
/// Times that a reader looks again when the catalogue changed under it.
const TRIES: usize = 8;
/// Numbers of an entry in [`Page::numbers`].
pub const NUMBERS: usize = 5;

/// Limits of a page. It holds one entry at least.
#[derive(Debug, Clone, Copy)]
pub struct PageLimits {
    /// Entries.
    pub records: usize,
    /// Bytes of payload.
    pub bytes: usize,
}

/// Entries in ascending order.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// The payloads as one JSON array.
    pub text: String,
    /// [`NUMBERS`] an entry: sequence, wall ms, mono ms, bytes on disk, position in its stream.
    pub numbers: Vec<f64>,
    /// Their ids, when one has one; empty for none.
    pub ids: Vec<String>,
    /// Their streams, when one has one; empty for none.
    pub streams: Vec<String>,
    /// The sequence at which to go on: forwards the first one that was not read, backwards the one to stop before.
    pub next: u64,
    /// The first sequence of the journal at the time of reading. Records before it are gone.
    pub start: u64,
    /// Forwards: the sequence after the last removal of a key that compactions had dropped; 0 for none.
    pub removed: u64,
}

/// Reads a journal; it remembers where it stopped, so that the next page begins there.
#[derive(Debug, Default)]
pub struct Reader {
    open: Option<(Arc<Segment>, Arc<dyn File>)>,
    stopped: Option<Stop>,
}

/// The end of the last page.
#[derive(Debug, Clone, Copy)]
struct Stop {
    sequence: u64,
    offset: u64,
}

enum Opened {
    Here(Arc<dyn File>),
    /// The catalogue is older than the directory.
    Changed,
}

impl Reader {
    /// Returns entries from `from` to before `to`, or as many as the limits allow. When files are no longer those of
    /// the catalogue, `renew` brings that up to date, unless another thread does.
    ///
    /// # Errors
    ///
    /// Damage, and what the operating system refused.
    pub fn read(
        &mut self,
        (storage, catalog): (&dyn Storage, &Catalog),
        (from, to): (u64, u64),
        limits: PageLimits,
        renew: impl Fn() -> Result<(), JournalError>,
    ) -> Result<Page, JournalError> {
        for _ in 0..TRIES {
            let listing = catalog.now();
            if let Some(page) = self.try_read(storage, &listing, from, to, limits)? {
                return Ok(page);
            }
            renew()?;
        }
        Err(missing(&catalog.now(), from))
    }

    fn try_read(
        &mut self,
        storage: &dyn Storage,
        listing: &Listing,
        from: u64,
        to: u64,
        limits: PageLimits,
    ) -> Result<Option<Page>, JournalError> {
        let mut page = Builder::new(limits);
        let mut next = from.max(listing.start);
        for segment in &listing.segments[listing.place_of(next)..] {
            if next >= to || page.full() || segment.header.base >= to {
                break;
            }
            let Opened::Here(file) = self.open(storage, segment)? else { return Ok(None) };
            let end = segment.contents().bytes;
            let mark = self.begin(segment, next);
            let mut scanner = Scanner::new(&*file, format::seed(segment.header.base), mark, end)
                .in_steps_of(CHUNK);
            loop {
                match scanner.step()? {
                    ScanStep::End => {
                        next = next.max(segment.end());
                        break;
                    }
                    ScanStep::Bad(offset, reason) => return Err(corrupt(segment, offset, reason)),
                    ScanStep::Record(record, _) if record.control || record.sequence < next => {}
                    ScanStep::Record(record, offset) => {
                        if record.sequence >= to || page.full() {
                            self.stopped = Some(Stop { sequence: record.sequence, offset });
                            next = next.max(record.sequence.min(to));
                            break;
                        }
                        page.add(&record, segment, offset)?;
                        next = record.sequence + 1;
                    }
                }
            }
        }
        let mut page = page.finish(next.min(to).max(from));
        page.start = listing.start;
        page.removed = listing.removed();
        Ok(Some(page))
    }

    /// Returns entries before `to`, from the last one backwards to `from`, though in ascending order; at least one,
    /// unless there is none. `renew` as in [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// Damage, and what the operating system refused.
    pub fn read_back(
        &mut self,
        (storage, catalog): (&dyn Storage, &Catalog),
        (from, to): (u64, u64),
        limits: PageLimits,
        renew: impl Fn() -> Result<(), JournalError>,
    ) -> Result<Page, JournalError> {
        let mut to = to;
        let mut tries = 0;
        loop {
            let listing = catalog.now();
            let from = from.max(listing.start);
            let Some(sequence) = to.checked_sub(1).filter(|&last| last >= from) else {
                return Ok(Page { text: "[]".into(), next: from.min(to), ..Page::default() });
            };
            let place = listing.segments.partition_point(|segment| segment.header.base <= sequence);
            let Some(segment) = place.checked_sub(1).map(|place| &listing.segments[place]) else {
                return Ok(Page { text: "[]".into(), next: from, ..Page::default() });
            };
            let Opened::Here(file) = self.open(storage, segment)? else {
                tries += 1;
                if tries == TRIES {
                    return Err(missing(&listing, sequence));
                }
                renew()?;
                continue;
            };
            let begin = segment.mark_before(sequence);
            let offset = begin.map_or(HEADER as u64, |mark| mark.offset);
            let end =
                segment.mark_after(offset).map_or(segment.contents().bytes, |mark| mark.offset);
            let page = block(&*file, segment, (offset, end), (from, to), limits)?;
            if !page.numbers.is_empty() {
                return Ok(page);
            }
            // A gap: the block before, or the segment before.
            to = begin.map_or(segment.header.base, |mark| mark.sequence.min(sequence));
        }
    }

    /// Returns the offset in a segment at which to begin: the end of the last page, if that is closer than a mark.
    fn begin(&self, segment: &Segment, sequence: u64) -> u64 {
        let mark = segment.mark_before(sequence).map_or(HEADER as u64, |mark| mark.offset);
        let stopped = self.stopped.filter(|stopped| stopped.sequence <= sequence);
        stopped.map_or(mark, |stopped| stopped.offset.max(mark))
    }

    fn open(
        &mut self,
        storage: &dyn Storage,
        segment: &Arc<Segment>,
    ) -> Result<Opened, JournalError> {
        if let Some((known, file)) = &self.open
            && Arc::ptr_eq(known, segment)
        {
            return Ok(Opened::Here(Arc::clone(file)));
        }
        self.stopped = None;
        self.open = None;
        let Some(file) = storage.open(&segment.name(), false)? else { return Ok(Opened::Changed) };
        // Another segment of that name may have taken its place.
        if read_header(storage, &*file, segment.header.base)? != segment.header {
            return Ok(Opened::Changed);
        }
        self.open = Some((Arc::clone(segment), Arc::clone(&file)));
        Ok(Opened::Here(file))
    }
}

/// Returns the last entries of a block that are in the range.
fn block(
    file: &dyn File,
    segment: &Segment,
    (offset, end): (u64, u64),
    (from, to): (u64, u64),
    limits: PageLimits,
) -> Result<Page, JournalError> {
    let seed = format::seed(segment.header.base);
    let mut scanner = Scanner::new(file, seed, offset, end).in_steps_of(CHUNK);
    let mut first = from;
    let mut sequences = Vec::new();
    loop {
        match scanner.step()? {
            ScanStep::End => break,
            ScanStep::Bad(offset, reason) => return Err(corrupt(segment, offset, reason)),
            ScanStep::Record(record, _) => {
                if !record.control && (from..to).contains(&record.sequence) {
                    sequences.push(record.sequence);
                }
            }
        }
    }
    if let Some(surplus) = sequences.len().checked_sub(limits.records.max(1)) {
        first = sequences.get(surplus).copied().unwrap_or(from);
    }
    let mut page = Builder::new(PageLimits { records: usize::MAX, bytes: usize::MAX });
    let mut scanner = Scanner::new(file, seed, offset, end).in_steps_of(CHUNK);
    while let ScanStep::Record(record, offset) = scanner.step()? {
        if !record.control && (first..to).contains(&record.sequence) {
            page.add(&record, segment, offset)?;
        }
    }
    Ok(page.finish(first.max(sequences.first().copied().unwrap_or(first))))
}

pub(super) fn corrupt(segment: &Segment, offset: u64, reason: &str) -> JournalError {
    JournalError::Corrupt { segment: segment.name(), offset, reason: reason.into() }
}

fn missing(listing: &Listing, sequence: u64) -> JournalError {
    let segment = listing.segments.get(listing.place_of(sequence));
    let segment = segment.map_or_else(String::new, |segment| segment.name());
    JournalError::Corrupt { segment, offset: 0, reason: "the file is gone".into() }
}

pub(super) struct Builder {
    page: Page,
    limits: PageLimits,
    named: bool,
    streamed: bool,
    /// Set when all records are of one stream, which the reader knows.
    is_stream: bool,
}

impl Builder {
    pub(super) fn new(limits: PageLimits) -> Self {
        let page = Page { text: "[".into(), ..Page::default() };
        Self { page, limits, named: false, streamed: false, is_stream: false }
    }

    /// Creates the page of a reader that knows the stream of all records.
    pub(super) fn of_stream(limits: PageLimits) -> Self {
        Self { is_stream: true, ..Self::new(limits) }
    }

    pub(super) fn full(&self) -> bool {
        let count = self.page.numbers.len() / NUMBERS;
        count > 0 && (count >= self.limits.records || self.page.text.len() >= self.limits.bytes)
    }

    pub(super) fn add(
        &mut self,
        record: &Record<'_>,
        segment: &Segment,
        offset: u64,
    ) -> Result<(), JournalError> {
        let text = |bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| corrupt(segment, offset, "the text is not UTF-8"))
        };
        if self.page.text.len() > 1 {
            self.page.text.push(',');
        }
        self.page.text.push_str(text(record.payload)?);
        let size = record.size as f64;
        let (sequence, position) = (record.sequence as f64, f64::from(record.position));
        self.page.numbers.extend([sequence, record.wall, record.mono, size, position]);
        self.named |= !record.id.is_empty();
        self.page.ids.push(text(record.id)?.to_owned());
        if !self.is_stream {
            self.streamed |= !record.stream.is_empty();
            self.page.streams.push(text(record.stream)?.to_owned());
        }
        Ok(())
    }

    pub(super) fn finish(mut self, next: u64) -> Page {
        self.page.text.push(']');
        self.page.next = next;
        if !self.named {
            self.page.ids.clear();
        }
        if !self.streamed {
            self.page.streams.clear();
        }
        self.page
    }
}
