//! Lists of subscriptions in the order in which they were made, any of which can leave at once.

use super::subscriptions::Subscription;
use crate::core::slab::Slab;

/// The end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// The ends of a list whose links are in the subscriptions themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    first: u32,
    last: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE };

    pub(super) fn is_empty(self) -> bool {
        self.first == NONE
    }

    /// Adds a subscription at the end; it is in no list.
    pub(super) fn push(&mut self, all: &mut Slab<Subscription>, slot: u32) {
        all.at_mut(slot).expect("a live subscription").before = self.last;
        match all.at_mut(self.last) {
            Some(last) => last.after = slot,
            None => self.first = slot,
        }
        self.last = slot;
    }

    /// Takes out one of the list's subscriptions.
    pub(super) fn remove(&mut self, all: &mut Slab<Subscription>, left: &Subscription) {
        match all.at_mut(left.before) {
            Some(before) => before.after = left.after,
            None => self.first = left.after,
        }
        match all.at_mut(left.after) {
            Some(after) => after.before = left.before,
            None => self.last = left.before,
        }
    }

    /// Adds the list to what was found.
    pub(super) fn collect(self, all: &Slab<Subscription>, found: &mut Vec<(u64, u32)>) {
        let mut slot = self.first;
        while let Some(subscription) = all.at(slot) {
            found.push((subscription.order, slot));
            slot = subscription.after;
        }
    }
}
