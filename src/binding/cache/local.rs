//! Caches of one environment: who goes is decided here, by slot; keys and values are JavaScript's, under the same slots.

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
    /// What a call is about and what came of it; then one byte a slot, how often it was used, which
    /// JavaScript writes; then, for LRU, the slots used, in order. Arguments would cost ten nanoseconds each.
    shared: SharedArray,
    slots: usize,
}

lane_record! {
    /// What a call is about, and what came of it.
    struct CacheCallCells => CALL {
        /// Told: a hash of the key, an unsigned 32-bit integer.
        hash: f64,
        /// Told: what the entry takes.
        bytes: f64,
        /// Told: when it is over, monotonic ms.
        until: f64,
        /// Told: the time, monotonic ms.
        now: f64,
        /// Told: how many uses are logged.
        logged: f64,
        /// Answered: how many have gone that were not told of.
        gone: f64,
    }
}

lane_constants! { SIZES {
    /// Where the slots of the first that have gone lie; -1 - slot of what was over.
    const FIRST_GONE: usize = CacheCallCells::CELLS;
    /// How many of these a call can tell.
    const MOST_GONE: usize = 64;
    /// Where memory begins that belongs to the slots: a byte a slot, how often it was used.
    const HEAT: usize = FIRST_GONE + MOST_GONE;
    /// More uses than this count as so many.
    const HOT: u8 = crate::core::cache::HOT;
    /// Slots in a log of uses, which lies behind the heat.
    const LOGGED: usize = 512;
    /// How many slots share a number of memory: counts of slots are multiples of it.
    const SLOTS_IN_A_CELL: usize = size_of::<f64>();
} }

pub(crate) const PROTOCOL: Area = Area {
    name: "cache",
    doc: "The memory through which JavaScript and the index of a cache speak.",
    parts: &[&[CALL], SIZES],
};

pub(crate) const MODULE: Module = hot_lane! {
    Caches;
    /// Stores an entry: its slot, or -1 if it would not fit alone. Memory: `CacheCall`; then, what has gone.
    "cacheInsert"(cache) => insert;
    /// Gives a slot's entry another size and time: 1, or 0 and the entry is removed. Memory as of `cacheInsert`.
    "cacheUpdate"(cache, slot) => update;
    /// Frees a slot. Memory as of `cacheInsert`.
    "cacheRemove"(cache, slot) => remove;
    /// Removes what is over. Memory as of `cacheInsert`.
    "cacheSweep"(cache) => sweep;
    /// When the next entry is over, at the earliest; infinite when none will be.
    "cacheNearest"(cache) => nearest;
    /// Further slots that have gone. Memory: these.
    "cacheGone"(cache) => gone;
    /// Takes the log of uses. Memory as of `cacheInsert`.
    "cacheUses"(cache) => uses;
    /// Removes everything.
    "cacheClear"(cache) => clear;
    /// What all entries take.
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
    /// Uses that JavaScript logged since the last call.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "TypeScript writes slots, and how many"
    )]
    fn replay(&mut self) {
        let logged = self.told.logged as usize;
        let log = &self.cells[HEAT + self.heat.len() / SLOTS_IN_A_CELL..];
        for cell in log.iter().take(logged) {
            self.index.touch(cell.get() as u32, self.heat);
        }
    }

    /// Says what has gone.
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

/// A cache and the memory through which its uses are told.
#[napi(object)]
pub struct NativeCache<'env> {
    /// Its handle.
    pub handle: f64,
    /// `CacheCall`, what has gone, a byte a slot, and a number a logged use.
    #[napi(ts_type = "Float64Array")]
    pub memory: Unknown<'env>,
}

/// Room for so many slots (a multiple of `SLOTS_IN_A_CELL`), and the log.
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
