//! Reading a segment record by record, through a buffer that stays small however large the segment is.

use super::error::IoFault;
use super::format::{self, Decoded, HEADER, MAX_RECORD, Record};
use super::storage::File;

/// Bytes read at once. One record that is larger makes the buffer grow for it.
const CHUNK: usize = 1 << 18;

/// The result of one step of the scanner.
#[derive(Debug)]
pub enum ScanStep<'a> {
    /// A record, and where it begins.
    Record(Record<'a>, u64),
    /// Nothing: all that was to be read is read.
    End,
    /// No record, where, and why.
    Bad(u64, &'static str),
}

/// Walks over the records of one segment.
#[derive(Debug)]
pub struct Scanner<'a> {
    file: &'a dyn File,
    seed: u32,
    buffer: Vec<u8>,
    /// The place in `buffer` of the next record.
    start: usize,
    /// The place in the file of the next record.
    offset: u64,
    /// The offset at which it stops.
    end: u64,
    /// Bytes read at once.
    chunk: usize,
}

impl<'a> Scanner<'a> {
    /// Walks from `offset`, where a record begins, to `end`.
    pub fn new(file: &'a dyn File, seed: u32, offset: u64, end: u64) -> Self {
        Self { file, seed, buffer: Vec::new(), start: 0, offset, end, chunk: CHUNK }
    }

    /// Reads less at once, for a caller who wants a few records.
    #[must_use]
    pub fn in_steps_of(mut self, bytes: usize) -> Self {
        self.chunk = bytes;
        self
    }

    /// Walks over a whole segment.
    pub fn whole(file: &'a dyn File, base: u64, end: u64) -> Self {
        Self::new(file, format::seed(base), HEADER as u64, end)
    }

    /// Returns the offset of the next record.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the next record; after [`ScanStep::Bad`], the same again.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn step(&mut self) -> Result<ScanStep<'_>, IoFault> {
        if self.offset >= self.end {
            return Ok(ScanStep::End);
        }
        let mut wanted = match self.peek() {
            Decoded::Short(size) => size,
            _ => 0,
        };
        while wanted > 0 {
            if (self.end - self.offset) < wanted as u64 {
                return Ok(ScanStep::Bad(self.offset, "the record is cut short"));
            }
            self.fill(wanted)?;
            if self.buffer.len() - self.start < wanted {
                return Ok(ScanStep::Bad(self.offset, "the file ends within the record"));
            }
            wanted = match self.peek() {
                Decoded::Short(size) => size,
                _ => 0,
            };
        }
        let (start, offset) = (self.start, self.offset);
        match format::decode(&self.buffer[start..], self.seed) {
            Decoded::Record(record) => {
                self.start += record.size;
                self.offset += record.size as u64;
                Ok(ScanStep::Record(record, offset))
            }
            Decoded::Bad(reason) => Ok(ScanStep::Bad(offset, reason)),
            Decoded::Short(_) => unreachable!("filled above"),
        }
    }

    /// Returns how much a look at the buffer still lacks. The caller checks the checksum.
    fn peek(&self) -> Decoded<'static> {
        let bytes = &self.buffer[self.start..];
        if bytes.len() < format::FRAME {
            return Decoded::Short(format::FRAME);
        }
        let size = format::size_of_pushed(bytes);
        if (format::FRAME..=MAX_RECORD).contains(&size) && bytes.len() < size {
            return Decoded::Short(size);
        }
        Decoded::Bad("")
    }

    fn fill(&mut self, wanted: usize) -> Result<(), IoFault> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let have = self.buffer.len();
        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
        let size = wanted.max(self.chunk).min(left);
        self.buffer.resize(size.max(have), 0);
        let read = self.file.read(&mut self.buffer[have..], self.offset + have as u64)?;
        self.buffer.truncate(have + read);
        Ok(())
    }
}

/// Looks for a record at or behind `from` whose sequence is `next` to `last`; its place, and the record.
///
/// Text within a larger record is not taken for one: a length has zeros in its upper bits, which JSON text never holds.
pub fn find_record(
    bytes: &[u8],
    seed: u32,
    next: u64,
    last: u64,
    from: usize,
) -> Option<(usize, Record<'_>)> {
    (from..bytes.len().saturating_sub(format::FRAME - 1)).find_map(|at| {
        let here = &bytes[at..];
        let plausible = format::size_of_pushed(here) <= here.len()
            && (next..=last).contains(&format::sequence_of_pushed(here));
        if !plausible {
            return None;
        }
        match format::decode(here, seed) {
            Decoded::Record(record) => Some((at, record)),
            _ => None,
        }
    })
}

/// Returns whether a later record records that the place of the damage had been synced. Then acknowledged entries are
/// lost.
pub fn was_synced(bytes: &[u8], seed: u32, next: u64, damaged: u64) -> bool {
    // What follows has sequences close to the one expected, as each record takes room.
    let last = next.saturating_add((bytes.len() / format::FRAME) as u64 + 1);
    let mut at = 1;
    while let Some((found, record)) = find_record(bytes, seed, next, last, at) {
        if u64::from(record.synced) > damaged {
            return true;
        }
        at = found + record.size;
    }
    false
}
