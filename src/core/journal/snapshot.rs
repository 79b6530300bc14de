//! Snapshots: a state that stands for all entries before a sequence, so that a replay can begin there.
//!
//! A file each, written aside and renamed, so that it is whole or not there; the two newest are kept.

use super::error::JournalError;
use super::format::{self, HEADER};
use super::log::Log;
use super::queue::CommandResult;
use super::recovery::Files;
use super::segment::{self, SNAPSHOT, TEMPORARY};
use super::storage::Storage;

/// The first bytes of a snapshot.
const MAGIC: [u8; 8] = *b"KEELSNAP";
const VERSION: u32 = 1;
/// Saved states that are kept. When the newest is damaged there is another.
const KEPT: usize = 2;

/// A state, and the entries that it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// All entries before this sequence.
    pub next: u64,
    /// Wall ms at which it was taken.
    pub wall: f64,
    /// JSON text.
    pub state: String,
}

fn encode(next: u64, wall: f64, state: &str) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&next.to_le_bytes());
    bytes[24..32].copy_from_slice(&wall.to_le_bytes());
    bytes[32..40].copy_from_slice(&(state.len() as u64).to_le_bytes());
    let header = crc32c::crc32c(&bytes[..60]);
    let check = crc32c::crc32c_append(header, state.as_bytes());
    bytes[60..].copy_from_slice(&check.to_le_bytes());
    bytes.extend_from_slice(state.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Snapshot> {
    let (header, state) = bytes.split_at_checked(HEADER)?;
    let check = crc32c::crc32c_append(crc32c::crc32c(&header[..60]), state);
    let whole = header[..8] == MAGIC
        && format::u32_at(header, 8) == VERSION
        && format::u64_at(header, 32) == state.len() as u64
        && format::u32_at(header, 60) == check;
    whole.then(|| {
        let (next, wall) = (format::u64_at(header, 16), format::f64_at(header, 24));
        Some(Snapshot { next, wall, state: String::from_utf8(state.to_vec()).ok()? })
    })?
}

/// Returns the newest snapshot that is whole and stands for nothing after `next`.
///
/// # Errors
///
/// The error of the operating system.
pub fn newest(storage: &dyn Storage, next: u64) -> Result<Option<Snapshot>, JournalError> {
    let files = Files::list(storage)?;
    for &sequence in files.snapshots.iter().rev().filter(|&&sequence| sequence <= next) {
        let Some(file) = storage.open(&segment::name(sequence, SNAPSHOT), false)? else { continue };
        let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or(0)];
        let count = file.read(&mut bytes, 0)?;
        let snapshot = decode(&bytes[..count]).filter(|snapshot| snapshot.next == sequence);
        if snapshot.is_some() {
            return Ok(snapshot);
        }
    }
    Ok(None)
}

impl Log {
    /// Keeps a state. Returns its `next`.
    pub(super) fn save_snapshot(&mut self, next: u64, wall: f64, state: &str) -> CommandResult {
        if next > self.next() {
            let (field, why) = ("options.sequence", "a sequence of an entry that was appended");
            return Err(JournalError::Invalid { field, why });
        }
        if next < self.forgotten {
            let field = "options.sequence";
            let why = "a sequence not before the last removal of a key that a compaction dropped";
            return Err(JournalError::Invalid { field, why });
        }
        let name = segment::name(next, SNAPSHOT);
        let temporary = format!("{name}{TEMPORARY}");
        let file = self.storage.create(&temporary)?;
        file.write(&encode(next, wall, state), 0)?;
        file.sync()?;
        self.storage.rename(&temporary, &name)?;
        self.storage.sync_directory()?;
        let files = Files::list(&*self.storage)?;
        for &old in files.snapshots.iter().rev().skip(KEPT) {
            self.storage.remove(&segment::name(old, SNAPSHOT))?;
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_whole_or_nothing() {
        let bytes = encode(7, 1.5, "{\"a\":\"ä\"}");
        let snapshot = decode(&bytes).expect("whole");
        assert_eq!((snapshot.next, snapshot.wall, &*snapshot.state), (7, 1.5, "{\"a\":\"ä\"}"));
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None);
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
    }
}
