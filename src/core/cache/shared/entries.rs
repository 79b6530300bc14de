//! The entries of a shared cache.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::{CacheLimits, EvictionIndex, EvictionPolicy, New, RemovalReason};
use super::value::CacheValue;

/// A string, or the text of a number: `1` and `"1"` are two keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey {
    /// Set when it is a number.
    pub number: bool,
    /// Its text.
    pub text: Box<str>,
}

/// Something by key. Two tables, so that looking up takes no copy of the key.
#[derive(Debug)]
pub(super) struct ByKey<T>([BTreeMap<Box<str>, T>; 2]);

impl<T> Default for ByKey<T> {
    fn default() -> Self {
        Self([BTreeMap::new(), BTreeMap::new()])
    }
}

impl<T> ByKey<T> {
    fn side(&mut self, number: bool) -> &mut BTreeMap<Box<str>, T> {
        &mut self.0[usize::from(number)]
    }

    pub(super) fn get(&mut self, number: bool, text: &str) -> Option<&mut T> {
        self.side(number).get_mut(text)
    }

    pub(super) fn insert(&mut self, number: bool, text: &str, value: T) {
        self.side(number).insert(text.into(), value);
    }

    pub(super) fn remove(&mut self, number: bool, text: &str) -> Option<T> {
        self.side(number).remove(text)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(BTreeMap::len).sum()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flat_map(BTreeMap::values_mut)
    }

    /// Removes and returns all for which this holds.
    pub(super) fn take_if(&mut self, mut goes: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for side in &mut self.0 {
            let names: Vec<_> = side
                .iter()
                .filter(|(_, value)| goes(value))
                .map(|(name, _)| name.clone())
                .collect();
            taken.extend(names.iter().filter_map(|name| side.remove(name)));
        }
        taken
    }
}

/// The reason why an entry went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// There was no room.
    Evicted,
    /// It has expired.
    Expired,
    /// Another value took its place.
    Replaced,
    /// It was deleted.
    Deleted,
    /// Its tag was invalidated.
    Invalidated,
    /// Everything was cleared.
    Cleared,
}

/// An entry that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Its key.
    pub key: CacheKey,
    /// Its text.
    pub text: Arc<str>,
    /// The reason.
    pub left: Left,
}

#[derive(Debug)]
pub(super) struct CacheEntry {
    pub(super) key: CacheKey,
    pub(super) text: Arc<str>,
    pub(super) stamp: u64,
    /// Until when it is good; it may be kept longer.
    pub(super) fresh: f64,
    /// The time for which each hit keeps it good from then on; 0 if its end is fixed.
    pub(super) sliding: f64,
    pub(super) tags: Box<[Box<str>]>,
    /// Counts keys as they were first stored.
    order: u64,
}

/// Entries by slot, and the index that says which of them stay.
#[derive(Debug)]
pub(super) struct Entries {
    index: EvictionIndex,
    /// The basis of the hashes of keys.
    basis: u32,
    heat: Vec<Cell<u8>>,
    slots: ByKey<u32>,
    by_slot: Vec<Option<CacheEntry>>,
    tags: BTreeMap<Box<str>, BTreeSet<u32>>,
    stamps: u64,
    pub(super) evictions: u64,
    pub(super) expirations: u64,
    /// Entries that were removed since the last call that took them.
    pub(super) gone: Vec<Gone>,
}

