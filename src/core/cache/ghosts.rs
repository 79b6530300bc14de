//! What was evicted of late: hashes of keys, no keys.

use super::list::{Link, List};
use super::table::Table;

/// A set of hashes that forgets the oldest.
#[derive(Debug)]
pub(super) struct Ghosts {
    list: List,
    links: Vec<Link>,
    hashes: Vec<u32>,
    free: Vec<u32>,
    table: Table,
}

impl Default for Ghosts {
    fn default() -> Self {
        Self {
            list: List::EMPTY,
            links: Vec::new(),
            hashes: Vec::new(),
            free: Vec::new(),
            table: Table::default(),
        }
    }
}

impl Ghosts {
    /// Adds a hash, which then is the newest, and forgets the oldest while there are more than `most`.
    pub(super) fn add(&mut self, hash: u32, most: usize) {
        self.take(hash);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.links.push(Link::LOOSE);
            self.hashes.push(0);
            u32::try_from(self.links.len() - 1).expect("fewer ghosts than slots")
        });
        self.hashes[slot as usize] = hash;
        self.list.push_last(&mut self.links, slot);
        let hashes = &self.hashes;
        self.table.insert(hash, slot, |slot| hashes[slot as usize]);
        while self.list.len() > most {
            let Some(oldest) = self.list.first() else { return };
            self.forget(oldest);
        }
    }

    /// Forgets a hash; whether it was there.
    pub(super) fn take(&mut self, hash: u32) -> bool {
        let hashes = &self.hashes;
        let found = self.table.find(hash, |slot| hashes[slot as usize] == hash);
        if let Some(slot) = found {
            self.forget(slot);
        }
        found.is_some()
    }

    fn forget(&mut self, slot: u32) {
        let hashes = &self.hashes;
        self.table.remove(hashes[slot as usize], slot, |slot| hashes[slot as usize]);
        self.list.remove(&mut self.links, slot);
        self.free.push(slot);
    }
}
