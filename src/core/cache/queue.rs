//! Queues of slots that know their lengths.

use crate::core::slab::list::{Link, List};

/// A list of slots and its length. The owner of the links keeps a slot in one queue at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotQueue {
    list: List,
    len: usize,
}

impl SlotQueue {
    pub(super) const EMPTY: Self = Self { list: List::EMPTY, len: 0 };

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn first(&self) -> Option<u32> {
        (!self.list.is_empty()).then_some(self.list.first())
    }

    pub(super) fn push_last(&mut self, links: &mut [Link], slot: u32) {
        self.list.push_last(links, slot);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, links: &mut [Link], slot: u32) {
        self.list.remove(links, slot);
        self.len -= 1;
    }

    pub(super) fn move_last(&mut self, links: &mut [Link], slot: u32) {
        self.list.move_last(links, slot);
    }

    /// Lists the slots from first to last.
    pub(super) fn iter<'a>(&self, links: &'a [Link]) -> impl Iterator<Item = u32> + use<'a> {
        let mut at = self.list.first();
        std::iter::from_fn(move || {
            let slot = at;
            at = links.get(slot as usize)?.after();
            Some(slot)
        })
    }
}
