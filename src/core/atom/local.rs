//! Atoms of one thread. Their values stay in JavaScript, which finds a value by its version.
//!
//! A local atom has one committer, the thread that holds it. So the version of its next commit is certain beforehand,
//! and the thread may report its commits late and many at once. Every commit is checked all the same: one that does not
//! follow the current version is refused. No commit is lost or counted twice without a word.

use super::commit::At;
use super::versions::{Versioned, Versions};
use crate::core::slab::{Slab, handle::id};

id! {
    /// A local atom. One that was closed names nothing.
    LocalAtomId
}

/// A commit of a local atom. Its value is in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalCommit {
    /// `baseVersion` of the atom for the initial value, one more for each commit.
    pub version: u64,
    /// The time of the commit.
    pub at: At,
}

impl Versioned for LocalCommit {
    fn version(&self) -> u64 {
        self.version
    }
}

/// A commit that a thread has made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalChange {
    /// The atom that changed.
    pub atom: LocalAtomId,
    /// The commit.
    pub commit: LocalCommit,
}

/// A commit does not follow the current version of its atom. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfOrder;

/// The local atoms of one thread.
#[derive(Debug)]
pub struct LocalAtoms {
    atoms: Slab<Versions<LocalCommit>>,
}

impl Default for LocalAtoms {
    fn default() -> Self {
        Self { atoms: Slab::new() }
    }
}

impl LocalAtoms {
    /// Opens an atom with its current commit, of which it keeps the newest `history`. Returns `None` when no more fit.
    pub fn open(&mut self, initial: LocalCommit, history: usize) -> Option<LocalAtomId> {
        self.atoms.insert(Versions::new(history, initial)).map(LocalAtomId)
    }

    /// Carries out commits in order. One of an atom that was closed has no effect.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] when a commit does not follow the current version. Those that do are carried out all the same.
    pub fn commit(&mut self, changes: impl Iterator<Item = LocalChange>) -> Result<(), OutOfOrder> {
        let mut outcome = Ok(());
        let mut changes = changes.peekable();
        while let Some(LocalChange { atom, mut commit }) = changes.next() {
            let Some(versions) = self.atoms.get_mut(atom.0) else { continue };
            // Most commits in a row are of one atom.
            loop {
                if versions.commit(commit).is_err() {
                    outcome = Err(OutOfOrder);
                }
                let Some(next) = changes.next_if(|next| next.atom == atom) else { break };
                commit = next.commit;
            }
        }
        outcome
    }

    /// Carries out commits of several atoms, all or none.
    ///
    /// # Errors
    ///
    /// [`OutOfOrder`] when one of them does not follow the current version, an atom occurs twice, or is closed.
    pub fn transact(&mut self, changes: &[LocalChange]) -> Result<(), OutOfOrder> {
        let mut atoms: Vec<LocalAtomId> = changes.iter().map(|change| change.atom).collect();
        atoms.sort_unstable();
        let follows = |LocalChange { atom, commit }: &LocalChange| {
            self.version(*atom).is_some_and(|current| commit.version == current + 1)
        };
        if atoms.windows(2).any(|pair| pair[0] == pair[1]) || !changes.iter().all(follows) {
            return Err(OutOfOrder);
        }
        self.commit(changes.iter().copied())
    }

    /// Returns the current version of an atom.
    pub fn version(&self, atom: LocalAtomId) -> Option<u64> {
        self.atoms.get(atom.0).map(Versions::version)
    }

    /// Returns the commits that an atom keeps, oldest first; the last one is current.
    pub fn history(&self, atom: LocalAtomId) -> impl Iterator<Item = LocalCommit> {
        self.atoms.get(atom.0).into_iter().flat_map(Versions::kept).copied()
    }

    /// Forgets all commits of an atom but the current one.
    pub fn forget(&mut self, atom: LocalAtomId) {
        if let Some(versions) = self.atoms.get_mut(atom.0) {
            versions.forget();
        }
    }

    /// Closes an atom.
    pub fn close(&mut self, atom: LocalAtomId) {
        self.atoms.remove(atom.0);
    }

    /// Returns how many atoms are open.
    pub fn len(&self) -> usize {
        self.atoms.len()
    }

    /// Returns whether no atom is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
