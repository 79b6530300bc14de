//! The exact sliding window: every admission of the last window, in a ring.

use std::collections::VecDeque;

use super::policy::{RatePolicy, Verdict};

/// The points of one moment.
#[derive(Debug, Clone, Copy)]
struct LogEntry {
    at: u64,
    points: u32,
}

/// The points of the last window, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct LogEntries {
    ring: VecDeque<LogEntry>,
    used: u32,
}

/// See the module. What was taken at `t` counts until `t + window`, and there not any more.
#[derive(Debug, Clone)]
pub(super) struct SlidingLog {
    limit: u32,
    window: u64,
}

impl SlidingLog {
    pub(super) fn new(limit: u32, window: u64) -> Self {
        Self { limit, window }
    }

    fn forget_past(&self, marks: &mut LogEntries, now: u64) {
        while let Some(mark) = marks.ring.front()
            && mark.at + self.window <= now
        {
            marks.used -= mark.points;
            marks.ring.pop_front();
        }
    }

    /// Returns when so many points have left the window.
    fn freed_at(&self, marks: &LogEntries, mut points: u32) -> u64 {
        for mark in &marks.ring {
            if mark.points >= points {
                return mark.at + self.window;
            }
            points -= mark.points;
        }
        0
    }
}

impl RatePolicy for SlidingLog {
    type State = LogEntries;

    fn capacity(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn test(&self, marks: &mut LogEntries, now: u64, cost: u32) -> Verdict {
        self.forget_past(marks, now);
        let remaining = self.limit.saturating_sub(marks.used);
        let retry_us = if cost <= remaining {
            0
        } else {
            self.freed_at(marks, marks.used - (self.limit - cost)) - now
        };
        Verdict {
            allowed: cost <= remaining,
            used: self.limit - remaining,
            remaining,
            retry_us,
            reset_us: self.idle_at(marks).saturating_sub(now),
            blocked_us: 0,
        }
    }

    #[inline]
    fn consume(&self, marks: &mut LogEntries, now: u64, points: u32) {
        self.forget_past(marks, now);
        let points = points.min(u32::MAX - marks.used);
        marks.used += points;
        let is_full = marks.ring.len() >= self.limit as usize;
        match marks.ring.back_mut() {
            // Only penalties can fill the ring beyond its quota; they make the last mark later and larger.
            Some(last) if last.at == now || is_full => {
                last.at = now;
                last.points += points;
            }
            _ => marks.ring.push_back(LogEntry { at: now, points }),
        }
    }

    fn refund(&self, marks: &mut LogEntries, now: u64, mut points: u32) {
        self.forget_past(marks, now);
        while points > 0
            && let Some(last) = marks.ring.back_mut()
        {
            let refunded = points.min(last.points);
            last.points -= refunded;
            marks.used -= refunded;
            points -= refunded;
            if last.points == 0 {
                marks.ring.pop_back();
            }
        }
    }

    fn idle_at(&self, marks: &LogEntries) -> u64 {
        marks.ring.back().map_or(0, |last| last.at + self.window)
    }

    fn heap_bytes(marks: &LogEntries) -> usize {
        marks.ring.capacity() * size_of::<LogEntry>()
    }
}