impl Entries {
    pub(super) fn new(limits: CacheLimits, policy: EvictionPolicy, seed: u64) -> Self {
        Self {
            index: EvictionIndex::new(limits, policy, seed),
            basis: 0x811c_9dc5 ^ (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32,
            heat: Vec::new(),
            slots: ByKey::default(),
            by_slot: Vec::new(),
            tags: BTreeMap::new(),
            stamps: 0,
            evictions: 0,
            expirations: 0,
            gone: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    pub(super) fn at(&self, slot: u32) -> Option<&CacheEntry> {
        self.by_slot.get(slot as usize)?.as_ref()
    }

    /// Returns the slot of a key. Removes an entry that is of no use any more.
    pub(super) fn slot(&mut self, number: bool, text: &str, now: f64) -> Option<u32> {
        let slot = *self.slots.get(number, text)?;
        if self.is_over(slot, now) {
            self.remove(slot, Left::Expired);
            return None;
        }
        Some(slot)
    }

    /// Counts a use. A use of a good value that slides moves its end.
    pub(super) fn touch(&mut self, slot: u32, now: f64) {
        self.index.touch(slot, &self.heat);
        let Some(entry) = self.by_slot.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if entry.sliding > 0.0 && now < entry.fresh {
            let fresh = now + entry.sliding;
            let until = self.index.until(slot).map_or(fresh, |until| until - entry.fresh + fresh);
            entry.fresh = fresh;
            self.index.postpone(slot, until);
        }
    }

    /// Stores a value; its slot and stamp, or nothing if it would not fit alone.
    pub(super) fn put(
        &mut self,
        key: &CacheKey,
        value: CacheValue,
        now: f64,
    ) -> Option<(u32, u64)> {
        let CacheValue { text, bytes, fresh, until, sliding, tags } = value;
        let bytes = bytes.unwrap_or_else(|| (text.len() + key.text.len()) as u64);
        self.stamps += 1;
        let (stamp, before) = (self.stamps, self.slots.get(key.number, &key.text).copied());
        let (slot, order) = if let Some(slot) = before {
            let left = if self.is_over(slot, now) { Left::Expired } else { Left::Replaced };
            self.untag(slot);
            let old = self.by_slot[slot as usize].take().expect("a slot of a key");
            if old.text != text {
                self.leave(Gone { key: old.key, text: old.text, left });
            }
            let kept = self.index.update(slot, bytes, until, now, &self.heat);
            self.collect();
            if !kept {
                self.slots.remove(key.number, &key.text);
                return self.refuse(key, text);
            }
            (slot, old.order)
        } else {
            if self.heat.len() == self.index.len() {
                self.heat.push(Cell::new(0));
                self.by_slot.push(None);
            }
            let new = New { hash: hash_of(key, self.basis), bytes, until };
            let slot = self.index.insert(new, now, &self.heat);
            self.collect();
            let Some(slot) = slot else { return self.refuse(key, text) };
            self.slots.insert(key.number, &key.text, slot);
            (slot, stamp)
        };
        for tag in &tags {
            self.tags.entry(tag.clone()).or_default().insert(slot);
        }
        let entry = CacheEntry { key: key.clone(), text, stamp, fresh, sliding, tags, order };
        self.by_slot[slot as usize] = Some(entry);
        Some((slot, stamp))
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, slot: u32, left: Left) {
        self.index.remove(slot);
        self.forget(slot, left);
    }

    /// Returns the slots of all entries with a tag.
    pub(super) fn tagged(&self, tag: &str) -> Vec<u32> {
        self.tags.get(tag).into_iter().flatten().copied().collect()
    }

    pub(super) fn sweep(&mut self, now: f64) {
        self.index.sweep(now);
        self.collect();
    }

    pub(super) fn nearest(&mut self) -> f64 {
        self.index.nearest()
    }

    pub(super) fn clear(&mut self) {
        let slots: Vec<_> = self.in_order().into_iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.forget(slot, Left::Cleared);
        }
        self.index.clear();
        self.heat.clear();
        self.by_slot.clear();
    }

    /// Returns the entries in the order in which their keys were first stored.
    pub(super) fn in_order(&self) -> Vec<(u32, &CacheEntry)> {
        let slots = self.index.slots();
        let mut all: Vec<_> = slots.filter_map(|slot| Some((slot, self.at(slot)?))).collect();
        all.sort_unstable_by_key(|(_, entry)| entry.order);
        all
    }

    fn is_over(&self, slot: u32, now: f64) -> bool {
        self.index.until(slot).is_some_and(|until| until <= now)
    }

    /// Takes the entries that the index has evicted or found to be over.
    fn collect(&mut self) {
        let gone: Vec<_> = self.index.take_gone(usize::MAX).collect();
        for (slot, reason) in gone {
            let left = if reason == RemovalReason::Evicted { Left::Evicted } else { Left::Expired };
            self.forget(slot, left);
        }
    }

    fn refuse(&mut self, key: &CacheKey, text: Arc<str>) -> Option<(u32, u64)> {
        self.leave(Gone { key: key.clone(), text, left: Left::Evicted });
        None
    }

    fn forget(&mut self, slot: u32, left: Left) {
        self.untag(slot);
        let Some(entry) = self.by_slot[slot as usize].take() else { return };
        self.slots.remove(entry.key.number, &entry.key.text);
        self.leave(Gone { key: entry.key, text: entry.text, left });
    }

    fn untag(&mut self, slot: u32) {
        let Some(entry) = &self.by_slot[slot as usize] else { return };
        for tag in &entry.tags {
            let Some(slots) = self.tags.get_mut(tag) else { continue };
            slots.remove(&slot);
            if slots.is_empty() {
                self.tags.remove(tag);
            }
        }
    }

    fn leave(&mut self, gone: Gone) {
        match gone.left {
            Left::Evicted => self.evictions += 1,
            Left::Expired => self.expirations += 1,
            _ => {}
        }
        self.gone.push(gone);
    }
}

/// Bytes at either end of a key that are looked at: two keys of one hash are at worst kept longer than they should be.
const LOOKED_AT: usize = 64;

/// Hashes a key, for the memory of evicted keys (FNV-1a, from a basis of its own).
fn hash_of(CacheKey { number, text }: &CacheKey, basis: u32) -> u32 {
    let bytes = text.as_bytes();
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let end = &bytes[bytes.len().saturating_sub(LOOKED_AT).max(start.len())..];
    let length = (bytes.len() as u64).to_le_bytes();
    let all = start.iter().chain(end).chain(&length).chain(std::iter::once(if *number {
        &1
    } else {
        &0
    }));
    all.fold(basis, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
