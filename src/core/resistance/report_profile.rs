//! The profile of a report: its normal levels, and how deep it scars.

use super::config::{Baseline, ResistanceConfig, Slo};
use super::normal::Normal;
use super::pressure::{Pressure, Weights};
use super::telemetry::Telemetry;

/// The profile of one report. A route has one; a call may bring that of another profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReportProfile {
    /// The normal values.
    pub slo: Slo,
    /// Its weights.
    pub weights: Weights,
    /// Scar grown per `min_delta_t_ms` while such a report is critical, ohm.
    pub scar_factor: f64,
}

impl ReportProfile {
    /// Returns the profile of a configuration.
    #[must_use]
    pub fn of(config: &ResistanceConfig) -> Self {
        Self { slo: config.slo, weights: Weights::of(config), scar_factor: config.scar_factor }
    }

    pub(super) fn pressure(&self, scale: f64, telemetry: &Telemetry) -> Pressure {
        Pressure::of(&self.slo, scale, telemetry)
    }

    /// Returns the pressure of a report of which some signals are measured against the learned levels of the service.
    pub(super) fn pressure_beside(
        &self,
        normal: Option<&mut Normal>,
        config: &ResistanceConfig,
        telemetry: &Telemetry,
        now_ms: f64,
    ) -> Pressure {
        let slo = &self.slo;
        let of_given =
            |signal: Option<f64>, baseline| signal.filter(|_| baseline == Baseline::Given);
        let fixed = Telemetry {
            latency_ms: of_given(telemetry.latency_ms, slo.latency),
            error_rate: of_given(telemetry.error_rate, slo.errors),
            saturation: of_given(telemetry.saturation, slo.saturation),
        };
        let fixed = self.pressure(config.tanh_scale, &fixed);
        let Some(normal) = normal else { return fixed };
        let learned = normal.take(config, slo, telemetry, now_ms);
        let of = |fixed: f64, learned: f64, baseline| {
            if baseline == Baseline::Given { fixed } else { learned }
        };
        Pressure {
            latency: of(fixed.latency, learned.latency, slo.latency),
            error: of(fixed.error, learned.error, slo.errors),
            saturation: of(fixed.saturation, learned.saturation, slo.saturation),
        }
    }
}
