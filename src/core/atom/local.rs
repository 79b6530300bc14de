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

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn commit(version: u64) -> LocalCommit {
        LocalCommit { version, at: At { wall: version as f64, mono: 0.0 } }
    }

    fn change(atom: LocalAtomId, version: u64) -> LocalChange {
        LocalChange { atom, commit: commit(version) }
    }

    fn kept(atoms: &LocalAtoms, atom: LocalAtomId) -> Vec<u64> {
        atoms.history(atom).map(|commit| commit.version).collect()
    }

    fn two() -> (LocalAtoms, LocalAtomId, LocalAtomId) {
        let mut atoms = LocalAtoms::default();
        let first = atoms.open(commit(0), 2).expect("room");
        let second = atoms.open(commit(5), 3).expect("room");
        (atoms, first, second)
    }

    #[test]
    fn carries_out_what_follows_and_refuses_the_rest() {
        let (mut atoms, first, second) = two();
        let changes = [change(first, 1), change(first, 3), change(first, 2), change(second, 6)];
        assert_eq!(atoms.commit(changes.into_iter()), Err(OutOfOrder));
        assert_eq!((kept(&atoms, first), kept(&atoms, second)), (vec![1, 2], vec![5, 6]));
        assert_eq!(atoms.commit([change(first, 3)].into_iter()), Ok(()));
        atoms.forget(first);
        assert_eq!(kept(&atoms, first), [3]);
    }

    #[test]
    fn a_closed_atom_takes_no_commits_and_its_id_names_nothing_else() {
        let (mut atoms, first, second) = two();
        atoms.close(first);
        let third = atoms.open(commit(0), 1).expect("room");
        assert_eq!(first.slot(), third.slot());
        assert_eq!(atoms.commit([change(first, 1), change(second, 6)].into_iter()), Ok(()));
        assert_eq!((kept(&atoms, first), kept(&atoms, third)), (vec![], vec![0]));
        assert_eq!((atoms.len(), atoms.is_empty()), (2, false));
    }

    #[test]
    fn a_transaction_commits_all_or_none() {
        let (mut atoms, first, second) = two();
        for refused in [
            vec![change(first, 1), change(second, 7)],
            vec![change(first, 1), change(second, 6), change(first, 2)],
            vec![change(first, 1), change(LocalAtomId::from_f64(1e9), 1)],
        ] {
            assert_eq!(atoms.transact(&refused), Err(OutOfOrder));
            assert_eq!((kept(&atoms, first), kept(&atoms, second)), (vec![0], vec![5]));
        }
        assert_eq!(atoms.transact(&[change(second, 6), change(first, 1)]), Ok(()));
        assert_eq!((kept(&atoms, first), kept(&atoms, second)), (vec![0, 1], vec![5, 6]));
    }

    proptest! {
        /// Commits and transactions of three atoms, of which some are out of order.
        #[test]
        fn keeps_the_newest_versions_of_each(
            ops in prop::collection::vec((0..3_usize, 0..3_usize, 0..8_u64, any::<bool>()), 0..80),
        ) {
            let mut atoms = LocalAtoms::default();
            let ids: Vec<LocalAtomId> =
                (1..4).filter_map(|history| atoms.open(commit(0), history)).collect();
            let mut current = [0_u64; 3];
            for (one, other, skew, together) in ops {
                let next = |place: usize, current: &[u64; 3]| current[place] + 1 + skew / 7;
                let changes = [
                    change(ids[one], next(one, &current)),
                    change(ids[other], next(other, &current)),
                ];
                if together {
                    let fits = one != other && skew < 7;
                    prop_assert_eq!(atoms.transact(&changes).is_ok(), fits);
                    if fits {
                        current[one] += 1;
                        current[other] += 1;
                    }
                } else {
                    let fits = skew < 7;
                    prop_assert_eq!(atoms.commit(changes.into_iter()).is_ok(), fits && one != other);
                    if fits {
                        current[one] += 1;
                        if one != other {
                            current[other] += 1;
                        }
                    }
                }
                for (place, id) in ids.iter().enumerate() {
                    prop_assert_eq!(atoms.version(*id), Some(current[place]));
                    let oldest = current[place].saturating_sub(place as u64);
                    let wanted: Vec<u64> = (oldest..=current[place]).collect();
                    prop_assert_eq!(kept(&atoms, *id), wanted);
                }
            }
        }
    }
}
