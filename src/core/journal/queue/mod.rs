//! The hand-off between the threads that append and the one that writes.
//!
//! An append gets its sequence under the lock, so the order of sequences is the order of bytes. The writing thread takes
//! everything that has gathered as one batch; that is what makes commits groups. *Written* and *synced* are how far it
//! has come, as the sequence after the last; what is below them is acknowledged, for good.

#[cfg(all(test, loom))]
mod loom_model;
mod serve;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::core::inbox::{Inbox, Token};
use crate::core::journal::compaction::Swap;
use crate::core::journal::error::JournalError;
use crate::core::journal::format::{self, Draft, MAX_RECORD};
use crate::core::journal::time::Clocks;
use crate::core::sync::{Condvar, Mutex, MutexGuard};

/// With so many bytes gathered, writing begins without waiting for the end of the caller's turn.
const EAGER: usize = 1 << 16;

/// When an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the disk has it: it survives a power cut.
    Sync,
    /// When the operating system has it: it survives the process.
    Flush,
    /// At once: it survives an orderly exit.
    Memory,
}

/// Names one thing that was asked of the writing thread.
pub type Ticket = u64;
/// Names one user of the writer.
pub type MemberId = u64;

/// What the writing thread is asked to do, after all that was accepted before.
#[derive(Debug)]
pub enum Command {
    /// Nothing but the sync.
    Sync,
    /// Forget every entry.
    Clear,
    /// Forget what the options say, at this time of the journal.
    Retain(f64),
    /// Keep no saved state that does not know of the removal of a key with this sequence.
    ForgetRemoval(u64),
    /// End the active segment.
    Rotate,
    /// Keep a state that stands for all entries before a sequence.
    Snapshot {
        /// The sequence.
        next: u64,
        /// Wall ms at which it was taken.
        wall: f64,
        /// JSON text.
        state: String,
    },
    /// Put a compacted segment in its place.
    Swap(Swap),
}

/// What came of a command: a number whose meaning is the command's, or why it failed.
pub type Outcome = Result<u64, JournalError>;

/// Records that were accepted together.
#[derive(Debug, Default)]
pub struct Batch {
    /// As [`format::push`] leaves them.
    pub bytes: Vec<u8>,
    /// What the clocks said at its last records.
    pub clocks: Clocks,
    /// Whether somebody waits for it to be synced.
    pub sync: bool,
    /// The sequence after its last record.
    pub next: u64,
}

/// What the writing thread does next.
#[derive(Debug)]
pub enum Work {
    /// Write these.
    Batch(Batch),
    /// Do this.
    Command(Ticket, Command),
    /// Sync what was written.
    Sync,
    /// Close.
    Close,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Open,
    /// Nothing is accepted any more; what was accepted is still written.
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
    /// Finished commands that it has not heard of.
    done: VecDeque<(Ticket, Outcome)>,
    /// How far the journal's time is ahead of its monotonic clock.
    ahead: Option<f64>,
}

impl Member {
    fn ring(&self) {
        if let Some((inbox, token)) = &self.inbox {
            inbox.post(*token);
        }
    }
}

struct State {
    batch: Batch,
    spare: Vec<u8>,
    kicked: bool,
    want_sync: bool,
    written: u64,
    synced: u64,
    /// Entries that are kept, as of `written`.
    live: u64,
    /// What was heard of the clocks last.
    clocks: Clocks,
    commands: VecDeque<(Ticket, Command)>,
    /// Whose ticket it is; nobody's is waited for by a thread.
    owners: BTreeMap<Ticket, Option<MemberId>>,
    called: BTreeMap<Ticket, Outcome>,
    last_ticket: Ticket,
    members: BTreeMap<MemberId, Member>,
    last_member: MemberId,
    phase: Phase,
}

/// How far the journal has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The sequence that the next append gets.
    pub next: u64,
    /// What the operating system has: all sequences below.
    pub written: u64,
    /// What the disk has: all sequences below.
    pub synced: u64,
    /// Whether appends are accepted.
    pub open: bool,
    /// Once the directory is free: why, when it was not a close.
    pub ended: Option<Option<JournalError>>,
}

/// Between the threads that append and the one that writes.
pub struct Queue {
    state: Mutex<State>,
    work: Condvar,
    news: Condvar,
    max_record: usize,
    max_entries: Option<u64>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").field("progress", &self.progress()).finish()
    }
}

impl Queue {
    /// Of a journal whose next sequence is `next`, all of it synced. With `max_entries`, more are refused.
    pub fn new(next: u64, live: u64, max_record: u64, max_entries: Option<u64>) -> Self {
        let state = State {
            batch: Batch { next, ..Batch::default() },
            spare: Vec::new(),
            kicked: false,
            want_sync: false,
            written: next,
            synced: next,
            live,
            clocks: Clocks::default(),
            commands: VecDeque::new(),
            owners: BTreeMap::new(),
            called: BTreeMap::new(),
            last_ticket: 0,
            members: BTreeMap::new(),
            last_member: 0,
            phase: Phase::Open,
        };
        Self {
            state: Mutex::new(state),
            work: Condvar::default(),
            news: Condvar::default(),
            max_record: usize::try_from(max_record).unwrap_or(MAX_RECORD).min(MAX_RECORD),
            max_entries,
        }
    }

