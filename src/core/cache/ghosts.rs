//! The hashes of keys that were evicted of late, without the keys.

use super::queue::SlotQueue;
use super::table::HashTable;
use crate::core::slab::list::Link;

/// From which queue something was evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Small,
    Main,
}

#[derive(Debug, Clone, Copy)]
struct Ghost {
    hash: u32,
    from: From,
}

/// A set of hashes, each with the queue it was evicted from last. Of each queue the oldest are forgotten.
#[derive(Debug)]
pub(super) struct Ghosts {
    lists: [SlotQueue; 2],
    links: Vec<Link>,
    by_slot: Vec<Ghost>,
    free: Vec<u32>,
    table: HashTable,
}

impl Ghosts {
    /// Creates an empty list of ghosts.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            lists: [SlotQueue::EMPTY; 2],
            links: Vec::new(),
            by_slot: Vec::new(),
            free: Vec::new(),
            table: HashTable::new(seed),
        }
    }

    /// Adds a hash as the newest, and forgets the oldest of the same queue while there are more than `most`.
    pub(super) fn add(&mut self, hash: u32, from: From, most: usize) {
        let ghost = Ghost { hash, from };
        if let Some(slot) = self.table.find(hash, |_| true) {
            let before = std::mem::replace(&mut self.by_slot[slot as usize], ghost).from;
            self.lists[before as usize].remove(&mut self.links, slot);
            self.lists[from as usize].push_last(&mut self.links, slot);
        } else {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.links.push(Link::ALONE);
                self.by_slot.push(ghost);
                u32::try_from(self.links.len() - 1).expect("fewer ghosts than slots")
            });
            self.by_slot[slot as usize] = ghost;
            self.lists[from as usize].push_last(&mut self.links, slot);
            self.table.insert(hash, slot);
        }
        while self.lists[from as usize].len() > most {
            let Some(oldest) = self.lists[from as usize].first() else { return };
            self.forget(oldest);
        }
    }

    /// Forgets a hash; where it had been, if it was there.
    pub(super) fn take(&mut self, hash: u32) -> Option<From> {
        let slot = self.table.find(hash, |_| true)?;
        Some(self.forget(slot))
    }

    fn forget(&mut self, slot: u32) -> From {
        let Ghost { hash, from } = self.by_slot[slot as usize];
        self.table.remove(hash, slot);
        self.lists[from as usize].remove(&mut self.links, slot);
        self.free.push(slot);
        from
    }
}
