//! Deadlines in exact order, each removable in O(log n) and without allocating once grown.

use crate::core::slab::Slab;

/// The position of a value that has no deadline in the heap.
pub(crate) const UNSCHEDULED: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct HeapNode {
    at: f64,
    /// Insertion order: equal deadlines fire first in, first out.
    order: u64,
    slot: u32,
}

impl HeapNode {
    fn before(&self, other: &Self) -> bool {
        self.at < other.at || (self.at == other.at && self.order < other.order)
    }
}

/// A value that knows where its deadline stands.
pub(crate) trait Scheduled {
    fn position(&self) -> u32;
    fn set_position(&mut self, position: u32);
}

/// A 4-ary heap over slots of a slab. Late deadlines stay at the bottom, so that the usual push (latest of
/// all) and the usual removal (long before the deadline) move almost nothing.
#[derive(Debug)]
pub(crate) struct Deadlines {
    heap: Vec<HeapNode>,
    order: u64,
}

impl Deadlines {
    pub(crate) const fn new() -> Self {
        Self { heap: Vec::new(), order: 0 }
    }

    /// Returns the earliest deadline, infinity if there is none.
    pub(crate) fn earliest(&self) -> f64 {
        self.heap.first().map_or(f64::INFINITY, |node| node.at)
    }

    /// Returns the slot whose deadline is due at `now`.
    pub(crate) fn due(&self, now: f64) -> Option<u32> {
        self.heap.first().filter(|node| node.at <= now).map(|node| node.slot)
    }

    /// Adds a deadline. Infinite ones are not kept.
    pub(crate) fn push<T: Scheduled>(&mut self, slab: &mut Slab<T>, slot: u32, at: f64) {
        if at < f64::INFINITY {
            self.order += 1;
            let node = HeapNode { at, order: self.order, slot };
            self.heap.push(node);
            self.sift_up(slab, self.heap.len() - 1, node);
        } else if let Some(value) = slab.at_mut(slot) {
            value.set_position(UNSCHEDULED);
        }
    }

    pub(crate) fn remove<T: Scheduled>(&mut self, slab: &mut Slab<T>, position: u32) {
        let position = position as usize;
        if position >= self.heap.len() {
            return;
        }
        let gone = self.heap.swap_remove(position);
        if let Some(value) = slab.at_mut(gone.slot) {
            value.set_position(UNSCHEDULED);
        }
        if position < self.heap.len() {
            let moved = self.heap[position];
            if moved.before(&gone) {
                self.sift_up(slab, position, moved);
            } else {
                self.sift_down(slab, position, moved);
            }
        }
    }

    /// Takes the deadline of a slot out, if it has one.
    pub(crate) fn cancel<T: Scheduled>(&mut self, slab: &mut Slab<T>, slot: u32) {
        if let Some(position) = slab.at(slot).map(Scheduled::position) {
            self.remove(slab, position);
        }
    }

    fn place<T: Scheduled>(&mut self, slab: &mut Slab<T>, position: usize, node: HeapNode) {
        self.heap[position] = node;
        if let Some(value) = slab.at_mut(node.slot) {
            value.set_position(u32::try_from(position).unwrap_or(UNSCHEDULED));
        }
    }

    fn sift_up<T: Scheduled>(&mut self, slab: &mut Slab<T>, mut position: usize, node: HeapNode) {
        while position > 0 {
            let parent = (position - 1) / 4;
            if !node.before(&self.heap[parent]) {
                break;
            }
            let above = self.heap[parent];
            self.place(slab, position, above);
            position = parent;
        }
        self.place(slab, position, node);
    }

    fn sift_down<T: Scheduled>(&mut self, slab: &mut Slab<T>, mut position: usize, node: HeapNode) {
        loop {
            let first = 4 * position + 1;
            let last = (first + 4).min(self.heap.len());
            let Some(best) =
                (first..last).reduce(|a, b| if self.heap[b].before(&self.heap[a]) { b } else { a })
            else {
                break;
            };
            if !self.heap[best].before(&node) {
                break;
            }
            let below = self.heap[best];
            self.place(slab, position, below);
            position = best;
        }
        self.place(slab, position, node);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Deadlines, Scheduled, Slab};

    #[derive(Debug)]
    struct Item(u32);
    impl Scheduled for Item {
        fn position(&self) -> u32 {
            self.0
        }
        fn set_position(&mut self, position: u32) {
            self.0 = position;
        }
    }

    proptest! {
        #[test]
        fn fires_in_deadline_then_insertion_order_whatever_was_removed(
            ops in prop::collection::vec((0_u8..20, any::<bool>()), 0..120)
        ) {
            let (mut slab, mut heap) = (Slab::<Item>::new(), Deadlines::new());
            let mut model: Vec<(u8, usize, u32)> = Vec::new();
            for (i, (at, remove)) in ops.into_iter().enumerate() {
                if remove && !model.is_empty() {
                    let (_, _, slot) = model.remove(usize::from(at) % model.len());
                    let position = slab.at(slot).expect("live").position();
                    heap.remove(&mut slab, position);
                    let handle = slab.handle(slot).expect("live");
                    slab.remove(handle);
                } else {
                    let handle = slab.insert(Item(0)).expect("room");
                    heap.push(&mut slab, handle.slot, f64::from(at));
                    model.push((at, i, handle.slot));
                }
            }
            model.sort_unstable();
            for (at, _, slot) in model {
                prop_assert_eq!(heap.earliest(), f64::from(at));
                prop_assert_eq!(heap.due(f64::from(at)), Some(slot));
                let position = slab.at(slot).expect("live").position();
                heap.remove(&mut slab, position);
            }
            prop_assert_eq!(heap.earliest(), f64::INFINITY);
        }
    }
}
