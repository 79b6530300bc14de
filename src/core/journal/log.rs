//! The writing side of a journal: bytes into segments, and segments into the catalogue. One thread owns it.
//!
//! A failure here is final: the caller closes the journal, because after a failed write or sync the content of the disk
//! is unknown. The next opening reads it.

use std::sync::Arc;

use super::config::JournalConfig;
use super::error::{IoFault, JournalError};
use super::format::{self, Begun, CloseMark, HEADER, Header};
use super::front::{Front, hidden};
use super::recovery::{Files, RecoveryReport, recover};
use super::salvage::salvage;
use super::segment::{self, Catalog, LOCK, SEGMENT, SNAPSHOT, Segment, Survey, TEMPORARY};
use super::storage::{File, Identity, Lock, Storage};
use super::streams::Streams;
use super::time::ClockReadings;

/// The last segment, which grows.
#[derive(Debug)]
struct Active {
    segment: Arc<Segment>,
    file: Arc<dyn File>,
    seed: u32,
    /// Bytes written.
    written: u64,
    /// Bytes known to be on disk.
    synced: u64,
    /// The file.
    identity: Identity,
}

/// A journal that is open to be written.
#[derive(Debug)]
pub struct Log {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) config: JournalConfig,
    pub(super) catalog: Arc<Catalog>,
    pub(super) streams: Arc<Streams>,
    active: Active,
    /// The contents of the mark of a clean close, when the last record is one.
    marked: Option<CloseMark>,
    /// The last readings of the clocks that callers passed in.
    pub(super) clocks: ClockReadings,
    /// Places of records that are next to go.
    pub(super) front: Front,
    /// No state is kept that stands for fewer entries: a compaction drops, or dropped, a removal that it does not know
    /// of.
    pub(super) forgotten: u64,
    lock: Box<dyn Lock>,
}

impl Log {
    /// Takes the lock, recovers what is there, and makes the first segment when there is none. The wall and
    /// monotonic times are those of who opens it.
    ///
    /// # Errors
    ///
    /// [`JournalError`], and then nothing was written but the lock file of a directory that is a journal's or empty.
    pub fn open(
        storage: Arc<dyn Storage>,
        config: JournalConfig,
        (wall, mono): (f64, f64),
    ) -> Result<(Self, RecoveryReport), JournalError> {
        config.check()?;
        Files::list(&*storage)?;
        let Some(lock) = storage.lock(LOCK)? else {
            return Err(JournalError::Locked { path: storage.path() });
        };
        // The listing before the lock may show another writer's last moments.
        let mut files = Files::list(&*storage)?;
        let mut lost = Vec::new();
        if config.salvage {
            lost = salvage(&*storage, &files.segments, wall)?;
            files = Files::list(&*storage)?;
        }
        let streams = Arc::new(Streams::default());
        let mut recovered = recover(&*storage, &files.segments, true, &streams)?;
        // Changes begin only here, where nothing is refused any more.
        for name in &files.temporary {
            storage.remove(name)?;
        }
        for &base in &recovered.superseded {
            storage.remove(&segment::name(base, SEGMENT))?;
        }
        let time = recovered.pace.map_or(wall, |pace| pace.resume(wall));
        let clocks = ClockReadings { wall, mono, time };
        let (active, marked) = if let Some(tail) = recovered.last.take() {
            let marked = tail.mark;
            (Active::resume(&*storage, tail)?, marked)
        } else {
            let newest = recovered.listing.segments.last();
            let end = newest.map_or(0, |segment| segment.end());
            let before = newest.map_or(time, |segment| segment.contents().last);
            let active = Active::create(&*storage, end, clocks, before)?;
            recovered.listing.segments.push(Arc::clone(&active.segment));
            (active, None)
        };
        let next = active.segment.contents().next;
        for &sequence in files.snapshots.iter().filter(|&&sequence| sequence > next) {
            // It stands for entries that did not survive: with new ones in their place it would be wrong.
            storage.remove(&segment::name(sequence, SNAPSHOT))?;
        }
        storage.sync_directory()?;
        let mut report = recovered.report;
        report.clean &= lost.is_empty();
        report.dropped.splice(0..0, lost);
        let mut listing = recovered.listing;
        listing.hidden = hidden(&*storage, &listing)?;
        report.entries = listing.count();
        let crashed = !report.clean && active.segment.contents().count > 0;
        let forgotten = listing.removed();
        let catalog = Arc::new(Catalog::new(listing));
        let front = Front::default();
        let mut log = Self {
            storage,
            config,
            catalog,
            streams,
            active,
            marked,
            clocks,
            front,
            forgotten,
            lock,
        };
        if crashed && log.config.max_age_ms.is_some() {
            // Within a segment that has no mark, entries are of one run, so that their clocks can be compared.
            log.rotate()?;
        }
        log.retain(time)?;
        log.streams.starts_at(log.catalog.start());
        Ok((log, report))
    }

