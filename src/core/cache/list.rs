//! Queues of slots, linked through the slots themselves: any slot leaves its queue at once.

pub(super) const NIL: u32 = u32::MAX;

/// The neighbours of a slot in its queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    before: u32,
    after: u32,
}

impl Link {
    pub(super) const LOOSE: Self = Self { before: NIL, after: NIL };
}

/// A queue. The links are kept by the owner, who keeps a slot in one queue at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    first: u32,
    last: u32,
    len: usize,
}

impl List {
    pub(super) const EMPTY: Self = Self { first: NIL, last: NIL, len: 0 };

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NIL).then_some(self.first)
    }

    pub(super) fn push_last(&mut self, links: &mut [Link], slot: u32) {
        links[slot as usize] = Link { before: self.last, after: NIL };
        if self.last == NIL {
            self.first = slot;
        } else {
            links[self.last as usize].after = slot;
        }
        self.last = slot;
        self.len += 1;
    }

    pub(super) fn remove(&mut self, links: &mut [Link], slot: u32) {
        let Link { before, after } = links[slot as usize];
        if before == NIL {
            self.first = after;
        } else {
            links[before as usize].after = after;
        }
        if after == NIL {
            self.last = before;
        } else {
            links[after as usize].before = before;
        }
        self.len -= 1;
    }

    pub(super) fn move_last(&mut self, links: &mut [Link], slot: u32) {
        if self.last != slot {
            self.remove(links, slot);
            self.push_last(links, slot);
        }
    }

    /// From first to last.
    pub(super) fn iter<'a>(&self, links: &'a [Link]) -> impl Iterator<Item = u32> + use<'a> {
        let mut at = self.first;
        std::iter::from_fn(move || {
            let slot = at;
            at = links.get(slot as usize)?.after;
            Some(slot)
        })
    }
}
