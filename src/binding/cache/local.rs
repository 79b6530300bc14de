//! Caches of one environment. The core decides by slot which entries go. Keys and values are JavaScript's, under the
//! same slots.

use std::cell::Cell;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Handles, Local, SharedArray};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::cache::{CacheLimits, EvictionIndex, EvictionPolicy, Heat, New, RemovalReason};
use crate::protocol::{Record, lane_constants, lane_record};

pub(crate) type Caches = Handles<LocalCache>;

pub(crate) struct LocalCache {
    index: EvictionIndex,
    /// The input and output of a call. Then one byte a slot, the number of its uses, which JavaScript writes. Then the
    /// log: for LRU the used slots in order, and the new ends of entries that slide. Arguments would cost ten nanoseconds each.
    shared: SharedArray,
    slots: usize,
}

lane_record! {
    /// The input and output of a call.
    struct CacheCallCells => CALL {
        /// Input: a hash of the key, an unsigned 32-bit integer.
        hash: f64,
        /// Input: the bytes that the entry takes.
        bytes: f64,
        /// Input: the time at which it expires, monotonic ms.
        until: f64,
        /// Input: the time, monotonic ms.
        now: f64,
        /// Input: the number of cells of the log that are in use.
        logged: f64,
        /// Output: the number of removed slots that were not listed yet.
        gone: f64,
    }
}

lane_constants! { SIZES {
    /// The place of the first removed slots; -1 - slot for one that had expired.
    const FIRST_GONE: usize = CacheCallCells::CELLS;
    /// The most of these that a call can list.
    const MOST_GONE: usize = 64;
    /// The start of the memory of the slots: one byte a slot, the number of its uses.
    const HEAT: usize = FIRST_GONE + MOST_GONE;
    /// The largest number of uses that is counted.
    const HOT: u8 = crate::core::cache::HOT;
    /// Cells of the log of uses and postponed ends, which lies behind the heat.
    const LOGGED: usize = 512;
    /// The slots that share a number of memory: counts of slots are multiples of it.
    const SLOTS_IN_A_CELL: usize = size_of::<f64>();
} }

pub(crate) const PROTOCOL: Area = Area {
    name: "cache",
    doc: "The memory through which JavaScript and the index of a cache speak.",
    parts: &[&[CALL], SIZES],
};

pub(crate) const MODULE: Module = hot_lane! {
    Caches;
    /// Stores an entry. Returns its slot, or -1 if it would not fit alone. Memory: `CacheCall`, then the removed slots.
    "cacheInsert"(cache) => insert;
    /// Sets size and time of a slot's entry. Returns 1, or 0 when that removes the entry. Memory as of `cacheInsert`.
    "cacheUpdate"(cache, slot) => update;
    /// Frees a slot. Memory as of `cacheInsert`.
    "cacheRemove"(cache, slot) => remove;
    /// Removes what is over. Memory as of `cacheInsert`.
    "cacheSweep"(cache) => sweep;
    /// Returns the earliest time at which an entry can expire; infinite when none will.
    "cacheNearest"(cache) => nearest;
    /// Writes further removed slots to the memory. Returns how many.
    "cacheGone"(cache) => gone;
    /// Takes the log of uses. Memory as of `cacheInsert`.
    "cacheUses"(cache) => uses;
    /// Removes everything.
    "cacheClear"(cache) => clear;
    /// Returns the bytes that all entries take.
    "cacheBytes"(cache) => bytes;
};

/// An index, and the memory of the call.
struct CacheCall<'a> {
    index: &'a mut EvictionIndex,
    cells: &'a [Cell<f64>],
    heat: &'a Heat,
    told: CacheCallCells,
}

impl CacheCall<'_> {
    /// Replays what JavaScript has logged since the last call: a slot was used; or its entry, written as -1 - slot,
    /// expires at the time that follows.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "TypeScript writes slots, times, and how many"
    )]
    fn replay(&mut self) {
        let logged = self.told.logged as usize;
        let log = &self.cells[HEAT + self.heat.len() / SLOTS_IN_A_CELL..];
        let mut cells = log.iter().take(logged).map(Cell::get);
        while let Some(slot) = cells.next() {
            if slot >= 0.0 {
                self.index.touch(slot as u32, self.heat);
            } else if let Some(until) = cells.next() {
                self.index.postpone((-1.0 - slot) as u32, until);
            }
        }
    }

    /// Writes how many slots were removed, and the first of them.
    fn tell(&mut self) {
        let gone = self.index.gone() as f64;
        CacheCallCells::within(self.cells).set(CacheCallCells { gone, ..self.told });
        let places = &self.cells[FIRST_GONE..FIRST_GONE + MOST_GONE];
        for (cell, (slot, reason)) in places.iter().zip(self.index.take_gone(MOST_GONE)) {
            let slot = f64::from(slot);
            cell.set(if reason == RemovalReason::Evicted { slot } else { -1.0 - slot });
        }
    }
}

