//! Finds the key that is as good as new the soonest.
//!
//! This is a binary heap whose order may be out of date. Taking from a key makes it idle later; its place is only
//! corrected when it comes to the top. So a decision costs nothing here.

use super::policy::FOREVER_US;

const ABSENT: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct IdleEntry {
    at: u64,
    slot: u32,
}

/// Slots by the time at which they are idle.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle {
    heap: Vec<IdleEntry>,
    /// The place of each slot in the heap.
    places: Vec<u32>,
}

/// Adds an item; grows by a quarter instead of twofold, so that a key costs little more than its share.
pub(super) fn push_lean<T>(items: &mut Vec<T>, item: T) {
    if items.len() == items.capacity() {
        items.reserve_exact((items.len() / 4).max(16));
    }
    items.push(item);
}

impl Idle {
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn has(&self, slot: u32) -> bool {
        self.places.get(slot as usize).is_some_and(|place| *place != ABSENT)
    }

    /// Returns the slot at the top, and the time at which it is thought to be idle.
    pub(super) fn first(&self) -> Option<(u32, u64)> {
        self.heap.first().map(|entry| (entry.slot, entry.at))
    }

    /// Adds a slot, or corrects its time.
    pub(super) fn set(&mut self, slot: u32, at: u64) {
        debug_assert!(at <= u64::MAX - FOREVER_US);
        while self.places.len() <= slot as usize {
            push_lean(&mut self.places, ABSENT);
        }
        let entry = IdleEntry { at, slot };
        let place = self.places[slot as usize];
        if place == ABSENT {
            push_lean(&mut self.heap, entry);
            self.rise(self.heap.len() - 1, entry);
        } else {
            let place = place as usize;
            if entry < self.heap[place] { self.rise(place, entry) } else { self.sink(place, entry) }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let place = std::mem::replace(&mut self.places[slot as usize], ABSENT) as usize;
        let Some(last) = self.heap.pop() else { return };
        if last.slot == slot {
            return;
        }
        if last < self.heap[place] { self.rise(place, last) } else { self.sink(place, last) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.heap.capacity() * size_of::<IdleEntry>() + self.places.capacity() * size_of::<u32>()
    }

    fn put(&mut self, place: usize, entry: IdleEntry) {
        self.heap[place] = entry;
        self.places[entry.slot as usize] = u32::try_from(place).expect("fewer than 2^24 keys");
    }

    fn rise(&mut self, mut place: usize, entry: IdleEntry) {
        while place > 0 {
            let above = (place - 1) / 2;
            if self.heap[above] <= entry {
                break;
            }
            self.put(place, self.heap[above]);
            place = above;
        }
        self.put(place, entry);
    }

    fn sink(&mut self, mut place: usize, entry: IdleEntry) {
        loop {
            let mut below = 2 * place + 1;
            if below >= self.heap.len() {
                break;
            }
            if below + 1 < self.heap.len() && self.heap[below + 1] < self.heap[below] {
                below += 1;
            }
            if entry <= self.heap[below] {
                break;
            }
            self.put(place, self.heap[below]);
            place = below;
        }
        self.put(place, entry);
    }
}