    /// Accepts all of the drafts or none. Returns the sequence of the first; the others follow without a gap.
    ///
    /// Writing begins at the next [`kick`](Self::kick), so that what one turn of an event loop appends is one batch.
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`], [`JournalError::TooLarge`], [`JournalError::Overflow`].
    pub fn append(
        &self,
        member: MemberId,
        durability: Durability,
        drafts: &[Draft<'_>],
    ) -> Result<u64, JournalError> {
        let mut total = 0;
        for size in drafts.iter().map(Draft::size) {
            if size > self.max_record {
                let (bytes, limit) = (size as u64, self.max_record as u64);
                return Err(JournalError::TooLarge { bytes, limit });
            }
            total += size;
        }
        if drafts.iter().any(|draft| draft.id.len() > usize::from(u16::MAX)) {
            let (field, why) = ("id", "shorter than 65536 bytes");
            return Err(JournalError::Invalid { field, why });
        }
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(JournalError::Closed);
        }
        let first = state.batch.next;
        if let Some(max) = self.max_entries
            && state.live + (first - state.written) + drafts.len() as u64 > max
        {
            return Err(JournalError::Overflow { max });
        }
        state.batch.bytes.reserve(total);
        for draft in drafts {
            let sequence = state.batch.next;
            format::push(&mut state.batch.bytes, sequence, draft);
            state.batch.next += 1;
        }
        if let Some(draft) = drafts.last() {
            tick(&mut state, member, draft.wall, draft.mono);
            state.batch.clocks = state.clocks;
        }
        state.batch.sync |= durability == Durability::Sync;
        arm(&mut state, member, durability, first);
        if state.batch.bytes.len() >= EAGER {
            self.start(&mut state);
        }
        Ok(first)
    }

    /// The journal's time begins here; a user's clock goes on from where it is when it is first heard of.
    pub fn start_at(&self, clocks: Clocks) {
        self.state.lock().clocks = clocks;
    }

    /// Takes in what a user's clock says; the journal's time then.
    pub fn tick(&self, member: MemberId, wall: f64, mono: f64) -> f64 {
        let mut state = self.state.lock();
        tick(&mut state, member, wall, mono);
        state.clocks.time
    }

    /// What was heard of the clocks last.
    pub fn clocks(&self) -> Clocks {
        self.state.lock().clocks
    }

    /// Lets the writing thread begin with what has gathered.
    pub fn kick(&self) {
        let mut state = self.state.lock();
        if !state.batch.bytes.is_empty() {
            self.start(&mut state);
        }
    }

    fn start(&self, state: &mut State) {
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

    /// How far the journal has come.
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
    pub fn submit(&self, member: MemberId, command: Command) -> Result<Ticket, JournalError> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(JournalError::Closed);
        }
        let ticket = issue(&mut state, Some(member));
        state.commands.push_back((ticket, command));
        self.work.notify_one();
        Ok(ticket)
    }

    /// A ticket for something that another thread does and will [`complete`](Self::complete).
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`].
    pub fn promise(&self, member: MemberId) -> Result<Ticket, JournalError> {
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
    /// What came of it; [`JournalError::Closed`] when the journal ends before.
    pub fn call(&self, command: Command) -> Outcome {
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
                // Whoever closes may wait for this thread.
                state.owners.remove(&ticket);
                state.commands.retain(|(waiting, _)| *waiting != ticket);
                return Err(JournalError::Closed);
            }
            state = self.news.wait(state);
        }
    }

    /// The next finished command of a member.
    pub fn finished(&self, member: MemberId) -> Option<(Ticket, Outcome)> {
        self.state.lock().members.get_mut(&member)?.done.pop_front()
    }

    /// Adds a user; nothing when the journal is closing. It is rung by posts of its token.
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

    /// A user is done. Returns whether it was the last, and the journal closes; it is still rung when that has happened.
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

fn progress(state: &MutexGuard<'_, State>) -> Progress {
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

fn tick(state: &mut State, member: MemberId, wall: f64, mono: f64) {
    let Some(member) = state.members.get_mut(&member) else { return };
    let time = mono + *member.ahead.get_or_insert(state.clocks.time - mono);
    if time.is_finite() && wall.is_finite() {
        state.clocks = Clocks { wall, mono, time: state.clocks.time.max(time) };
    }
}

fn arm(state: &mut State, member: MemberId, durability: Durability, beyond: u64) {
    let Some(member) = state.members.get_mut(&member) else { return };
    let armed = match durability {
        Durability::Sync => &mut member.synced_beyond,
        Durability::Flush => &mut member.written_beyond,
        Durability::Memory => return,
    };
    *armed = Some(armed.map_or(beyond, |earlier| earlier.min(beyond)));
}

fn issue(state: &mut State, owner: Option<MemberId>) -> Ticket {
    state.last_ticket += 1;
    let ticket = state.last_ticket;
    state.owners.insert(ticket, owner);
    ticket
}

fn settle(state: &mut State, ticket: Ticket, outcome: Outcome) {
    match state.owners.remove(&ticket) {
        Some(Some(owner)) => {
            if let Some(member) = state.members.get_mut(&owner) {
                member.done.push_back((ticket, outcome));
                member.ring();
            }
        }
        Some(None) => {
            state.called.insert(ticket, outcome);
        }
        // Whoever asked no longer waits.
        None => {}
    }
}
