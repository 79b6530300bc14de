//! Caches of one environment: who goes is decided here, by slot; keys and values are JavaScript's, under the same slots.

use std::cell::Cell;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::environment::{Environment, Handles, SCRATCH_LEN};
use super::hot::{Export, NONE, hot_lane};
use super::shared_array::SharedArray;
use crate::core::cache::{Index, Limits, New, Policy, Reason};

pub(super) type Caches = Handles<LocalCache>;

pub(super) struct LocalCache {
    index: Index,
    /// One byte a slot, how often it was used, which JavaScript writes; then, for LRU, the slots used, in order.
    shared: SharedArray,
    slots: usize,
}

/// Slots in a log of uses: eight bytes each.
const LOGGED: usize = 512;
/// Slots that one call can say have gone: two numbers before them.
const TOLD: usize = SCRATCH_LEN - 2;

pub(super) const EXPORTS: &[Export] = hot_lane! {
    /// Stores an entry: its slot, or -1 if it would not fit alone. Scratch: how many have gone and were not told, and the slots of the first; -1 - slot of what was over.
    "cacheInsert"(cache, hash, bytes, until, now, logged) => insert;
    /// Gives a slot's entry another size and time: 1, or 0 and the entry is removed. Scratch as of `cacheInsert`.
    "cacheUpdate"(cache, slot, bytes, until, now, logged) => update;
    /// Frees a slot.
    "cacheRemove"(cache, slot, logged) => remove;
    /// Removes what is over. Scratch as of `cacheInsert`.
    "cacheSweep"(cache, now, logged) => sweep;
    /// Further slots that have gone. Scratch as of `cacheInsert`.
    "cacheGone"(cache) => gone;
    /// Takes a log of uses.
    "cacheUses"(cache, logged) => uses;
    /// Removes everything.
    "cacheClear"(cache) => clear;
    /// What all entries take.
    "cacheBytes"(cache) => bytes;
};

fn with(
    environment: &Environment,
    cache: f64,
    body: impl FnOnce(&mut Index, &[Cell<u8>], &SharedArray) -> f64,
) -> f64 {
    let mut caches = environment.caches.borrow_mut();
    let Some(LocalCache { index, shared, slots }) = caches.get(cache) else { return NONE };
    body(index, &shared.bytes()[..*slots], shared)
}

/// What a call does after its own work: says what has gone.
fn tell(environment: &Environment, index: &mut Index) {
    let numbers = environment.numbers();
    let gone = index.gone();
    numbers[0].set(gone as f64);
    for (cell, (slot, reason)) in numbers[1..].iter().zip(index.take_gone(TOLD)) {
        let slot = f64::from(slot);
        cell.set(if reason == Reason::Evicted { slot } else { -1.0 - slot });
    }
}

/// Uses that JavaScript logged since the last call.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript writes slots, and how many"
)]
fn replay(index: &mut Index, heat: &[Cell<u8>], shared: &SharedArray, logged: f64) {
    for cell in shared.cells()[heat.len() / size_of::<f64>()..].iter().take(logged as usize) {
        index.touch(cell.get() as u32, heat);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes an unsigned 32-bit integer and a safe one"
)]
fn insert(
    environment: &Environment,
    cache: f64,
    hash: f64,
    bytes: f64,
    until: f64,
    now: f64,
    logged: f64,
) -> f64 {
    with(environment, cache, |index, heat, shared| {
        replay(index, heat, shared, logged);
        let new = New { hash: hash as u32, bytes: bytes as u64, until };
        let slot = index.insert(new, now, heat);
        tell(environment, index);
        slot.map_or(NONE, f64::from)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a slot that it was given and a safe integer"
)]
fn update(
    environment: &Environment,
    cache: f64,
    slot: f64,
    bytes: f64,
    until: f64,
    now: f64,
    logged: f64,
) -> f64 {
    with(environment, cache, |index, heat, shared| {
        replay(index, heat, shared, logged);
        let kept = index.update(slot as u32, bytes as u64, until, now, heat);
        tell(environment, index);
        f64::from(u8::from(kept))
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a slot")]
fn remove(environment: &Environment, cache: f64, slot: f64, logged: f64) -> f64 {
    with(environment, cache, |index, heat, shared| {
        replay(index, heat, shared, logged);
        f64::from(u8::from(index.remove(slot as u32)))
    })
}

fn sweep(environment: &Environment, cache: f64, now: f64, logged: f64) -> f64 {
    with(environment, cache, |index, heat, shared| {
        replay(index, heat, shared, logged);
        index.sweep(now);
        tell(environment, index);
        0.0
    })
}

fn gone(environment: &Environment, cache: f64) -> f64 {
    with(environment, cache, |index, _, _| {
        tell(environment, index);
        0.0
    })
}

fn uses(environment: &Environment, cache: f64, logged: f64) -> f64 {
    with(environment, cache, |index, heat, shared| {
        replay(index, heat, shared, logged);
        0.0
    })
}

fn clear(environment: &Environment, cache: f64) -> f64 {
    with(environment, cache, |index, _, _| {
        index.clear();
        0.0
    })
}

fn bytes(environment: &Environment, cache: f64) -> f64 {
    with(environment, cache, |index, _, _| index.bytes() as f64)
}

/// A cache and the memory through which its uses are told.
#[napi(object)]
pub struct NativeCache<'env> {
    /// Its handle.
    pub handle: f64,
    /// A byte a slot, then a number a logged use.
    #[napi(ts_type = "Float64Array")]
    pub memory: Unknown<'env>,
}

/// Room for so many slots (a multiple of 8), and the log.
fn memory(env: &Env, slots: u32) -> Result<(SharedArray, Unknown<'_>)> {
    SharedArray::create(env, slots as usize / size_of::<f64>() + LOGGED)
}

/// Opens a cache with room for so many slots to begin with; infinite limits are none.
#[napi(catch_unwind)]
pub fn native_cache_open(
    env: &Env,
    entries: f64,
    bytes: f64,
    lru: bool,
    slots: u32,
) -> Result<NativeCache<'_>> {
    let (shared, array) = memory(env, slots)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive; what is too large saturates"
    )]
    let limits = Limits { entries: entries as usize, bytes: bytes as u64 };
    let index = Index::new(limits, if lru { Policy::Lru } else { Policy::S3Fifo });
    let cache = LocalCache { index, shared, slots: slots as usize };
    let handle = Environment::of(env)?.caches.borrow_mut().open(cache);
    Ok(NativeCache { handle, memory: array })
}

/// Makes room for more slots; the new memory. The log must have been taken.
#[napi(catch_unwind, ts_return_type = "Float64Array | null")]
pub fn native_cache_grow(env: &Env, handle: f64, slots: u32) -> Result<Option<Unknown<'_>>> {
    let mut caches = Environment::of(env)?.caches.borrow_mut();
    let Some(cache) = caches.get(handle) else { return Ok(None) };
    let (shared, array) = memory(env, slots)?;
    for (new, old) in shared.bytes().iter().zip(&cache.shared.bytes()[..cache.slots]) {
        new.set(old.get());
    }
    std::mem::replace(&mut cache.shared, shared).release(*env);
    cache.slots = slots as usize;
    Ok(Some(array))
}

/// Forgets a cache; a stale handle does nothing.
#[napi(catch_unwind)]
pub fn native_cache_close(env: Env, handle: f64) -> Result<()> {
    if let Some(cache) = Environment::of(&env)?.caches.borrow_mut().take(handle) {
        cache.shared.release(env);
    }
    Ok(())
}
