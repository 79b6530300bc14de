//! The default rule: never more than the limit in any window, in bounded memory.
//!
//! A key has marks, each a time and the points that were taken until then; a mark counts until its time plus the window.
//! Up to 128 marks a key is exact: each moment has a mark of its own. A key that needs more counts in parts: marks that
//! begin within 1/64 of the window become one, at the time of the last. So points leave at most 1/64 of the window later
//! than an exact log would let them, and never earlier. A key whose marks have all left is exact again.
//!
//! Marks of parts begin more than 1/64 of the window apart, so there are at most 65 of them.

use std::collections::VecDeque;

use super::policy::{RatePolicy, Verdict};

/// The most marks of a key that is counted exactly.
const EXACT_MARKS: usize = 128;
/// The parts of a window in which a busier key is counted.
const PARTS: u64 = 64;

/// Points, and the last time at which some of them were taken.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: u64,
    points: u32,
}

/// The points of the last window, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    ring: VecDeque<Mark>,
    /// The last time that the newest mark may still take in; 0 for its own time alone.
    open_until: u64,
    used: u32,
    in_parts: bool,
}

/// See the module. Points taken at `t` count until `t + window`, and no longer at that time.
#[derive(Debug, Clone)]
pub(super) struct SlidingWindow {
    limit: u32,
    window: u64,
    exact: usize,
    part: u64,
}

impl SlidingWindow {
    pub(super) fn new(limit: u32, window: u64) -> Self {
        Self::with_parts(limit, window, EXACT_MARKS, PARTS)
    }

    /// Counts up to `exact` marks one by one, and more of them in `parts` of the window.
    pub(super) fn with_parts(limit: u32, window: u64, exact: usize, parts: u64) -> Self {
        Self { limit, window, exact, part: window / parts }
    }

    fn forget_past(&self, marks: &mut Marks, now: u64) {
        while let Some(mark) = marks.ring.front()
            && mark.at + self.window <= now
        {
            marks.used -= mark.points;
            marks.ring.pop_front();
        }
        if marks.ring.is_empty() {
            (marks.in_parts, marks.open_until) = (false, 0);
        }
    }

    /// Returns when so many points have left the window.
    fn freed_at(&self, marks: &Marks, mut points: u32) -> u64 {
        for mark in &marks.ring {
            if mark.points >= points {
                return mark.at + self.window;
            }
            points -= mark.points;
        }
        0
    }

    /// Joins the marks that begin within the same part.
    fn count_in_parts(&self, marks: &mut Marks) {
        let mut parts: VecDeque<Mark> = VecDeque::with_capacity(self.exact / 2 + 2);
        for mark in &marks.ring {
            match parts.back_mut() {
                Some(last) if mark.at <= marks.open_until => {
                    last.at = mark.at;
                    last.points += mark.points;
                }
                _ => {
                    marks.open_until = mark.at + self.part;
                    parts.push_back(*mark);
                }
            }
        }
        marks.ring = parts;
        marks.in_parts = true;
    }
}

impl RatePolicy for SlidingWindow {
    type State = Marks;

    fn capacity(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn test(&self, marks: &mut Marks, now: u64, cost: u32) -> Verdict {
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
    fn consume(&self, marks: &mut Marks, now: u64, points: u32) {
        self.forget_past(marks, now);
        let points = points.min(u32::MAX - marks.used);
        marks.used += points;
        if !marks.in_parts
            && marks.ring.len() >= self.exact
            && marks.ring.back().is_some_and(|last| last.at != now)
        {
            self.count_in_parts(marks);
        }
        match marks.ring.back_mut() {
            Some(last) if last.at == now || (marks.in_parts && now <= marks.open_until) => {
                last.at = now;
                last.points += points;
            }
            _ => {
                marks.open_until = now + self.part;
                marks.ring.push_back(Mark { at: now, points });
            }
        }
    }

    fn refund(&self, marks: &mut Marks, now: u64, mut points: u32) {
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
                // Where the mark before began is not known any more: the next points begin a mark of their own.
                marks.open_until = 0;
            }
        }
        self.forget_past(marks, now);
    }

    fn idle_at(&self, marks: &Marks) -> u64 {
        marks.ring.back().map_or(0, |last| last.at + self.window)
    }

    fn heap_bytes(marks: &Marks) -> usize {
        marks.ring.capacity() * size_of::<Mark>()
    }
}
