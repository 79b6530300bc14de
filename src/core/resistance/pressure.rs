//! Pressure is bounded: every component lies in [-1, 1], whatever the telemetry.

use super::config::{ResistanceConfig, Slo};
use super::telemetry::Telemetry;

/// Deviation of each signal from its baseline; 0 is "at the baseline" and also "unknown".
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pressure {
    /// Latency against `slo.baseline_latency_ms`.
    pub latency: f64,
    /// Error rate against `slo.target_error_rate`.
    pub error: f64,
    /// Saturation against `slo.saturation_baseline`.
    pub saturation: f64,
}

/// Returns `tanh(((raw - baseline) / baseline) * scale)`; unknown is 0.
fn normalise(raw: Option<f64>, baseline: f64, scale: f64) -> f64 {
    raw.map_or(0.0, |raw| {
        let x = (raw / baseline - 1.0) * scale;
        // Beyond 20, tanh is 1 to the last bit; this also keeps an overflow to infinity harmless.
        if x > 20.0 { 1.0 } else { x.tanh() }
    })
}

impl Pressure {
    /// Returns the pressure of a report against `slo`.
    #[must_use]
    pub fn of(slo: &Slo, scale: f64, telemetry: &Telemetry) -> Self {
        Self {
            latency: normalise(telemetry.latency_ms, slo.baseline_latency_ms, scale),
            error: normalise(telemetry.error_rate, slo.target_error_rate, scale),
            saturation: normalise(telemetry.saturation, slo.saturation_baseline, scale),
        }
    }

    /// Returns the same `span` further along a rising slope of `momentum` per second: `min(P + span * M, 1)` a signal.
    #[must_use]
    pub fn ahead(&self, momentum: f64, span_s: f64) -> Self {
        let growth = momentum.max(0.0) * span_s;
        if growth <= 0.0 {
            return *self;
        }
        let magnitude = self.magnitude();
        if magnitude <= 0.0 {
            return *self;
        }
        let scaled = |x: f64| if x > 0.0 { (x * (1.0 + growth / magnitude)).min(1.0) } else { x };
        Self {
            latency: scaled(self.latency),
            error: scaled(self.error),
            saturation: scaled(self.saturation),
        }
    }

    /// Returns the magnitude of the positive part, 0 to sqrt(3): being better than the baseline offsets nothing.
    #[must_use]
    pub fn magnitude(&self) -> f64 {
        let [a, b, c] = [self.latency.max(0.0), self.error.max(0.0), self.saturation.max(0.0)];
        (a * a + b * b + c * c).sqrt()
    }

    /// Returns `P . W` in ohm, split into the parts that raise and that lower resistance (`>= 0`, `<= 0`).
    #[must_use]
    pub fn weigh(&self, weights: &Weights) -> (f64, f64) {
        let terms = [
            self.latency * weights.latency,
            self.error * weights.error,
            self.saturation * weights.saturation,
        ];
        terms.iter().fold((0.0, 0.0), |(up, down), t| (up + t.max(0.0), down + t.min(0.0)))
    }

    /// Returns the same pressure with its positive components scaled by `k`.
    #[must_use]
    pub fn fade(&self, k: f64) -> Self {
        let scaled = |x: f64| if x > 0.0 { x * k } else { x };
        Self {
            latency: scaled(self.latency),
            error: scaled(self.error),
            saturation: scaled(self.saturation),
        }
    }
}

/// `w = ln(1 + criticality)`, computed once a configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Ohm per unit of latency pressure.
    pub latency: f64,
    /// Ohm per unit of error pressure.
    pub error: f64,
    /// Ohm per unit of saturation pressure.
    pub saturation: f64,
}

impl Weights {
    /// Returns the weights of `config`.
    #[must_use]
    pub fn of(config: &ResistanceConfig) -> Self {
        Self::from_slo(&config.slo)
    }

    /// Returns the weights of `slo`.
    #[must_use]
    pub fn from_slo(slo: &Slo) -> Self {
        Self {
            latency: slo.latency_criticality.ln_1p(),
            error: slo.error_criticality.ln_1p(),
            saturation: slo.saturation_criticality.ln_1p(),
        }
    }
}
