//! Reads the events of one stream by the index: a look at each place, and no scan. Memory: a page and a few open files.

use std::collections::VecDeque;
use std::sync::Arc;

use super::error::JournalError;
use super::format::{self, Decoded, HEADER, Record};
use super::reader::{Builder, Page, PageLimits, corrupt};
use super::recovery::read_header;
use super::scan::{ScanStep, Scanner};
use super::segment::{Catalog, Listing, Segment};
use super::storage::{File, Storage};
use super::streams::{EventPlace, StreamRange, Streams};

/// Bytes read at once where the next event of the page lies close by.
const CHUNK: usize = 1 << 12;
/// Bytes read at once where it does not. A record that is larger is read again, whole.
const SMALL_CHUNK: usize = 1 << 9;
/// Files that are kept open.
const FILES: usize = 8;
/// Times that a reader looks again when the catalogue changed under it.
const TRIES: usize = 8;

/// The parts of a journal that a stream is read from.
#[derive(Debug, Clone, Copy)]
pub struct StreamTarget<'a> {
    /// The files.
    pub storage: &'a dyn Storage,
    /// The segments.
    pub catalog: &'a Catalog,
    /// The index.
    pub streams: &'a Streams,
    /// The sequence before which everything may be read.
    pub end: u64,
}

/// Reads streams; it keeps some files open.
#[derive(Debug, Default)]
pub struct StreamReader {
    files: VecDeque<(Arc<Segment>, Arc<dyn File>)>,
    buffer: Vec<u8>,
    /// Bytes to read at once.
    chunk: usize,
    /// The file of which the buffer holds a part, and the offset of that.
    buffered: Option<(Arc<Segment>, u64)>,
}

impl StreamReader {
    /// Returns events of a stream in the order of the range; at least one, unless there is none. The page's `next` is
    /// the position at which to go on: forwards the first that was not read, backwards the one to stop before. When
    /// files are no longer those of the catalogue, `renew` brings that up to date, unless another thread does.
    ///
    /// # Errors
    ///
    /// Damage, and what the operating system refused.
    pub fn read(
        &mut self,
        target: StreamTarget<'_>,
        stream: &str,
        range: StreamRange,
        limits: PageLimits,
        renew: impl Fn() -> Result<(), JournalError>,
    ) -> Result<Page, JournalError> {
        let mut page = Builder::of_stream(limits);
        let mut listing = target.catalog.now();
        let mut next = if range.backwards { range.to } else { range.from };
        let within = (listing.start, target.end);
        let limit = range.limit.min(limits.records.max(1));
        let mut places = target
            .streams
            .places(stream, within, StreamRange { limit, ..range })
            .into_iter()
            .peekable();
        while let Some(place) = places.next() {
            let gap = places.peek().and_then(|after| after.offset.checked_sub(place.offset));
            self.chunk = match gap {
                Some(bytes) if (bytes as usize) < CHUNK => CHUNK,
                _ => SMALL_CHUNK,
            };
            if page.full() {
                break;
            }
            self.add(
                &mut page,
                target.storage,
                (target.catalog, &mut listing),
                (stream, place),
                &renew,
            )?;
            next = u64::from(place.position) + u64::from(!range.backwards);
        }
        let mut page = page.finish(next);
        page.start = listing.start;
        Ok(page)
    }

    /// Adds the event at a place, unless it is gone.
    fn add(
        &mut self,
        page: &mut Builder,
        storage: &dyn Storage,
        (catalog, listing): (&Catalog, &mut Listing),
        (stream, place): (&str, EventPlace),
        renew: &impl Fn() -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let sequence = place.sequence();
        for _ in 0..TRIES {
            if sequence < listing.start {
                return Ok(());
            }
            let Some(segment) = listing.segments.get(listing.place_of(sequence)).cloned() else {
                return Ok(());
            };
            let Some(file) = self.open(storage, &segment)? else {
                renew()?;
                *listing = catalog.now();
                continue;
            };
            let is_it = |record: &Record<'_>| {
                record.sequence == sequence && record.stream == stream.as_bytes()
            };
            let offset = u64::from(place.offset);
            if let Some(record) = self.record_at(&segment, &*file, offset)?
                && is_it(&record)
            {
                return page.add(&record, &segment, offset);
            }
            // A compaction moved it, or dropped it.
            let begin = segment.mark_before(sequence).map_or(HEADER as u64, |mark| mark.offset);
            let end = segment.contents().bytes;
            let mut scanner = Scanner::new(&*file, format::seed(segment.header.base), begin, end);
            loop {
                match scanner.step()? {
                    ScanStep::Bad(offset, reason) => return Err(corrupt(&segment, offset, reason)),
                    ScanStep::Record(record, _) if record.control || record.sequence < sequence => {
                    }
                    ScanStep::Record(record, offset) if is_it(&record) => {
                        return page.add(&record, &segment, offset);
                    }
                    ScanStep::End | ScanStep::Record(..) => return Ok(()),
                }
            }
        }
        Err(JournalError::Corrupt {
            segment: String::new(),
            offset: 0,
            reason: "the files of the journal change all the time".into(),
        })
    }

    /// Returns the record at an offset; `None` when no valid one begins there.
    fn record_at(
        &mut self,
        segment: &Arc<Segment>,
        file: &dyn File,
        offset: u64,
    ) -> Result<Option<Record<'_>>, JournalError> {
        let seed = format::seed(segment.header.base);
        let end = segment.contents().bytes;
        let mut wanted = format::FRAME;
        loop {
            let known = self.buffered.as_ref().filter(|(known, _)| Arc::ptr_eq(known, segment));
            let at = known.and_then(|&(_, start)| usize::try_from(offset.checked_sub(start)?).ok());
            let has = at.is_some_and(|at| self.buffer.len().saturating_sub(at) >= wanted);
            if !has {
                let left = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
                if left < wanted {
                    return Ok(None);
                }
                self.buffered = None;
                self.buffer.resize(wanted.max(self.chunk).min(left), 0);
                let count = file.read(&mut self.buffer, offset)?;
                self.buffer.truncate(count);
                self.buffered = Some((Arc::clone(segment), offset));
                if count < wanted {
                    return Ok(None);
                }
            }
            let at = if has { at.unwrap_or(0) } else { 0 };
            match format::frame_of(&self.buffer[at..]) {
                Decoded::Short(size) if size > wanted => wanted = size,
                Decoded::Record(_) => {
                    return Ok(match format::decode(&self.buffer[at..], seed) {
                        Decoded::Record(record) => Some(record),
                        _ => None,
                    });
                }
                _ => return Ok(None),
            }
        }
    }

    /// Opens the file of a segment; `None` when another has its name.
    fn open(
        &mut self,
        storage: &dyn Storage,
        segment: &Arc<Segment>,
    ) -> Result<Option<Arc<dyn File>>, JournalError> {
        if let Some((_, file)) = self.files.iter().find(|(known, _)| Arc::ptr_eq(known, segment)) {
            return Ok(Some(Arc::clone(file)));
        }
        let Some(file) = storage.open(&segment.name(), false)? else { return Ok(None) };
        if read_header(storage, &*file, segment.header.base)? != segment.header {
            return Ok(None);
        }
        if self.files.len() == FILES {
            self.files.pop_front();
        }
        self.files.push_back((Arc::clone(segment), Arc::clone(&file)));
        Ok(Some(file))
    }
}
