//! Doubly linked lists of slots. A slot enters at the end and leaves from anywhere, in constant time.
//!
//! The links lie in the table that owns the slots, so that a list costs no memory of its own. A slot is in one list of
//! its table at a time.

use super::Slab;

/// No slot: the mark at either end of a list.
pub(crate) const NIL: u32 = u32::MAX;

/// The neighbours of a slot in its list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    before: u32,
    after: u32,
}

impl Link {
    /// The link of a slot that is in no list, or alone in one.
    pub(crate) const ALONE: Self = Self { before: NIL, after: NIL };

    /// Returns the slot behind this one, or [`NIL`].
    pub(crate) fn after(self) -> u32 {
        self.after
    }
}

/// A table with a [`Link`] for each of its slots. [`NIL`] has none.
pub(crate) trait Links {
    /// Returns the link of a slot.
    fn link(&mut self, slot: u32) -> Option<&mut Link>;
}

impl Links for [Link] {
    fn link(&mut self, slot: u32) -> Option<&mut Link> {
        self.get_mut(slot as usize)
    }
}

/// A value of a slab that carries the link of its slot.
pub(crate) trait Linked {
    /// Returns the link.
    fn link(&mut self) -> &mut Link;
}

impl<T: Linked> Links for Slab<T> {
    fn link(&mut self, slot: u32) -> Option<&mut Link> {
        self.at_mut(slot).map(Linked::link)
    }
}

/// The two ends of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    first: u32,
    last: u32,
}

impl List {
    /// A list without slots.
    pub(crate) const EMPTY: Self = Self { first: NIL, last: NIL };

    /// Returns whether no slot is in the list.
    pub(crate) fn is_empty(self) -> bool {
        self.first == NIL
    }

    /// Returns the first slot, or [`NIL`].
    pub(crate) fn first(self) -> u32 {
        self.first
    }

    /// Returns the last slot, or [`NIL`].
    pub(crate) fn last(self) -> u32 {
        self.last
    }

    /// Adds a slot at the end. It must be in no list.
    pub(crate) fn push_last<L: Links + ?Sized>(&mut self, links: &mut L, slot: u32) {
        match links.link(self.last) {
            Some(last) => last.after = slot,
            None => self.first = slot,
        }
        if let Some(link) = links.link(slot) {
            *link = Link { before: self.last, after: NIL };
        }
        self.last = slot;
    }

    /// Takes a slot out. It must be in this list.
    pub(crate) fn remove<L: Links + ?Sized>(&mut self, links: &mut L, slot: u32) {
        if let Some(link) = links.link(slot) {
            let link = *link;
            self.close_gap(links, link);
        }
    }

    /// Joins the neighbours of a slot that its table has given up already.
    pub(crate) fn close_gap<L: Links + ?Sized>(&mut self, links: &mut L, gap: Link) {
        let Link { before, after } = gap;
        match links.link(before) {
            Some(link) => link.after = after,
            None => self.first = after,
        }
        match links.link(after) {
            Some(link) => link.before = before,
            None => self.last = before,
        }
    }

    /// Makes a slot of this list its last.
    pub(crate) fn move_last<L: Links + ?Sized>(&mut self, links: &mut L, slot: u32) {
        if self.last != slot {
            self.remove(links, slot);
            self.push_last(links, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slots(list: List, links: &mut [Link]) -> Vec<u32> {
        let mut all = Vec::new();
        let mut at = list.first();
        while let Some(link) = links.link(at) {
            all.push(at);
            at = link.after();
        }
        all
    }

    proptest! {
        #[test]
        fn keeps_the_order_of_entry(steps in prop::collection::vec((0_u32..8, 0..3_u8), 1..60)) {
            let mut links = [Link::ALONE; 8];
            let mut list = List::EMPTY;
            let mut model: Vec<u32> = Vec::new();
            for (slot, step) in steps {
                let is_in = model.contains(&slot);
                match (step, is_in) {
                    (0, true) => list.remove(&mut links[..], slot),
                    (1, true) => list.move_last(&mut links[..], slot),
                    (_, true) => {}
                    (_, false) => list.push_last(&mut links[..], slot),
                }
                if !is_in || step < 2 {
                    model.retain(|other| *other != slot);
                }
                if !is_in || step == 1 {
                    model.push(slot);
                }
                prop_assert_eq!(&slots(list, &mut links), &model);
                prop_assert_eq!(list.is_empty(), model.is_empty());
                prop_assert_eq!(list.last(), model.last().copied().unwrap_or(NIL));
            }
        }
    }
}
