//! The reading of a route's state: every term of R at one moment, which explains a decision.

use super::config::ResistanceConfig;
use super::decision::DecisionReason;
use super::mode::Mode;
use super::pressure::Pressure;

/// The learned levels of a service; `None` for a signal without reports, or with a configured level.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Learned {
    /// Latency at which latency pressure is zero, milliseconds.
    pub latency_ms: Option<f64>,
    /// Error rate at which error pressure is zero.
    pub error_rate: Option<f64>,
    /// Saturation at which saturation pressure is zero.
    pub saturation: Option<f64>,
}

/// The learned distribution of R, from the healthy time of a route.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TunerReading {
    /// Mean of R, ohm.
    pub mean: f64,
    /// Standard deviation of R, ohm.
    pub deviation: f64,
    /// Healthy time, in units of `min_delta_t_ms`.
    pub ticks: f64,
    /// True once the recovery threshold is the learned one.
    pub is_warm: bool,
}

/// Every term of R at one moment, which explains a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// `R_base`, ohm.
    pub base: f64,
    /// `P . W`, ohm; negative when the route is better than its baselines.
    pub pressure: f64,
    /// `mu * max(M, 0)`, ohm.
    pub momentum: f64,
    /// `S`, ohm: the scar of this process, without the share of others.
    pub scar: f64,
    /// The share of R by the scars of others, ohm; negative when they are better off.
    pub shared: f64,
    /// `U`, ohm: the term of silence.
    pub staleness: f64,
    /// R, ohm.
    pub total: f64,
    /// The pressure vector behind `pressure`.
    pub vector: Pressure,
    /// Magnitude of its positive part.
    pub magnitude: f64,
    /// `M`, per second: positive while the route deteriorates, negative while it recovers.
    pub momentum_per_second: f64,
    /// The mode at this moment.
    pub mode: Mode,
    /// R at which the breaker opens, ohm.
    pub break_at: f64,
    /// R below which it closes, ohm.
    pub recovery_at: f64,
    /// The distribution of R that the break is learned from; `None` where nothing tunes it.
    pub tuner: Option<TunerReading>,
    /// The normal levels of the service, as far as they were learned.
    pub learned: Learned,
    /// Scar grown per `min_delta_t_ms` of a critical report, ohm.
    pub scar_factor: f64,
    /// Reports taken in.
    pub ticks: u64,
    /// The time that the last report is about, milliseconds; `None` before the first.
    pub last_update_ms: Option<f64>,
    /// The voltage of the last decision, if there was one.
    pub voltage: Option<f64>,
    /// The reason of that decision.
    pub decided: Option<DecisionReason>,
}

/// Resistance during BOOTSTRAP, in units of the base.
pub(super) const BOOTSTRAP_FACTOR: f64 = 1.2;

/// Returns R of a route without reports, ohm.
#[must_use]
pub fn unknown_resistance(config: &ResistanceConfig) -> f64 {
    let factor = if config.bootstrap_ticks > 0 { BOOTSTRAP_FACTOR } else { 1.0 };
    factor * config.base_resistance
}
