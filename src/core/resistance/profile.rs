//! Workloads differ by orders of magnitude: what is slow for a ping is fast for a genome. A profile says what is
//! normal.

use super::config::{Baseline, InvalidField, ResistanceConfig, require};
use super::report_profile::ReportProfile;

/// The time limits of a kind of work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Longest time of admitted work, or of a task without progress, milliseconds.
    pub max_duration_ms: f64,
    /// A task must send a heartbeat this often, milliseconds; 0 is never.
    pub heartbeat_ms: f64,
    /// Set when a task needs a way to be called off.
    pub abortable: bool,
}

impl Budget {
    fn validate(&self) -> Result<(), InvalidField> {
        let is_time = self.max_duration_ms > 0.0 && self.max_duration_ms.is_finite();
        require(is_time, "maxDurationMs", "must be a finite number > 0")?;
        let is_interval = self.heartbeat_ms >= 0.0 && self.heartbeat_ms.is_finite();
        require(is_interval, "heartbeatMs", "must be a finite number >= 0")
    }
}

/// A named kind of work, and its normal levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Workload {
    /// The name users write.
    pub name: &'static str,
    /// Latency at which latency pressure is zero, milliseconds; `None`: the engine's own.
    pub baseline_latency_ms: Option<f64>,
    /// The depth of scars, in units of the engine's `scar_factor`.
    pub scar_multiplier: f64,
    /// The time limits of its work.
    pub budget: Budget,
}

/// The built-in profiles. STANDARD is the engine's own configuration.
pub const PROFILES: [Workload; 4] = [
    Workload {
        name: "LIGHT",
        baseline_latency_ms: Some(10.0),
        scar_multiplier: 2.0,
        budget: Budget { max_duration_ms: 1_000.0, heartbeat_ms: 0.0, abortable: false },
    },
    Workload {
        name: "STANDARD",
        baseline_latency_ms: None,
        scar_multiplier: 1.0,
        budget: Budget { max_duration_ms: 30_000.0, heartbeat_ms: 0.0, abortable: false },
    },
    Workload {
        name: "HEAVY",
        baseline_latency_ms: Some(5_000.0),
        scar_multiplier: 0.5,
        budget: Budget { max_duration_ms: 300_000.0, heartbeat_ms: 5_000.0, abortable: true },
    },
    Workload {
        name: "EXTREME",
        baseline_latency_ms: Some(60_000.0),
        scar_multiplier: 0.2,
        budget: Budget { max_duration_ms: 3_600_000.0, heartbeat_ms: 10_000.0, abortable: true },
    },
];

/// The changes of a profile to the one below it; `None` changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ProfileSpec {
    /// Latency at which latency pressure is zero, milliseconds.
    pub baseline_latency_ms: Option<f64>,
    /// `true` learns the normal latency, within a factor of eight of a configured number.
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
    /// Longest time of admitted work, or of a task without progress, milliseconds.
    pub max_duration_ms: Option<f64>,
    /// A task must send a heartbeat this often, milliseconds; 0 is never.
    pub heartbeat_ms: Option<f64>,
    /// Set when a task needs a way to be called off.
    pub abortable: Option<bool>,
}

/// A profile ready to use: the physics of a route that has it, and the report profile of a call that names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// The physics.
    pub config: ResistanceConfig,
    /// The profile of its reports.
    pub report: ReportProfile,
    /// The time limits of its work.
    pub budget: Budget,
}

impl Profile {
    /// Creates the profile of a configuration and a budget.
    #[must_use]
    pub fn new(config: &ResistanceConfig, budget: Budget) -> Self {
        Self { config: *config, report: ReportProfile::of(config), budget }
    }

    /// Returns one of [`PROFILES`] over a configuration.
    #[must_use]
    pub fn of(config: &ResistanceConfig, workload: &Workload) -> Self {
        let mut config = *config;
        if let Some(baseline) = workload.baseline_latency_ms {
            config.slo.baseline_latency_ms = baseline;
            config.slo.latency = Baseline::Given;
        }
        config.scar_factor *= workload.scar_multiplier;
        Self::new(&config, workload.budget)
    }

    /// Returns this profile with changes. `engine` is the configuration that multipliers refer to.
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
        let budget = Budget {
            max_duration_ms: spec.max_duration_ms.unwrap_or(self.budget.max_duration_ms),
            heartbeat_ms: spec.heartbeat_ms.unwrap_or(self.budget.heartbeat_ms),
            abortable: spec.abortable.unwrap_or(self.budget.abortable),
        };
        budget.validate()?;
        Ok(Self::new(&config, budget))
    }
}
