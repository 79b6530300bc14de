//! No latch: a trickle passes whatever R, limit and queue are, and its success opens the gate again.

use super::config::GateConfig;

/// Tokens for requests that would be shed.
#[derive(Debug, Clone)]
pub(crate) struct Trickle {
    /// Earned by time and arrivals, spent by every admission.
    tokens: f64,
    at: f64,
    /// Earned by success while R sheds: two for each, so that a healed service is back at full load after a
    /// few round trips; lost on the first failure.
    proven: f64,
}

impl Trickle {
    pub(crate) fn new(now: f64) -> Self {
        Self { tokens: 0.0, at: now, proven: 0.0 }
    }

    /// Notes the arrival of a request.
    pub(crate) fn arrive(&mut self, config: &GateConfig, now: f64) {
        let earned = (now - self.at) / 1000.0 * config.trickle_per_second + config.trickle_share;
        self.tokens = (self.tokens + earned).min(1.0 + config.trickle_share);
        self.at = now;
    }

    /// Notes that a request was admitted on its own merit.
    pub(crate) fn pass(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }

    /// Returns whether a request that would be shed may go ahead as a probe.
    pub(crate) fn probe(&mut self) -> bool {
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }

    /// Returns whether it may go ahead because the last ones succeeded.
    pub(crate) fn proven(&mut self) -> bool {
        let may = self.proven >= 1.0;
        if may {
            self.proven -= 1.0;
        }
        may
    }

    /// Notes the end of work. `shedding` means that R is above some voltage that is in use.
    pub(crate) fn outcome(&mut self, ok: bool, shedding: bool, limit: f64) {
        self.proven = if ok && shedding { (self.proven + 2.0).min(2.0 * limit + 8.0) } else { 0.0 };
    }
}
