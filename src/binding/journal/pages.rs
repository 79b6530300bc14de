//! Durable journals: opening, pages and errors, which are objects.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use parking_lot::Mutex;

use super::appends::{
    Arrival, BackupArrival, Journals, OpenJournal, REGISTRY, Slot, Source, sequence, visible, with,
};
use crate::binding::env::{Local, SCRATCH_LEN};
use crate::core::journal::backup::BackupReport;
use crate::core::journal::config::{JournalConfig, JournalOverflow};
use crate::core::journal::error::{IoFault, JournalError};
use crate::core::journal::follower::Follower;
use crate::core::journal::reader::{NUMBERS, Page, PageLimits, Reader};
use crate::core::journal::registry::Registry;
use crate::core::journal::snapshot;
use crate::core::journal::storage::Storage;
use crate::core::journal::stream_reader::{StreamReader, StreamTarget};
use crate::core::journal::streams::StreamRange;
use crate::protocol::Code;

/// Options of a journal; a missing one has the core's default.
#[napi(object)]
#[derive(Clone, Copy)]
pub struct NativeJournalConfig {
    pub segment_bytes: Option<f64>,
    pub max_record_bytes: Option<f64>,
    pub max_entries: Option<f64>,
    /// An `OverflowCode`.
    pub overflow: u32,
    pub max_bytes: Option<f64>,
    pub max_age_ms: Option<f64>,
    pub salvage: bool,
    pub read_only: bool,
    pub exclusive: bool,
    /// Permissions of files.
    pub mode: Option<u32>,
    /// Wall and monotonic ms now.
    pub wall: f64,
    pub mono: f64,
}

/// The reason why a journal refused or failed: the code, and the fields of its error that apply.
#[napi(object)]
#[derive(Default)]
pub struct NativeJournalFailure {
    pub code: String,
    pub operation: Option<String>,
    pub path: Option<String>,
    pub os: Option<i32>,
    pub segment: Option<String>,
    pub offset: Option<f64>,
    pub reason: Option<String>,
    pub bytes: Option<f64>,
    pub limit: Option<f64>,
    pub stream: Option<String>,
    pub expected: Option<f64>,
    pub actual: Option<f64>,
}

impl From<JournalError> for NativeJournalFailure {
    fn from(error: JournalError) -> Self {
        let failure = |code: &str| Self { code: format!("KEELSON_{code}"), ..Self::default() };
        match error {
            JournalError::Io(IoFault { operation, path, os }) => {
                let (operation, path, os) = (Some(operation.into()), Some(path), Some(os));
                Self { operation, path, os, ..failure("JOURNAL_IO") }
            }
            JournalError::Corrupt { segment, offset, reason } => {
                let (segment, reason) = (Some(segment), Some(reason));
                Self { segment, offset: Some(offset as f64), reason, ..failure("JOURNAL_CORRUPT") }
            }
            JournalError::Locked { path } => Self { path: Some(path), ..failure("JOURNAL_LOCKED") },
            JournalError::Format { path, reason } => {
                Self { path: Some(path), reason: Some(reason), ..failure("JOURNAL_FORMAT") }
            }
            JournalError::TooLarge { bytes, limit } => {
                let (bytes, limit) = (Some(bytes as f64), Some(limit as f64));
                Self { bytes, limit, ..failure("RECORD_TOO_LARGE") }
            }
            JournalError::Overflow { max } => {
                Self { limit: Some(max as f64), ..failure("JOURNAL_OVERFLOW") }
            }
            JournalError::Conflict { stream, expected, actual } => {
                let (expected, actual) = (Some(expected as f64), Some(actual as f64));
                Self { stream: Some(stream), expected, actual, ..failure("VERSION_CONFLICT") }
            }
            JournalError::Closed => failure("CLOSED"),
            JournalError::Differs { option, value } => {
                let (path, reason) = (Some(option.into()), Some(value));
                Self { path, reason, ..failure("JOURNAL_DIFFERS") }
            }
            JournalError::Invalid { field, why } => {
                let (path, reason) = (Some(field.into()), Some(why.into()));
                Self { path, reason, ..failure("INVALID_ARGUMENT") }
            }
        }
    }
}

/// Something that opening left out.
#[napi(object)]
pub struct NativeJournalLoss {
    pub segment: String,
    pub offset: f64,
    pub bytes: f64,
    pub reason: String,
}

/// The report of an opening, or the reason why it failed.
#[napi(object)]
pub struct NativeJournalOpened {
    pub failure: Option<NativeJournalFailure>,
    pub path: String,
    pub entries: f64,
    pub bytes: f64,
    pub clean: bool,
    pub dropped: Vec<NativeJournalLoss>,
}

