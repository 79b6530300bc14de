//! How many restarts are too many.

use std::collections::VecDeque;

/// Counts restarts in a sliding window of monotonic time, in amortised O(1) each.
///
/// A restart exactly `within_ms` ago still counts. Memory is that of the restarts in the window, which are at most one
/// more than allowed: the one too many ends the supervisor.
#[derive(Debug, Default)]
pub(super) struct Window {
    times: VecDeque<f64>,
}

impl Window {
    /// Counts one at `now`, and returns how many the window holds with it.
    pub(super) fn add(&mut self, now: f64, within_ms: f64) -> u32 {
        while self.times.front().is_some_and(|&at| at < now - within_ms) {
            self.times.pop_front();
        }
        self.times.push_back(now);
        u32::try_from(self.times.len()).unwrap_or(u32::MAX)
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.times.len()
    }
}
