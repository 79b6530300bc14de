//! Shared things by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::cell::AtomCell;
use super::commit::{At, AtomValue};
use super::slab::{Chunk, WordPlace, WordSlab};
use super::word::Count;
use crate::core::sync::{Arc, Mutex};

/// The kinds of shared atoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtomKind {
    /// A value with versions.
    Atom,
    /// An integer.
    Counter,
    /// 0 or 1.
    Flag,
}

/// The kind that the name stands for already. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherKind(pub AtomKind);

/// The atom that an [`AtomHold`] holds.
#[derive(Debug, Clone)]
pub enum SharedAtom {
    /// See [`AtomKind::Atom`].
    Atom(Arc<AtomCell>),
    /// See [`AtomKind::Counter`].
    Counter(Arc<Count>),
    /// See [`AtomKind::Flag`].
    Flag(Arc<Count>),
}

impl SharedAtom {
    fn kind(&self) -> AtomKind {
        match self {
            Self::Atom(_) => AtomKind::Atom,
            Self::Counter(_) => AtomKind::Counter,
            Self::Flag(_) => AtomKind::Flag,
        }
    }

    /// Returns the place of its word.
    pub fn place(&self) -> WordPlace {
        match self {
            Self::Atom(cell) => cell.place(),
            Self::Counter(count) | Self::Flag(count) => count.place(),
        }
    }
}

type AtomName = (Box<str>, Box<str>);

#[derive(Debug, Default)]
struct NamedAtoms {
    /// With the number of holds.
    entries: BTreeMap<AtomName, (SharedAtom, usize)>,
    namespaces: u64,
}

/// The shared atoms by namespace and name. A name means one atom to all that hold it at the same time; when the last
/// hold goes, the name is free and its content forgotten.
#[derive(Debug, Clone, Default)]
pub struct Store {
    names: Arc<Mutex<NamedAtoms>>,
    words: WordSlab,
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
        initial: AtomValue,
        at: At,
        history: usize,
    ) -> Result<AtomHold, OtherKind> {
        let hold = self.open(namespace, name, AtomKind::Atom, |words| {
            SharedAtom::Atom(Arc::new(AtomCell::new(words.take(), initial, at, history)))
        })?;
        if let SharedAtom::Atom(cell) = &hold.shared {
            cell.keep(history);
        }
        Ok(hold)
    }

    /// Opens a counter; a new one has this initial value.
    ///
    /// # Errors
    ///
    /// [`OtherKind`] when the name stands for something else.
    pub fn counter(
        &self,
        namespace: &str,
        name: &str,
        initial: i64,
    ) -> Result<AtomHold, OtherKind> {
        self.open(namespace, name, AtomKind::Counter, |words| {
            SharedAtom::Counter(Arc::new(Count::new(words.take(), initial)))
        })
    }

    /// Opens a flag; a new one is down, unless `raised`.
    ///
    /// # Errors
    ///
    /// [`OtherKind`] when the name stands for something else.
    pub fn flag(&self, namespace: &str, name: &str, raised: bool) -> Result<AtomHold, OtherKind> {
        self.open(namespace, name, AtomKind::Flag, |words| {
            SharedAtom::Flag(Arc::new(Count::new(words.take(), i64::from(raised))))
        })
    }

    fn open(
        &self,
        namespace: &str,
        name: &str,
        kind: AtomKind,
        make: impl FnOnce(&WordSlab) -> SharedAtom,
    ) -> Result<AtomHold, OtherKind> {
        let key: AtomName = (namespace.into(), name.into());
        let mut names = self.names.lock();
        let (shared, holds) =
            names.entries.entry(key.clone()).or_insert_with(|| (make(&self.words), 0));
        if shared.kind() != kind {
            return Err(OtherKind(shared.kind()));
        }
        *holds += 1;
        Ok(AtomHold { shared: shared.clone(), key, names: Arc::clone(&self.names) })
    }

    /// Returns a number that no other call gets: the name of a private namespace.
    pub fn namespace(&self) -> u64 {
        let mut names = self.names.lock();
        names.namespaces += 1;
        names.namespaces
    }

    /// Returns how many names are in use.
    pub fn len(&self) -> usize {
        self.names.lock().entries.len()
    }

    /// Returns whether no name is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the memory in which words lie, by the number in their [`WordPlace`].
    pub fn chunk(&self, number: u32) -> Option<Arc<Chunk>> {
        self.words.chunk(number)
    }
}

/// Keeps something shared alive; dropped, it lets go of it.
#[derive(Debug)]
pub struct AtomHold {
    shared: SharedAtom,
    key: AtomName,
    names: Arc<Mutex<NamedAtoms>>,
}

impl AtomHold {
    /// Returns the atom.
    pub fn shared(&self) -> &SharedAtom {
        &self.shared
    }
}

impl Drop for AtomHold {
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
