//! The entrance of the fuzzers: it opens, reads, salvages or refuses any bytes as a segment, and never panics.

use std::sync::Arc;

use super::config::JournalConfig;
use super::disk::Disk;
use super::error::JournalError;
use super::log::Log;
use super::reader::{NUMBERS, PageLimits, Reader};
use super::scan::{ScanStep, Scanner};
use super::segment::{LOCK, SEGMENT, name};
use super::storage::Storage;

/// Runs everything that decodes, on one segment file in `directory`, which it empties before. Returns how many entries
/// it held, when it was opened.
///
/// # Errors
///
/// The reason of a refusal.
///
/// # Panics
///
/// Panics when an opened journal cannot be read, or a salvaged one cannot be opened. The fuzzer looks for that.
pub fn fuzz_decoder(directory: &std::path::Path, data: &[u8]) -> Result<u64, JournalError> {
    let storage = Disk::open(directory, true, 0o600)?;
    for file in storage.list()? {
        storage.remove(&file)?;
    }
    let file = storage.create(&name(0, SEGMENT))?;
    file.write(data, 0)?;
    let storage: Arc<dyn Storage> = Arc::new(storage);
    decode(&storage, data.len())
}

/// Does the same for any storage that holds one segment of `size` bytes with the base 0.
pub(super) fn decode(storage: &Arc<dyn Storage>, size: usize) -> Result<u64, JournalError> {
    let file = storage.open(&name(0, SEGMENT), false)?.expect("it was put there");
    let mut scanner = Scanner::whole(&*file, 0, size as u64);
    let mut last = 0;
    while let ScanStep::Record(record, offset) = scanner.step()? {
        assert!(offset >= last && record.size <= size, "a scan goes forwards, within the file");
        last = offset + record.size as u64;
    }
    drop(file);
    let limits = PageLimits { records: usize::MAX, bytes: usize::MAX };
    let count = |log: &Log| {
        let target = (&*log.storage, &*log.catalog);
        let page = Reader::default().read(target, (0, log.next()), limits, || Ok(()));
        // Bytes that pass every check can still be no text, which only reading finds.
        page.map(|page| (page.numbers.len() / NUMBERS) as u64)
    };
    let opened = Log::open(Arc::clone(storage), JournalConfig::default(), (0.0, 0.0));
    if let Ok((log, report)) = &opened
        && let Ok(found) = count(log)
    {
        assert_eq!(found, report.entries, "what was counted is served");
    }
    let refused = opened.map(|(log, report)| (drop(log), report.entries).1);
    let salvage = JournalConfig { salvage: true, ..JournalConfig::default() };
    match Log::open(Arc::clone(storage), salvage, (0.0, 0.0)) {
        Ok((log, report)) => {
            if let Ok(found) = count(&log) {
                assert_eq!(found, report.entries, "what was salvaged is served");
            }
        }
        Err(JournalError::Format { .. }) => {}
        Err(error) => panic!("salvage failed: {error}"),
    }
    storage.remove(LOCK)?;
    refused
}
