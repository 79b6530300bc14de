//! Refuses any configuration with which resistance could become NaN, infinite or stuck.

use std::fmt;

/// A refused value: its field, and its valid values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidField {
    /// The field, spelled as users spell it (`errorRate`, `slo.baselineLatencyMs`).
    pub field: &'static str,
    /// The rule for the field, as the end of a sentence: "must be a finite number > 0".
    pub why: &'static str,
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.why)
    }
}

impl std::error::Error for InvalidField {}

/// Fails unless `ok`; the one line every `validate` is made of.
pub(crate) fn require(
    ok: bool,
    field: &'static str,
    why: &'static str,
) -> Result<(), InvalidField> {
    if ok { Ok(()) } else { Err(InvalidField { field, why }) }
}

pub(crate) const POSITIVE: &str = "must be a finite number > 0 and <= 1e9";
pub(crate) const NOT_NEGATIVE: &str = "must be a finite number >= 0 and <= 1e9";
pub(crate) const FRACTION: &str = "must be a number from 0 to 1";

/// Returns whether a number is finite, above zero, and so small that no product of two such numbers loses meaning.
pub(crate) fn positive(x: f64) -> bool {
    x > 0.0 && x <= 1e9
}

/// Returns whether a number is finite and not negative, within the same bound.
pub(crate) fn not_negative(x: f64) -> bool {
    (0.0..=1e9).contains(&x)
}

/// The source of the normal value of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// The configured number, whatever the service does.
    Given,
    /// Learned of the service, within a factor of eight of the configured number.
    Near,
    /// Learned of the service.
    Learned,
}

impl Baseline {
    /// Returns the source after a caller set a number for the signal, or whether it is learned.
    #[must_use]
    pub fn with(self, number: Option<f64>, learned: Option<bool>) -> Self {
        match (learned, number) {
            (Some(false), _) | (None, Some(_)) => Self::Given,
            (Some(true), Some(_)) => Self::Near,
            (Some(true), None) if self == Self::Given => Self::Near,
            _ => self,
        }
    }
}

/// The normal values of a route, and the weight of a breach of each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slo {
    /// Latency at which latency pressure is zero, milliseconds, unless that is learned. Default 100.
    pub baseline_latency_ms: f64,
    /// Error rate at which error pressure is zero, 0 to 1, unless that is learned. Default 0.01.
    pub target_error_rate: f64,
    /// Saturation at which saturation pressure is zero, unless that is learned. Default 0.5.
    pub saturation_baseline: f64,
    /// The source of the normal latency. Default `Learned`.
    pub latency: Baseline,
    /// The source of the normal error rate. Default `Learned`.
    pub errors: Baseline,
    /// The source of the normal saturation. Default `Learned`.
    pub saturation: Baseline,
    /// Criticality of latency; its weight is `ln(1 + c)`. Default 5.
    pub latency_criticality: f64,
    /// Criticality of errors. Default 8.
    pub error_criticality: f64,
    /// Criticality of saturation. Default 3.
    pub saturation_criticality: f64,
}

impl Default for Slo {
    fn default() -> Self {
        Self {
            baseline_latency_ms: 100.0,
            target_error_rate: 0.01,
            saturation_baseline: 0.5,
            latency: Baseline::Learned,
            errors: Baseline::Learned,
            saturation: Baseline::Learned,
            latency_criticality: 5.0,
            error_criticality: 8.0,
            saturation_criticality: 3.0,
        }
    }
}

impl Slo {
    /// Returns the default numbers, of which nothing is learned.
    #[must_use]
    pub fn given() -> Self {
        let given = Baseline::Given;
        Self { latency: given, errors: given, saturation: given, ..Self::default() }
    }

    /// Returns whether any normal value is learned.
    pub(super) fn learns(&self) -> bool {
        [self.latency, self.errors, self.saturation].iter().any(|it| *it != Baseline::Given)
    }

    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require(positive(self.baseline_latency_ms), "slo.baselineLatencyMs", POSITIVE)?;
        require(
            self.target_error_rate > 0.0 && self.target_error_rate <= 1.0,
            "slo.targetErrorRate",
            "must be above 0 and at most 1",
        )?;
        require(positive(self.saturation_baseline), "slo.saturationBaseline", POSITIVE)?;
        require(not_negative(self.latency_criticality), "slo.criticality.latency", NOT_NEGATIVE)?;
        require(not_negative(self.error_criticality), "slo.criticality.error", NOT_NEGATIVE)?;
        require(
            not_negative(self.saturation_criticality),
            "slo.criticality.saturation",
            NOT_NEGATIVE,
        )
    }
}

