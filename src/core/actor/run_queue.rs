//! The processes with mail, in turns.

use std::collections::VecDeque;

use super::ids::Pid;
use super::process::BUDGET;

/// Processes that are ready, each at most once.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    ready: VecDeque<Pid>,
    /// Processes that were handed something and have not been looked at since.
    ran: Vec<Pid>,
    /// The process that ran last in a simulation, and how many messages it has handled in a row.
    last: Option<(Pid, u32)>,
}

impl RunQueue {
    pub(super) fn push(&mut self, pid: Pid) {
        self.ready.push_back(pid);
    }

    pub(super) fn pop(&mut self) -> Option<Pid> {
        self.ready.pop_front()
    }

    /// Takes a process out of its turn. Returns whether it was there.
    pub(super) fn remove(&mut self, pid: Pid) -> bool {
        let place = self.ready.iter().position(|&each| each == pid);
        place.is_some_and(|place| self.ready.remove(place).is_some())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Pid> {
        self.ready.iter().copied()
    }

    /// Notes that a simulation let a process handle one message.
    pub(super) fn note_one(&mut self, pid: Pid) {
        let before = self.goes_on().filter(|&last| last == pid).and(self.last);
        self.last = Some((pid, 1 + before.map_or(0, |(_, messages)| messages)));
    }

    /// Returns the process that a simulation let run last, unless its budget is used.
    pub(super) fn goes_on(&self) -> Option<Pid> {
        self.last.filter(|&(_, messages)| messages < BUDGET).map(|(pid, _)| pid)
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
