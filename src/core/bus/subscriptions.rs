//! Subscriptions by identity and by topic.

use super::pattern::{Refused, parse, segments};
use super::subscription::BusSubscription;
use super::trie::Trie;
use crate::core::slab::list::Link;
use crate::core::slab::{Slab, handle::id};

id! {
    /// Names a subscription, also once it has ended.
    SubscriptionId
}

/// The subscriptions of one bus.
#[derive(Debug)]
pub struct Subscriptions {
    all: Slab<BusSubscription>,
    trie: Trie,
    subscribed: u64,
    /// The result of the last search, with the order of each.
    found: Vec<(u64, u32)>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self { all: Slab::new(), trie: Trie::default(), subscribed: 0, found: Vec::new() }
    }
}

/// A list of matches that grew beyond this length is freed after its use.
const FOUND_KEPT: usize = 4096;

impl Subscriptions {
    /// Adds a subscription: the last in the order.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why the pattern was not taken.
    pub fn subscribe(&mut self, pattern: &str) -> Result<SubscriptionId, Refused> {
        let (path, end) = parse(pattern)?;
        if !self.all.has_room() {
            return Err(Refused::Full);
        }
        let place = self.trie.place(&path, end);
        let subscription = BusSubscription { order: self.subscribed, place, link: Link::ALONE };
        let handle = self.all.insert(subscription).ok_or(Refused::Full)?;
        self.trie.list(place).push_last(&mut self.all, handle.slot);
        self.subscribed += 1;
        Ok(SubscriptionId(handle))
    }

    /// Ends a subscription. Returns whether there was one.
    pub fn unsubscribe(&mut self, id: SubscriptionId) -> bool {
        let Some(left) = self.all.remove(id.0) else { return false };
        self.trie.list(left.place).close_gap(&mut self.all, left.link);
        self.trie.prune(left.place);
        true
    }

    /// Returns the slots of the subscriptions that match a topic, in the order in which they were made.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why the topic was not taken.
    pub fn matches(&mut self, topic: &str) -> Result<impl ExactSizeIterator<Item = u32>, Refused> {
        let segments = segments(topic)?;
        self.found.clear();
        self.found.shrink_to(FOUND_KEPT);
        self.trie.find(segments, &self.all, &mut self.found);
        self.found.sort_unstable();
        Ok(self.found())
    }

    /// Returns the result of the last [`Self::matches`].
    pub fn found(&self) -> impl ExactSizeIterator<Item = u32> {
        self.found.iter().map(|&(_, slot)| slot)
    }

    /// Returns how many subscriptions there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[cfg(test)]
    pub(super) fn trie(&self) -> &Trie {
        &self.trie
    }
}
