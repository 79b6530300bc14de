//! Lookups, stores and loads under one lock.

use std::sync::Arc;

use super::entries::{ByKey, CacheKey, Entries, Gone, Left};
use super::settings::CacheSettings;
use super::value::CacheValue;
use crate::core::inbox::{Inbox, Token};
use crate::core::sync::Mutex;

/// The way in which a lookup counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lookup {
    /// Not at all.
    Peek,
    /// As a hit, if it finds a good value or one that is stale by at most so many ms; else as a miss.
    Counted(f64),
}

/// The result of a lookup.
#[derive(Debug, Clone)]
pub struct Found {
    /// The place of the value.
    pub stored: Stored,
    /// Its age beyond its time, ms; negative while it is good.
    pub past: f64,
    /// Its text.
    pub text: Arc<str>,
}

/// An entry, with the rest of its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Dumped {
    /// Its key.
    pub key: CacheKey,
    /// Its text.
    pub text: Arc<str>,
    /// The ms for which it is good; infinite for ever.
    pub left: f64,
    /// The ms for which each hit keeps it good from then on; 0 if its end is fixed.
    pub sliding: f64,
    /// Its tags.
    pub tags: Box<[Box<str>]>,
}

/// The place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its slot.
    pub slot: u32,
    /// Its own number.
    pub stamp: u64,
}

/// A load that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load(pub u64);

/// The answer to a thread that wants to load a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The caller loads it.
    Mine(Load),
    /// Another holder loads it. The token is posted when that load has ended.
    Waiting,
    /// There is a good value by now.
    There,
}

/// The fate of a value that was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landed {
    /// It is kept.
    Stored(Stored),
    /// It would not fit alone.
    Refused,
    /// Something newer is known of its key.
    Overtaken,
}

/// The work and the size of a shared cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Entries kept.
    pub size: usize,
    /// Bytes of all entries.
    pub bytes: u64,
    /// Lookups that found a value, stale ones included.
    pub hits: u64,
    /// The hits that were stale.
    pub stale_hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Loads that were claimed.
    pub loads: u64,
    /// The loads that failed.
    pub load_failures: u64,
    /// The loads that have not ended.
    pub loading: usize,
    /// Entries that were removed because they had expired.
    pub evictions: u64,
    /// Entries that went because their time was over.
    pub expirations: u64,
    /// Hits before lookups were counted anew.
    pub hits_before: u64,
    /// Misses before lookups were counted anew.
    pub misses_before: u64,
}

#[derive(Debug)]
struct LoadWaiter {
    holder: u64,
    inbox: Inbox,
    token: Token,
}

#[derive(Debug)]
struct InFlightLoad {
    load: Load,
    holder: u64,
    tags: Box<[Box<str>]>,
    waiters: Vec<LoadWaiter>,
}

#[derive(Debug)]
struct CacheState {
    entries: Entries,
    flights: ByKey<InFlightLoad>,
    counts: CacheCounts,
    now: f64,
    loads: u64,
    /// To be posted to once the lock is free.
    woken: Vec<LoadWaiter>,
}

impl CacheState {
    fn pass(&mut self, now: f64) -> f64 {
        self.now = self.now.max(now);
        self.now
    }

    /// Overtakes the load of a key: it stores nothing any more, and its waiters are woken.
    fn overtake(&mut self, number: bool, text: &str) {
        if let Some(flight) = self.flights.remove(number, text) {
            self.woken.extend(flight.waiters);
        }
    }

    /// Ends a load. Returns its tags, unless it was overtaken.
    fn end(&mut self, key: &CacheKey, load: Load) -> Option<Box<[Box<str>]>> {
        self.flights.get(key.number, &key.text).filter(|flight| flight.load == load)?;
        let flight = self.flights.remove(key.number, &key.text)?;
        self.woken.extend(flight.waiters);
        Some(flight.tags)
    }
}

/// See the [module](super).
#[derive(Debug)]
pub struct SharedCache {
    settings: CacheSettings,
    state: Mutex<CacheState>,
}

impl SharedCache {
    pub(super) fn new(settings: CacheSettings, seed: u64) -> Self {
        let CacheSettings { limits, policy } = settings;
        let state = CacheState {
            entries: Entries::new(limits, policy, seed),
            flights: ByKey::default(),
            counts: CacheCounts::default(),
            now: f64::NEG_INFINITY,
            loads: 0,
            woken: Vec::new(),
        };
        Self { settings, state: Mutex::new(state) }
    }

