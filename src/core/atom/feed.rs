//! The commits that one watcher has not taken yet.

use std::collections::VecDeque;

use super::commit::Commit;
use crate::core::inbox::{Inbox, Token};
use crate::core::sync::{Arc, Mutex};

/// A queue of commits between the committers and one watcher.
#[derive(Debug)]
pub(super) struct Feed {
    /// A commit replaces those that wait.
    newest_only: bool,
    inbox: Inbox,
    token: Token,
    waiting: Mutex<VecDeque<Arc<Commit>>>,
}

impl Feed {
    /// Creates an empty feed whose watcher is notified by `token` in `inbox`.
    pub(super) fn new(inbox: Inbox, token: Token, newest_only: bool) -> Self {
        Self { newest_only, inbox, token, waiting: Mutex::default() }
    }

    /// Adds a commit. Returns whether the watcher must be notified, because nothing waited for it before.
    pub(super) fn offer(&self, commit: &Arc<Commit>) -> bool {
        let mut waiting = self.waiting.lock();
        let first = waiting.is_empty();
        if self.newest_only {
            waiting.clear();
        }
        waiting.push_back(Arc::clone(commit));
        first
    }

    /// Notifies the watcher.
    pub(super) fn notify(&self) {
        self.inbox.post(self.token);
    }

    /// Exchanges the commits that wait for an empty queue.
    pub(super) fn swap(&self, empty: &mut VecDeque<Arc<Commit>>) {
        std::mem::swap(empty, &mut *self.waiting.lock());
    }

    /// Returns how many commits wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.lock().len()
    }
}
