//! Values as callers hand them over.

use std::sync::Arc;

/// A value that is stored.
#[derive(Debug, Clone)]
pub struct CacheValue {
    /// Its text.
    pub text: Arc<str>,
    /// Its share of the limits. Without one it is the length of key and text.
    pub bytes: Option<u64>,
    /// Until when it is good.
    pub fresh: f64,
    /// Until when it is kept.
    pub until: f64,
    /// The time, in ms, for which each hit keeps it good from then on; 0 if its end is fixed.
    pub sliding: f64,
    /// Its tags, by which it can be invalidated.
    pub tags: Box<[Box<str>]>,
}
