//! Durable journals: appends and news on the hot lane.

use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::drafts::{draft, drafts};
use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::core::journal::backup::BackupReport;
use crate::core::journal::config::JournalOverflow;
use crate::core::journal::error::JournalError;
use crate::core::journal::follower::Follower;
use crate::core::journal::queue::{Appended, Command, Durability, WriteQueue};
use crate::core::journal::reader::{NUMBERS, Reader};
use crate::core::journal::registry::{Client, Registry};
use crate::core::journal::segment::Listing;
use crate::core::journal::stream_reader::StreamReader;
use crate::protocol::{Code, Flag, Part, Record, lane_constants, lane_enum, lane_record};

/// The journals that this process has open to write.
pub(crate) static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::default);

pub(crate) type Journals = Handles<Slot>;

/// The result that a thread that opens a journal leaves for the environment.
pub(crate) type Arrival = Arc<Mutex<Option<Result<Source, JournalError>>>>;

/// The result that a thread that copies a journal leaves for the environment.
pub(crate) type BackupArrival = Arc<Mutex<Option<Result<BackupReport, JournalError>>>>;

/// A journal of the environment, or something that goes on in it.
pub(crate) enum Slot {
    Opening(Arrival),
    Open(Box<OpenJournal>),
    BackingUp(BackupArrival),
}

/// The source of a journal's entries.
pub(crate) enum Source {
    Writer(Client),
    Follower(Box<Follower>),
}

pub(crate) struct OpenJournal {
    pub(crate) source: Source,
    pub(crate) reader: Reader,
    pub(crate) stream_reader: StreamReader,
    /// The result of the last append that had streams.
    pub(crate) appended: Option<Appended>,
    /// The last error, for JavaScript to ask after.
    pub(crate) failure: Option<JournalError>,
}

lane_enum! {
    /// The level at which an append is acknowledged.
    of Durability as DurabilityCode, prefix "LEVEL_", texts LEVELS => DURABILITY {
        Sync "sync",
        Flush "flush",
        Memory "memory",
    }
}

lane_enum! {
    /// The behaviour beyond the most entries.
    of JournalOverflow as OverflowCode, prefix "OVERFLOW_", texts POLICIES => OVERFLOW {
        Ignore "none",
        DropOldest "bounded:drop_oldest",
        Refuse "bounded:error",
    }
}

lane_enum! {
    /// The states of a journal, in the order of its life.
    enum State, prefix "STATE_" => STATE {
        Open,
        /// It takes no appends and writes those that it has.
        Closing,
        /// All is on disk.
        Ended,
        /// See `journalFailure`.
        Failed,
    }
}

lane_enum! {
    /// The tasks that `journalBegin` can begin.
    enum JournalTask, prefix "BEGIN_" => TASK {
        Sync,
        Clear,
        Retain,
        Compact,
        /// Tombstones go too.
        CompactAndDrop,
    }
}

lane_constants! { RESULTS {
    /// It was refused: see `journalFailure`.
    const REFUSED: f64 = -2.0;
    /// It repeats earlier events of its streams: see `journalRepeated`.
    const REPEATED: f64 = -3.0;
} }

lane_record! {
    /// The progress of a journal: the sequences below which everything is written, and synced.
    struct ProgressCells => PROGRESS {
        written: f64,
        synced: f64,
    }
}

lane_record! {
    /// The result of a ticket.
    struct Finished => FINISHED {
        /// Set when it succeeded; otherwise see `journalFailure`.
        worked: Flag,
        value: f64,
    }
}

lane_record! {
    /// The readable range of a journal.
    struct ViewCells => VIEW {
        /// The first sequence.
        first: f64,
        /// The sequence after the last.
        next: f64,
        /// On disk.
        bytes: f64,
        segments: f64,
    }
}

lane_record! {
    /// An entry in the numbers of a page.
    pub(crate) struct PageEntry => PAGE_ENTRY {
        sequence: f64,
        wall: f64,
        mono: f64,
        /// On disk.
        bytes: f64,
        /// In its stream.
        position: f64,
    }
}

