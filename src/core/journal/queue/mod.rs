//! The hand-off between the threads that append and the one that writes.
//!
//! An append gets its sequence under the lock, so the order of sequences is the order of bytes. The writing thread
//! takes everything that has gathered as one batch; that is what makes commits groups. *Written* and *synced* are how
//! far it has come, as the sequence after the last; what is below them is acknowledged, for good.

mod append;
mod command;
#[cfg(all(test, loom))]
mod loom_model;
mod serve;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::core::inbox::{Inbox, Token};
use crate::core::journal::error::JournalError;
use crate::core::journal::format::MAX_RECORD;
use crate::core::journal::streams::Streams;
use crate::core::journal::time::ClockReadings;
use crate::core::sync::{Condvar, Mutex, MutexGuard};

pub use append::Appended;
pub use command::{Command, CommandResult, Swap};

/// The moment at which an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once the disk has it: it survives a power cut.
    Sync,
    /// Once the operating system has it: it survives the process.
    Flush,
    /// At once: it survives an orderly exit.
    Memory,
}

/// Names one command of the writing thread.
pub type CommandId = u64;
/// Names one user of the writer.
pub type MemberId = u64;

/// Records that were accepted together.
#[derive(Debug, Default)]
pub struct Batch {
    /// As [`format::push`] leaves them.
    pub bytes: Vec<u8>,
    /// The readings of the clocks at its last records.
    pub clocks: ClockReadings,
    /// Set when a caller waits for it to be synced.
    pub sync: bool,
    /// The sequence after its last record.
    pub next: u64,
}

/// The next task of the writing thread.
#[derive(Debug)]
pub enum WriterTask {
    /// Write these.
    Batch(Batch),
    /// Do this.
    Command(CommandId, Command),
    /// Sync all written bytes.
    Sync,
    /// Close.
    Close,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Open,
    /// Nothing is accepted any more. The records that were accepted are still written.
    Closing,
    /// The writing thread has stopped and lets go of the directory.
    Failing,
    /// The directory is free.
    Ended(Option<JournalError>),
}

struct Member {
    inbox: Option<(Inbox, Token)>,
    /// Rings when more than this is synced.
    synced_beyond: Option<u64>,
    /// Rings when more than this is written.
    written_beyond: Option<u64>,
    /// Finished commands that the member has not taken.
    done: VecDeque<(CommandId, CommandResult)>,
    /// The distance of the journal's time from its monotonic clock.
    ahead: Option<f64>,
}

impl Member {
    fn notify(&self) {
        if let Some((inbox, token)) = &self.inbox {
            inbox.post(*token);
        }
    }
}

struct QueueState {
    batch: Batch,
    spare: Vec<u8>,
    kicked: bool,
    want_sync: bool,
    written: u64,
    synced: u64,
    /// Entries that are kept, as of `written`.
    live: u64,
    /// The last readings of the clocks that callers passed in.
    clocks: ClockReadings,
    commands: VecDeque<(CommandId, Command)>,
    /// The member of each command; `None` for one that a thread waits for.
    owners: BTreeMap<CommandId, Option<MemberId>>,
    called: BTreeMap<CommandId, CommandResult>,
    last_ticket: CommandId,
    members: BTreeMap<MemberId, Member>,
    last_member: MemberId,
    phase: Phase,
}

/// The progress of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The sequence that the next append gets.
    pub next: u64,
    /// The operating system has all sequences below.
    pub written: u64,
    /// The disk has all sequences below.
    pub synced: u64,
    /// Set while appends are accepted.
    pub open: bool,
    /// Once the directory is free: why, when it was not a close.
    pub ended: Option<Option<JournalError>>,
}

/// Between the threads that append and the one that writes.
pub struct WriteQueue {
    streams: Arc<Streams>,
    state: Mutex<QueueState>,
    work: Condvar,
    news: Condvar,
    max_record: usize,
    max_entries: Option<u64>,
}

impl fmt::Debug for WriteQueue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").field("progress", &self.progress()).finish()
    }
}

