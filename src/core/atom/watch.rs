//! Watchers: how a commit reaches those that wait for it.

use std::collections::VecDeque;

use super::cell::Cell;
use super::commit::Commit;
use crate::core::inbox::{Inbox, Token};
use crate::core::sync::{Arc, Mutex};

/// What one subscriber has not taken yet.
#[derive(Debug)]
pub(super) struct Feed {
    newest_only: bool,
    inbox: Inbox,
    token: Token,
    waiting: Mutex<VecDeque<Arc<Commit>>>,
}

impl Feed {
    /// Adds a commit; whether the subscriber has to be told, because nothing waited for it before.
    pub(super) fn offer(&self, commit: &Arc<Commit>) -> bool {
        let mut waiting = self.waiting.lock();
        let first = waiting.is_empty();
        if self.newest_only {
            waiting.clear();
        }
        waiting.push_back(Arc::clone(commit));
        first
    }

    pub(super) fn tell(&self) {
        self.inbox.post(self.token);
    }
}

/// Every commit after the one that was current when it was made: in version order, each once. It ends when dropped.
#[derive(Debug)]
pub struct Subscription {
    cell: Arc<Cell>,
    feed: Arc<Feed>,
    since: Arc<Commit>,
    batch: VecDeque<Arc<Commit>>,
}

impl Subscription {
    /// Subscribes: `inbox` gets `token` when commits begin to wait. With `newest_only`, a commit that was not taken
    /// gives way to the next one.
    pub fn new(cell: &Arc<Cell>, inbox: Inbox, token: Token, newest_only: bool) -> Self {
        let feed = Arc::new(Feed { newest_only, inbox, token, waiting: Mutex::default() });
        let since = cell.begin(Arc::clone(&feed));
        Self { cell: Arc::clone(cell), feed, since, batch: VecDeque::new() }
    }

    /// The commit that was current when the subscription was made.
    pub fn since(&self) -> &Arc<Commit> {
        &self.since
    }

    /// The next commit, if there is one. After nothing was left, the inbox is told of the next commit.
    pub fn take(&mut self) -> Option<Arc<Commit>> {
        if self.batch.is_empty() {
            // All at once, so that committers meet this lock once a batch.
            std::mem::swap(&mut self.batch, &mut *self.feed.waiting.lock());
        }
        self.batch.pop_front()
    }

    /// How many commits [`Self::take`] would give now.
    pub fn waiting(&self) -> usize {
        self.batch.len() + self.feed.waiting.lock().len()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.cell.forget(&self.feed);
    }
}
