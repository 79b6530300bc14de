//! Shared caches by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::{CacheLimits, EvictionPolicy};
use super::cache::SharedCache;
use super::settings::{CacheSettings, Differs};
use crate::core::sync::{Arc, Mutex};

type Name = (Box<str>, Box<str>);

#[derive(Debug, Default)]
struct NamedCaches {
    /// With the number of holds.
    caches: BTreeMap<Name, (Arc<SharedCache>, usize)>,
    holders: u64,
}

/// The caches that threads share, by namespace and name.
#[derive(Debug, Clone, Default)]
pub struct SharedCaches(Arc<Mutex<NamedCaches>>);

impl SharedCaches {
    /// Opens the cache of a name; a new one has these limits and this seed, which hides which keys meet in its tables.
    ///
    /// # Errors
    ///
    /// [`Differs`] when it exists with others.
    pub fn open(
        &self,
        namespace: &str,
        name: &str,
        limits: CacheLimits,
        policy: EvictionPolicy,
        seed: u64,
    ) -> Result<CacheHold, Differs> {
        let name: Name = (namespace.into(), name.into());
        let settings = CacheSettings { limits, policy };
        let mut table = self.0.lock();
        table.holders += 1;
        let holder = table.holders;
        let (cache, holds) = table
            .caches
            .entry(name.clone())
            .or_insert_with(|| (Arc::new(SharedCache::new(settings, seed)), 0));
        cache.settings().agree(settings)?;
        *holds += 1;
        let cache = Arc::clone(cache);
        drop(table);
        Ok(CacheHold { cache, holder, name, names: Arc::clone(&self.0) })
    }

    /// Returns how many caches there are.
    pub fn len(&self) -> usize {
        self.0.lock().caches.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Keeps a shared cache alive. Dropping it lets go of the cache, and others may take over the loads of its holder.
#[derive(Debug)]
pub struct CacheHold {
    cache: Arc<SharedCache>,
    holder: u64,
    name: Name,
    names: Arc<Mutex<NamedCaches>>,
}

impl CacheHold {
    /// Returns the cache.
    pub fn cache(&self) -> &SharedCache {
        &self.cache
    }

    /// Returns the number of this hold, which no other has.
    pub fn holder(&self) -> u64 {
        self.holder
    }
}

impl Drop for CacheHold {
    fn drop(&mut self) {
        self.cache.release(self.holder);
        let mut table = self.names.lock();
        // The content goes after the lock: it may be large.
        let mut last = None;
        if let Entry::Occupied(mut entry) = table.caches.entry(self.name.clone()) {
            entry.get_mut().1 -= 1;
            if entry.get().1 == 0 {
                last = Some(entry.remove());
            }
        }
        drop(table);
        drop(last);
    }
}
