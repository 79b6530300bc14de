//! The delay before a restart.

/// A delay that grows with each restart in a row up to `max_ms`, and that chance spreads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first delay.
    pub initial_ms: f64,
    /// The longest delay, before chance spreads it.
    pub max_ms: f64,
    /// The factor from each delay to the next; at least 1.
    pub factor: f64,
    /// The spread of the delay by chance. Processes that crashed together come back apart.
    pub jitter: Jitter,
}

/// The part of a delay that chance decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// Takes away up to this share of the delay, from 0 to 1.
    Shorter(f64),
    /// Adds or takes away up to so many percent of the delay, never below 0.
    EitherWay(f64),
}

impl Backoff {
    /// Returns the delay after so many restarts in a row. Calls `chance`, for a number in `[0, 1)`, only if there is a
    /// jitter.
    ///
    /// ```
    /// use keelson::core::actor::{Backoff, Jitter};
    ///
    /// let backoff = Backoff { initial_ms: 100.0, max_ms: 1000.0, factor: 2.0, jitter: Jitter::Shorter(0.0) };
    /// assert_eq!([0, 1, 2, 8].map(|before| backoff.delay(before, || 0.5)), [100.0, 200.0, 400.0, 1000.0]);
    /// ```
    pub fn delay(&self, before: u32, chance: impl FnOnce() -> f64) -> f64 {
        // 0 times infinity is not a number.
        let grown = if self.initial_ms > 0.0 {
            self.initial_ms * self.factor.powf(f64::from(before))
        } else {
            0.0
        };
        let full = grown.min(self.max_ms);
        match self.jitter {
            Jitter::Shorter(share) if share > 0.0 => full * (1.0 - share * chance()),
            Jitter::EitherWay(percent) if percent > 0.0 => {
                let spread = (chance() * 2.0 - 1.0) * percent / 100.0;
                (full * (1.0 + spread)).max(0.0)
            }
            Jitter::Shorter(_) | Jitter::EitherWay(_) => full,
        }
    }

    /// Returns whether the delays are finite and grow, and a share of jitter is in `[0, 1]`.
    pub(super) fn is_valid(&self) -> bool {
        let finite = self.max_ms.is_finite() && self.factor.is_finite();
        let jitter = match self.jitter {
            Jitter::Shorter(share) => (0.0..=1.0).contains(&share),
            Jitter::EitherWay(percent) => percent >= 0.0,
        };
        finite
            && self.initial_ms >= 0.0
            && self.max_ms >= self.initial_ms
            && self.factor >= 1.0
            && jitter
    }
}
