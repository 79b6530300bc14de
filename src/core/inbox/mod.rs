//! Notifications from other threads to an environment, as tokio's `Notify` and a waker would deliver them.
//!
//! An [`Inbox`] belongs to one owner (an environment). Any thread posts a *token*, which the owner chose when it
//! subscribed; the owner takes tokens in the order in which they were first posted. A token that waits already is not
//! added again, so the inbox is bounded by the number of subscriptions, and the owner is woken once from empty to
//! non-empty, however much is posted. A post that comes after a take is never lost: it wakes again.

#[cfg(all(test, loom))]
mod loom_model;
#[cfg(all(test, not(loom)))]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use crate::core::sync::{Arc, Mutex};

/// A subscriber's own number.
pub type Token = u64;

/// Wakes the owner from any thread. It may be called at any time, also after the owner is gone.
pub trait Wake: Send + Sync {
    /// Makes the owner take from its inbox soon.
    fn wake(&self);
}

/// Tokens for one owner; cheap to clone, shared by all that post to it.
#[derive(Clone)]
pub struct Inbox(Arc<InboxState>);

struct InboxState {
    waiting: Mutex<Waiting>,
    waker: Box<dyn Wake>,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<Token>,
    known: BTreeSet<Token>,
}

impl Inbox {
    /// Creates an empty inbox. `waker` wakes its owner.
    pub fn new(waker: Box<dyn Wake>) -> Self {
        Self(Arc::new(InboxState { waiting: Mutex::new(Waiting::default()), waker }))
    }

    /// Adds a token unless it waits already. Wakes the owner when the inbox was empty.
    pub fn post(&self, token: Token) {
        let first = {
            let mut waiting = self.0.waiting.lock();
            let first = waiting.order.is_empty();
            if !waiting.known.insert(token) {
                return;
            }
            waiting.order.push_back(token);
            first
        };
        // Outside the lock: the owner may take at once.
        if first {
            self.0.waker.wake();
        }
    }

    /// Returns how many tokens wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.lock().order.len()
    }

    /// Takes the token that has waited longest. Only the owner takes, and it takes until there is none.
    pub fn take(&self) -> Option<Token> {
        let mut waiting = self.0.waiting.lock();
        let token = waiting.order.pop_front()?;
        waiting.known.remove(&token);
        Some(token)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inbox").field("waiting", &self.waiting()).finish()
    }
}