fn config(given: &NativeJournalConfig) -> JournalConfig {
    let default = JournalConfig::default();
    JournalConfig {
        segment_bytes: given.segment_bytes.map_or(default.segment_bytes, sequence),
        max_record_bytes: given.max_record_bytes.map_or(default.max_record_bytes, sequence),
        max_entries: given.max_entries.map(sequence),
        overflow: JournalOverflow::from_code(given.overflow).unwrap_or(JournalOverflow::Refuse),
        max_bytes: given.max_bytes.map(sequence),
        max_age_ms: given.max_age_ms,
        salvage: given.salvage,
        mode: given.mode.unwrap_or(default.mode),
        exclusive: given.exclusive,
    }
}

/// Begins to open a directory on a thread of its own; the token is posted when `journalOpened` has the result.
#[napi(catch_unwind)]
pub fn journal_open(
    env: Env,
    path: String,
    token: f64,
    options: NativeJournalConfig,
) -> Result<f64> {
    let environment = Local::<Journals>::of(&env)?;
    let (inbox, token) = (environment.inbox.clone(), sequence(token));
    let arrival: Arrival = Arc::new(Mutex::new(None));
    let place = Arc::clone(&arrival);
    let (now, read_only) = ((options.wall, options.mono), options.read_only);
    let config = config(&options);
    let open = move || {
        let path = Path::new(&path);
        let opened = if read_only {
            Registry::follow(path).map(|follower| Source::Follower(Box::new(follower)))
        } else {
            REGISTRY.open(path, &config, now, Some((inbox.clone(), token))).map(Source::Writer)
        };
        *place.lock() = Some(opened);
        inbox.post(token);
    };
    thread::Builder::new().name("keelson-open".into()).spawn(open)?;
    Ok(environment.table.borrow_mut().open(Slot::Opening(arrival)))
}

/// Returns the result of an opening, once; `None` while it goes on.
#[napi(catch_unwind)]
pub fn journal_opened(env: Env, journal: f64) -> Result<Option<NativeJournalOpened>> {
    let environment = Local::<Journals>::of(&env)?;
    let mut journals = environment.table.borrow_mut();
    let Some(Slot::Opening(arrival)) = journals.get(journal) else { return Ok(None) };
    let Some(arrived) = arrival.lock().take() else { return Ok(None) };
    let failed = |failure| NativeJournalOpened {
        failure: Some(failure),
        path: String::new(),
        entries: 0.0,
        bytes: 0.0,
        clean: false,
        dropped: Vec::new(),
    };
    let source = match arrived {
        Ok(source) => source,
        Err(error) => {
            journals.close(journal);
            return Ok(Some(failed(error.into())));
        }
    };
    let (report, path) = match &source {
        Source::Writer(client) => (client.writer.report.clone(), client.writer.storage.path()),
        Source::Follower(follower) => (follower.report.clone(), follower.storage.path()),
    };
    if let Some(slot) = journals.get(journal) {
        let (reader, stream_reader) = (Reader::default(), StreamReader::default());
        let open = OpenJournal { source, reader, stream_reader, appended: None, failure: None };
        *slot = Slot::Open(Box::new(open));
    }
    let dropped = report.dropped.into_iter().map(|loss| NativeJournalLoss {
        segment: loss.segment,
        offset: loss.offset as f64,
        bytes: loss.bytes as f64,
        reason: loss.reason,
    });
    Ok(Some(NativeJournalOpened {
        failure: None,
        path,
        entries: report.entries as f64,
        bytes: report.bytes as f64,
        clean: report.clean,
        dropped: dropped.collect(),
    }))
}

/// Returns the error of the last call into this journal.
#[napi(catch_unwind)]
pub fn journal_failure(env: Env, journal: f64) -> Result<Option<NativeJournalFailure>> {
    let environment = Local::<Journals>::of(&env)?;
    Ok(with(environment, journal, |open| open.failure.clone().map(Into::into)).flatten())
}

/// A page of entries in ascending order, or why there is none.
#[napi(object)]
pub struct NativeJournalPage {
    pub failure: Option<NativeJournalFailure>,
    /// The payloads as one JSON array.
    pub text: String,
    /// A `PageEntry` after the other; nothing when they fit into scratch and are there.
    pub numbers: Option<Float64Array>,
    /// The number of entries.
    pub count: f64,
    /// Their ids, or nothing when none has one.
    pub ids: Vec<String>,
    /// Their streams, or nothing when none has one.
    pub streams: Vec<String>,
    /// The sequence to go on from; backwards, the one to stop before.
    pub next: f64,
    /// Forwards: where the journal began when it was read.
    pub start: f64,
    /// Forwards: the sequence after the last removal of a key that compactions had dropped; 0 for none.
    pub removed: f64,
}