const _: () = assert!(PageEntry::CELLS == NUMBERS, "as the reader of the core writes them");

pub(super) const CHOICES: &[Part] = &[DURABILITY, OVERFLOW, STATE, TASK];
pub(super) const OUTCOMES: &[Part] = RESULTS;
pub(super) const RECORDS: &[Part] = &[PROGRESS, FINISHED, VIEW, PAGE_ENTRY];

pub(crate) const MODULE: Module = hot_lane! {
    Journals;
    /// Appends a record at `wall` and `mono` (ms): its payload, and then nothing, or NUL, id, NUL, key, or these and NUL,
    /// stream, NUL, expected version or nothing, NUL, 1 for an id that none may repeat, and then nothing, or NUL and the
    /// sequence that the first event of the stream must have. Returns its sequence, -1 when closed, `REFUSED` or
    /// `REPEATED`.
    "journalAppend"(str text, journal, wall, mono, durability) => append;
    /// Gathers text for the next `journalAppendAll`, which follows before anything else happens.
    "journalGather"(str text) => gather;
    /// Appends `count` records, all or none, from the gathered texts and `text`: JSON arrays of their payloads, and
    /// then nothing, or for each U+0001, id, NUL, key, and what else `journalAppend` takes. Returns the first sequence;
    /// otherwise as `journalAppend`.
    "journalAppendAll"(str text, journal, wall, mono, durability, count) => append_all;
    /// Lets writing begin with what has gathered.
    "journalKick"(journal) => kick;
    /// Asks for what was written to be synced, soon.
    "journalSyncSoon"(journal) => sync_soon;
    /// Returns a `State`, or -1 for none. Scratch: `Progress`.
    "journalProgress"(journal) => progress;
    /// Rings once more than `beyond` is acknowledged. Returns 1 when it is already and nothing will ring.
    "journalArm"(journal, durability, beyond) => arm;
    /// Waits, blocking, until all that was accepted is written, and synced if `sync` is 1.
    "journalWait"(journal, sync) => wait;
    /// Returns the next finished ticket, or -1. Scratch: `Finished`.
    "journalFinished"(journal) => finished;
    /// Begins a `JournalTask` at `wall` and `mono` (ms). Returns its ticket, or -1 when closed.
    "journalBegin"(journal, task, wall, mono) => begin;
    /// Begins to save a state for all before `next`. Returns its ticket, or -1 when closed.
    "journalSnapshot"(str state, journal, next, wall) => snapshot;
    /// Ends the use of a journal, and rings when it has closed. Returns 1 when this was the last use and the journal
    /// closes.
    "journalLeave"(journal) => leave;
    /// Forgets a journal. Blocks until its appends are on disk.
    "journalDrop"(journal) => forget;
    /// Reads the directory again, for a journal that is open to read only. Returns 0, or `REFUSED`.
    "journalRefresh"(journal) => refresh;
    /// Returns the number of readable entries. Scratch: `View`.
    "journalView"(journal, durability) => view;
};

/// A batch buffer that grew beyond this many bytes is freed.
const GATHERED_KEPT: usize = 1 << 20;

pub(crate) fn with<R>(
    environment: &Local<Journals>,
    journal: f64,
    body: impl FnOnce(&mut OpenJournal) -> R,
) -> Option<R> {
    match environment.table.borrow_mut().get(journal) {
        Some(Slot::Open(open)) => Some(body(open)),
        _ => None,
    }
}

pub(crate) fn writing(
    environment: &Local<Journals>,
    journal: f64,
    body: impl FnOnce(&mut Client) -> f64,
) -> f64 {
    let found = with(environment, journal, |open| match &mut open.source {
        Source::Writer(client) => body(client),
        Source::Follower(_) => NONE,
    });
    found.unwrap_or(NONE)
}

