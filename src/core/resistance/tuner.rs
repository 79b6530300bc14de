//! Learns a route's break threshold from its healthy time only, equally fast at any report rate.

use super::config::{Config, TunerConfig};
use super::decay::decay;

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
        if self.observed_ms >= tuner.warmup_ticks * config.min_delta_t_ms {
            self.break_at = self.tuned(config, &tuner);
        }
    }

    fn tuned(&self, config: &Config, tuner: &TunerConfig) -> f64 {
        (self.mean + tuner.sensitivity * self.variance.sqrt())
            .clamp(tuner.min_floor, tuner.hard_ceiling)
            .max(2.0 * config.base_resistance)
    }
}