/// The range of a journal to read.
#[napi(object)]
#[derive(Clone, Copy)]
pub struct NativeJournalRange {
    /// The level of acknowledgement that an entry must have: a `DurabilityCode`.
    pub durability: f64,
    pub from: f64,
    /// The sequence to stop before; infinity for the end.
    pub to: f64,
    pub limit: f64,
    pub bytes: f64,
    pub backwards: bool,
}

/// Reads a page; nothing when the journal is not open.
#[napi(catch_unwind)]
pub fn journal_read(
    env: Env,
    journal: f64,
    range: NativeJournalRange,
) -> Result<Option<NativeJournalPage>> {
    let environment = Local::<Journals>::of(&env)?;
    Ok(with(environment, journal, |open| {
        let end = visible(&open.source, range.durability).min(sequence(range.to));
        let (storage, catalog) = match &open.source {
            Source::Writer(client) => (&*client.writer.storage, &*client.writer.catalog),
            Source::Follower(follower) => (&*follower.storage, &follower.catalog),
        };
        let renew = || match &open.source {
            Source::Writer(_) => Ok(()),
            Source::Follower(follower) => follower.refresh(),
        };
        let [records, bytes] = [range.limit, range.bytes]
            .map(|limit| usize::try_from(sequence(limit)).unwrap_or(usize::MAX));
        let (from, limits) = (sequence(range.from), PageLimits { records, bytes });
        let page = if range.backwards {
            open.reader.read_back((storage, catalog), (from, end), limits, renew)
        } else {
            open.reader.read((storage, catalog), (from, end), limits, renew)
        };
        page_of(page, environment)
    }))
}

/// Returns a page as an object. An array of its own costs as much as the rest of a short page.
fn page_of(
    page: std::result::Result<Page, JournalError>,
    environment: &Local<Journals>,
) -> NativeJournalPage {
    match page {
        Ok(page) => NativeJournalPage {
            failure: None,
            count: (page.numbers.len() / NUMBERS) as f64,
            numbers: in_scratch(&page.numbers, environment).map(Into::into),
            text: page.text,
            ids: page.ids,
            streams: page.streams,
            next: page.next as f64,
            start: page.start as f64,
            removed: page.removed as f64,
        },
        Err(error) => NativeJournalPage {
            failure: Some(error.into()),
            text: String::new(),
            numbers: None,
            count: 0.0,
            ids: Vec::new(),
            streams: Vec::new(),
            next: 0.0,
            start: 0.0,
            removed: 0.0,
        },
    }
}

/// Writes numbers to scratch, if they fit. Returns them otherwise.
fn in_scratch(numbers: &[f64], environment: &Local<Journals>) -> Option<Vec<f64>> {
    if numbers.len() > SCRATCH_LEN {
        return Some(numbers.to_vec());
    }
    for (cell, number) in environment.numbers().iter().zip(numbers) {
        cell.set(*number);
    }
    None
}

/// Reads a page of one stream, in the order of the range, whose numbers are positions; nothing when the journal is not
/// open.
#[napi(catch_unwind)]
pub fn journal_read_stream(
    env: Env,
    journal: f64,
    stream: String,
    range: NativeJournalRange,
) -> Result<Option<NativeJournalPage>> {
    let environment = Local::<Journals>::of(&env)?;
    Ok(with(environment, journal, move |open| {
        let end = visible(&open.source, range.durability);
        let (storage, renews): (&dyn Storage, _) = match &open.source {
            Source::Writer(client) => (&*client.writer.storage, None),
            Source::Follower(follower) => (&*follower.storage, Some(&**follower)),
        };
        let (catalog, streams) = open.source.index();
        let renew = || renews.map_or(Ok(()), Follower::refresh);
        let [limit, bytes] = [range.limit, range.bytes]
            .map(|limit| usize::try_from(sequence(limit)).unwrap_or(usize::MAX));
        let (from, to, backwards) = (sequence(range.from), sequence(range.to), range.backwards);
        let target = StreamTarget { storage, catalog, streams, end };
        let wanted = StreamRange { from, to, backwards, limit };
        let limits = PageLimits { records: limit, bytes };
        page_of(open.stream_reader.read(target, &stream, wanted, limits, renew), environment)
    }))
}

/// Names of streams, in order.
#[napi(object)]
pub struct NativeStreamNames {
    pub names: Vec<String>,
    /// The name after which to go on; nothing when there are no more.
    pub next: Option<String>,
}