fn queue(environment: &Local<Journals>, journal: f64, body: impl FnOnce(&WriteQueue)) -> f64 {
    writing(environment, journal, |client| {
        body(&client.writer.queue);
        0.0
    })
}

pub(crate) fn durability(level: f64) -> Durability {
    Durability::from_f64(level).unwrap_or(Durability::Memory)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates: TypeScript passes safe integers, or infinity for the end"
)]
pub(crate) fn sequence(number: f64) -> u64 {
    number as u64
}

fn append(
    environment: &Local<Journals>,
    text: &str,
    journal: f64,
    wall: f64,
    mono: f64,
    level: f64,
) -> f64 {
    let (payload, names) = text.split_once('\0').unwrap_or((text, ""));
    let (draft, condition) = draft(wall, mono, payload, names);
    appended(environment, journal, |client| {
        let (writer, level) = (&client.writer, durability(level));
        if draft.stream.is_empty() {
            return Ok(AppendOutcome::First(writer.queue.append(
                client.member,
                level,
                &[draft],
            )?));
        }
        Ok(AppendOutcome::InStreams(writer.append(client.member, level, &[draft], &[condition])?))
    })
}

fn gather(environment: &Local<Journals>, text: &str) -> f64 {
    environment.gathered.borrow_mut().push_str(text);
    0.0
}

fn append_all(
    environment: &Local<Journals>,
    text: &str,
    journal: f64,
    wall: f64,
    mono: f64,
    level: f64,
    count: f64,
) -> f64 {
    let mut gathered = environment.gathered.take();
    gathered.push_str(text);
    let result = appended(environment, journal, |client| {
        let count = usize::try_from(sequence(count)).unwrap_or(usize::MAX);
        let (drafts, conditions) = drafts(wall, mono, &gathered, count)?;
        let (writer, level) = (&client.writer, durability(level));
        if drafts.iter().all(|draft| draft.stream.is_empty()) {
            return Ok(AppendOutcome::First(writer.queue.append(client.member, level, &drafts)?));
        }
        Ok(AppendOutcome::InStreams(writer.append(client.member, level, &drafts, &conditions)?))
    });
    if gathered.capacity() <= GATHERED_KEPT {
        gathered.clear();
        environment.gathered.replace(gathered);
    }
    result
}

enum AppendOutcome {
    /// The first sequence.
    First(u64),
    InStreams(Appended),
}

fn appended(
    environment: &Local<Journals>,
    journal: f64,
    append: impl FnOnce(&Client) -> Result<AppendOutcome, JournalError>,
) -> f64 {
    let appended = with(environment, journal, |open| {
        let Source::Writer(client) = &open.source else { return NONE };
        match append(client) {
            Ok(AppendOutcome::First(first)) => first as f64,
            Ok(AppendOutcome::InStreams(appended)) => {
                let is_new = appended.repeated.is_empty();
                let first = appended.first as f64;
                open.appended = Some(appended);
                if is_new { first } else { REPEATED }
            }
            Err(JournalError::Closed) => NONE,
            Err(error) => {
                open.failure = Some(error);
                REFUSED
            }
        }
    });
    appended.unwrap_or(NONE)
}

fn kick(environment: &Local<Journals>, journal: f64) -> f64 {
    queue(environment, journal, WriteQueue::kick)
}

fn sync_soon(environment: &Local<Journals>, journal: f64) -> f64 {
    queue(environment, journal, WriteQueue::want_sync)
}

fn progress(environment: &Local<Journals>, journal: f64) -> f64 {
    let state = with(environment, journal, |open| {
        let Source::Writer(client) = &open.source else { return NONE };
        let now = client.writer.queue.progress();
        environment.write(ProgressCells { written: now.written as f64, synced: now.synced as f64 });
        let state = match now.ended {
            None if now.open => State::Open,
            None => State::Closing,
            Some(None) => State::Ended,
            Some(Some(error)) => {
                open.failure = Some(error);
                State::Failed
            }
        };
        state.to_f64()
    });
    state.unwrap_or(NONE)
}

