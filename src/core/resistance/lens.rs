//! Through what a report is looked at: what is normal for it, and how deep it scars.

use super::config::{Config, Slo};
use super::decay::decay;
use super::pressure::{Pressure, Weights};
use super::telemetry::Telemetry;

/// The learned baseline is this much above the mean of healthy latency: what is usual is not pressure.
const HEADROOM: f64 = 1.5;
/// How far a learned baseline may be from the configured one, either way.
const REACH: f64 = 8.0;
/// Memory of the learned baseline after BOOTSTRAP, milliseconds: slower than any incident that must be seen.
const LEARN_MS: f64 = 60_000.0;

/// What one report is measured against. A route has one; a call may bring that of another profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    /// What is normal.
    pub slo: Slo,
    /// Its weights.
    pub weights: Weights,
    /// Scar grown per `min_delta_t_ms` while such a report is critical, ohm.
    pub scar_factor: f64,
}

impl Lens {
    /// The one of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { slo: config.slo, weights: Weights::of(config), scar_factor: config.scar_factor }
    }

    /// The latency baseline in force, given what was learned (0 is nothing).
    pub(super) fn baseline(&self, learned_ms: f64) -> f64 {
        let configured = self.slo.baseline_latency_ms;
        if self.slo.learned_baseline && learned_ms > 0.0 {
            (HEADROOM * learned_ms).clamp(configured / REACH, configured * REACH)
        } else {
            configured
        }
    }

    pub(super) fn pressure(&self, scale: f64, telemetry: &Telemetry, learned_ms: f64) -> Pressure {
        let slo = Slo { baseline_latency_ms: self.baseline(learned_ms), ..self.slo };
        Pressure::of(&slo, scale, telemetry)
    }
}

/// The mean of healthy latency after one more report: a plain mean during BOOTSTRAP, then one over time.
pub(super) fn learn(mean: f64, latency_ms: f64, reports: u32, bootstrap: u32, dt: f64) -> f64 {
    if mean <= 0.0 {
        return latency_ms;
    }
    let weight =
        if reports < bootstrap { 1.0 / f64::from(reports + 1) } else { 1.0 - decay(dt / LEARN_MS) };
    mean + weight * (latency_ms - mean)
}
