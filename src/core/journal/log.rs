//! The writing side of a journal: bytes into segments, and segments into the catalogue. One thread owns it.
//!
//! Whatever fails here fails for good: the caller closes the journal, because after a failed write or sync nobody knows
//! what is on disk. The next opening reads it and knows.

use std::sync::Arc;

use super::config::Config;
use super::error::{IoFault, JournalError};
use super::format::{self, HEADER, Header};
use super::recovery::{Files, Report, recover};
use super::salvage::salvage;
use super::segment::{self, Catalog, LOCK, SEGMENT, SNAPSHOT, Segment, Survey, TEMPORARY};
use super::storage::{File, Lock, Storage};

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
}

/// A journal that is open to be written.
#[derive(Debug)]
pub struct Log {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) config: Config,
    pub(super) catalog: Arc<Catalog>,
    active: Active,
    /// Whether the last record is the mark of a clean close, or nothing was ever written.
    marked: bool,
    /// The latest wall time that was heard of.
    now: f64,
    _lock: Box<dyn Lock>,
}

impl Log {
    /// Takes the lock, recovers what is there, and makes the first segment when there is none.
    ///
    /// # Errors
    ///
    /// [`JournalError`], and then nothing was written but the lock file of a directory that is a journal's or empty.
    pub fn open(
        storage: Arc<dyn Storage>,
        config: Config,
        now: f64,
    ) -> Result<(Self, Report), JournalError> {
        config.check()?;
        Files::list(&*storage)?;
        let Some(lock) = storage.lock(LOCK)? else {
            return Err(JournalError::Locked { path: storage.path() });
        };
        // What was listed before the lock may have been another writer's last moments.
        let mut files = Files::list(&*storage)?;
        let mut lost = Vec::new();
        if config.salvage {
            lost = salvage(&*storage, &files.segments, now)?;
            files = Files::list(&*storage)?;
        }
        let mut recovered = recover(&*storage, &files.segments, true)?;
        // Only now, when nothing is refused any more, is anything changed.
        for name in &files.temporary {
            storage.remove(name)?;
        }
        for &base in &recovered.superseded {
            storage.remove(&segment::name(base, SEGMENT))?;
        }
        let (active, marked) = if let Some(tail) = recovered.last.take() {
            let marked = tail.closed || tail.segment.contents().bytes == HEADER as u64;
            (Active::resume(tail)?, marked)
        } else {
            let end = recovered.listing.segments.last().map_or(0, |segment| segment.end());
            let active = Active::create(&*storage, end, now)?;
            recovered.listing.segments.push(Arc::clone(&active.segment));
            (active, true)
        };
        let next = active.segment.contents().next;
        for &sequence in files.snapshots.iter().filter(|&&sequence| sequence > next) {
            // Of a future that did not survive: with new entries in its place it would be wrong.
            storage.remove(&segment::name(sequence, SNAPSHOT))?;
        }
        storage.sync_directory()?;
        let mut report = recovered.report;
        report.clean &= lost.is_empty();
        report.dropped.splice(0..0, lost);
        let catalog = Arc::new(Catalog::new(recovered.listing));
        let mut log = Self { storage, config, catalog, active, marked, now, _lock: lock };
        log.retain(now)?;
        Ok((log, report))
    }

    /// The sequence that the next record gets.
    pub fn next(&self) -> u64 {
        self.active.segment.contents().next
    }

    /// Bytes that are written and not known to be on disk.
    pub fn unsynced(&self) -> u64 {
        self.active.written - self.active.synced
    }

    /// Writes records, as [`format::push`] left them, and completes them on the way.
    ///
    /// # Errors
    ///
    /// What the operating system refused; any number of whole records may have been written.
    pub fn write(&mut self, records: &mut [u8], latest_wall: f64) -> Result<(), JournalError> {
        self.now = self.now.max(latest_wall);
        let limit = self.config.segment_limit();
        let mut rest = records;
        while !rest.is_empty() {
            let contents = self.active.segment.contents();
            let age = self.now - contents.first_wall;
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

    /// Bytes of the records that go into the active segment; its first record always does.
    fn fitting(&self, records: &[u8], limit: u64) -> usize {
        let mut empty = self.active.segment.contents().count == 0;
        let mut size = 0;
        while size < records.len() {
            let record = format::size_of_pushed(&records[size..]);
            if !empty && self.active.written + (size + record) as u64 > limit {
                break;
            }
            empty = false;
            size += record;
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
        active.written += chunk.len() as u64;
        self.marked = false;
        active.segment.extend(|survey| {
            let mut rest = &*chunk;
            while let format::Decoded::Record(record) = format::frame_of(rest) {
                survey.add(&record);
                rest = &rest[record.size..];
            }
        });
        Ok(())
    }

    /// Makes everything that was written last.
    ///
    /// # Errors
    ///
    /// What the operating system refused, or that the file has lost its name.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.unsynced() > 0 {
            self.active.sync(&*self.storage)?;
        }
        Ok(())
    }

    /// Ends the active segment and begins another.
    ///
    /// # Errors
    ///
    /// What the operating system refused.
    pub fn rotate(&mut self) -> Result<(), JournalError> {
        // A segment that is not the last is never in doubt.
        self.sync()?;
        let contents = self.active.segment.contents();
        if contents.count == 0 {
            return Ok(());
        }
        let active = Active::create(&*self.storage, contents.next, self.now)?;
        self.catalog.change(|listing| listing.segments.push(Arc::clone(&active.segment)));
        self.active = active;
        self.marked = true;
        Ok(())
    }

    /// Marks a clean close, and makes it last.
    ///
    /// # Errors
    ///
    /// What the operating system refused.
    pub fn close(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        if self.marked {
            return Ok(());
        }
        let mut mark = Vec::new();
        format::push_close_mark(&mut mark, self.next());
        self.write_chunk(&mut mark)?;
        self.marked = true;
        self.sync()
    }
}

impl Active {
    /// Makes an empty segment; when this returns, it lasts.
    fn create(storage: &dyn Storage, base: u64, now: f64) -> Result<Self, JournalError> {
        let header = Header { base, created: now, compacted: None };
        let name = segment::name(base, SEGMENT);
        let temporary = format!("{name}{TEMPORARY}");
        let file = storage.create(&temporary)?;
        file.write(&header.encode(), 0)?;
        file.sync()?;
        storage.rename(&temporary, &name)?;
        storage.sync_directory()?;
        let segment = Segment::new(header, Survey::new(&header));
        let (written, synced) = (HEADER as u64, HEADER as u64);
        Ok(Self { segment, file, seed: format::seed(base), written, synced })
    }

    /// Goes on with a segment. What follows the last record is cut. What is not known to be synced is written once more:
    /// if the sync of the run before failed, the system may show bytes that it never brought to the disk, and would not
    /// bring there by another sync alone.
    fn resume(last: super::recovery::Last) -> Result<Self, JournalError> {
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
        Ok(Self { segment, file, seed, written, synced: written })
    }

    fn sync(&mut self, storage: &dyn Storage) -> Result<(), JournalError> {
        self.file.sync()?;
        if !self.file.is_linked()? {
            // Somebody removed the file: what is written to it is gone with the process.
            let path = format!("{}/{}", storage.path(), self.segment.name());
            return Err(IoFault { operation: "sync", path, os: GONE }.into());
        }
        self.synced = self.written;
        Ok(())
    }
}

/// `ENOENT`, on every system.
const GONE: i32 = 2;
