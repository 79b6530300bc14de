//! The state machine of every atom, local or shared: which commit is current, which may follow it, and which are kept.

use std::collections::VecDeque;

/// A commit, as far as its order is concerned.
pub(super) trait Versioned {
    /// Returns its version: one more than that of the commit before it.
    fn version(&self) -> u64;
}

/// The newest commits of an atom in version order. The last one is current. There is always one.
#[derive(Debug)]
pub(super) struct Versions<C> {
    size: usize,
    /// The version of the current commit.
    version: u64,
    commits: VecDeque<C>,
}

impl<C: Versioned> Versions<C> {
    /// Starts with a commit. Keeps `size` commits, the current one included; at least one.
    pub(super) fn new(size: usize, initial: C) -> Self {
        Self { size: size.max(1), version: initial.version(), commits: VecDeque::from([initial]) }
    }

    /// Returns the version of the current commit.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Makes a commit the current one. Returns the oldest commit, if it is forgotten for it.
    ///
    /// # Errors
    ///
    /// The commit itself, when its version does not follow the current one; nothing changes.
    pub(super) fn commit(&mut self, commit: C) -> Result<Option<C>, C> {
        if commit.version() != self.version + 1 {
            return Err(commit);
        }
        self.version += 1;
        let full = self.commits.len() == self.size;
        let oldest = if full { self.commits.pop_front() } else { None };
        self.commits.push_back(commit);
        Ok(oldest)
    }

    /// Forgets all commits but the current one.
    pub(super) fn forget(&mut self) {
        self.commits.drain(..self.commits.len() - 1);
    }

    /// Keeps at least so many commits from now on. Never fewer: another holder may have asked for more.
    pub(super) fn at_least(&mut self, size: usize) {
        self.size = self.size.max(size);
    }

    /// Returns the commits that are kept, oldest first.
    pub(super) fn kept(&self) -> impl ExactSizeIterator<Item = &C> {
        self.commits.iter()
    }
}