impl WriteQueue {
    /// Creates the queue of a journal whose next sequence is `next`, all of it synced. With `max_entries`, more are
    /// refused.
    pub fn new(
        next: u64,
        live: u64,
        max_record: u64,
        max_entries: Option<u64>,
        streams: Arc<Streams>,
    ) -> Self {
        let state = QueueState {
            batch: Batch { next, ..Batch::default() },
            spare: Vec::new(),
            kicked: false,
            want_sync: false,
            written: next,
            synced: next,
            live,
            clocks: ClockReadings::default(),
            commands: VecDeque::new(),
            owners: BTreeMap::new(),
            called: BTreeMap::new(),
            last_ticket: 0,
            members: BTreeMap::new(),
            last_member: 0,
            phase: Phase::Open,
        };
        Self {
            streams,
            state: Mutex::new(state),
            work: Condvar::default(),
            news: Condvar::default(),
            max_record: usize::try_from(max_record).unwrap_or(MAX_RECORD).min(MAX_RECORD),
            max_entries,
        }
    }

    /// Returns the index of streams.
    pub fn streams(&self) -> &Arc<Streams> {
        &self.streams
    }

    /// Starts the journal's time. The clock of a user goes on from its first reading.
    pub fn start_at(&self, clocks: ClockReadings) {
        self.state.lock().clocks = clocks;
    }

    /// Takes in what a user's clock says; the journal's time then.
    pub fn tick(&self, member: MemberId, wall: f64, mono: f64) -> f64 {
        let mut state = self.state.lock();
        tick(&mut state, member, wall, mono);
        state.clocks.time
    }

    /// Returns the last readings of the clocks that callers passed in.
    pub fn clocks(&self) -> ClockReadings {
        self.state.lock().clocks
    }

    /// Lets the writing thread begin with what has gathered.
    pub fn kick(&self) {
        let mut state = self.state.lock();
        if !state.batch.bytes.is_empty() {
            self.start(&mut state);
        }
    }

    fn start(&self, state: &mut QueueState) {
        if !state.kicked {
            state.kicked = true;
            self.work.notify_one();
        }
    }

    /// Asks for what was written to be synced, soon.
    pub fn want_sync(&self) {
        let mut state = self.state.lock();
        if state.synced < state.batch.next && !state.want_sync {
            state.want_sync = true;
            self.work.notify_one();
        }
    }

    /// Returns how far the journal has come.
    pub fn progress(&self) -> Progress {
        progress(&self.state.lock())
    }

    /// Rings the member once more than `beyond` is acknowledged. Returns whether it is already; then nothing will ring.
    pub fn arm(&self, member: MemberId, durability: Durability, beyond: u64) -> bool {
        let mut state = self.state.lock();
        let reached = if durability == Durability::Sync { state.synced } else { state.written };
        if reached > beyond || matches!(state.phase, Phase::Ended(_)) {
            return true;
        }
        arm(&mut state, member, durability, beyond);
        false
    }