/// The rule by which a route learns its own break threshold `mean + k * deviation`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TunerConfig {
    /// Memory, in units of `min_delta_t_ms`. Default 100 (a time constant of about 5 s).
    pub window_size: f64,
    /// `k`: deviations above the mean. Default 3.
    pub sensitivity: f64,
    /// Deviations above the mean at which an open breaker has recovered. Default 1.
    pub recovery_sensitivity: f64,
    /// The break never goes below this, ohm. Default 0: it stays above the mean by the base anyway.
    pub min_floor: f64,
    /// The break never goes above this, ohm, unless the mean and the base are. Default 500.
    pub hard_ceiling: f64,
    /// Healthy time that weighs as much as the untuned break does, in units of `min_delta_t_ms`. Default 100: with the
    /// default window the break of a calm service is then 83 ohm, so that all priorities but the highest have a
    /// resistance of their own at which they are refused.
    pub warmup_ticks: f64,
}

impl Default for TunerConfig {
    fn default() -> Self {
        Self {
            window_size: 100.0,
            sensitivity: 3.0,
            recovery_sensitivity: 1.0,
            min_floor: 0.0,
            hard_ceiling: 500.0,
            warmup_ticks: 100.0,
        }
    }
}

impl TunerConfig {
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require(positive(self.window_size), "autoTuner.windowSize", POSITIVE)?;
        require(not_negative(self.sensitivity), "autoTuner.sensitivity", NOT_NEGATIVE)?;
        require(
            not_negative(self.recovery_sensitivity),
            "autoTuner.recoverySensitivity",
            NOT_NEGATIVE,
        )?;
        require(not_negative(self.min_floor), "autoTuner.minFloor", NOT_NEGATIVE)?;
        require(positive(self.hard_ceiling), "autoTuner.hardCeiling", POSITIVE)?;
        require(
            self.min_floor <= self.hard_ceiling,
            "autoTuner.minFloor",
            "must be at most hardCeiling",
        )?;
        require(not_negative(self.warmup_ticks), "autoTuner.warmupTicks", NOT_NEGATIVE)
    }
}

/// Every constant of the resistance engine. Times are milliseconds, rates are per second, R is in ohm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResistanceConfig {
    /// `R_base`: resistance at rest. Default 10.
    pub base_resistance: f64,
    /// `lambda`: scar decay per second, with or without traffic. Default 0.1.
    pub decay_rate: f64,
    /// Extra scar decay per second while the evidence is healthy. Default 1, so that recovery takes
    /// seconds: from the default cap to below one scar factor in `ln(24)/1.1` = 2.9 s.
    pub heal_rate: f64,
    /// `sigma`: scar grown per `min_delta_t_ms` while pressure is critical, ohm. Default 5.
    pub scar_factor: f64,
    /// The scar's upper bound, ohm. `None`: 1.2 times the untuned break, so that the breaker can always be
    /// reached and an incident of any length heals in the same few seconds.
    pub scar_cap: Option<f64>,
    /// `mu`: weight of momentum, ohm per (pressure per second). Default 0: see `docs/design/resistance.md`.
    pub damping_factor: f64,
    /// Magnitude of the positive pressure above which scar grows. Default 0.7.
    pub critical_pressure: f64,
    /// The untuned break threshold is `base_resistance` times this. Default 10.
    pub break_multiplier: f64,
    /// The recovery threshold is this share of the break, at least 1.5 times the base. Default 0.5.
    pub recovery_multiplier: f64,
    /// Reports during which the route is in BOOTSTRAP. Default 10.
    pub bootstrap_ticks: u32,
    /// The unit of time of the per-tick constants, milliseconds. Default 100.
    pub min_delta_t_ms: f64,
    /// Steepness of `tanh`. Default 1.
    pub tanh_scale: f64,
    /// The time for which one report speaks for the route, milliseconds; after that its pressure fades. Default 1000.
    pub hold_ms: f64,
    /// Time constant with which pressure and momentum fade once a report is older than the hold. Default 1000.
    pub fade_ms: f64,
    /// Time constant of the fast average of momentum, milliseconds. Default 1000.
    pub momentum_fast_ms: f64,
    /// Time constant of the slow average of momentum, milliseconds. Default 5000.
    pub momentum_slow_ms: f64,
    /// Momentum below this (per second) is noise and counts as zero. Default 0.02.
    pub momentum_dead_band: f64,
    /// `kappa`: resistance that silence adds once the last report has ceased to hold, ohm per second. Default 0:
    /// silence usually means that there were no requests.
    pub staleness_rate: f64,
    /// From this much of it on the route is closed until the next report, ohm. Default 5.
    pub staleness_limit: f64,
    /// The scar that a route which opens adds to its neighbours, ohm; it never opens them. Default 5.
    pub cascade_bump: f64,
    /// Time constant with which a scar that was shared by others loses its weight, milliseconds. Default 10 000.
    pub shared_fade_ms: f64,
    /// The normal values of this route.
    pub slo: Slo,
    /// `None` disables tuning: the break stays at `base_resistance * break_multiplier`.
    pub tuner: Option<TunerConfig>,
}

