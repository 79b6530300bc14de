//! Caches that threads share.
//!
//! The static holds data only: the caches that threads share by name. The holds of an environment lie in the
//! environment's table. So a terminated worker lets go of everything, and others may load what it was loading.

use std::sync::{Arc, LazyLock};

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::cache::shared::{
    CacheCounts, CacheHold, CacheKey, CacheValue, Claim, Differs, Gone, Landed, Load, Lookup,
    SharedCaches, Stored,
};
use crate::core::cache::{CacheLimits, EvictionPolicy};
use crate::protocol::{lane_constants, lane_record};

static CACHES: LazyLock<SharedCaches> = LazyLock::new(SharedCaches::default);

/// The shared caches that an environment has open.
pub(crate) type OpenCaches = Handles<SharedView>;

pub(crate) struct SharedView {
    pub(super) hold: CacheHold,
    /// The key of the next call.
    key: CacheKey,
    tags: Box<[Box<str>]>,
    /// The text that was found last.
    text: Arc<str>,
    /// The entries that calls of this environment removed, when it listens.
    pub(super) gone: Vec<Gone>,
    told: bool,
}

lane_constants! { RESULTS {
    /// `sharedCacheClaim`: another caller loads the key. No load has this number.
    const WAITING: f64 = 0.0;
    /// `sharedCacheClaim`: there is a good value. `sharedCacheLand`: something newer is known of the key.
    const OVERTAKEN: f64 = -2.0;
    /// `sharedCacheFind`: the lookup is not counted, and finds no stale value.
    const UNCOUNTED: f64 = -1.0;
} }

lane_record! {
    /// The answer of `sharedCacheFind`.
    struct SharedFound => FOUND {
        /// Stands for the value, as long as it is not replaced.
        stamp: f64,
        /// The ms since it became stale; negative while it is good.
        past: f64,
    }
}

