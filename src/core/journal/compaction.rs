//! Compaction by key: of the records with one key only the last is kept; what has no key stays. So does the last event
//! of each stream, which says what version the stream has.
//!
//! It works on ended segments, which are synced: a record never gives way to one that could still be lost. Segments are
//! rewritten oldest first, and each takes the place of its originals at once, so that a crash at any moment leaves
//! either, and a key that was removed never comes back. Memory: the distinct keys and streams.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::error::{IoFault, JournalError};
use super::format::{self, Compacted, HEADER, Header, Record};
use super::front::hidden;
use super::log::Log;
use super::queue::{Command, CommandId, CommandResult, MemberId, Swap};
use super::scan::{ScanStep, Scanner};
use super::segment::{self, SEGMENT, Segment, Survey, TEMPORARY};
use super::storage::{File, Storage};
use super::writer::Writer;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 20;

/// Compacts all that is in the journal now. Returns how many entries went.
///
/// # Errors
///
/// Damage, what the operating system refused, or that the journal was closed meanwhile; then as much is done as is
/// done.
pub fn compact(writer: &Writer, drop_tombstones: bool) -> CommandResult {
    let _alone = writer.compacting.lock();
    let mut dropped = 0;
    match compact_all(writer, drop_tombstones, &mut dropped) {
        // Retention took a segment that was being read: there is nothing left to compact in it.
        Err(JournalError::Closed) if writer.queue.progress().open => Ok(dropped),
        other => other.map(|()| dropped),
    }
}

fn compact_all(
    writer: &Writer,
    drop_tombstones: bool,
    dropped: &mut u64,
) -> Result<(), JournalError> {
    writer.queue.call(Command::Rotate)?;
    let listing = writer.catalog.now();
    let Some((_, ended)) = listing.segments.split_last() else { return Ok(()) };
    let mut last_of: BTreeMap<Box<[u8]>, u64> = BTreeMap::new();
    let mut last_in: BTreeMap<Box<[u8]>, u64> = BTreeMap::new();
    let mut last_removal = None;
    for segment in ended {
        writer.each(segment, |record| {
            if drop_tombstones && record.is_tombstone() {
                last_removal = Some(record.sequence);
            }
            for (last, name) in [(&mut last_of, record.key), (&mut last_in, record.stream)] {
                match last.get_mut(name) {
                    _ if name.is_empty() => {}
                    Some(last) => *last = record.sequence,
                    None => {
                        last.insert(name.into(), record.sequence);
                    }
                }
            }
            Ok(())
        })?;
    }
    let keeps = |record: &Record<'_>| {
        record.sequence >= listing.start
            && (record.key.is_empty()
                || last_in.get(record.stream) == Some(&record.sequence)
                || last_of.get(record.key) == Some(&record.sequence)
                    && !(drop_tombstones && record.is_tombstone()))
    };
    if let Some(removal) = last_removal {
        // A state that was saved before a key was removed would bring it back once nothing says that it was.
        writer.queue.call(Command::ForgetRemoval(removal))?;
    }
    let mut rest = ended;
    while let Some((group, after)) = writer.next_group(rest, &keeps)? {
        rest = after;
        *dropped += writer.rewrite(group, &keeps, listing.start, drop_tombstones)?;
    }
    writer.queue.call(Command::Retain(f64::NEG_INFINITY))?;
    Ok(())
}