    pub(super) fn settings(&self) -> &CacheSettings {
        &self.settings
    }

    /// Changes something, and posts to those who wait after the lock. Adds the entries that have gone to `gone`.
    fn change<R>(&self, gone: &mut Vec<Gone>, body: impl FnOnce(&mut CacheState) -> R) -> R {
        let mut state = self.state.lock();
        let result = body(&mut state);
        gone.append(&mut state.entries.gone);
        let woken = std::mem::take(&mut state.woken);
        drop(state);
        for LoadWaiter { inbox, token, .. } in woken {
            inbox.post(token);
        }
        result
    }

    /// Looks a key up.
    pub fn find(
        &self,
        number: bool,
        text: &str,
        now: f64,
        asked: Lookup,
        gone: &mut Vec<Gone>,
    ) -> Option<Found> {
        self.change(gone, |state| {
            let now = state.pass(now);
            let slot = state.entries.slot(number, text, now);
            let found = slot.and_then(|slot| {
                let entry = state.entries.at(slot)?;
                let stored = Stored { slot, stamp: entry.stamp };
                Some(Found { stored, past: now - entry.fresh, text: Arc::clone(&entry.text) })
            });
            let Lookup::Counted(longest) = asked else { return found };
            match &found {
                Some(Found { stored, past, .. }) if *past < 0.0 || *past < longest => {
                    state.counts.hits += 1;
                    state.counts.stale_hits += u64::from(*past >= 0.0);
                    state.entries.touch(stored.slot, now);
                }
                _ => state.counts.misses += 1,
            }
            found
        })
    }

    /// Counts a use of a value that was read before. Returns false, and counts nothing, when it does not stand any
    /// more.
    pub fn use_again(&self, Stored { slot, stamp }: Stored, now: f64) -> bool {
        let mut state = self.state.lock();
        let now = state.pass(now);
        let good =
            state.entries.at(slot).is_some_and(|entry| entry.stamp == stamp && now < entry.fresh);
        if good {
            state.counts.hits += 1;
            state.entries.touch(slot, now);
        }
        good
    }

    /// Stores a value. Returns `None` when it would not fit alone.
    pub fn store(
        &self,
        key: &CacheKey,
        value: CacheValue,
        now: f64,
        gone: &mut Vec<Gone>,
    ) -> Option<Stored> {
        self.change(gone, |state| {
            let now = state.pass(now);
            state.overtake(key.number, &key.text);
            let put = state.entries.put(key, value, now);
            put.map(|(slot, stamp)| Stored { slot, stamp })
        })
    }

    /// Claims to load a key, for a value with these tags. A holder that must wait gets its token once.
    pub fn claim(
        &self,
        key: &CacheKey,
        now: f64,
        tags: Box<[Box<str>]>,
        (holder, inbox, token): (u64, &Inbox, Token),
        gone: &mut Vec<Gone>,
    ) -> Claim {
        self.change(gone, |state| {
            let now = state.pass(now);
            let slot = state.entries.slot(key.number, &key.text, now);
            if slot.and_then(|slot| state.entries.at(slot)).is_some_and(|entry| now < entry.fresh) {
                return Claim::There;
            }
            if let Some(flight) = state.flights.get(key.number, &key.text) {
                flight.waiters.push(LoadWaiter { holder, inbox: inbox.clone(), token });
                return Claim::Waiting;
            }
            state.loads += 1;
            state.counts.loads += 1;
            let load = Load(state.loads);
            let flight = InFlightLoad { load, holder, tags, waiters: Vec::new() };
            state.flights.insert(key.number, &key.text, flight);
            Claim::Mine(load)
        })
    }

    /// Returns whether a load still may store its value.
    pub fn is_current(&self, key: &CacheKey, load: Load) -> bool {
        let mut state = self.state.lock();
        state.flights.get(key.number, &key.text).is_some_and(|flight| flight.load == load)
    }

    /// Stores the value of a load, with the tags of its claim.
    pub fn land(
        &self,
        key: &CacheKey,
        load: Load,
        value: CacheValue,
        now: f64,
        gone: &mut Vec<Gone>,
    ) -> Landed {
        self.change(gone, |state| {
            let now = state.pass(now);
            let Some(tags) = state.end(key, load) else { return Landed::Overtaken };
            match state.entries.put(key, CacheValue { tags, ..value }, now) {
                Some((slot, stamp)) => Landed::Stored(Stored { slot, stamp }),
                None => Landed::Refused,
            }
        })
    }

