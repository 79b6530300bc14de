//! Lists of the entries of shared caches.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::shared::view;
use crate::core::cache::shared::{CacheKey, Dumped, Gone, Left};

/// An entry as a shared cache has it, or had it.
#[napi(object)]
pub struct NativeSharedEntry {
    /// The key, as text.
    pub key: String,
    /// Set when the key is a number.
    pub number: bool,
    /// The value, as text.
    pub text: String,
    /// The reason of its removal, if it was removed.
    pub reason: Option<String>,
}

fn entry(key: CacheKey, text: &str, left: Option<Left>) -> NativeSharedEntry {
    let reason = left.map(|left| match left {
        Left::Evicted => "evicted",
        Left::Expired => "expired",
        Left::Replaced => "replaced",
        Left::Deleted => "deleted",
        Left::Invalidated => "invalidated",
        Left::Cleared => "cleared",
    });
    NativeSharedEntry {
        key: key.text.into(),
        number: key.number,
        text: text.to_owned(),
        reason: reason.map(str::to_owned),
    }
}

/// Takes what has gone by calls of this environment.
#[napi(catch_unwind)]
pub fn shared_cache_gone(env: Env, cache: f64) -> Result<Vec<NativeSharedEntry>> {
    view(env, cache, |view| {
        let gone = std::mem::take(&mut view.gone);
        gone.into_iter().map(|Gone { key, text, left }| entry(key, &text, Some(left))).collect()
    })
}

/// Returns all entries, in the order in which their keys were first stored.
#[napi(catch_unwind)]
pub fn shared_cache_list(env: Env, cache: f64) -> Result<Vec<NativeSharedEntry>> {
    view(env, cache, |view| {
        let all = view.hold.cache().list();
        all.into_iter().map(|(key, text)| entry(key, &text, None)).collect()
    })
}

/// An entry of a shared cache, with the rest of its time.
#[napi(object)]
pub struct NativeSharedDump {
    /// The key, as text.
    pub key: String,
    /// Set when the key is a number.
    pub number: bool,
    /// The value, as text.
    pub text: String,
    /// The ms for which it is good; infinite for ever.
    pub left: f64,
    /// The ms for which each hit keeps it good from then on; 0 if its end is fixed.
    pub sliding: f64,
    /// Its tags.
    pub tags: Vec<String>,
}

/// Returns the entries that are good, in the order in which their keys were first stored.
#[napi(catch_unwind)]
pub fn shared_cache_dump(env: Env, cache: f64, now: f64) -> Result<Vec<NativeSharedDump>> {
    view(env, cache, |view| {
        let all = view.hold.cache().dump(now);
        all.into_iter()
            .map(|Dumped { key, text, left, sliding, tags }| NativeSharedDump {
                key: key.text.into(),
                number: key.number,
                text: text.to_string(),
                left,
                sliding,
                tags: tags.into_iter().map(Into::into).collect(),
            })
            .collect()
    })
}
