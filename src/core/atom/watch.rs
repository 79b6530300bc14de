//! Watchers: how a commit reaches those that wait for it.

use std::collections::VecDeque;

use super::cell::AtomCell;
use super::commit::Commit;
use super::feed::Feed;
use crate::core::inbox::{Inbox, Token};
use crate::core::sync::Arc;

/// Every commit after the one that was current at the subscription: in version order, each once. It ends when dropped.
#[derive(Debug)]
pub struct Subscription {
    cell: Arc<AtomCell>,
    feed: Arc<Feed>,
    since: Arc<Commit>,
    batch: VecDeque<Arc<Commit>>,
}

impl Subscription {
    /// Subscribes: `inbox` gets `token` when commits begin to wait. With `newest_only`, a commit that was not taken
    /// gives way to the next one.
    pub fn new(cell: &Arc<AtomCell>, inbox: Inbox, token: Token, newest_only: bool) -> Self {
        let feed = Arc::new(Feed::new(inbox, token, newest_only));
        let since = cell.begin(Arc::clone(&feed));
        Self { cell: Arc::clone(cell), feed, since, batch: VecDeque::new() }
    }

    /// Returns the commit that was current when the subscription was made.
    pub fn since(&self) -> &Arc<Commit> {
        &self.since
    }

    /// Returns the next commit, if there is one. After it has returned `None`, the next commit rings the inbox.
    pub fn take(&mut self) -> Option<Arc<Commit>> {
        if self.batch.is_empty() {
            // All at once, so that committers meet this lock once a batch.
            self.feed.swap(&mut self.batch);
        }
        self.batch.pop_front()
    }

    /// Returns how many commits [`Self::take`] would give now.
    pub fn waiting(&self) -> usize {
        self.batch.len() + self.feed.waiting()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.cell.forget(&self.feed);
    }
}
