//! Shared caches by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::{Limits, Policy};
use super::cache::SharedCache;
use crate::core::sync::{Arc, Mutex};

/// The name stands for a cache of other limits or another policy; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// In how many entries it keeps.
    Entries,
    /// In how many bytes it keeps.
    Bytes,
    /// In what goes when there is no room.
    Policy,
}

type Name = (Box<str>, Box<str>);

#[derive(Debug, Default)]
struct Table {
    /// With the number of holds.
    caches: BTreeMap<Name, (Arc<SharedCache>, usize)>,
    holders: u64,
}

/// What threads share, by namespace and name.
#[derive(Debug, Clone, Default)]
pub struct SharedCaches(Arc<Mutex<Table>>);

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
        limits: Limits,
        policy: Policy,
        seed: u64,
    ) -> Result<Hold, Differs> {
        let name: Name = (namespace.into(), name.into());
        let mut table = self.0.lock();
        table.holders += 1;
        let holder = table.holders;
        let (cache, holds) = table
            .caches
            .entry(name.clone())
            .or_insert_with(|| (Arc::new(SharedCache::new(limits, policy, seed)), 0));
        cache.agrees(limits, policy)?;
        *holds += 1;
        let cache = Arc::clone(cache);
        drop(table);
        Ok(Hold { cache, holder, name, names: Arc::clone(&self.0) })
    }

    /// How many names stand for a cache.
    pub fn len(&self) -> usize {
        self.0.lock().caches.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Keeps a shared cache alive; dropped, it lets go of it, and others may take over what its holder loads.
#[derive(Debug)]
pub struct Hold {
    cache: Arc<SharedCache>,
    holder: u64,
    name: Name,
    names: Arc<Mutex<Table>>,
}

impl Hold {
    /// What is held.
    pub fn cache(&self) -> &SharedCache {
        &self.cache
    }

    /// Who holds it: a number of its own.
    pub fn holder(&self) -> u64 {
        self.holder
    }
}

impl Drop for Hold {
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
