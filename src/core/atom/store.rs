//! Shared things by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::cell::Cell;
use super::commit::{At, Value};
use super::slab::{Chunk, Place, Slab};
use super::word::Count;
use crate::core::sync::{Arc, Mutex};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value with versions.
    Atom,
    /// An integer.
    Counter,
    /// 0 or 1.
    Flag,
}

/// The name stands for something of this other kind already; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherKind(pub Kind);

/// What a [`Hold`] holds.
#[derive(Debug, Clone)]
pub enum Shared {
    /// See [`Kind::Atom`].
    Atom(Arc<Cell>),
    /// See [`Kind::Counter`].
    Counter(Arc<Count>),
    /// See [`Kind::Flag`].
    Flag(Arc<Count>),
}

impl Shared {
    fn kind(&self) -> Kind {
        match self {
            Self::Atom(_) => Kind::Atom,
            Self::Counter(_) => Kind::Counter,
            Self::Flag(_) => Kind::Flag,
        }
    }

    /// Where its word lies.
    pub fn place(&self) -> Place {
        match self {
            Self::Atom(cell) => cell.place(),
            Self::Counter(count) | Self::Flag(count) => count.place(),
        }
    }
}

type Key = (Box<str>, Box<str>);

#[derive(Debug, Default)]
struct Names {
    /// With the number of holds.
    entries: BTreeMap<Key, (Shared, usize)>,
    namespaces: u64,
}

/// What threads share, by namespace and name. A name means one thing to all that hold it at the same time; when the last
/// hold goes, the name is free and its content forgotten.
#[derive(Debug, Clone, Default)]
pub struct Store {
    names: Arc<Mutex<Names>>,
    words: Slab,
}

impl Store {
    /// Opens an atom; a new one has this initial value, one that exists keeps what it has. History: the most that any
    /// holder asked for.
    ///
    /// # Errors
    ///
    /// [`OtherKind`] when the name stands for something else.
    pub fn atom(
        &self,
        namespace: &str,
        name: &str,
        initial: Value,
        at: At,
        history: usize,
    ) -> Result<Hold, OtherKind> {
        let hold = self.open(namespace, name, Kind::Atom, |words| {
            Shared::Atom(Arc::new(Cell::new(words.take(), initial, at, history)))
        })?;
        if let Shared::Atom(cell) = &hold.shared {
            cell.keep(history);
        }
        Ok(hold)
    }

    /// Opens a counter; a new one has this initial value.
    ///
    /// # Errors
    ///
    /// [`OtherKind`] when the name stands for something else.
    pub fn counter(&self, namespace: &str, name: &str, initial: i64) -> Result<Hold, OtherKind> {
        self.open(namespace, name, Kind::Counter, |words| {
            Shared::Counter(Arc::new(Count::new(words.take(), initial)))
        })
    }

    /// Opens a flag; a new one is down, unless `raised`.
    ///
    /// # Errors
    ///
    /// [`OtherKind`] when the name stands for something else.
    pub fn flag(&self, namespace: &str, name: &str, raised: bool) -> Result<Hold, OtherKind> {
        self.open(namespace, name, Kind::Flag, |words| {
            Shared::Flag(Arc::new(Count::new(words.take(), i64::from(raised))))
        })
    }

    fn open(
        &self,
        namespace: &str,
        name: &str,
        kind: Kind,
        make: impl FnOnce(&Slab) -> Shared,
    ) -> Result<Hold, OtherKind> {
        let key: Key = (namespace.into(), name.into());
        let mut names = self.names.lock();
        let (shared, holds) =
            names.entries.entry(key.clone()).or_insert_with(|| (make(&self.words), 0));
        if shared.kind() != kind {
            return Err(OtherKind(shared.kind()));
        }
        *holds += 1;
        Ok(Hold { shared: shared.clone(), key, names: Arc::clone(&self.names) })
    }

    /// A number that no other call got: the name of a private namespace.
    pub fn namespace(&self) -> u64 {
        let mut names = self.names.lock();
        names.namespaces += 1;
        names.namespaces
    }

    /// How many names stand for something.
    pub fn len(&self) -> usize {
        self.names.lock().entries.len()
    }

    /// Whether no name stands for anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory in which words lie, by the number in their [`Place`].
    pub fn chunk(&self, number: u32) -> Option<Arc<Chunk>> {
        self.words.chunk(number)
    }
}

/// Keeps something shared alive; dropped, it lets go of it.
#[derive(Debug)]
pub struct Hold {
    shared: Shared,
    key: Key,
    names: Arc<Mutex<Names>>,
}

impl Hold {
    /// What is held.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut names = self.names.lock();
        // The content goes after the lock: it may be large.
        let mut last = None;
        if let Entry::Occupied(mut entry) = names.entries.entry(self.key.clone()) {
            entry.get_mut().1 -= 1;
            if entry.get().1 == 0 {
                last = Some(entry.remove());
            }
        }
        drop(names);
        drop(last);
    }
}