lane_record! {
    /// The value that `sharedCacheStore` and `sharedCacheLand` have stored.
    struct SharedStored => STORED {
        stamp: f64,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "shared-cache",
    doc: "The numbers in which JavaScript and the caches that threads share speak.",
    parts: &[RESULTS, &[FOUND, STORED]],
};

pub(crate) const MODULE: Module = hot_lane! {
    OpenCaches;
    /// Looks a key up. Returns its slot, or -1. `stale`: how many ms past its time a value counts as a hit, or
    /// `UNCOUNTED`. Scratch: `SharedFound`.
    "sharedCacheFind"(str key, cache, number, now, stale) => find;
    /// Counts a use of a value that was read before. Returns 1, or 0 when the value was replaced.
    "sharedCacheUse"(cache, slot, stamp, now) => use_again;
    /// Sets the key of the next call.
    "sharedCacheKey"(str key, cache, number) => set_key;
    /// Stores a value under the key, with the tags that were set last. Returns its slot, or -1 if it would not fit
    /// alone. NaN bytes stand for the length of the value. `sliding`: how many ms a hit keeps it good from then on, or
    /// 0. Scratch: `SharedStored`.
    "sharedCacheStore"(str text, cache, now, bytes, fresh, until, sliding) => store;
    /// Claims to load the key, with the tags that were set last. Returns the load, `WAITING` until the token is posted,
    /// or `OVERTAKEN` when there is a good value.
    "sharedCacheClaim"(cache, now, token) => claim;
    /// Returns whether a load of the key may still store its result.
    "sharedCacheLoading"(cache, load) => is_current;
    /// Stores the loaded value of the key. Returns its slot, -1 if it would not fit alone, or `OVERTAKEN` when
    /// something newer is known. Scratch: `SharedStored`.
    "sharedCacheLand"(str text, cache, load, now, bytes, fresh, until, sliding) => land;
    /// Notes that loading the key has failed. Returns 1, or 0 when something newer is known.
    "sharedCacheFail"(cache, load) => fail;
    /// Removes a key. Returns 1 if its value was good.
    "sharedCacheDelete"(str key, cache, number, now) => delete;
    /// Removes all entries with a tag. Returns how many.
    "sharedCacheInvalidate"(str tag, cache) => invalidate;
    /// Removes everything.
    "sharedCacheClear"(cache) => clear;
    /// Removes expired entries.
    "sharedCacheSweep"(cache, now) => sweep;
    /// Returns the earliest time at which an entry can expire; infinite when none will.
    "sharedCacheNearest"(cache) => nearest;
    /// Returns the number of removed entries that were not listed yet.
    "sharedCacheGone"(cache) => gone;
    /// Lets go of a cache; a stale handle does nothing.
    "sharedCacheClose"(cache) => close;
    /// Returns the number of names of caches in the whole process.
    "sharedCacheCount"() => count;
};

fn with(
    environment: &Local<OpenCaches>,
    cache: f64,
    body: impl FnOnce(&mut SharedView) -> f64,
) -> f64 {
    let mut caches = environment.table.borrow_mut();
    let Some(view) = caches.get(cache) else { return NONE };
    let result = body(view);
    if !view.told {
        view.gone.clear();
    }
    result
}

fn show(environment: &Local<OpenCaches>, Stored { slot, stamp }: Stored) -> f64 {
    environment.write(SharedStored { stamp: stamp as f64 });
    f64::from(slot)
}

fn find(
    environment: &Local<OpenCaches>,
    key: &str,
    cache: f64,
    number: f64,
    now: f64,
    stale: f64,
) -> f64 {
    with(environment, cache, |view| {
        let asked = if stale == UNCOUNTED { Lookup::Peek } else { Lookup::Counted(stale) };
        let found = view.hold.cache().find(number == 1.0, key, now, asked, &mut view.gone);
        let Some(found) = found else { return NONE };
        view.text = found.text;
        environment.write(SharedFound { stamp: found.stored.stamp as f64, past: found.past });
        f64::from(found.stored.slot)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a slot and a stamp that it was given"
)]
fn use_again(environment: &Local<OpenCaches>, cache: f64, slot: f64, stamp: f64, now: f64) -> f64 {
    let mut caches = environment.table.borrow_mut();
    let Some(view) = caches.get(cache) else { return NONE };
    let stored = Stored { slot: slot as u32, stamp: stamp as u64 };
    f64::from(u8::from(view.hold.cache().use_again(stored, now)))
}

fn set_key(environment: &Local<OpenCaches>, key: &str, cache: f64, number: f64) -> f64 {
    with(environment, cache, |view| {
        view.key = CacheKey { number: number == 1.0, text: key.into() };
        0.0
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a safe integer, or NaN"
)]
fn value(
    view: &mut SharedView,
    text: &str,
    bytes: f64,
    fresh: f64,
    until: f64,
    sliding: f64,
) -> CacheValue {
    let bytes = (!bytes.is_nan()).then_some(bytes as u64);
    let tags = std::mem::take(&mut view.tags);
    CacheValue { text: text.into(), bytes, fresh, until, sliding, tags }
}

#[expect(clippy::too_many_arguments, reason = "numbers cost less than an object")]
fn store(
    environment: &Local<OpenCaches>,
    text: &str,
    cache: f64,
    now: f64,
    bytes: f64,
    fresh: f64,
    until: f64,
    sliding: f64,
) -> f64 {
    with(environment, cache, |view| {
        let value = value(view, text, bytes, fresh, until, sliding);
        let stored = view.hold.cache().store(&view.key, value, now, &mut view.gone);
        stored.map_or(NONE, |stored| show(environment, stored))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a token of js/inbox.ts, a positive integer"
)]
fn claim(environment: &Local<OpenCaches>, cache: f64, now: f64, token: f64) -> f64 {
    with(environment, cache, |view| {
        let tags = std::mem::take(&mut view.tags);
        let who = (view.hold.holder(), &environment.inbox, token as u64);
        match view.hold.cache().claim(&view.key, now, tags, who, &mut view.gone) {
            Claim::Mine(Load(load)) => load as f64,
            Claim::Waiting => WAITING,
            Claim::There => OVERTAKEN,
        }
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a load that it was given"
)]
#[expect(clippy::too_many_arguments, reason = "numbers cost less than an object")]
fn land(
    environment: &Local<OpenCaches>,
    text: &str,
    cache: f64,
    load: f64,
    now: f64,
    bytes: f64,
    fresh: f64,
    until: f64,
    sliding: f64,
) -> f64 {
    with(environment, cache, |view| {
        let value = value(view, text, bytes, fresh, until, sliding);
        let load = Load(load as u64);
        match view.hold.cache().land(&view.key, load, value, now, &mut view.gone) {
            Landed::Stored(stored) => show(environment, stored),
            Landed::Refused => NONE,
            Landed::Overtaken => OVERTAKEN,
        }
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a load that it was given"
)]
fn is_current(environment: &Local<OpenCaches>, cache: f64, load: f64) -> f64 {
    with(environment, cache, |view| {
        f64::from(u8::from(view.hold.cache().is_current(&view.key, Load(load as u64))))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a load that it was given"
)]
fn fail(environment: &Local<OpenCaches>, cache: f64, load: f64) -> f64 {
    with(environment, cache, |view| {
        f64::from(u8::from(view.hold.cache().fail(&view.key, Load(load as u64))))
    })
}

fn delete(environment: &Local<OpenCaches>, key: &str, cache: f64, number: f64, now: f64) -> f64 {
    with(environment, cache, |view| {
        let good = view.hold.cache().delete(number == 1.0, key, now, &mut view.gone);
        f64::from(u8::from(good))
    })
}

fn invalidate(environment: &Local<OpenCaches>, tag: &str, cache: f64) -> f64 {
    with(environment, cache, |view| view.hold.cache().invalidate(tag, &mut view.gone) as f64)
}

fn clear(environment: &Local<OpenCaches>, cache: f64) -> f64 {
    with(environment, cache, |view| {
        view.hold.cache().clear(&mut view.gone);
        0.0
    })
}

fn sweep(environment: &Local<OpenCaches>, cache: f64, now: f64) -> f64 {
    with(environment, cache, |view| {
        view.hold.cache().sweep(now, &mut view.gone);
        0.0
    })
}

fn nearest(environment: &Local<OpenCaches>, cache: f64) -> f64 {
    with(environment, cache, |view| view.hold.cache().nearest())
}

fn gone(environment: &Local<OpenCaches>, cache: f64) -> f64 {
    with(environment, cache, |view| view.gone.len() as f64)
}

fn close(environment: &Local<OpenCaches>, cache: f64) -> f64 {
    // Out of the table before it is dropped: the drop posts to waiters, perhaps in this environment.
    let view = environment.table.borrow_mut().take(cache);
    drop(view);
    0.0
}

fn count(_: &Local<OpenCaches>) -> f64 {
    CACHES.len() as f64
}

/// The cache to open.
#[napi(object)]
pub struct NativeSharedCacheRequest {
    /// The namespace: the same name in the same one means the same cache.
    pub namespace: String,
    /// Its name in the namespace.
    pub name: String,
    /// The most entries that it keeps.
    pub entries: f64,
    /// The most bytes that they may take; infinite for no limit.
    pub bytes: f64,
    /// Set when it evicts by LRU.
    pub lru: bool,
    /// Set when this environment wants a list of the entries that its calls remove.
    pub told: bool,
    /// Hides which keys meet in its tables.
    pub seed: f64,
}

/// The opened cache, or the reason why there is none.
#[napi(object)]
pub struct NativeSharedCacheOpened {
    /// The handle, or -1.
    pub handle: f64,
    /// The option in which the existing cache differs.
    pub differs: Option<String>,
}

/// Opens a cache of the process by its name.
#[napi(catch_unwind)]
pub fn shared_cache_open(
    env: Env,
    request: NativeSharedCacheRequest,
) -> Result<NativeSharedCacheOpened> {
    let environment = Local::<OpenCaches>::of(&env)?;
    let NativeSharedCacheRequest { namespace, name, entries, bytes, lru, told, seed } = request;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive; what is too large saturates"
    )]
    let limits = CacheLimits { entries: entries as usize, bytes: bytes as u64 };
    let policy = if lru { EvictionPolicy::Lru } else { EvictionPolicy::S3Fifo };
    let hold = match CACHES.open(&namespace, &name, limits, policy, seed.to_bits()) {
        Ok(hold) => hold,
        Err(differs) => {
            let field = match differs {
                Differs::Entries => "maxSize",
                Differs::Bytes => "maxBytes",
                Differs::Policy => "policy",
            };
            return Ok(NativeSharedCacheOpened { handle: NONE, differs: Some(field.to_owned()) });
        }
    };
    let key = CacheKey { number: false, text: "".into() };
    let view =
        SharedView { hold, key, tags: Box::default(), text: "".into(), gone: Vec::new(), told };
    let handle = environment.table.borrow_mut().open(view);
    Ok(NativeSharedCacheOpened { handle, differs: None })
}

pub(super) fn view<T: Default>(
    env: Env,
    cache: f64,
    body: impl FnOnce(&mut SharedView) -> T,
) -> Result<T> {
    let mut caches = Local::<OpenCaches>::of(&env)?.table.borrow_mut();
    Ok(caches.get(cache).map(body).unwrap_or_default())
}

/// Returns the text of what was found last.
#[napi(catch_unwind)]
pub fn shared_cache_text(env: Env, cache: f64) -> Result<String> {
    view(env, cache, |view| view.text.to_string())
}

/// Gives the tags of the next value or claim.
#[napi(catch_unwind)]
pub fn shared_cache_tags(env: Env, cache: f64, tags: Vec<String>) -> Result<()> {
    view(env, cache, |view| view.tags = tags.into_iter().map(Into::into).collect())
}

/// The counters and the content of a shared cache.
#[napi(object)]
#[derive(Default)]
pub struct NativeSharedCacheStats {
    /// Entries kept.
    pub size: f64,
    /// The bytes that the entries take.
    pub bytes: f64,
    /// Lookups that found a value, stale ones included.
    pub hits: f64,
    /// The hits that were stale.
    pub stale_hits: f64,
    /// Lookups that did not.
    pub misses: f64,
    /// Loads.
    pub loads: f64,
    /// The loads that failed.
    pub load_failures: f64,
    /// The loads that have not ended.
    pub loading: f64,
    /// Entries that were removed because they had expired.
    pub evictions: f64,
    /// Entries that went because their time was over.
    pub expirations: f64,
    /// Hits before lookups were counted anew.
    pub hits_before: f64,
    /// Misses before lookups were counted anew.
    pub misses_before: f64,
}

/// Returns the counters and the content of a shared cache.
#[napi(catch_unwind)]
pub fn shared_cache_stats(env: Env, cache: f64) -> Result<NativeSharedCacheStats> {
    view(env, cache, |view| {
        let CacheCounts {
            size,
            bytes,
            hits,
            stale_hits,
            misses,
            loads,
            load_failures,
            loading,
            evictions,
            expirations,
            hits_before,
            misses_before,
        } = view.hold.cache().counts();
        NativeSharedCacheStats {
            size: size as f64,
            bytes: bytes as f64,
            hits: hits as f64,
            stale_hits: stale_hits as f64,
            misses: misses as f64,
            loads: loads as f64,
            load_failures: load_failures as f64,
            loading: loading as f64,
            evictions: evictions as f64,
            expirations: expirations as f64,
            hits_before: hits_before as f64,
            misses_before: misses_before as f64,
        }
    })
}
