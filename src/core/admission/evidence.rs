//! Turns the gate's measurements into the inputs of R, at most 40 times a second and the same at any load.

use super::config::GateConfig;
use super::gray_failure::GrayFailure;
use crate::core::resistance::decay::decay;
use crate::core::resistance::{self, Mode, Reading, ResistanceState, Telemetry, Weights};

/// Evidence is turned into a report at most this often, milliseconds.
const PERIOD_MS: f64 = 25.0;
/// R is computed at most this often between reports, milliseconds.
const CACHE_MS: f64 = 10.0;
/// Latency and queueing weigh at most tanh(0.4) each: together 0.54, below critical. Overload without errors
/// is the limit's and the queue's work; it raises R, it never scars.
const MOST: f64 = 1.4;
/// Latency pressure starts at this multiple of the unloaded latency.
const SLOW: f64 = 2.0;
/// The most that slowness adds to R, in units of the base. After a short queue and no errors take their part away, a
/// fifth is left, which is a signal. The sum is far below the least named voltage, so it sheds no one.
const GRAY: f64 = 0.5;

/// Measurements since the last report, and the physics they feed.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    weights: Weights,
    state: ResistanceState,
    slowness: GrayFailure,
    at: f64,
    /// Since the last report.
    ok: f64,
    failed: f64,
    latency_sum: f64,
    latencies: f64,
    wait_sum: f64,
    waits: f64,
    /// Decayed by the error window.
    calls: f64,
    failures: f64,
    queue_delay: f64,
    cached: f64,
    cached_until: f64,
    /// Set when R had reached the break when it was last computed.
    open: bool,
    /// Set when the gate has opened and the neighbours do not know yet.
    opened: bool,
}

impl Evidence {
    pub(crate) fn new(config: &GateConfig, now: f64) -> Self {
        Self {
            weights: Weights::of(&config.resistance),
            state: ResistanceState::new(&config.resistance),
            slowness: GrayFailure::default(),
            at: now,
            ok: 0.0,
            failed: 0.0,
            latency_sum: 0.0,
            latencies: 0.0,
            wait_sum: 0.0,
            waits: 0.0,
            calls: 0.0,
            failures: 0.0,
            queue_delay: 0.0,
            cached: config.resistance.base_resistance,
            cached_until: f64::NEG_INFINITY,
            open: false,
            opened: false,
        }
    }

    /// Returns the physics that are fed, for what happens besides measurements.
    pub(crate) fn state(&mut self) -> &mut ResistanceState {
        &mut self.state
    }

    pub(crate) fn succeed(&mut self, latency: f64) {
        self.slowness.succeed(latency);
        self.ok += 1.0;
        self.latency_sum += latency;
        self.latencies += 1.0;
    }

    pub(crate) fn fail(&mut self) {
        self.failed += 1.0;
    }

    pub(crate) fn waited(&mut self, ms: f64) {
        self.wait_sum += ms;
        self.waits += 1.0;
    }

    /// Returns whether the gate has opened since the last call.
    pub(crate) fn take_opened(&mut self) -> bool {
        std::mem::take(&mut self.opened)
    }

    /// Adds ohms for a neighbour that opened. Returns how many it added.
    pub(crate) fn neighbour_opened(&mut self, config: &GateConfig, ohm: f64, now: f64) -> f64 {
        self.cached_until = f64::NEG_INFINITY;
        let physics = resistance::ResistanceConfig { cascade_bump: ohm, ..config.resistance };
        self.state.neighbour_opened(&physics, now)
    }

    /// Returns R, at most [`CACHE_MS`] old.
    pub(crate) fn resistance(&mut self, config: &GateConfig, now: f64) -> f64 {
        if now >= self.cached_until {
            let (resistance, mode) = self.state.resistance(&config.resistance, now);
            let open = mode == Mode::CircuitBreaker;
            self.opened |= open && !self.open;
            (self.cached, self.open) = (resistance, open);
            self.cached_until = now + CACHE_MS;
        }
        self.cached
    }

    /// Returns whether an incident is still in the scar.
    pub(crate) fn scarred(&self, config: &GateConfig) -> bool {
        self.state.scar() > config.resistance.scar_factor
    }

