//! Events of a simulation, by time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Debug, Clone, Copy)]
struct Timed<T> {
    at: f64,
    order: u64,
    event: T,
}

impl<T> PartialEq for Timed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl<T> Eq for Timed<T> {}

impl<T> PartialOrd for Timed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Timed<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The earliest comes first out of a max-heap.
        other.at.total_cmp(&self.at).then(other.order.cmp(&self.order))
    }
}

/// Gives events back in the order of their times; events of one time in the order in which they were added.
///
/// ```
/// use keelson::core::clock::EventQueue;
///
/// let mut events = EventQueue::default();
/// events.push(20.0, "late");
/// events.push(10.0, "early");
/// assert_eq!(events.next_at(), Some(10.0));
/// assert_eq!(events.pop(), Some((10.0, "early")));
/// ```
#[derive(Debug)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Timed<T>>,
    pushed: u64,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), pushed: 0 }
    }
}

impl<T> EventQueue<T> {
    /// Adds an event at a time.
    pub fn push(&mut self, at: f64, event: T) {
        self.pushed += 1;
        self.heap.push(Timed { at, order: self.pushed, event });
    }

    /// Returns the time of the next event.
    pub fn next_at(&self) -> Option<f64> {
        self.heap.peek().map(|next| next.at)
    }

    /// Takes the next event and its time.
    pub fn pop(&mut self) -> Option<(f64, T)> {
        self.heap.pop().map(|next| (next.at, next.event))
    }
}