    /// Takes in readings of a caller's clocks.
    pub fn hear(&mut self, clocks: ClockReadings) {
        self.clocks = ClockReadings { time: self.clocks.time.max(clocks.time), ..clocks };
    }

    /// Returns the time of the journal.
    pub fn time(&self) -> f64 {
        self.clocks.time
    }

    /// Returns the sequence that the next record gets.
    pub fn next(&self) -> u64 {
        self.active.segment.contents().next
    }

    /// Returns the bytes that are written and not known to be on disk.
    pub fn unsynced(&self) -> u64 {
        self.active.written - self.active.synced
    }

    /// Writes records, as [`format::push`] left them, at this time of the journal, and completes them on the way.
    ///
    /// # Errors
    ///
    /// The error of the operating system; any number of whole records may have been written.
    pub fn write(&mut self, records: &mut [u8], time: f64) -> Result<(), JournalError> {
        self.clocks.time = self.clocks.time.max(time);
        let limit = self.config.segment_limit();
        if self.active.segment.header.version < format::VERSION && has_new_forms(records) {
            self.renew()?;
        }
        let mut rest = records;
        while !rest.is_empty() {
            let contents = self.active.segment.contents();
            let age = self.clocks.time - contents.first;
            if contents.count > 0 && self.config.is_part(contents.count, age) {
                self.rotate()?;
            }
            let fits = self.fitting(rest, limit);
            if fits == 0 {
                self.rotate()?;
                continue;
            }
            let (chunk, after) = rest.split_at_mut(fits);
            self.write_chunk(chunk)?;
            rest = after;
        }
        Ok(())
    }

    /// Returns the bytes of the records that go into the active segment; its first record, or group, always does.
    fn fitting(&self, records: &[u8], limit: u64) -> usize {
        let mut empty = self.active.segment.contents().count == 0;
        let mut size = 0;
        while size < records.len() {
            let group = group_size(&records[size..]);
            if !empty && self.active.written + (size + group) as u64 > limit {
                break;
            }
            empty = false;
            size += group;
        }
        size
    }

    fn write_chunk(&mut self, chunk: &mut [u8]) -> Result<(), JournalError> {
        let active = &mut self.active;
        let synced = u32::try_from(active.synced).expect("a segment is below 4 GiB");
        let mut rest = &mut *chunk;
        while !rest.is_empty() {
            let (record, after) = rest.split_at_mut(format::size_of_pushed(rest));
            format::seal(record, active.seed, synced);
            rest = after;
        }
        active.file.write(chunk, active.written)?;
        let mut offset = active.written;
        active.written += chunk.len() as u64;
        self.marked = None;
        let streams = &self.streams;
        active.segment.extend(|survey| {
            let mut rest = &*chunk;
            while let format::Decoded::Record(record) = format::frame_of(rest) {
                survey.add_at(&record, self.clocks.time);
                streams.add(&record, offset);
                offset += record.size as u64;
                rest = &rest[record.size..];
            }
        });
        Ok(())
    }