    pub(crate) fn reading(&self, config: &GateConfig, now: f64) -> Reading {
        self.state.reading(&config.resistance, now)
    }

    /// Returns the mean wait of recent admissions and expiries, milliseconds.
    pub(crate) fn queue_delay(&self) -> f64 {
        self.queue_delay
    }

    /// Returns the failed share of recent calls, if there were enough to tell.
    pub(crate) fn error_rate(&self, config: &GateConfig) -> Option<f64> {
        // In an incident the trickle is all there is, and one call is enough.
        let enough = if self.scarred(config) { 0.5 } else { config.min_calls };
        (self.calls >= enough && self.calls > 0.0)
            .then(|| (self.failures / self.calls).clamp(0.0, 1.0))
    }

    /// Turns what was measured into a report, if it is time.
    pub(crate) fn settle(
        &mut self,
        config: &GateConfig,
        baseline: Option<f64>,
        queue_deadline: f64,
        now: f64,
    ) {
        let dt = now - self.at;
        if dt < PERIOD_MS || self.ok + self.failed + self.waits <= 0.0 {
            return;
        }
        self.at = now;
        let keep = decay(dt / config.error_window_ms);
        self.calls = self.calls * keep + self.ok + self.failed;
        self.failures = self.failures * keep + self.failed;
        if self.waits > 0.0 {
            self.queue_delay = self.wait_sum / self.waits;
        }
        self.slowness.report(self.latencies, self.latency_sum, dt);
        let slo = &config.resistance.slo;
        let slow = config.latency_baseline_ms.or(baseline.map(|base| SLOW * base));
        let ratio = slow
            .filter(|_| self.latencies > 0.0)
            .map(|slow| (self.latency_sum / self.latencies / slow).min(MOST));
        let (ratio, weights) = self.shown(config, ratio);
        let latency_ms = ratio.map(|ratio| ratio * slo.baseline_latency_ms);
        let saturation = (self.waits > 0.0)
            .then(|| (self.queue_delay / queue_deadline / 0.5).min(MOST) * slo.saturation_baseline);
        let telemetry = Telemetry { latency_ms, error_rate: self.error_rate(config), saturation };
        // Always valid: every part of it is a ratio of numbers we measured.
        let reported = self.state.report(&config.resistance, &weights, &telemetry, now);
        debug_assert!(reported.is_ok(), "{reported:?}");
        self.cached_until = f64::NEG_INFINITY;
        (self.ok, self.failed) = (0.0, 0.0);
        (self.latency_sum, self.latencies) = (0.0, 0.0);
        (self.wait_sum, self.waits) = (0.0, 0.0);
    }

    /// Returns latency in units of its baseline, and the weights of the signals. Slowness beyond normal shows in the
    /// term of latency: no more pressure than any latency may make, so that it never scars, but more ohms.
    fn shown(&self, config: &GateConfig, ratio: Option<f64>) -> (Option<f64>, Weights) {
        let certainty = self.slowness.certainty();
        if certainty <= 0.0 {
            return (ratio, self.weights);
        }
        let physics = &config.resistance;
        let usual = self.weights.latency;
        let most = GRAY * physics.base_resistance / (physics.tanh_scale * (MOST - 1.0)).tanh();
        let latency = usual + certainty * (most - usual).max(0.0);
        let least = 1.0 + certainty * (MOST - 1.0);
        (Some(ratio.unwrap_or(least).max(least)), Weights { latency, ..self.weights })
    }

    /// Milliseconds until a request of `voltage` would pass, if the service is well from now on.
    pub(crate) fn passes_in(&self, config: &GateConfig, voltage: f64, now: f64) -> f64 {
        let reading = self.state.reading(&config.resistance, now);
        debug_assert!(reading.mode != Mode::Bootstrap);
        let allowed = voltage - (reading.total - reading.scar);
        if allowed <= 0.0 || reading.scar <= 0.0 {
            return f64::INFINITY;
        }
        let rate = config.resistance.decay_rate + config.resistance.heal_rate;
        1000.0 * (reading.scar / allowed).ln().max(0.0) / rate
    }
}
