//! The index of a cache: it decides which entries stay.

use std::cell::Cell;

use super::ghosts::{From, Ghosts};
use super::queue::SlotQueue;
use crate::core::clock::{RadixEntry as Deadline, RadixQueue, time_key};
use crate::core::slab::list::Link;

/// The size that a cache keeps to.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// Entries; at least 1.
    pub entries: usize,
    /// Bytes of all entries together.
    pub bytes: u64,
}

/// The choice of the entry to evict when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// The one that was not used for the longest time.
    Lru,
    /// See the [module](super).
    S3Fifo,
}

/// The reason why an entry went without being removed by its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalReason {
    /// There was no room.
    Evicted,
    /// It has expired.
    Expired,
}

/// An entry that is stored.
#[derive(Debug, Clone, Copy)]
pub struct New {
    /// A hash of its key, which is kept after its eviction.
    pub hash: u32,
    /// Its share of [`CacheLimits::bytes`].
    pub bytes: u64,
    /// The time at which it expires; infinite for never.
    pub until: f64,
}

/// Counts the uses of each slot since the index looked last, at most [`HOT`]. The readers of the cache write it.
pub type Heat = [Cell<u8>];

/// The largest number of uses that is counted.
pub const HOT: u8 = 3;

/// The share of the limits that small has to begin with, and its bounds.
const SHARE: f64 = 0.1;
const LEAST_SHARE: f64 = 0.05;
const MOST_SHARE: f64 = 0.9;
/// Ghosts of either queue, for each entry that is kept.
const GHOSTS: f64 = 0.5;
/// Dead deadlines that are held before they are looked for.
const SLACK: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QueuePlace {
    Free,
    Small,
    Main,
}

#[derive(Debug)]
struct SlotNode {
    place: QueuePlace,
    hash: u32,
    /// Counts the entries that the slot has held, so that a deadline of an earlier one is recognised.
    uses: u32,
    bytes: u64,
    until: f64,
}

/// Decides by slot which entries a cache keeps. The keys and values lie elsewhere, under the same slots. See the
/// [module](super) for its guarantees.
#[derive(Debug)]
pub struct EvictionIndex {
    limits: CacheLimits,
    policy: EvictionPolicy,
    seed: u64,
    nodes: Vec<SlotNode>,
    links: Vec<Link>,
    free: Vec<u32>,
    small: SlotQueue,
    main: SlotQueue,
    small_bytes: u64,
    bytes: u64,
    ghosts: Ghosts,
    share: f64,
    deadlines: RadixQueue,
    /// Counts the deadlines of the queue, dead ones included.
    queued: usize,
    /// Entries that have a deadline.
    mortal: usize,
    gone: Vec<(u32, RemovalReason)>,
}

impl EvictionIndex {
    /// Creates an empty index. The seed hides which hashes collide.
    pub fn new(limits: CacheLimits, policy: EvictionPolicy, seed: u64) -> Self {
        Self {
            limits,
            policy,
            seed,
            nodes: Vec::new(),
            links: Vec::new(),
            free: Vec::new(),
            small: SlotQueue::EMPTY,
            main: SlotQueue::EMPTY,
            small_bytes: 0,
            bytes: 0,
            ghosts: Ghosts::new(seed),
            share: SHARE,
            deadlines: RadixQueue::default(),
            queued: 0,
            mortal: 0,
            gone: Vec::new(),
        }
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of all entries.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the share of the limits that small may have now.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Returns the time at which the entry of a slot is over; `None` for a free slot.
    pub fn until(&self, slot: u32) -> Option<f64> {
        let node = self.nodes.get(slot as usize)?;
        (node.place != QueuePlace::Free).then_some(node.until)
    }

    /// Returns how many entries have gone without being removed, and were not taken yet.
    pub fn gone(&self) -> usize {
        self.gone.len()
    }

    /// Takes the first of those, in order. Their slots may be in use again.
    pub fn take_gone(&mut self, most: usize) -> std::vec::Drain<'_, (u32, RemovalReason)> {
        let most = most.min(self.gone.len());
        self.gone.drain(..most)
    }

