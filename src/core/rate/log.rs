//! The exact sliding window: every admission of the last window, in a ring.

use super::marks::{Mark, Marks};
use super::policy::{RatePolicy, Verdict};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct SlidingLog {
    limit: u32,
    window: u64,
}

impl SlidingLog {
    pub(super) fn new(limit: u32, window: u64) -> Self {
        Self { limit, window }
    }
}

impl RatePolicy for SlidingLog {
    type State = Marks;

    fn capacity(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn test(&self, marks: &mut Marks, now: u64, cost: u32) -> Verdict {
        marks.forget_past(self.window, now);
        marks.test(self.limit, self.window, now, cost)
    }

    #[inline]
    fn consume(&self, marks: &mut Marks, now: u64, points: u32) {
        marks.forget_past(self.window, now);
        let points = marks.count(points);
        let is_full = marks.ring.len() >= self.limit as usize;
        match marks.ring.back_mut() {
            // Only penalties can fill the ring beyond its quota; they make the last mark later and larger.
            Some(last) if last.at == now || is_full => {
                last.at = now;
                last.points += points;
            }
            _ => marks.ring.push_back(Mark { at: now, points }),
        }
    }

    fn refund(&self, marks: &mut Marks, now: u64, points: u32) {
        marks.forget_past(self.window, now);
        marks.refund(points);
    }

    fn idle_at(&self, marks: &Marks) -> u64 {
        marks.idle_at(self.window)
    }

    fn heap_bytes(marks: &Marks) -> usize {
        marks.heap_bytes()
    }
}
