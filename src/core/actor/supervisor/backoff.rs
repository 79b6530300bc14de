//! How long a restart waits.

use crate::core::random::Random;

/// A delay that grows with each restart in a row, and never passes `max_ms`.
///
/// The row ends when the child has run for `max_ms` at least: it is well again, and its next crash waits `initial_ms`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first delay.
    pub initial_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// What each delay is multiplied by to give the next; at least 1.
    pub factor: f64,
    /// The share of a delay that chance may take away, from 0 to 1. Children that crashed together come back apart.
    pub jitter: f64,
}

impl Backoff {
    pub(super) fn is_valid(&self) -> bool {
        let finite = self.max_ms.is_finite() && self.factor.is_finite();
        finite
            && self.initial_ms >= 0.0
            && self.max_ms >= self.initial_ms
            && self.factor >= 1.0
            && (0.0..=1.0).contains(&self.jitter)
    }

    /// The delay after so many restarts in a row. It draws only if there is a jitter, so that others see no difference.
    pub(super) fn delay(&self, before: u32, random: &mut Random) -> f64 {
        let exponent = i32::try_from(before).unwrap_or(i32::MAX);
        let grown = self.initial_ms * self.factor.powi(exponent);
        // 0 times an infinite power is not a number; `min` then would choose the longest delay.
        let full = if self.initial_ms == 0.0 { 0.0 } else { grown.min(self.max_ms) };
        if self.jitter > 0.0 { full * (1.0 - self.jitter * random.unit()) } else { full }
    }
}