impl Writer {
    fn each(
        &self,
        segment: &Segment,
        mut body: impl FnMut(&Record<'_>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let name = segment.name();
        let gone = || JournalError::Closed;
        let file = self.storage.open(&name, false)?.ok_or_else(gone)?;
        let mut scanner = Scanner::whole(&*file, segment.header.base, segment.contents().bytes);
        let mut count = 0_u32;
        loop {
            count = count.wrapping_add(1);
            if count.is_multiple_of(4096) && !self.queue.progress().open {
                return Err(JournalError::Closed);
            }
            match scanner.step()? {
                ScanStep::End => return Ok(()),
                ScanStep::Record(record, _) if record.control => {}
                ScanStep::Record(record, _) => body(&record)?,
                ScanStep::Bad(offset, reason) => {
                    let reason = reason.into();
                    return Err(JournalError::Corrupt { segment: name, offset, reason });
                }
            }
        }
    }

    /// Segments whose remains fit into one, and the others.
    #[expect(clippy::type_complexity, reason = "two halves of one slice")]
    fn next_group<'a>(
        &self,
        segments: &'a [Arc<Segment>],
        keeps: &impl Fn(&Record<'_>) -> bool,
    ) -> Result<Option<(&'a [Arc<Segment>], &'a [Arc<Segment>])>, JournalError> {
        let mut size = 0;
        for (index, segment) in segments.iter().enumerate() {
            self.each(segment, |record| {
                size += if keeps(record) { record.size as u64 } else { 0 };
                Ok(())
            })?;
            // A segment goes as a whole: what would make it span more than a part of the age limit stays apart.
            let span = segment.contents().last - segments[0].contents().first;
            if index > 0 && (size > self.config.segment_limit() || self.config.is_long(span)) {
                return Ok(Some(segments.split_at(index)));
            }
        }
        Ok((!segments.is_empty()).then_some((segments, &[])))
    }

    /// Writes what is kept of a group, and has it take the group's place. Returns how many entries from `start` on
    /// went.
    fn rewrite(
        &self,
        group: &[Arc<Segment>],
        keeps: &impl Fn(&Record<'_>) -> bool,
        start: u64,
        drop_tombstones: bool,
    ) -> Result<u64, JournalError> {
        let before = group.iter().filter_map(|segment| segment.header.compacted);
        let mut removed = before.map(|compacted| compacted.removed).max().unwrap_or(0);
        let (mut all, mut served, mut kept, mut bytes) = (0, 0, 0, HEADER as u64);
        for segment in group {
            self.each(segment, |record| {
                all += 1;
                served += u64::from(record.sequence >= start);
                if keeps(record) {
                    kept += 1;
                    bytes += record.size as u64;
                } else if drop_tombstones && record.is_tombstone() {
                    removed = removed.max(record.sequence + 1);
                }
                Ok(())
            })?;
        }
        // With a limit of age each has to say how old it is, which an ordinary one leaves to the next ordinary one.
        let says = group[0].header.compacted.is_some() || self.config.max_age_ms.is_none();
        if kept == all && group.len() == 1 && says {
            return Ok(0);
        }
        let end = group.last().map_or(0, |segment| segment.end());
        let base = group[0].header.base;
        let removed = Compacted::dropped(removed, base, end);
        let compacted = Some(Compacted { end, count: kept, bytes, removed });
        // The youngest entry says how old the whole of it is.
        let created = group.last().map_or(0.0, |segment| segment.contents().last);
        let header = Header { version: format::VERSION, base, created, begun: None, compacted };
        let temporary = format!("{}{TEMPORARY}", segment::name(header.base, SEGMENT));
        let mut out = Output::new(&*self.storage, &temporary, &header)?;
        for segment in group {
            self.each(segment, |record| if keeps(record) { out.add(record) } else { Ok(()) })?;
        }
        let (survey, places) = out.finish(&header)?;
        let fresh = Segment::new(header, survey);
        let replaced = group.to_vec();
        self.queue.call(Command::Swap(Swap { temporary, replaced, fresh, places }))?;
        Ok(served - kept)
    }
}

/// A compacted segment while it is written.
struct Output {
    file: Arc<dyn File>,
    seed: u32,
    survey: Survey,
    buffer: Vec<u8>,
    written: u64,
    /// Sequences and offsets of the records that belong to streams.
    places: Vec<(u64, u32)>,
}

impl Output {
    fn new(storage: &dyn Storage, name: &str, header: &Header) -> Result<Self, JournalError> {
        let file = storage.create(name)?;
        let (buffer, seed) = (header.encode().to_vec(), format::seed(header.base));
        Ok(Self { file, seed, survey: Survey::new(header), buffer, written: 0, places: Vec::new() })
    }

    fn add(&mut self, record: &Record<'_>) -> Result<(), JournalError> {
        let start = self.buffer.len();
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let draft = format::Draft {
            wall: record.wall,
            mono: record.mono,
            id: text(record.id),
            key: text(record.key),
            payload: text(record.payload),
            stream: text(record.stream),
            position: record.position,
            origin: record.origin,
            continues: false,
        };
        if !record.stream.is_empty() {
            let offset = self.written + start as u64;
            self.places.push((record.sequence, u32::try_from(offset).unwrap_or(u32::MAX)));
        }
        format::push(&mut self.buffer, record.sequence, &draft);
        format::seal(&mut self.buffer[start..], self.seed, 0);
        self.survey.add(record);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        self.file.write(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self, header: &Header) -> Result<(Survey, Vec<(u64, u32)>), JournalError> {
        self.flush()?;
        self.file.sync()?;
        self.survey.last_at(header.created);
        Ok((self.survey, self.places))
    }
}

impl Writer {
    /// Compacts on a thread of its own; the member is rung when it is done, with the number of entries that went.
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`], and when no thread can be started.
    pub fn compact(
        self: &Arc<Self>,
        member: MemberId,
        drop_tombstones: bool,
    ) -> Result<CommandId, JournalError> {
        let ticket = self.queue.promise(member)?;
        let writer = Arc::clone(self);
        let spawned = thread::Builder::new().name("keelson-compaction".into()).spawn(move || {
            let work = AssertUnwindSafe(|| compact(&writer, drop_tombstones));
            let outcome = catch_unwind(work).unwrap_or_else(|_| {
                let (operation, path) = ("panic", writer.storage.path());
                Err(IoFault { operation, path, os: 0 }.into())
            });
            writer.queue.complete(ticket, outcome);
        });
        if let Err(error) = spawned {
            let os = error.raw_os_error().unwrap_or(0);
            let fault = IoFault { operation: "thread", path: self.storage.path(), os };
            self.queue.complete(ticket, Err(fault.into()));
        }
        Ok(ticket)
    }
}

impl Log {
    /// Puts a compacted segment in the place of its originals, unless retention took one of them meanwhile.
    pub(super) fn swap(&mut self, swap: Swap) -> CommandResult {
        let Swap { temporary, replaced, fresh, places } = swap;
        let present = self.catalog.now().segments;
        let at = present.iter().position(|segment| Arc::ptr_eq(segment, &replaced[0]));
        let intact = at.is_some_and(|at| {
            present[at..].iter().zip(&replaced).all(|(one, other)| Arc::ptr_eq(one, other))
                && present.len() - at > replaced.len()
        });
        let (Some(at), true) = (at, intact) else {
            self.storage.remove(&temporary)?;
            return Ok(0);
        };
        // In one step for readers: a reader that finds the new file can look up its records.
        self.look()?;
        self.catalog.change(|listing| {
            self.storage.rename(&temporary, &fresh.name())?;
            listing.segments.splice(at..at + replaced.len(), [Arc::clone(&fresh)]);
            // The new file also has the entries that retention dropped meanwhile.
            listing.hidden = hidden(&*self.storage, listing)?;
            Ok::<(), JournalError>(())
        })?;
        self.streams.moved((fresh.header.base, fresh.end()), &places);
        self.storage.sync_directory()?;
        for segment in &replaced[1..] {
            self.storage.remove(&segment.name())?;
        }
        self.storage.sync_directory()?;
        Ok(0)
    }
}
