//! Copies a journal while it is open: ended segments by a second name where the file system can, and the rest as bytes.
//!
//! The copy holds all entries below one sequence. Ended segments never change: a compaction puts another file in the
//! place of one. So a second name is a copy. The last segment grows, and is copied up to its length at the beginning.
//! The copy is opened and closed before it is done: everything in it was read and checked then.

use std::path::Path;
use std::sync::Arc;

use super::config::JournalConfig;
use super::disk::Disk;
use super::error::JournalError;
use super::log::Log;
use super::recovery::{Files, read_header};
use super::segment::{self, Catalog, SNAPSHOT, STATES, Segment};
use super::storage::Storage;
use super::time::ClockReadings;
use super::writer::Writer;

/// Bytes that are copied at once.
const CHUNK: usize = 1 << 20;
/// Times that the copy begins again when files changed under it.
const TRIES: usize = 8;

/// The result of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackupReport {
    /// The sequence after the last entry in the copy.
    pub next: u64,
    /// Entries in the copy.
    pub entries: u64,
    /// Bytes of its segments.
    pub bytes: u64,
    /// Segments that share their bytes with the original.
    pub linked: u64,
}

/// Copies a journal into an empty or missing directory. When files are no longer those of the catalogue, `renew` brings
/// that up to date.
///
/// # Errors
///
/// [`JournalError::Invalid`] when the directory holds files; damage, and what the operating system refused. Then the
/// directory holds nothing, or a part.
pub fn backup(
    (storage, catalog): (&dyn Storage, &Catalog),
    target: &Arc<dyn Storage>,
    mode: u32,
    (wall, mono): (f64, f64),
    renew: impl Fn() -> Result<(), JournalError>,
) -> Result<BackupReport, JournalError> {
    if !files(&**target)?.is_empty() {
        let (field, why) = ("directory", "a directory that is empty or not there yet");
        return Err(JournalError::Invalid { field, why });
    }
    for _ in 0..TRIES {
        let Some((linked, start)) = copy_all(storage, catalog, &**target)? else {
            for name in files(&**target)? {
                target.remove(&name)?;
            }
            renew()?;
            continue;
        };
        target.sync_directory()?;
        let config = JournalConfig { mode, ..JournalConfig::default() };
        let (mut log, report) = Log::open(Arc::clone(target), config, (wall, mono))?;
        // Entries that retention dropped are not in the copy, though their bytes may be.
        log.begin_at(start)?;
        log.hear(ClockReadings { wall, mono, time: log.time() });
        log.close()?;
        let (next, entries, bytes) = (log.next(), log.catalog.count(), report.bytes);
        return Ok(BackupReport { next, entries, bytes, linked });
    }
    let reason = "the files of the journal change all the time".into();
    Err(JournalError::Corrupt { segment: String::new(), offset: 0, reason })
}

/// Lists what is in the directory, but for the saved states, which are copied before.
fn files(target: &dyn Storage) -> Result<Vec<String>, JournalError> {
    let mut names = target.list()?;
    names.retain(|name| name != STATES);
    Ok(names)
}

/// Copies all files. Returns how many segments are links, and the first sequence; `None` when a file has changed.
fn copy_all(
    storage: &dyn Storage,
    catalog: &Catalog,
    target: &dyn Storage,
) -> Result<Option<(u64, u64)>, JournalError> {
    let listing = catalog.now();
    let ends: Vec<u64> = listing.segments.iter().map(|segment| segment.contents().bytes).collect();
    let mut linked = 0;
    let last = listing.segments.len().saturating_sub(1);
    for (index, (segment, end)) in listing.segments.iter().zip(ends).enumerate() {
        let is_link = index < last && storage.link(&segment.name(), target)?;
        if !is_link && !copy(storage, &segment.name(), target, end)? {
            return Ok(None);
        }
        if !is_same(segment, target)? {
            return Ok(None);
        }
        linked += u64::from(is_link);
    }
    let next = listing.segments.last().map_or(0, |segment| segment.end());
    for sequence in Files::list(storage)?.snapshots {
        let name = segment::name(sequence, SNAPSHOT);
        // A saved state that a newer one replaces meanwhile is not needed.
        if sequence <= next && !storage.link(&name, target)? {
            copy(storage, &name, target, u64::MAX)?;
        }
    }
    Ok(Some((linked, listing.start)))
}

/// Returns whether the copy begins as the segment does.
fn is_same(segment: &Segment, target: &dyn Storage) -> Result<bool, JournalError> {
    let Some(file) = target.open(&segment.name(), false)? else { return Ok(false) };
    Ok(read_header(target, &*file, segment.header.base)? == segment.header)
}

/// Copies a file up to a length, and syncs it. Returns false when it is gone.
fn copy(
    storage: &dyn Storage,
    name: &str,
    target: &dyn Storage,
    end: u64,
) -> Result<bool, JournalError> {
    let Some(from) = storage.open(name, false)? else { return Ok(false) };
    let to = target.create(name)?;
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let count = from.read(&mut buffer[..wanted], at)?;
        if count == 0 {
            break;
        }
        to.write(&buffer[..count], at)?;
        at += count as u64;
    }
    to.sync()?;
    Ok(true)
}

impl Writer {
    /// Copies everything that was accepted until now. Blocks until that is done.
    ///
    /// # Errors
    ///
    /// As [`backup`].
    pub fn back_up(&self, path: &Path, now: (f64, f64)) -> Result<BackupReport, JournalError> {
        let target: Arc<dyn Storage> = Arc::new(Disk::open(path, true, self.config.mode)?);
        self.queue.wait(true);
        // No compaction replaces files meanwhile.
        let _alone = self.compacting.lock();
        backup((&*self.storage, &self.catalog), &target, self.config.mode, now, || Ok(()))
    }
}