fn arm(environment: &Local<Journals>, journal: f64, level: f64, beyond: f64) -> f64 {
    writing(environment, journal, |client| {
        let queue = &client.writer.queue;
        f64::from(u8::from(queue.arm(client.member, durability(level), sequence(beyond))))
    })
}

fn wait(environment: &Local<Journals>, journal: f64, sync: f64) -> f64 {
    queue(environment, journal, |queue| {
        queue.wait(sync == 1.0);
    })
}

fn finished(environment: &Local<Journals>, journal: f64) -> f64 {
    let ticket = with(environment, journal, |open| {
        let Source::Writer(client) = &open.source else { return NONE };
        let Some((ticket, outcome)) = client.writer.queue.finished(client.member) else {
            return NONE;
        };
        let (worked, value) = match outcome {
            Ok(value) => (true, value as f64),
            Err(error) => {
                open.failure = Some(error);
                (false, 0.0)
            }
        };
        environment.write(Finished { worked: worked.into(), value });
        ticket as f64
    });
    ticket.unwrap_or(NONE)
}

fn begin(environment: &Local<Journals>, journal: f64, task: f64, wall: f64, mono: f64) -> f64 {
    let Some(task) = JournalTask::from_f64(task) else { return NONE };
    writing(environment, journal, |client| {
        let (writer, member) = (&client.writer, client.member);
        let time = writer.queue.tick(member, wall, mono);
        let ticket = match task {
            JournalTask::Sync => writer.queue.submit(member, Command::Sync),
            JournalTask::Clear => writer.queue.submit(member, Command::Clear),
            JournalTask::Retain => writer.queue.submit(member, Command::Retain(time)),
            JournalTask::Compact => writer.compact(member, false),
            JournalTask::CompactAndDrop => writer.compact(member, true),
        };
        ticket.map_or(NONE, |ticket| ticket as f64)
    })
}

fn snapshot(environment: &Local<Journals>, state: &str, journal: f64, next: f64, wall: f64) -> f64 {
    writing(environment, journal, |client| {
        let (next, state) = (sequence(next), state.to_owned());
        let command = Command::Snapshot { next, wall, state };
        let ticket = client.writer.queue.submit(client.member, command);
        ticket.map_or(NONE, |ticket| ticket as f64)
    })
}

fn leave(environment: &Local<Journals>, journal: f64) -> f64 {
    writing(environment, journal, |client| f64::from(u8::from(client.leave())))
}

fn forget(environment: &Local<Journals>, journal: f64) -> f64 {
    environment.table.borrow_mut().close(journal);
    0.0
}

fn refresh(environment: &Local<Journals>, journal: f64) -> f64 {
    let refreshed = with(environment, journal, |open| {
        let Source::Follower(follower) = &open.source else { return 0.0 };
        let Err(error) = follower.refresh() else { return 0.0 };
        open.failure = Some(error);
        REFUSED
    });
    refreshed.unwrap_or(NONE)
}

/// Returns the sequence before which everything can be read.
pub(crate) fn visible(source: &Source, level: f64) -> u64 {
    match source {
        Source::Writer(client) => client.visible(durability(level)),
        Source::Follower(follower) => follower.next(),
    }
}

fn view(environment: &Local<Journals>, journal: f64, level: f64) -> f64 {
    let count = with(environment, journal, |open| {
        let end = visible(&open.source, level);
        let listing: Listing = match &open.source {
            Source::Writer(client) => client.writer.catalog.now(),
            Source::Follower(follower) => follower.catalog.now(),
        };
        environment.write(ViewCells {
            first: listing.start as f64,
            next: end as f64,
            bytes: listing.bytes() as f64,
            segments: listing.segments.len() as f64,
        });
        listing.count_before(end) as f64
    });
    count.unwrap_or(NONE)
}
