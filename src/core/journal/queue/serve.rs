//! The writing thread's side of the queue: it takes work, reports its progress, and ends.

use super::{Batch, CommandId, CommandResult, Phase, WriteQueue, WriterTask, settle};
use crate::core::journal::error::JournalError;

/// More memory than this is not kept for the next batch.
const KEPT: usize = 1 << 22;

impl WriteQueue {
    /// Waits for work. Records go before commands, commands before a close.
    pub fn take(&self) -> WriterTask {
        let mut state = self.state.lock();
        loop {
            let closing = state.phase == Phase::Closing;
            let due = state.kicked || state.want_sync || !state.commands.is_empty() || closing;
            state.kicked = false;
            if due && !state.batch.bytes.is_empty() {
                let next = state.batch.next;
                let bytes = std::mem::take(&mut state.spare);
                let empty = Batch { bytes, next, ..Batch::default() };
                return WriterTask::Batch(std::mem::replace(&mut state.batch, empty));
            }
            if let Some((ticket, command)) = state.commands.pop_front() {
                return WriterTask::Command(ticket, command);
            }
            if std::mem::take(&mut state.want_sync) {
                return WriterTask::Sync;
            }
            if closing {
                return WriterTask::Close;
            }
            state = self.work.wait(state);
        }
    }

    /// Notes that all below `next` is written, and that so many entries are kept.
    pub fn wrote(&self, next: u64, live: u64) {
        let mut state = self.state.lock();
        state.written = next;
        state.live = live;
        for member in state.members.values_mut() {
            if member.written_beyond.is_some_and(|beyond| next > beyond) {
                member.written_beyond = None;
                member.notify();
            }
        }
        self.news.notify_all();
    }

    /// Notes that all below `next` is synced.
    pub fn synced(&self, next: u64) {
        let mut state = self.state.lock();
        state.synced = next;
        for member in state.members.values_mut() {
            if member.synced_beyond.is_some_and(|beyond| next > beyond) {
                member.synced_beyond = None;
                member.notify();
            }
        }
        self.news.notify_all();
    }

    /// Gives a batch's memory back, unless it is unusually much.
    pub fn recycle(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        if bytes.capacity() <= KEPT {
            self.state.lock().spare = bytes;
        }
    }

    /// Sets the number of entries that the journal keeps.
    pub fn keeps(&self, live: u64) {
        self.state.lock().live = live;
    }

    /// Completes a command with its outcome.
    pub fn complete(&self, ticket: CommandId, outcome: CommandResult) {
        let mut state = self.state.lock();
        settle(&mut state, ticket, outcome);
        self.news.notify_all();
    }

    /// Refuses everything from now on: the writing thread has failed.
    pub fn fail(&self) {
        self.state.lock().phase = Phase::Failing;
        self.news.notify_all();
    }

    /// Notes that the directory is free. With an error, entries that were not acknowledged never will be.
    pub fn end(&self, error: Option<JournalError>) {
        let mut state = self.state.lock();
        state.commands.clear();
        state.batch.bytes = Vec::new();
        let failed = error.clone().unwrap_or(JournalError::Closed);
        let tickets: Vec<_> = state.owners.keys().copied().collect();
        for ticket in tickets {
            settle(&mut state, ticket, Err(failed.clone()));
        }
        state.phase = Phase::Ended(error);
        for member in state.members.values() {
            member.notify();
        }
        self.news.notify_all();
    }
}
