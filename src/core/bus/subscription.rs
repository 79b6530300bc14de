//! One subscription, and where it stands in the trie.

use super::pattern::End;
use crate::core::slab::list::{Link, Linked};

/// A list of a node of the trie: that of the subscriptions whose patterns end there in the same way.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListPlace {
    pub(super) node: u32,
    pub(super) end: End,
}

/// One subscription; JavaScript knows it by its slot.
#[derive(Debug)]
pub(super) struct BusSubscription {
    /// The number of the subscription, in the order of the bus.
    pub(super) order: u64,
    pub(super) place: ListPlace,
    /// Its neighbours in that list.
    pub(super) link: Link,
}

impl Linked for BusSubscription {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}
