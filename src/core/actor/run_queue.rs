//! Who is next: processes with mail, in turns.

use std::collections::VecDeque;

/// Slots of processes that are ready, each at most once.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    ready: VecDeque<u32>,
    /// Those that were handed something and have not been looked at since.
    ran: Vec<u32>,
}

impl RunQueue {
    pub(super) fn push(&mut self, slot: u32) {
        self.ready.push_back(slot);
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        self.ready.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    pub(super) fn ran(&mut self, slot: u32) {
        self.ran.push(slot);
    }

    /// Takes the list of those that ran, to be given back empty.
    pub(super) fn take_ran(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.ran)
    }

    pub(super) fn give_back(&mut self, mut list: Vec<u32>) {
        list.clear();
        self.ran = list;
    }
}