    /// Asks something of the writing thread; the member is rung when it is done.
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`].
    pub fn submit(&self, member: MemberId, command: Command) -> Result<CommandId, JournalError> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(JournalError::Closed);
        }
        let ticket = issue(&mut state, Some(member));
        state.commands.push_back((ticket, command));
        self.work.notify_one();
        Ok(ticket)
    }

    /// Creates a ticket for a command that another thread carries out and will [`complete`](Self::complete).
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`].
    pub fn promise(&self, member: MemberId) -> Result<CommandId, JournalError> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(JournalError::Closed);
        }
        Ok(issue(&mut state, Some(member)))
    }

    /// Asks something of the writing thread and waits for it.
    ///
    /// # Errors
    ///
    /// The error of the command; [`JournalError::Closed`] when the journal ends before.
    pub fn call(&self, command: Command) -> CommandResult {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(JournalError::Closed);
        }
        let ticket = issue(&mut state, None);
        state.commands.push_back((ticket, command));
        self.work.notify_one();
        loop {
            if let Some(outcome) = state.called.remove(&ticket) {
                return outcome;
            }
            if state.phase != Phase::Open {
                // The thread that closes may wait for this one.
                state.owners.remove(&ticket);
                state.commands.retain(|(waiting, _)| *waiting != ticket);
                return Err(JournalError::Closed);
            }
            state = self.news.wait(state);
        }
    }

    /// Takes the next finished command of a member.
    pub fn finished(&self, member: MemberId) -> Option<(CommandId, CommandResult)> {
        self.state.lock().members.get_mut(&member)?.done.pop_front()
    }

    /// Adds a user; `None` when the journal is closing. Posts of its token notify it.
    pub fn join(&self, inbox: Option<(Inbox, Token)>) -> Option<MemberId> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return None;
        }
        state.last_member += 1;
        let id = state.last_member;
        let (synced_beyond, written_beyond) = (None, None);
        let (done, ahead) = (VecDeque::new(), None);
        state.members.insert(id, Member { inbox, synced_beyond, written_beyond, done, ahead });
        Some(id)
    }

    /// Ends the use of a member. Returns whether it was the last, and the journal closes. The member is still rung when
    /// that has happened.
    pub fn leave(&self, member: MemberId) -> bool {
        let mut state = self.state.lock();
        if state.members.len() > 1 || !state.members.contains_key(&member) {
            state.members.remove(&member);
            return false;
        }
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
            self.work.notify_one();
            self.news.notify_all();
        }
        true
    }

    /// Waits until all that is accepted by now is written, and synced if asked; or until the journal has ended.
    pub fn wait(&self, sync: bool) -> Progress {
        let mut state = self.state.lock();
        let goal = state.batch.next;
        loop {
            let reached = if sync { state.synced } else { state.written };
            if reached >= goal || matches!(state.phase, Phase::Ended(_)) {
                return progress(&state);
            }
            state.want_sync |= sync;
            self.start(&mut state);
            state = self.news.wait(state);
        }
    }

    /// Waits until the directory is free.
    pub fn wait_ended(&self) {
        let mut state = self.state.lock();
        while !matches!(state.phase, Phase::Ended(_)) {
            state = self.news.wait(state);
        }
    }
}

fn progress(state: &MutexGuard<'_, QueueState>) -> Progress {
    Progress {
        next: state.batch.next,
        written: state.written,
        synced: state.synced,
        open: state.phase == Phase::Open,
        ended: match &state.phase {
            Phase::Ended(error) => Some(error.clone()),
            _ => None,
        },
    }
}

fn tick(state: &mut QueueState, member: MemberId, wall: f64, mono: f64) {
    let Some(member) = state.members.get_mut(&member) else { return };
    let time = mono + *member.ahead.get_or_insert(state.clocks.time - mono);
    if time.is_finite() && wall.is_finite() {
        state.clocks = ClockReadings { wall, mono, time: state.clocks.time.max(time) };
    }
}

fn arm(state: &mut QueueState, member: MemberId, durability: Durability, beyond: u64) {
    let Some(member) = state.members.get_mut(&member) else { return };
    let armed = match durability {
        Durability::Sync => &mut member.synced_beyond,
        Durability::Flush => &mut member.written_beyond,
        Durability::Memory => return,
    };
    *armed = Some(armed.map_or(beyond, |earlier| earlier.min(beyond)));
}

fn issue(state: &mut QueueState, owner: Option<MemberId>) -> CommandId {
    state.last_ticket += 1;
    let ticket = state.last_ticket;
    state.owners.insert(ticket, owner);
    ticket
}

fn settle(state: &mut QueueState, ticket: CommandId, outcome: CommandResult) {
    match state.owners.remove(&ticket) {
        Some(Some(owner)) => {
            if let Some(member) = state.members.get_mut(&owner) {
                member.done.push_back((ticket, outcome));
                member.notify();
            }
        }
        Some(None) => {
            state.called.insert(ticket, outcome);
        }
        // The caller no longer waits.
        None => {}
    }
}
