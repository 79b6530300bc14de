//! The processes with mail, in turns.

use std::collections::VecDeque;

use super::ids::Pid;

/// Processes that are ready, each at most once.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    ready: VecDeque<Pid>,
    /// Processes that were handed something and have not been looked at since.
    ran: Vec<Pid>,
}

impl RunQueue {
    pub(super) fn push(&mut self, pid: Pid) {
        self.ready.push_back(pid);
    }

    pub(super) fn pop(&mut self) -> Option<Pid> {
        self.ready.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    pub(super) fn ran(&mut self, pid: Pid) {
        self.ran.push(pid);
    }

    /// Takes the list of those that ran, to be given back empty.
    pub(super) fn take_ran(&mut self) -> Vec<Pid> {
        std::mem::take(&mut self.ran)
    }

    pub(super) fn give_back(&mut self, mut list: Vec<Pid>) {
        list.clear();
        self.ran = list;
    }
}