    /// Gives an entry a slot, after making room: what is over goes first, then what the policy says. Nothing, and no
    /// change, for an entry that would not fit alone.
    pub fn insert(&mut self, new: New, now: f64, heat: &Heat) -> Option<u32> {
        if new.bytes > self.limits.bytes {
            return None;
        }
        self.make_room(1, new.bytes, None, now, heat);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(SlotNode {
                place: QueuePlace::Free,
                hash: 0,
                uses: 0,
                bytes: 0,
                until: f64::INFINITY,
            });
            self.links.push(Link::ALONE);
            u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 slots")
        });
        let to_main = match self.policy {
            EvictionPolicy::Lru => true,
            EvictionPolicy::S3Fifo => self.recall(new.hash),
        };
        let node = &mut self.nodes[slot as usize];
        node.hash = new.hash;
        node.bytes = new.bytes;
        self.bytes += new.bytes;
        if to_main {
            node.place = QueuePlace::Main;
            self.main.push_last(&mut self.links, slot);
        } else {
            node.place = QueuePlace::Small;
            self.small_bytes += new.bytes;
            self.small.push_last(&mut self.links, slot);
        }
        if let Some(cell) = heat.get(slot as usize) {
            cell.set(0);
        }
        self.set_until(slot, new.until);
        Some(slot)
    }

    /// Gives a slot's entry another size and time, and makes room for it; counts as a use. False, and the entry is
    /// removed, when it would not fit alone.
    pub fn update(&mut self, slot: u32, bytes: u64, until: f64, now: f64, heat: &Heat) -> bool {
        if self.until(slot).is_none() {
            return false;
        }
        if bytes > self.limits.bytes {
            self.remove(slot);
            return false;
        }
        let node = &mut self.nodes[slot as usize];
        let before = std::mem::replace(&mut node.bytes, bytes);
        self.bytes = self.bytes - before + bytes;
        if node.place == QueuePlace::Small {
            self.small_bytes = self.small_bytes - before + bytes;
        }
        self.set_until(slot, until);
        self.touch(slot, heat);
        self.make_room(0, 0, Some(slot), now, heat);
        true
    }

    /// Notes that an entry was used. For S3-FIFO the caller may also write that into the heat directly.
    pub fn touch(&mut self, slot: u32, heat: &Heat) {
        let Some(node) = self.nodes.get(slot as usize) else { return };
        match (self.policy, node.place) {
            (_, QueuePlace::Free) => {}
            (EvictionPolicy::Lru, _) => self.main.move_last(&mut self.links, slot),
            (EvictionPolicy::S3Fifo, _) => {
                if let Some(cell) = heat.get(slot as usize) {
                    cell.set((cell.get() + 1).min(HOT));
                }
            }
        }
    }

    /// Gives a slot's entry another time at which it expires. Counts as no use. Does nothing for a free slot.
    pub fn postpone(&mut self, slot: u32, until: f64) {
        if self.until(slot).is_some() {
            self.set_until(slot, until);
        }
    }

    /// Frees a slot. Returns whether it was in use.
    pub fn remove(&mut self, slot: u32) -> bool {
        let Some(node) = self.nodes.get_mut(slot as usize) else { return false };
        match node.place {
            QueuePlace::Free => return false,
            QueuePlace::Small => {
                self.small_bytes -= node.bytes;
                self.small.remove(&mut self.links, slot);
            }
            QueuePlace::Main => self.main.remove(&mut self.links, slot),
        }
        self.bytes -= node.bytes;
        node.place = QueuePlace::Free;
        node.uses = node.uses.wrapping_add(1);
        self.mortal -= usize::from(node.until != f64::INFINITY);
        node.until = f64::INFINITY;
        self.free.push(slot);
        true
    }

    /// Returns when the next entry is over, at the earliest; infinite when none will be. After a sweep it is later than
    /// that.
    pub fn nearest(&mut self) -> f64 {
        if self.mortal == 0 {
            return f64::INFINITY;
        }
        let nodes = &self.nodes;
        let key = self.deadlines.peek(|entry| is_current(nodes, entry));
        self.queued = self.deadlines.held();
        key.map_or(f64::INFINITY, time_key::time)
    }

    /// Removes what is over.
    pub fn sweep(&mut self, now: f64) {
        while self.expire_one(now) {}
    }

    /// Removes everything and forgets what was evicted.
    pub fn clear(&mut self) {
        let Self { limits, policy, seed, .. } = *self;
        *self = Self::new(limits, policy, seed);
    }

    /// Returns all slots in use: first those that would go first.
    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.small.iter(&self.links).chain(self.main.iter(&self.links))
    }

    fn set_until(&mut self, slot: u32, until: f64) {
        let node = &mut self.nodes[slot as usize];
        self.mortal -= usize::from(node.until != f64::INFINITY);
        node.uses = node.uses.wrapping_add(1);
        node.until = until;
        if until == f64::INFINITY {
            return;
        }
        self.mortal += 1;
        let generation = node.uses;
        self.deadlines.push(Deadline { key: time_key::of(until), slot, generation });
        self.queued += 1;
        if self.queued > 2 * self.mortal + SLACK {
            let nodes = &self.nodes;
            self.deadlines.compact(|entry| is_current(nodes, entry));
            self.queued = self.mortal;
        }
    }

    /// Removes one entry that is over.
    fn expire_one(&mut self, now: f64) -> bool {
        if self.queued == 0 {
            return false;
        }
        // The queue does not learn of entries that went before their time: a smallest key that may be dead is still no
        // larger than any living one, and to look for the living one each time would cost more.
        let limit = time_key::of(now);
        loop {
            let (nodes, queued) = (&self.nodes, &mut self.queued);
            let popped = self.deadlines.pop_until(limit, |entry| {
                let current = is_current(nodes, entry);
                *queued -= usize::from(!current);
                current
            });
            let Some(entry) = popped else { return false };
            self.queued -= 1;
            if is_current(&self.nodes, &entry) {
                self.remove(entry.slot);
                self.gone.push((entry.slot, RemovalReason::Expired));
                return true;
            }
        }
    }

    fn has_room(&self, entries: usize, bytes: u64) -> bool {
        self.len() + entries <= self.limits.entries
            && self.bytes.saturating_add(bytes) <= self.limits.bytes
    }

    /// Removes entries until so much more fits.
    fn make_room(
        &mut self,
        entries: usize,
        bytes: u64,
        spared: Option<u32>,
        now: f64,
        heat: &Heat,
    ) {
        while !self.has_room(entries, bytes) {
            if self.expire_one(now) {
                continue;
            }
            let victim = match self.policy {
                EvictionPolicy::Lru => self.main.first(),
                EvictionPolicy::S3Fifo => self.cold(spared, heat),
            };
            let Some(slot) = victim else { return };
            let hash = self.nodes[slot as usize].hash;
            let was_small = self.nodes[slot as usize].place == QueuePlace::Small;
            self.remove(slot);
            self.gone.push((slot, RemovalReason::Evicted));
            if self.policy == EvictionPolicy::S3Fifo {
                self.remember(hash, was_small);
            }
        }
    }

    /// Returns the next entry to go by S3-FIFO: moves used entries on, until it finds an unused one.
    fn cold(&mut self, spared: Option<u32>, heat: &Heat) -> Option<u32> {
        let heat_of = |slot: u32| heat.get(slot as usize);
        loop {
            // Whether main has nothing that may go.
            let main_is_bare = match self.main.first() {
                None => true,
                first => first == spared && self.main.len() == 1,
            };
            let from_small = self.small.len() > 0 && (main_is_bare || self.small_is_full());
            if from_small {
                let slot = self.small.first()?;
                let hot = heat_of(slot).is_some_and(|cell| cell.replace(0) > 0);
                if !hot && Some(slot) != spared {
                    return Some(slot);
                }
                let node = &mut self.nodes[slot as usize];
                node.place = QueuePlace::Main;
                self.small_bytes -= node.bytes;
                self.small.remove(&mut self.links, slot);
                self.main.push_last(&mut self.links, slot);
            } else {
                let slot = self.main.first()?;
                let heat = heat_of(slot);
                let left = heat.map_or(0, Cell::get);
                if left == 0 && Some(slot) != spared {
                    return Some(slot);
                }
                if let Some(cell) = heat {
                    cell.set(left.saturating_sub(1));
                }
                self.main.move_last(&mut self.links, slot);
            }
        }
    }

    fn small_is_full(&self) -> bool {
        let CacheLimits { entries, bytes } = self.limits;
        self.small.len() as f64 >= self.share * entries as f64
            || (self.small_bytes > 0 && self.small_bytes as f64 >= self.share * bytes as f64)
    }

    fn remember(&mut self, hash: u32, was_small: bool) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "half of a length"
        )]
        let most = (self.len() as f64 * GHOSTS) as usize;
        let from = if was_small { From::Small } else { From::Main };
        self.ghosts.add(hash, from, most);
    }

    /// Returns whether a hash was evicted of late. The queue that was too short for it grows by one entry.
    fn recall(&mut self, hash: u32) -> bool {
        let Some(from) = self.ghosts.take(hash) else { return false };
        let one = 1.0 / self.len().max(1) as f64;
        self.share = match from {
            From::Small => (self.share + one).min(MOST_SHARE),
            From::Main => (self.share - one).max(LEAST_SHARE),
        };
        true
    }
}

fn is_current(nodes: &[SlotNode], entry: &Deadline) -> bool {
    let node = &nodes[entry.slot as usize];
    node.uses == entry.generation && node.place != QueuePlace::Free
}
