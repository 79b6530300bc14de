//! Learns a route's break threshold from its healthy time only, equally fast at any report rate.

use super::config::{Config, TunerConfig};
use super::decay::decay;

/// A learned recovery threshold is at most this share of the break.
const MOST_OF_BREAK: f64 = 0.9;

/// Time-weighted mean and variance of resistance: `mu + k * sigma`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tuner {
    mean: f64,
    variance: f64,
    /// Healthy time seen, milliseconds.
    observed_ms: f64,
    break_at: f64,
}

impl Tuner {
    pub(super) fn new(config: &Config) -> Self {
        Self { mean: 0.0, variance: 0.0, observed_ms: 0.0, break_at: config.untuned_break() }
    }

    /// The break threshold in force, ohm; never below twice the base, so that rest is never an incident.
    pub(super) fn break_at(&self) -> f64 {
        self.break_at
    }

    /// The recovery threshold in force, ohm, below the break: the learned one once the break is, so that a route whose
    /// rest is high can close again.
    pub(super) fn recovery_at(&self, config: &Config) -> f64 {
        match config.tuner {
            Some(tuner) if self.warm(config, &tuner) => {
                let learned = self.mean + tuner.recovery_sensitivity * self.variance.sqrt();
                learned.max(1.5 * config.base_resistance).min(MOST_OF_BREAK * self.break_at)
            }
            _ => config.recovery_for(self.break_at),
        }
    }

    fn warm(&self, config: &Config, tuner: &TunerConfig) -> bool {
        self.observed_ms > 0.0 && self.observed_ms >= tuner.warmup_ticks * config.min_delta_t_ms
    }

    /// Takes in that resistance was `r` for the last `dt` milliseconds.
    pub(super) fn learn(&mut self, config: &Config, r: f64, dt: f64) {
        let Some(tuner) = config.tuner else { return };
        if dt <= 0.0 {
            return;
        }
        if self.observed_ms <= 0.0 {
            self.mean = r;
        } else {
            // alpha = 2/(n+1) per tick of min_delta_t, as a continuous time constant.
            let tau = 0.5 * (tuner.window_size + 1.0) * config.min_delta_t_ms;
            let keep = decay(dt / tau);
            let delta = r - self.mean;
            self.mean += (1.0 - keep) * delta;
            self.variance = keep * (self.variance + (1.0 - keep) * delta * delta);
        }
        self.observed_ms += dt;
        if self.warm(config, &tuner) {
            self.break_at = self.tuned(config, &tuner);
        }
    }

    fn tuned(&self, config: &Config, tuner: &TunerConfig) -> f64 {
        (self.mean + tuner.sensitivity * self.variance.sqrt())
            .clamp(tuner.min_floor, tuner.hard_ceiling)
            .max(2.0 * config.base_resistance)
    }
}