    /// Makes everything that was written last.
    ///
    /// # Errors
    ///
    /// An error of the operating system, or that the directory or the file was taken away.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.unsynced() > 0 {
            self.active.file.sync()?;
        }
        self.look()?;
        self.active.synced = self.active.written;
        Ok(())
    }

    /// Looks whether what is written goes where it will be looked for: the path leads to the directory that was opened,
    /// its lock is ours and the active file has its name. Otherwise no reader would find acknowledged entries.
    ///
    /// # Errors
    ///
    /// Returns the reason for which the directory is not ours.
    pub fn look(&self) -> Result<(), JournalError> {
        let name = self.active.segment.name();
        let here = self.storage.identity(&name)? == Some(self.active.identity);
        if here && self.storage.identity(LOCK)? == Some(self.lock.identity()) {
            return Ok(());
        }
        let path = if here { LOCK } else { &name };
        let path = format!("{}/{path}", self.storage.path());
        Err(IoFault { operation: "sync", path, os: GONE }.into())
    }

    /// Ends the active segment and begins another.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn rotate(&mut self) -> Result<(), JournalError> {
        // A segment that is not the last is never in doubt.
        self.sync()?;
        let contents = self.active.segment.contents();
        if contents.count == 0 {
            return Ok(());
        }
        let active = Active::create(&*self.storage, contents.next, self.clocks, contents.last)?;
        self.catalog.change(|listing| listing.segments.push(Arc::clone(&active.segment)));
        self.active = active;
        self.marked = None;
        Ok(())
    }

    /// Begins a segment of this version in the place of one of an earlier version.
    fn renew(&mut self) -> Result<(), JournalError> {
        self.rotate()?;
        let contents = self.active.segment.contents();
        if self.active.segment.header.version < format::VERSION {
            // It holds no entry, so that another may take its name.
            let active = Active::create(&*self.storage, contents.next, self.clocks, contents.last)?;
            self.catalog.change(|listing| {
                listing.segments.pop();
                listing.segments.push(Arc::clone(&active.segment));
            });
            self.active = active;
            self.marked = None;
        }
        Ok(())
    }

    /// Marks a clean close, and makes it last.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub fn close(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        let ClockReadings { wall, time, .. } = self.clocks;
        let (start, last) = (self.catalog.now().start, self.active.segment.contents().last);
        let mark = CloseMark { wall, time, start, last };
        if self.marked.is_some_and(|before| mark.repeats(&before)) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        format::push_close_mark(&mut bytes, self.next(), &mark);
        self.write_chunk(&mut bytes)?;
        self.sync()?;
        self.marked = Some(mark);
        Ok(())
    }
}

impl Active {
    /// Makes an empty segment; when this returns, it lasts.
    fn create(
        storage: &dyn Storage,
        base: u64,
        ClockReadings { wall, mono, time }: ClockReadings,
        before: f64,
    ) -> Result<Self, JournalError> {
        let begun = Begun::new(before, wall, mono);
        let header =
            Header { version: format::VERSION, base, created: time, begun, compacted: None };
        let name = segment::name(base, SEGMENT);
        let temporary = format!("{name}{TEMPORARY}");
        let file = storage.create(&temporary)?;
        file.write(&header.encode(), 0)?;
        file.sync()?;
        storage.rename(&temporary, &name)?;
        storage.sync_directory()?;
        let segment = Segment::new(header, Survey::new(&header));
        let (written, synced) = (HEADER as u64, HEADER as u64);
        let identity = identity_of(storage, &name)?;
        Ok(Self { segment, file, seed: format::seed(base), written, synced, identity })
    }

    /// Goes on with a segment. What follows the last record is cut. What is not known to be synced is written once
    /// more: if the sync of the run before failed, the system may show bytes that it never brought to the disk, and
    /// would not bring there by another sync alone.
    fn resume(storage: &dyn Storage, last: super::recovery::Last) -> Result<Self, JournalError> {
        let super::recovery::Last { file, segment, synced, size, .. } = last;
        let written = segment.contents().bytes;
        if size > written {
            file.truncate(written)?;
        }
        if written > synced {
            let length = usize::try_from(written - synced).expect("a segment fits in memory");
            let mut bytes = vec![0; length];
            let count = file.read(&mut bytes, synced)?;
            file.write(&bytes[..count], synced)?;
        }
        if size > written || written > synced {
            file.sync()?;
        }
        let seed = format::seed(segment.header.base);
        let identity = identity_of(storage, &segment.name())?;
        Ok(Self { segment, file, seed, written, synced: written, identity })
    }
}

/// Returns the bytes of the first records that are one group.
fn group_size(records: &[u8]) -> usize {
    let mut size = 0;
    loop {
        let record = &records[size..];
        size += format::size_of_pushed(record);
        if !format::continues(record) || size >= records.len() {
            return size;
        }
    }
}

/// Returns whether one of the records has a form that earlier versions do not have.
fn has_new_forms(records: &[u8]) -> bool {
    let mut at = 0;
    while at < records.len() {
        if format::is_of_version_2(&records[at..]) {
            return true;
        }
        at += format::size_of_pushed(&records[at..]);
    }
    false
}

fn identity_of(storage: &dyn Storage, name: &str) -> Result<Identity, JournalError> {
    let gone =
        || IoFault { operation: "open", path: format!("{}/{name}", storage.path()), os: GONE };
    Ok(storage.identity(name)?.ok_or_else(gone)?)
}

/// `ENOENT`, on every system.
const GONE: i32 = 2;