fn with(
    environment: &Local<Caches>,
    cache: f64,
    body: impl FnOnce(&mut CacheCall<'_>) -> f64,
) -> f64 {
    let mut caches = environment.table.borrow_mut();
    let Some(LocalCache { index, shared, slots }) = caches.get(cache) else { return NONE };
    let from = HEAT * size_of::<f64>();
    let (cells, heat) = (shared.cells(), &shared.bytes()[from..from + *slots]);
    let told = CacheCallCells::within(cells).get();
    body(&mut CacheCall { index, cells, heat, told })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript writes an unsigned 32-bit integer and a safe one"
)]
fn insert(environment: &Local<Caches>, cache: f64) -> f64 {
    with(environment, cache, |call| {
        call.replay();
        let CacheCallCells { hash, bytes, until, now, .. } = call.told;
        let new = New { hash: hash as u32, bytes: bytes as u64, until };
        let slot = call.index.insert(new, now, call.heat);
        call.tell();
        slot.map_or(NONE, f64::from)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a slot that it was given and writes a safe integer"
)]
fn update(environment: &Local<Caches>, cache: f64, slot: f64) -> f64 {
    with(environment, cache, |call| {
        call.replay();
        let CacheCallCells { bytes, until, now, .. } = call.told;
        let kept = call.index.update(slot as u32, bytes as u64, until, now, call.heat);
        call.tell();
        f64::from(u8::from(kept))
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a slot")]
fn remove(environment: &Local<Caches>, cache: f64, slot: f64) -> f64 {
    with(environment, cache, |call| {
        call.replay();
        f64::from(u8::from(call.index.remove(slot as u32)))
    })
}

fn sweep(environment: &Local<Caches>, cache: f64) -> f64 {
    with(environment, cache, |call| {
        call.replay();
        call.index.sweep(call.told.now);
        call.tell();
        0.0
    })
}

fn nearest(environment: &Local<Caches>, cache: f64) -> f64 {
    with(environment, cache, |call| call.index.nearest())
}

fn gone(environment: &Local<Caches>, cache: f64) -> f64 {
    with(environment, cache, |call| {
        call.tell();
        0.0
    })
}

fn uses(environment: &Local<Caches>, cache: f64) -> f64 {
    with(environment, cache, |call| {
        call.replay();
        0.0
    })
}

fn clear(environment: &Local<Caches>, cache: f64) -> f64 {
    with(environment, cache, |call| {
        call.index.clear();
        0.0
    })
}

fn bytes(environment: &Local<Caches>, cache: f64) -> f64 {
    with(environment, cache, |call| call.index.bytes() as f64)
}

/// A cache, and the memory in which JavaScript counts its uses.
#[napi(object)]
pub struct NativeCache<'env> {
    /// Its handle.
    pub handle: f64,
    /// `CacheCall`, the removed slots, a byte a slot, and a number a logged use.
    #[napi(ts_type = "Float64Array")]
    pub memory: Unknown<'env>,
}

/// Creates memory for so many slots (a multiple of `SLOTS_IN_A_CELL`), and the log.
fn memory(env: &Env, slots: u32) -> Result<(SharedArray, Unknown<'_>)> {
    SharedArray::create(env, HEAT + slots as usize / SLOTS_IN_A_CELL + LOGGED)
}

/// Opens a cache with room for so many slots to begin with; infinite limits are none.
#[napi(catch_unwind)]
pub fn cache_open(
    env: &Env,
    entries: f64,
    bytes: f64,
    lru: bool,
    slots: u32,
    seed: f64,
) -> Result<NativeCache<'_>> {
    let (shared, array) = memory(env, slots)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive; what is too large saturates"
    )]
    let limits = CacheLimits { entries: entries as usize, bytes: bytes as u64 };
    let policy = if lru { EvictionPolicy::Lru } else { EvictionPolicy::S3Fifo };
    let index = EvictionIndex::new(limits, policy, seed.to_bits());
    let cache = LocalCache { index, shared, slots: slots as usize };
    let handle = Local::<Caches>::of(env)?.table.borrow_mut().open(cache);
    Ok(NativeCache { handle, memory: array })
}

/// Makes room for more slots; the new memory. The log must have been taken.
#[napi(catch_unwind, ts_return_type = "Float64Array | null")]
pub fn cache_grow(env: &Env, handle: f64, slots: u32) -> Result<Option<Unknown<'_>>> {
    let mut caches = Local::<Caches>::of(env)?.table.borrow_mut();
    let Some(cache) = caches.get(handle) else { return Ok(None) };
    let (shared, array) = memory(env, slots)?;
    let heat_end = HEAT * size_of::<f64>() + cache.slots;
    for (new, old) in shared.bytes().iter().zip(&cache.shared.bytes()[..heat_end]) {
        new.set(old.get());
    }
    std::mem::replace(&mut cache.shared, shared).release(*env);
    cache.slots = slots as usize;
    Ok(Some(array))
}

/// Forgets a cache; a stale handle does nothing.
#[napi(catch_unwind)]
pub fn cache_close(env: Env, handle: f64) -> Result<()> {
    if let Some(cache) = Local::<Caches>::of(&env)?.table.borrow_mut().take(handle) {
        cache.shared.release(env);
    }
    Ok(())
}
