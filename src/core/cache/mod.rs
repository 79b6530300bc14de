//! Decides by slot which entries of a cache stay. Keys and values lie with the caller.
//!
//! - **Limits** hold after every operation: so many entries, so many bytes. An entry that would not fit alone is
//!   refused.
//! - **Time**: an entry expires when its time has come (`until <= now`). When room is needed, expired entries go first;
//!   otherwise one stays until it is swept. Deadlines are in a queue of their own, so a sweep costs what it removes.
//! - **LRU** evicts exactly the entry that was stored, updated or touched the longest time ago.
//! - **S3-FIFO** has two queues. New entries join *small*. One that reaches its front unused is evicted and leaves its
//!   hash as a *ghost*; a used one moves on to *main*. In main, a used entry that reaches the front goes to the back
//!   with one use less. An unused one is evicted and leaves a ghost too. An entry that is stored while its ghost is
//!   there goes to main at once. Small gives up entries first while it is *full*: while it has its share of the limits.
//!   A use writes one byte and moves nothing. (Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache
//!   eviction", SOSP 2023. One use is enough here, where the paper wants two: measured, better on each kind of trace.)
//! - **The share of small adapts**, as it does not in the paper: a tenth keeps scans out, but is too little where the
//!   popular keys change. A request for a ghost of small shows that small was too short; one for a ghost of main, that
//!   main was. Each moves the share by one entry, within 5 to 90 %. Either queue has half as many ghosts as there are
//!   entries.
//!
//! [`shared`] is a whole cache, for several threads, around the same index.
//!
//! The same operations give the same victims in the same order, whatever the machine.

mod eviction;
mod ghosts;
#[cfg(all(test, not(loom)))]
mod model_test;
mod queue;
pub mod shared;
mod table;
#[cfg(all(test, not(loom)))]
mod traces_test;

pub use eviction::{CacheLimits, EvictionIndex, EvictionPolicy, HOT, Heat, New, RemovalReason};