    /// Ends a load that failed. Returns false when something newer is known of its key.
    pub fn fail(&self, key: &CacheKey, load: Load) -> bool {
        self.change(&mut Vec::new(), |state| {
            state.counts.load_failures += 1;
            state.end(key, load).is_some()
        })
    }

    /// Removes a key. Returns whether its value was good.
    pub fn delete(&self, number: bool, text: &str, now: f64, gone: &mut Vec<Gone>) -> bool {
        self.change(gone, |state| {
            let now = state.pass(now);
            state.overtake(number, text);
            let Some(slot) = state.entries.slot(number, text, now) else { return false };
            let good = state.entries.at(slot).is_some_and(|entry| now < entry.fresh);
            state.entries.remove(slot, Left::Deleted);
            good
        })
    }

    /// Removes all entries that have a tag. Returns how many.
    pub fn invalidate(&self, tag: &str, gone: &mut Vec<Gone>) -> usize {
        self.change(gone, |state| {
            let overtaken =
                state.flights.take_if(|flight| flight.tags.iter().any(|other| **other == *tag));
            state.woken.extend(overtaken.into_iter().flat_map(|flight| flight.waiters));
            let slots = state.entries.tagged(tag);
            for &slot in &slots {
                let key = state.entries.at(slot).map(|entry| entry.key.clone());
                if let Some(CacheKey { number, text }) = key {
                    state.overtake(number, &text);
                }
                state.entries.remove(slot, Left::Invalidated);
            }
            slots.len()
        })
    }

    /// Removes everything, and begins to count lookups anew.
    pub fn clear(&self, gone: &mut Vec<Gone>) {
        self.change(gone, |state| {
            state.entries.clear();
            let overtaken = state.flights.take_if(|_| true);
            state.woken.extend(overtaken.into_iter().flat_map(|flight| flight.waiters));
            state.counts.hits_before += state.counts.hits;
            state.counts.misses_before += state.counts.misses;
            (state.counts.hits, state.counts.stale_hits, state.counts.misses) = (0, 0, 0);
        });
    }

    /// Removes what is over.
    pub fn sweep(&self, now: f64, gone: &mut Vec<Gone>) {
        self.change(gone, |state| {
            let now = state.pass(now);
            state.entries.sweep(now);
        });
    }

    /// Returns when the next entry is over, at the earliest; infinite when none will be.
    pub fn nearest(&self) -> f64 {
        self.state.lock().entries.nearest()
    }

    /// Returns keys and values, in the order in which the keys were first stored.
    pub fn list(&self) -> Vec<(CacheKey, Arc<str>)> {
        let state = self.state.lock();
        let all = state.entries.in_order();
        all.into_iter().map(|(_, entry)| (entry.key.clone(), Arc::clone(&entry.text))).collect()
    }

    /// Returns the entries that are good, with the rest of their times, in the order in which the keys were first stored.
    pub fn dump(&self, now: f64) -> Vec<Dumped> {
        let mut state = self.state.lock();
        let now = state.pass(now);
        let all = state.entries.in_order();
        let good = all.into_iter().filter(|(_, entry)| now < entry.fresh);
        good.map(|(_, entry)| Dumped {
            key: entry.key.clone(),
            text: Arc::clone(&entry.text),
            left: entry.fresh - now,
            sliding: entry.sliding,
            tags: entry.tags.clone(),
        })
        .collect()
    }

    /// Returns the work and the size of the cache.
    pub fn counts(&self) -> CacheCounts {
        let state = self.state.lock();
        let CacheState { entries, flights, counts, .. } = &*state;
        CacheCounts {
            size: entries.len(),
            bytes: entries.bytes(),
            loading: flights.len(),
            evictions: entries.evictions,
            expirations: entries.expirations,
            ..*counts
        }
    }

    /// Forgets a holder: others may take over its loads, and its tokens are not posted any more.
    pub(super) fn release(&self, holder: u64) {
        self.change(&mut Vec::new(), |state| {
            for flight in state.flights.values_mut() {
                flight.waiters.retain(|waiter| waiter.holder != holder);
            }
            let left = state.flights.take_if(|flight| flight.holder == holder);
            state.woken.extend(left.into_iter().flat_map(|flight| flight.waiters));
        });
    }
}
