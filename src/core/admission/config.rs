//! Refuses any configuration with which the gate could stay shut for ever or grow without bound.

use crate::core::resistance::config::{
    FRACTION, InvalidField, NOT_NEGATIVE, POSITIVE, not_negative, positive, require,
};
use crate::core::resistance::{self, Slo};

/// The configuration of an engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineConfig {
    /// Routes kept; beyond it the coldest idle one is forgotten. Default 10 000.
    pub max_routes: usize,
    /// The physics of [`route`](super::Engine::route), for telemetry that callers bring.
    pub resistance: resistance::ResistanceConfig,
    /// The gate of [`admit`](super::Engine::admit), for work that we measure.
    pub gate: GateConfig,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_routes: 10_000,
            resistance: resistance::ResistanceConfig::default(),
            gate: GateConfig::default(),
        }
    }
}

impl EngineConfig {
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        require(
            (1..=1_000_000).contains(&self.max_routes),
            "maxRoutes",
            "must be an integer from 1 to 1000000",
        )?;
        self.resistance.validate()?;
        self.gate.validate()
    }
}

/// The constants of a gate. `docs/design/admission.md` gives the reason of each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateConfig {
    /// The in-flight limit never goes below this. Default 1.
    pub min_limit: f64,
    /// The in-flight limit never goes above this. Default 10 000.
    pub max_limit: f64,
    /// The in-flight limit before anything was measured. Default 4: doubled every round trip while that
    /// costs no latency.
    pub initial_limit: f64,
    /// Turns adaptation off: the limit is this. Default `None`.
    pub fixed_limit: Option<f64>,
    /// The factor by which work may exceed its baseline before the limit stops growing. Default 1.5.
    pub tolerance: f64,
    /// Latency of the service when nothing queues in it, milliseconds. Default `None`: learned.
    pub latency_baseline_ms: Option<f64>,
    /// Most requests waiting; 0 turns the wait queue off. Default 1000.
    pub max_queue: usize,
    /// Longest wait, milliseconds. Default `None`: from the measured service time.
    pub queue_deadline_ms: Option<f64>,
    /// A ticket that is not done after this is freed and counts as a failure, milliseconds; used when a call passes
    /// none. Default 30 000.
    pub ticket_timeout_ms: f64,
    /// Requests a second that are admitted whatever R, limit and queue say. Default 1.
    pub trickle_per_second: f64,
    /// Share of the arrivals that is admitted whatever R, limit and queue say. Default 0.01.
    pub trickle_share: f64,
    /// Most of them in flight beyond the limit. Default 8.
    pub trickle_in_flight: u32,
    /// Time constant of the error rate, milliseconds. Default 2000.
    pub error_window_ms: f64,
    /// Calls in that window below which an error rate means nothing. Default 10.
    pub min_calls: f64,
    /// The physics behind the gate. Its latency is relative to the learned baseline, so that
    /// `slo.baseline_latency_ms` only sets the unit.
    pub resistance: resistance::ResistanceConfig,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            min_limit: 1.0,
            max_limit: 10_000.0,
            initial_limit: 4.0,
            fixed_limit: None,
            tolerance: 1.5,
            latency_baseline_ms: None,
            max_queue: 1000,
            queue_deadline_ms: None,
            ticket_timeout_ms: 30_000.0,
            trickle_per_second: 1.0,
            trickle_share: 0.01,
            trickle_in_flight: 8,
            error_window_ms: 2000.0,
            min_calls: 10.0,
            resistance: resistance::ResistanceConfig {
                // Here as well no service is judged by too few calls, but by `min_calls`.
                bootstrap_ticks: 0,
                tuner: None,
                damping_factor: 20.0,
                // Half the calls failing is critical: tanh((0.5 - 0.25) / 0.25) = 0.76 > 0.7. What is normal of
                // latency is learned by the gate, from the calls it measures itself.
                slo: Slo { target_error_rate: 0.25, ..Slo::given() },
                ..resistance::ResistanceConfig::default()
            },
        }
    }
}

const LIMIT: &str = "must be from 1 to 1e6";

impl GateConfig {
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let limit = |x: f64| (1.0..=1e6).contains(&x);
        require(limit(self.min_limit), "minLimit", LIMIT)?;
        require(limit(self.max_limit), "maxLimit", LIMIT)?;
        require(self.min_limit <= self.max_limit, "minLimit", "must be at most maxLimit")?;
        require(limit(self.initial_limit), "initialLimit", LIMIT)?;
        require(self.fixed_limit.is_none_or(limit), "limit", LIMIT)?;
        require((1.05..=100.0).contains(&self.tolerance), "tolerance", "must be from 1.05 to 100")?;
        require(self.latency_baseline_ms.is_none_or(positive), "latencyBaselineMs", POSITIVE)?;
        require(self.max_queue <= 1_000_000, "maxQueue", "must be an integer from 0 to 1000000")?;
        require(self.queue_deadline_ms.is_none_or(positive), "queueDeadlineMs", POSITIVE)?;
        require(positive(self.ticket_timeout_ms), "ticketTimeoutMs", POSITIVE)?;
        require(
            self.trickle_per_second > 0.0 && self.trickle_per_second <= 1e6,
            "tricklePerSecond",
            "must be above 0 and at most 1e6: without a trickle a gate could stay shut for ever",
        )?;
        require((0.0..=1.0).contains(&self.trickle_share), "trickleShare", FRACTION)?;
        require(self.trickle_in_flight >= 1, "trickleInFlight", "must be an integer >= 1")?;
        require(positive(self.error_window_ms), "errorWindowMs", POSITIVE)?;
        require(not_negative(self.min_calls), "minCalls", NOT_NEGATIVE)?;
        self.resistance.validate()
    }
}
