//! The last commits of a cell.

use std::collections::VecDeque;

use super::commit::Commit;
use crate::core::sync::Arc;

/// The newest commits in version order, the current one included; the oldest goes first.
#[derive(Debug)]
pub(super) struct History {
    size: usize,
    commits: VecDeque<Arc<Commit>>,
}

impl History {
    pub(super) fn new(size: usize, initial: Arc<Commit>) -> Self {
        Self { size: size.max(1), commits: VecDeque::from([initial]) }
    }

    /// Adds a commit; the one that goes for it.
    pub(super) fn push(&mut self, commit: Arc<Commit>) -> Option<Arc<Commit>> {
        let full = self.commits.len() == self.size;
        let oldest = if full { self.commits.pop_front() } else { None };
        self.commits.push_back(commit);
        oldest
    }

    /// Keeps at least so many from now on. Never fewer: another holder may have asked for more.
    pub(super) fn at_least(&mut self, size: usize) {
        self.size = self.size.max(size);
    }

    pub(super) fn list(&self) -> Vec<Arc<Commit>> {
        self.commits.iter().cloned().collect()
    }
}
