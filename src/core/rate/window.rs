//! The default rule: never more than the limit in any window, in bounded memory.
//!
//! A key has marks, each a time and the points that were taken until then; a mark counts until its time plus the window.
//! Up to 128 marks a key is exact: each moment has a mark of its own. A key that needs more counts in parts: marks that
//! begin within 1/64 of the window become one, at the time of the last. So points leave at most 1/64 of the window later
//! than an exact log would let them, and never earlier. A key whose marks have all left is exact again.
//!
//! Marks of parts begin more than 1/64 of the window apart, so there are at most 65 of them.

use std::collections::VecDeque;

use super::marks::{Mark, Marks};
use super::policy::{RatePolicy, Verdict};

/// The most marks of a key that is counted exactly.
const EXACT_MARKS: usize = 128;
/// The parts of a window in which a busier key is counted.
const PARTS: u64 = 64;

/// The points of the last window, exact or in parts.
#[derive(Debug, Clone, Default)]
pub(super) struct WindowMarks {
    marks: Marks,
    /// The last time that the newest mark may still take in; 0 for its own time alone.
    open_until: u64,
    in_parts: bool,
}

/// See the module.
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

    #[inline]
    fn forget_past(&self, state: &mut WindowMarks, now: u64) {
        state.marks.forget_past(self.window, now);
        if state.marks.ring.is_empty() {
            (state.in_parts, state.open_until) = (false, 0);
        }
    }

    /// Joins the marks that begin within the same part.
    fn count_in_parts(&self, state: &mut WindowMarks) {
        let mut parts: VecDeque<Mark> = VecDeque::with_capacity(self.exact / 2 + 2);
        for mark in &state.marks.ring {
            match parts.back_mut() {
                Some(last) if mark.at <= state.open_until => {
                    last.at = mark.at;
                    last.points += mark.points;
                }
                _ => {
                    state.open_until = mark.at + self.part;
                    parts.push_back(*mark);
                }
            }
        }
        state.marks.ring = parts;
        state.in_parts = true;
    }
}

impl RatePolicy for SlidingWindow {
    type State = WindowMarks;

    fn capacity(&self) -> u32 {
        self.limit
    }

    #[inline]
    fn test(&self, state: &mut WindowMarks, now: u64, cost: u32) -> Verdict {
        self.forget_past(state, now);
        state.marks.test(self.limit, self.window, now, cost)
    }

    #[inline]
    fn consume(&self, state: &mut WindowMarks, now: u64, points: u32) {
        self.forget_past(state, now);
        let points = state.marks.count(points);
        let ring = &state.marks.ring;
        if !state.in_parts
            && ring.len() >= self.exact
            && ring.back().is_some_and(|last| last.at != now)
        {
            self.count_in_parts(state);
        }
        match state.marks.ring.back_mut() {
            Some(last) if last.at == now || (state.in_parts && now <= state.open_until) => {
                last.at = now;
                last.points += points;
            }
            _ => {
                state.open_until = now + self.part;
                state.marks.ring.push_back(Mark { at: now, points });
            }
        }
    }

    fn refund(&self, state: &mut WindowMarks, now: u64, points: u32) {
        self.forget_past(state, now);
        if state.marks.refund(points) {
            // Where the mark before began is not known any more: the next points begin a mark of their own.
            state.open_until = 0;
        }
        self.forget_past(state, now);
    }

    fn idle_at(&self, state: &WindowMarks) -> u64 {
        state.marks.idle_at(self.window)
    }

    fn heap_bytes(state: &WindowMarks) -> usize {
        state.marks.heap_bytes()
    }
}
