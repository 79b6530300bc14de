//! Points and the times at which they were taken, oldest first: the state of the rules that count a sliding window.
//!
//! Points taken at `t` count until `t + window`, and no longer at that time.

use std::collections::VecDeque;

use super::policy::Verdict;

/// Points, and the last time at which some of them were taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) at: u64,
    pub(super) points: u32,
}

/// The points of the last window, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub(super) ring: VecDeque<Mark>,
    /// The sum of the points.
    used: u32,
}

impl Marks {
    /// Drops the points that have left the window.
    #[inline]
    pub(super) fn forget_past(&mut self, window: u64, now: u64) {
        while let Some(mark) = self.ring.front()
            && mark.at + window <= now
        {
            self.used -= mark.points;
            self.ring.pop_front();
        }
    }

    /// Tests a cost of a quota of `limit` points, once what is past is forgotten.
    #[inline]
    pub(super) fn test(&self, limit: u32, window: u64, now: u64, cost: u32) -> Verdict {
        let remaining = limit.saturating_sub(self.used);
        let allowed = cost <= remaining;
        let retry_us =
            if allowed { 0 } else { self.freed_at(window, self.used - (limit - cost)) - now };
        Verdict {
            allowed,
            used: limit - remaining,
            remaining,
            retry_us,
            reset_us: self.idle_at(window).saturating_sub(now),
            blocked_us: 0,
        }
    }

    /// Counts points, at most as many as a sum can hold. Returns them; their mark is the caller's to make.
    #[inline]
    pub(super) fn count(&mut self, points: u32) -> u32 {
        let points = points.min(u32::MAX - self.used);
        self.used += points;
        points
    }

    /// Gives points back, the last taken first. Returns whether a mark is gone for it.
    pub(super) fn refund(&mut self, mut points: u32) -> bool {
        let before = self.ring.len();
        while points > 0
            && let Some(last) = self.ring.back_mut()
        {
            let refunded = points.min(last.points);
            last.points -= refunded;
            self.used -= refunded;
            points -= refunded;
            if last.points == 0 {
                self.ring.pop_back();
            }
        }
        self.ring.len() < before
    }

    /// Returns the time from which on no point counts.
    #[inline]
    pub(super) fn idle_at(&self, window: u64) -> u64 {
        self.ring.back().map_or(0, |last| last.at + window)
    }

    /// Returns the bytes that the marks take.
    pub(super) fn heap_bytes(&self) -> usize {
        self.ring.capacity() * size_of::<Mark>()
    }

    /// Returns when so many points have left the window.
    fn freed_at(&self, window: u64, mut points: u32) -> u64 {
        for mark in &self.ring {
            if mark.points >= points {
                return mark.at + window;
            }
            points -= mark.points;
        }
        0
    }
}
