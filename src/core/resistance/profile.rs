//! Workloads differ by orders of magnitude: what is slow for a ping is fast for a genome. A profile says what is
//! normal.

use super::config::{Baseline, InvalidField, ResistanceConfig};
use super::report_profile::ReportProfile;

/// A named kind of work, and what is normal for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Workload {
    /// The name users write.
    pub name: &'static str,
    /// Latency at which latency pressure is zero, milliseconds; `None`: the engine's own.
    pub baseline_latency_ms: Option<f64>,
    /// The depth of scars, in units of the engine's `scar_factor`.
    pub scar_multiplier: f64,
    /// A task may take this long without progress, milliseconds.
    pub budget_ms: f64,
    /// A task is to be heard of this often, milliseconds; 0 is never.
    pub heartbeat_ms: f64,
    /// Whether a task needs a way to be called off.
    pub abortable: bool,
}

/// The profiles everybody has. STANDARD is the engine's own configuration.
pub const PROFILES: [Workload; 4] = [
    Workload {
        name: "LIGHT",
        baseline_latency_ms: Some(10.0),
        scar_multiplier: 2.0,
        budget_ms: 1_000.0,
        heartbeat_ms: 0.0,
        abortable: false,
    },
    Workload {
        name: "STANDARD",
        baseline_latency_ms: None,
        scar_multiplier: 1.0,
        budget_ms: 30_000.0,
        heartbeat_ms: 0.0,
        abortable: false,
    },
    Workload {
        name: "HEAVY",
        baseline_latency_ms: Some(5_000.0),
        scar_multiplier: 0.5,
        budget_ms: 300_000.0,
        heartbeat_ms: 5_000.0,
        abortable: true,
    },
    Workload {
        name: "EXTREME",
        baseline_latency_ms: Some(60_000.0),
        scar_multiplier: 0.2,
        budget_ms: 3_600_000.0,
        heartbeat_ms: 10_000.0,
        abortable: true,
    },
];

/// The changes of a profile against the one it is made from; `None` changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ProfileSpec {
    /// Latency at which latency pressure is zero, milliseconds.
    pub baseline_latency_ms: Option<f64>,
    /// Whether the normal latency is learned: true within a factor of eight of a number that was given.
    pub learned_baseline: Option<bool>,
    /// Error rate at which error pressure is zero.
    pub target_error_rate: Option<f64>,
    /// Saturation at which saturation pressure is zero.
    pub saturation_baseline: Option<f64>,
    /// Scar grown per `min_delta_t_ms` of critical pressure, ohm.
    pub scar_factor: Option<f64>,
    /// The same, in units of the engine's; `scar_factor` goes before it.
    pub scar_multiplier: Option<f64>,
    /// R at rest, ohm.
    pub base_resistance: Option<f64>,
    /// The untuned break, in units of the base.
    pub break_multiplier: Option<f64>,
}

/// A profile made ready: the physics of a route that has it, and the report profile of a call that brings it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// The physics.
    pub config: ResistanceConfig,
    /// The profile of its reports.
    pub report: ReportProfile,
}

impl Profile {
    /// The configuration as it is.
    #[must_use]
    pub fn plain(config: &ResistanceConfig) -> Self {
        Self { config: *config, report: ReportProfile::of(config) }
    }

    /// One of [`PROFILES`] over a configuration.
    #[must_use]
    pub fn of(config: &ResistanceConfig, workload: &Workload) -> Self {
        let mut config = *config;
        if let Some(baseline) = workload.baseline_latency_ms {
            config.slo.baseline_latency_ms = baseline;
            config.slo.latency = Baseline::Given;
        }
        config.scar_factor *= workload.scar_multiplier;
        Self::plain(&config)
    }

    /// This profile with changes. `engine` is the configuration that multipliers refer to.
    ///
    /// # Errors
    /// The first field that is out of its range, named as in `spec`.
    pub fn with(
        &self,
        engine: &ResistanceConfig,
        spec: &ProfileSpec,
    ) -> Result<Self, InvalidField> {
        let mut config = self.config;
        let slo = &mut config.slo;
        slo.baseline_latency_ms = spec.baseline_latency_ms.unwrap_or(slo.baseline_latency_ms);
        slo.latency = slo.latency.with(spec.baseline_latency_ms, spec.learned_baseline);
        slo.target_error_rate = spec.target_error_rate.unwrap_or(slo.target_error_rate);
        slo.errors = slo.errors.with(spec.target_error_rate, None);
        slo.saturation_baseline = spec.saturation_baseline.unwrap_or(slo.saturation_baseline);
        slo.saturation = slo.saturation.with(spec.saturation_baseline, None);
        if let Some(multiplier) = spec.scar_multiplier {
            config.scar_factor = multiplier * engine.scar_factor;
        }
        config.scar_factor = spec.scar_factor.unwrap_or(config.scar_factor);
        config.base_resistance = spec.base_resistance.unwrap_or(config.base_resistance);
        config.break_multiplier = spec.break_multiplier.unwrap_or(config.break_multiplier);
        config.validate()?;
        Ok(Self::plain(&config))
    }
}
