//! The restarts of the last while.

use std::collections::VecDeque;

/// Counts restarts in a sliding window of monotonic time, in amortised O(1) each.
///
/// A restart exactly `within_ms` ago still counts. Memory is that of the restarts in the window, which are at most one
/// more than its user allows.
#[derive(Debug, Default)]
pub(super) struct RestartWindow {
    times: VecDeque<f64>,
}

impl RestartWindow {
    /// Forgets the restarts that have left the window. Returns how many it holds.
    pub(super) fn count(&mut self, now: f64, within_ms: f64) -> u32 {
        while self.times.front().is_some_and(|at| now - at > within_ms) {
            self.times.pop_front();
        }
        u32::try_from(self.times.len()).unwrap_or(u32::MAX)
    }

    /// Adds a restart. Returns how many the window holds with it.
    pub(super) fn add(&mut self, now: f64, within_ms: f64) -> u32 {
        self.times.push_back(now);
        self.count(now, within_ms)
    }

    /// Returns how many restarts the window holds at a time. Changes nothing.
    pub(super) fn count_at(&self, now: f64, within_ms: f64) -> u32 {
        let gone = self.times.partition_point(|at| now - at > within_ms);
        u32::try_from(self.times.len() - gone).unwrap_or(u32::MAX)
    }

    /// Returns how many restarts it remembers.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.times.len()
    }
}