/// Returns names of streams after `after` that begin with `prefix`; nothing when the journal is not open.
#[napi(catch_unwind)]
pub fn journal_streams(
    env: Env,
    journal: f64,
    durability: f64,
    prefix: String,
    after: String,
    limit: u32,
) -> Result<Option<NativeStreamNames>> {
    let environment = Local::<Journals>::of(&env)?;
    Ok(with(environment, journal, move |open| {
        let end = visible(&open.source, durability);
        let (catalog, streams) = open.source.index();
        let (names, next) = streams.names((catalog.start(), end), &prefix, &after, limit as usize);
        let names = names.iter().map(ToString::to_string).collect();
        NativeStreamNames { names, next: next.as_ref().map(ToString::to_string) }
    }))
}

/// Begins to copy a journal into a directory, on a thread of its own; the token is posted when `journalBackedUp` has
/// the result. Returns the number to ask with; nothing when the journal is not open.
#[napi(catch_unwind)]
pub fn journal_back_up(
    env: Env,
    journal: f64,
    directory: String,
    token: f64,
    wall: f64,
    mono: f64,
) -> Result<Option<f64>> {
    let environment = Local::<Journals>::of(&env)?;
    let writer = with(environment, journal, |open| match &open.source {
        Source::Writer(client) => std::result::Result::Ok(Arc::clone(&client.writer)),
        Source::Follower(follower) => Err(follower.storage.path()),
    });
    let Some(writer) = writer else { return Ok(None) };
    let (inbox, token) = (environment.inbox.clone(), sequence(token));
    let arrival: BackupArrival = Arc::new(Mutex::new(None));
    let place = Arc::clone(&arrival);
    let work = move || {
        let path = Path::new(&directory);
        let done = match writer {
            Ok(writer) => writer.back_up(path, (wall, mono)),
            Err(source) => Registry::back_up(Path::new(&source), path, (wall, mono)),
        };
        *place.lock() = Some(done);
        inbox.post(token);
    };
    thread::Builder::new().name("keelson-backup".into()).spawn(work)?;
    Ok(Some(environment.table.borrow_mut().open(Slot::BackingUp(arrival))))
}

/// The result of a backup, or why it failed.
#[napi(object)]
pub struct NativeJournalBackup {
    pub failure: Option<NativeJournalFailure>,
    /// The sequence after the last entry in it.
    pub next: f64,
    pub entries: f64,
    pub bytes: f64,
    /// Segments that share their bytes with the original.
    pub linked: f64,
}

/// Returns the result of a backup, once; `None` while it goes on.
#[napi(catch_unwind)]
pub fn journal_backed_up(env: Env, backup: f64) -> Result<Option<NativeJournalBackup>> {
    let environment = Local::<Journals>::of(&env)?;
    let mut journals = environment.table.borrow_mut();
    let Some(Slot::BackingUp(arrival)) = journals.get(backup) else { return Ok(None) };
    let Some(arrived) = arrival.lock().take() else { return Ok(None) };
    journals.close(backup);
    let (failure, report) = match arrived {
        Ok(report) => (None, report),
        Err(error) => (Some(error.into()), BackupReport::default()),
    };
    let BackupReport { next, entries, bytes, linked } = report;
    let [next, entries, bytes, linked] = [next, entries, bytes, linked].map(|count| count as f64);
    Ok(Some(NativeJournalBackup { failure, next, entries, bytes, linked }))
}

/// A saved state, or why there is none.
#[napi(object)]
pub struct NativeJournalSnapshot {
    pub failure: Option<NativeJournalFailure>,
    /// The sequence after the last entry in it.
    pub next: f64,
    /// Wall ms.
    pub wall: f64,
    /// JSON text.
    pub state: String,
}

/// Returns the newest usable saved state that stands for nothing from `before` on; `None` when there is none.
#[napi(catch_unwind)]
pub fn journal_load_snapshot(
    env: Env,
    journal: f64,
    durability: f64,
    before: f64,
) -> Result<Option<NativeJournalSnapshot>> {
    let environment = Local::<Journals>::of(&env)?;
    let loaded = with(environment, journal, |open| {
        let next = visible(&open.source, durability).min(sequence(before));
        match &open.source {
            Source::Writer(client) => snapshot::newest(&*client.writer.storage, next),
            Source::Follower(follower) => snapshot::newest(&*follower.storage, next),
        }
    });
    Ok(match loaded {
        None | Some(Ok(None)) => None,
        Some(Ok(Some(snapshot))) => Some(NativeJournalSnapshot {
            failure: None,
            next: snapshot.next as f64,
            wall: snapshot.wall,
            state: snapshot.state,
        }),
        Some(Err(error)) => {
            let (next, wall, state) = (0.0, 0.0, String::new());
            Some(NativeJournalSnapshot { failure: Some(error.into()), next, wall, state })
        }
    })
}
