//! The sliding window counter: this window's count, and the last one's as far as it still reaches into the window.
//!
//! Windows are aligned to the limiter's own beginning. At `e` microseconds into one, the estimate is
//! `last × (window − e) / window + this`: exact if the last window's points came evenly.

use super::policy::{RatePolicy, Verdict};

/// The points of a window and of the one before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WindowCounts {
    window: u64,
    current: u32,
    previous: u32,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    limit: u32,
    window: u64,
}

impl Counter {
    pub(super) fn new(limit: u32, window: u64) -> Self {
        Self { limit, window }
    }

    #[inline]
    fn roll(&self, counts: &mut WindowCounts, now: u64) {
        let window = now / self.window;
        if window == counts.window {
            return;
        }
        let previous = if window == counts.window + 1 { counts.current } else { 0 };
        *counts = WindowCounts { window, current: 0, previous };
    }

    fn worth(&self, points: u32) -> u128 {
        u128::from(points) * u128::from(self.window)
    }

    /// Returns the first microsecond of a window at which `fading` points of the window before are at most `room`.
    #[expect(clippy::cast_possible_truncation, reason = "at most the window")]
    fn faded_at(&self, fading: u32, room: u32) -> u64 {
        let reach = self.worth(room) / u128::from(fading.max(1));
        self.window - reach.min(u128::from(self.window)) as u64
    }
}

impl RatePolicy for Counter {
    type State = WindowCounts;

    fn capacity(&self) -> u32 {
        self.limit
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most the limit")]
    #[inline]
    fn test(&self, counts: &mut WindowCounts, now: u64, cost: u32) -> Verdict {
        self.roll(counts, now);
        let WindowCounts { current, previous, .. } = *counts;
        let elapsed = now % self.window;
        let estimate =
            u128::from(previous) * u128::from(self.window - elapsed) + self.worth(current);
        let remaining =
            (self.worth(self.limit).saturating_sub(estimate) / u128::from(self.window)) as u32;
        let retry_us = if cost <= remaining {
            0
        } else if let Some(room) = self.limit.checked_sub(current.saturating_add(cost)) {
            self.faded_at(previous, room) - elapsed
        } else {
            self.window - elapsed + self.faded_at(current, self.limit - cost)
        };
        Verdict {
            allowed: cost <= remaining,
            used: self.limit - remaining,
            remaining,
            retry_us,
            reset_us: self.idle_at(counts).saturating_sub(now),
            blocked_us: 0,
        }
    }

    #[inline]
    fn consume(&self, counts: &mut WindowCounts, now: u64, points: u32) {
        self.roll(counts, now);
        counts.current = counts.current.saturating_add(points);
    }

    fn refund(&self, counts: &mut WindowCounts, now: u64, points: u32) {
        self.roll(counts, now);
        let rest = points.saturating_sub(counts.current);
        counts.current = counts.current.saturating_sub(points);
        counts.previous = counts.previous.saturating_sub(rest);
    }

    fn idle_at(&self, counts: &WindowCounts) -> u64 {
        match (counts.current, counts.previous) {
            (0, 0) => 0,
            (0, _) => (counts.window + 1) * self.window,
            _ => (counts.window + 2) * self.window,
        }
    }

    fn heap_bytes(_: &WindowCounts) -> usize {
        0
    }
}
