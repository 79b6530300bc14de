//! Reads a journal that another process may be writing. It takes no lock, changes nothing, and serves whole records.

use std::sync::Arc;

use super::error::JournalError;
use super::format;
use super::front::hidden;
use super::recovery::{Files, Group, RecoveryReport, read_header, read_segment, recover};
use super::scan::{ScanStep, Scanner};
use super::segment::{self, Catalog, Listing, SEGMENT, Segment};
use super::storage::{File, Storage};
use super::streams::Streams;

/// A reader's own view of a directory.
#[derive(Debug)]
pub struct Follower {
    /// The files that it reads.
    pub storage: Arc<dyn Storage>,
    /// The segments that it knows.
    pub catalog: Catalog,
    /// The index of streams.
    pub streams: Streams,
    /// The findings of opening.
    pub report: RecoveryReport,
}

impl Follower {
    /// Reads the directory as it is.
    ///
    /// # Errors
    ///
    /// As [`recover`]; [`JournalError::Format`] when there is no journal at all.
    pub fn open(storage: Arc<dyn Storage>) -> Result<Self, JournalError> {
        let files = Files::list(&*storage)?;
        if files.segments.is_empty() && !files.locked_before {
            let reason = "there is no journal in it".into();
            return Err(JournalError::Format { path: storage.path(), reason });
        }
        let streams = Streams::default();
        let recovered = recover(&*storage, &files.segments, false, &streams)?;
        let mut report = recovered.report;
        // A record that is half written is no loss yet.
        report.dropped.clear();
        let mut listing = recovered.listing;
        listing.hidden = hidden(&*storage, &listing)?;
        report.entries = listing.count();
        streams.starts_at(listing.start);
        Ok(Self { storage, catalog: Catalog::new(listing), streams, report })
    }

    /// Returns the sequence after the last that is whole.
    pub fn next(&self) -> u64 {
        self.catalog.now().segments.last().map_or(0, |segment| segment.end())
    }

    /// Looks again: segments that came, went or were replaced, and records at the end.
    ///
    /// # Errors
    ///
    /// Damage, and what the operating system refused.
    pub fn refresh(&self) -> Result<(), JournalError> {
        let files = Files::list(&*self.storage)?;
        let known = self.catalog.now().segments;
        let mut fresh: Vec<Arc<Segment>> = Vec::new();
        let mut covered = 0;
        for base in files.segments {
            if base < covered {
                continue;
            }
            // Gone since the listing.
            let Some(file) = self.storage.open(&segment::name(base, SEGMENT), false)? else {
                continue;
            };
            let header = read_header(&*self.storage, &*file, base)?;
            covered = header.compacted.map_or(0, |compacted| compacted.end);
            let same = known.iter().find(|segment| segment.header == header);
            let segment = if let Some(segment) = same {
                Arc::clone(segment)
            } else {
                let survey = read_segment(&*file, header, &self.streams)?.survey;
                if let Some(compacted) = header.compacted {
                    self.streams.moved((base, compacted.end), &places_in(&*file, base)?);
                }
                Segment::new(header, survey)
            };
            if header.compacted.is_none() {
                self.extend(&segment, &*file)?;
            }
            fresh.push(segment);
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let start = self.catalog.now().start.max(fresh[0].header.base);
        let mut renewed = Listing { segments: fresh, start, hidden: 0 };
        renewed.hidden = hidden(&*self.storage, &renewed)?;
        self.catalog.change(|listing| *listing = renewed);
        self.streams.starts_at(start);
        Ok(())
    }

    /// Takes the whole records that were added; of a group all of them, once the last is there.
    fn extend(&self, segment: &Segment, file: &dyn File) -> Result<(), JournalError> {
        let from = segment.contents().bytes;
        let mut scanner = Scanner::new(file, format::seed(segment.header.base), from, file.size()?);
        let mut group = Group::default();
        let mut next = segment.contents().next;
        while let ScanStep::Record(record, offset) = scanner.step()? {
            if record.control {
                segment.extend(|survey| survey.add(&record));
                continue;
            }
            if record.sequence != next {
                break;
            }
            next += 1;
            group.add(&record, offset);
            if !record.continues {
                segment.extend(|survey| group.take_over(survey, &self.streams));
            }
        }
        Ok(())
    }
}

/// Returns the sequences and offsets of the records of a segment that belong to streams.
fn places_in(file: &dyn File, base: u64) -> Result<Vec<(u64, u32)>, JournalError> {
    let mut places = Vec::new();
    let mut scanner = Scanner::whole(file, base, file.size()?);
    while let ScanStep::Record(record, offset) = scanner.step()? {
        if !record.stream.is_empty() {
            places.push((record.sequence, u32::try_from(offset).unwrap_or(u32::MAX)));
        }
    }
    Ok(places)
}
