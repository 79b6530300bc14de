//! Learns a route's break threshold from its healthy time only, equally fast at any report rate.

use super::config::{ResistanceConfig, TunerConfig};
use super::decay::decay;
use super::reading::TunerReading;

/// A learned recovery threshold is at most this share of the break.
const MOST_OF_BREAK: f64 = 0.9;

/// Time-weighted mean and variance of resistance: `mu + k * sigma`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tuner {
    mean: f64,
    variance: f64,
    /// Healthy time so far, milliseconds.
    observed_ms: f64,
    break_at: f64,
}

impl Tuner {
    pub(super) fn new(config: &ResistanceConfig) -> Self {
        Self { mean: 0.0, variance: 0.0, observed_ms: 0.0, break_at: config.untuned_break() }
    }

    /// Returns the break threshold in force, ohm; above the mean by the base at least, so that rest is never an
    /// incident.
    pub(super) fn break_at(&self) -> f64 {
        self.break_at
    }

    /// Returns the recovery threshold in force, ohm, below the break: the learned one once the break is, so that a
    /// route whose rest is high can close again.
    pub(super) fn recovery_at(&self, config: &ResistanceConfig) -> f64 {
        match config.tuner {
            Some(tuner) if self.warm(config, &tuner) => {
                let learned = self.mean + tuner.recovery_sensitivity * self.variance.sqrt();
                learned.max(1.5 * self.mean).min(MOST_OF_BREAK * self.break_at)
            }
            _ => config.recovery_for(self.break_at),
        }
    }

    /// Returns what was learned; `None` where nothing tunes the break.
    pub(super) fn reading(&self, config: &ResistanceConfig) -> Option<TunerReading> {
        let tuner = config.tuner?;
        Some(TunerReading {
            mean: self.mean,
            deviation: self.variance.sqrt(),
            ticks: self.observed_ms / config.min_delta_t_ms,
            is_warm: self.warm(config, &tuner),
        })
    }

    fn warm(&self, config: &ResistanceConfig, tuner: &TunerConfig) -> bool {
        self.observed_ms > 0.0 && self.observed_ms >= tuner.warmup_ticks * config.min_delta_t_ms
    }

    /// Takes in that resistance was `r` for the last `dt` milliseconds.
    pub(super) fn learn(&mut self, config: &ResistanceConfig, r: f64, dt: f64) {
        let Some(tuner) = config.tuner else { return };
        if dt <= 0.0 {
            return;
        }
        if self.observed_ms <= 0.0 {
            self.mean = r;
        } else {
            let keep = decay(dt / Self::memory(config, &tuner));
            let delta = r - self.mean;
            self.mean += (1.0 - keep) * delta;
            self.variance = keep * (self.variance + (1.0 - keep) * delta * delta);
        }
        self.observed_ms += dt;
        self.break_at = self.tuned(config, &tuner);
    }

    /// Returns `mean + k * sigma`. Before the first report sigma is such that this is the untuned break. That counts as
    /// much as `warmup_ticks` of healthy time, because rare levels do not show in seconds. It is in units of the mean,
    /// so that a service whose rest is high has the same room above it.
    fn tuned(&self, config: &ResistanceConfig, tuner: &TunerConfig) -> f64 {
        let prior = tuner.warmup_ticks * config.min_delta_t_ms;
        let seen = Self::memory(config, tuner).min(self.observed_ms);
        let doubt = prior / (prior + seen);
        let room = (config.break_multiplier - 1.0) * self.mean;
        let spread = tuner.sensitivity * tuner.sensitivity * self.variance;
        (self.mean + (doubt * room * room + (1.0 - doubt) * spread).sqrt())
            .clamp(tuner.min_floor, tuner.hard_ceiling)
            .max(self.mean + config.base_resistance)
    }

    /// Returns the time constant of what is learned, milliseconds: `alpha = 2/(n+1)` per tick of `min_delta_t`.
    fn memory(config: &ResistanceConfig, tuner: &TunerConfig) -> f64 {
        0.5 * (tuner.window_size + 1.0) * config.min_delta_t_ms
    }
}
