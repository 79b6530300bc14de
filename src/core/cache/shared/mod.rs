//! A cache that threads share: keys, values as text, and who loads what.
//!
//! - **Names**: a name within a namespace means one cache to all that hold it at the same time. When the last
//!   [`CacheHold`] goes, its content is forgotten. Limits and policy are those of the first holder; a holder with
//!   others is refused.
//! - **What stays** is decided by an [`EvictionIndex`](super::EvictionIndex), under one lock, as in the cache of one
//!   thread.
//! - **Stamps**: each stored value has one of its own, never used again. Who has read a value may ask by slot and stamp
//!   whether it still stands, without its text.
//! - **Sliding**: a value may have a time for which each hit keeps it good from then on. A lookup that is not counted
//!   moves nothing.
//! - **Loads**: at most one at a time is *claimed* for a key. A holder that claims a claimed key waits, and gets its
//!   token when that load has ended, however it did: with a value, in failure, because the key was stored or removed
//!   meanwhile, or because its holder is gone. Then it looks again. A load that was overtaken stores nothing.
//! - **Time** is that of the callers, and never runs back: the latest time of any holder counts.

mod cache;
mod entries;
mod names;
mod settings;
#[cfg(all(test, not(loom)))]
mod tests;
mod value;

pub use cache::{CacheCounts, Claim, Dumped, Found, Landed, Load, Lookup, SharedCache, Stored};
pub use entries::{CacheKey, Gone, Left};
pub use names::{CacheHold, SharedCaches};
pub use settings::Differs;
pub use value::CacheValue;