impl Default for ResistanceConfig {
    fn default() -> Self {
        Self {
            base_resistance: 10.0,
            decay_rate: 0.1,
            heal_rate: 1.0,
            scar_factor: 5.0,
            scar_cap: None,
            damping_factor: 0.0,
            critical_pressure: 0.7,
            break_multiplier: 10.0,
            recovery_multiplier: 0.5,
            bootstrap_ticks: 10,
            min_delta_t_ms: 100.0,
            tanh_scale: 1.0,
            hold_ms: 1000.0,
            fade_ms: 1000.0,
            momentum_fast_ms: 1000.0,
            momentum_slow_ms: 5000.0,
            momentum_dead_band: 0.02,
            staleness_rate: 0.0,
            staleness_limit: 5.0,
            cascade_bump: 5.0,
            shared_fade_ms: 10_000.0,
            slo: Slo::default(),
            tuner: Some(TunerConfig::default()),
        }
    }
}

impl ResistanceConfig {
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require(positive(self.base_resistance), "baseResistance", POSITIVE)?;
        require(not_negative(self.decay_rate), "decayRate", NOT_NEGATIVE)?;
        require(not_negative(self.heal_rate), "healRate", NOT_NEGATIVE)?;
        require(
            self.decay_rate + self.heal_rate > 0.0,
            "decayRate",
            "and healRate cannot both be 0: nothing would ever heal",
        )?;
        require(not_negative(self.scar_factor), "scarFactor", NOT_NEGATIVE)?;
        require(self.scar_cap.is_none_or(not_negative), "scarCap", NOT_NEGATIVE)?;
        require(not_negative(self.damping_factor), "dampingFactor", NOT_NEGATIVE)?;
        require(positive(self.critical_pressure), "criticalPressure", POSITIVE)?;
        require(
            self.break_multiplier >= 2.0 && self.break_multiplier <= 1e6,
            "breakMultiplier",
            "must be from 2 to 1e6",
        )?;
        require((0.0..=1.0).contains(&self.recovery_multiplier), "recoveryMultiplier", FRACTION)?;
        require(positive(self.min_delta_t_ms), "minDeltaT", POSITIVE)?;
        require(positive(self.tanh_scale), "tanhScale", POSITIVE)?;
        require(positive(self.hold_ms), "holdMs", POSITIVE)?;
        require(positive(self.fade_ms), "fadeMs", POSITIVE)?;
        require(positive(self.momentum_fast_ms), "momentumFastMs", POSITIVE)?;
        require(positive(self.momentum_slow_ms), "momentumSlowMs", POSITIVE)?;
        require(
            self.momentum_fast_ms < self.momentum_slow_ms,
            "momentumFastMs",
            "must be below momentumSlowMs",
        )?;
        require(not_negative(self.momentum_dead_band), "momentumDeadBand", NOT_NEGATIVE)?;
        require(not_negative(self.staleness_rate), "stalenessRate", NOT_NEGATIVE)?;
        require(positive(self.staleness_limit), "stalenessLimit", POSITIVE)?;
        require(not_negative(self.cascade_bump), "cascadeBump", NOT_NEGATIVE)?;
        require(positive(self.shared_fade_ms), "sharedFadeMs", POSITIVE)?;
        self.slo.validate()?;
        self.tuner.map_or(Ok(()), |tuner| tuner.validate())
    }

    /// Returns the break while tuning is off or still warming up, ohm.
    #[must_use]
    pub fn untuned_break(&self) -> f64 {
        self.base_resistance * self.break_multiplier
    }

    /// Returns the scar's upper bound in force, ohm.
    #[must_use]
    pub fn effective_scar_cap(&self) -> f64 {
        self.scar_cap.unwrap_or(1.2 * self.untuned_break())
    }

    /// Returns the recovery threshold that belongs to a break threshold until one is learned, ohm: always below it.
    #[must_use]
    pub fn recovery_for(&self, break_at: f64) -> f64 {
        (1.5 * self.base_resistance).max(self.recovery_multiplier * break_at)
    }
}
