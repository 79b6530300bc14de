//! `R(t)` in closed form: between two reports, reading at any moment gives the same answer as having
//! stepped there in any number of steps. R is never below base, never NaN, never infinite.

use super::config::{Config, Invalid};
use super::decay::decay;
use super::pressure::{Pressure, Weights};
use super::telemetry::Telemetry;
use super::tuner::Tuner;

/// Momentum is cut off here, per second: a term that cannot dominate the others.
const MAX_MOMENTUM: f64 = 1.0;
/// Resistance during BOOTSTRAP, in units of the base.
const BOOTSTRAP_FACTOR: f64 = 1.2;
/// Evidence is healthy below this share of the critical pressure.
const HEALTHY_SHARE: f64 = 0.5;

/// What a route is doing with its resistance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Too few reports to judge: R is 1.2 times the base.
    Bootstrap = 0,
    /// R is the sum of its terms.
    Operational = 1,
    /// R reached the break and has not yet recovered.
    CircuitBreaker = 2,
}

/// Every term of R at one moment: what explains a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// `R_base`, ohm.
    pub base: f64,
    /// `P . W`, ohm; negative when the route is better than its baselines.
    pub pressure: f64,
    /// `mu * max(M, 0)`, ohm.
    pub momentum: f64,
    /// `S`, ohm.
    pub scar: f64,
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
    /// Reports taken in.
    pub ticks: u64,
    /// Time of the last report, milliseconds; `None` before the first.
    pub last_update_ms: Option<f64>,
}

/// The physics of one route. Plain data: copying it is how one looks into the future.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    vector: Pressure,
    magnitude: f64,
    /// `P . W`, the raising and the lowering part.
    up: f64,
    down: f64,
    fast: f64,
    slow: f64,
    scar: f64,
    breaking: bool,
    ticks: u64,
    last_update_ms: Option<f64>,
    /// The moment the fields above are true for.
    at: f64,
    hold_left: f64,
    tuner: Tuner,
}

impl State {
    /// A route nobody has reported on.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            vector: Pressure::default(),
            magnitude: 0.0,
            up: 0.0,
            down: 0.0,
            fast: 0.0,
            slow: 0.0,
            scar: 0.0,
            breaking: false,
            ticks: 0,
            last_update_ms: None,
            at: 0.0,
            hold_left: 0.0,
            tuner: Tuner::new(config),
        }
    }

    /// Takes in a report made at `now_ms`. A clock that went back is a pause of zero.
    ///
    /// # Errors
    /// Telemetry out of range; the state is then unchanged.
    pub fn report(
        &mut self,
        config: &Config,
        weights: &Weights,
        telemetry: &Telemetry,
        now_ms: f64,
    ) -> Result<(), Invalid> {
        telemetry.validate()?;
        let now_ms = if now_ms.is_finite() { now_ms } else { self.at };
        if self.last_update_ms.is_some() {
            let dt = (now_ms - self.at).max(0.0);
            self.advance(config, dt);
            self.learn(config, dt.min(config.hold_ms));
        }
        self.vector = Pressure::of(config, telemetry);
        self.magnitude = self.vector.magnitude();
        (self.up, self.down) = self.vector.weigh(weights);
        if self.last_update_ms.is_none() {
            // One sample has no direction.
            (self.fast, self.slow) = (self.magnitude, self.magnitude);
        }
        self.hold_left = config.hold_ms;
        self.ticks += 1;
        self.at = now_ms;
        self.last_update_ms = Some(now_ms);
        self.settle_mode(config);
        Ok(())
    }

    /// Every term at `now_ms`, without changing anything.
    #[must_use]
    pub fn reading(&self, config: &Config, now_ms: f64) -> Reading {
        let at = self.at(config, now_ms);
        let momentum_per_second = at.momentum(config);
        let break_at = at.tuner.break_at();
        Reading {
            base: config.base_resistance,
            pressure: at.up + at.down,
            momentum: config.damping_factor * momentum_per_second.max(0.0),
            scar: at.scar,
            total: at.total(config),
            vector: at.vector,
            magnitude: at.magnitude,
            momentum_per_second,
            mode: at.mode(config),
            break_at,
            recovery_at: config.recovery_for(break_at),
            ticks: at.ticks,
            last_update_ms: at.last_update_ms,
        }
    }

    /// R and the mode at `now_ms`: the part of [`State::reading`] that decisions need.
    #[must_use]
    pub fn resistance(&self, config: &Config, now_ms: f64) -> (f64, Mode) {
        let at = self.at(config, now_ms);
        (at.total(config), at.mode(config))
    }

    /// The scar at the moment of the last report, ohm.
    pub(crate) fn scar(&self) -> f64 {
        self.scar
    }

    fn at(&self, config: &Config, now_ms: f64) -> Self {
        let mut at = *self;
        let dt = now_ms - self.at;
        if dt > 0.0 && dt.is_finite() && self.last_update_ms.is_some() {
            at.advance(config, dt);
        }
        at
    }

    fn mode(&self, config: &Config) -> Mode {
        let ticks = u64::from(config.bootstrap_ticks);
        if ticks > 0 && self.ticks <= ticks {
            Mode::Bootstrap
        } else if self.breaking {
            Mode::CircuitBreaker
        } else {
            Mode::Operational
        }
    }

    fn total(&self, config: &Config) -> f64 {
        if self.mode(config) == Mode::Bootstrap {
            return BOOTSTRAP_FACTOR * config.base_resistance;
        }
        self.sum(config)
    }

    /// `max(R_base, R_base + P.W + mu*M + S)`.
    fn sum(&self, config: &Config) -> f64 {
        let momentum = config.damping_factor * self.momentum(config).max(0.0);
        config.base_resistance + (self.up + self.down + momentum + self.scar).max(0.0)
    }

    /// Slope of the pressure, per second: on a ramp of slope `a`, two averages with time constants `f < s`
    /// end up `a * (s - f)` apart.
    fn momentum(&self, config: &Config) -> f64 {
        let span_s = (config.momentum_slow_ms - config.momentum_fast_ms) / 1000.0;
        let slope = (self.fast - self.slow) / span_s;
        let beyond = (slope.abs() - config.momentum_dead_band).clamp(0.0, MAX_MOMENTUM);
        if slope < 0.0 { -beyond } else { beyond }
    }

    /// Moves the state `dt` milliseconds on, without news: the last report holds, then fades.
    fn advance(&mut self, config: &Config, dt: f64) {
        if dt <= 0.0 {
            return;
        }
        let held = dt.min(self.hold_left);
        if held > 0.0 {
            self.hold(config, held);
            self.settle_mode(config);
        }
        self.hold_left -= held;
        let silent = dt - held;
        if silent > 0.0 {
            let k = decay(silent / config.fade_ms);
            self.vector = self.vector.fade(k);
            self.magnitude *= k;
            self.up *= k;
            self.fast *= k;
            self.slow *= k;
            self.scar *= decay(config.decay_rate * silent / 1000.0);
            self.settle_mode(config);
        }
        self.at += dt;
    }

    /// The pressure stays what it was for `dt`: scar `dS/dt = g - lambda*S` and both averages, solved exactly.
    fn hold(&mut self, config: &Config, dt: f64) {
        let seconds = dt / 1000.0;
        if self.magnitude > config.critical_pressure {
            let growth = config.scar_factor / config.min_delta_t_ms * 1000.0;
            let keep = decay(config.decay_rate * seconds);
            let grown = if config.decay_rate * seconds > 1e-12 {
                growth * (1.0 - keep) / config.decay_rate
            } else {
                growth * seconds
            };
            self.scar = (self.scar * keep + grown).min(config.effective_scar_cap());
        } else if self.scar > 0.0 {
            let healthy = self.magnitude <= HEALTHY_SHARE * config.critical_pressure;
            let rate = config.decay_rate + if healthy { config.heal_rate } else { 0.0 };
            self.scar *= decay(rate * seconds);
        }
        self.fast += (1.0 - decay(dt / config.momentum_fast_ms)) * (self.magnitude - self.fast);
        self.slow += (1.0 - decay(dt / config.momentum_slow_ms)) * (self.magnitude - self.slow);
    }

    fn settle_mode(&mut self, config: &Config) {
        let break_at = self.tuner.break_at();
        let r = self.sum(config);
        let calm = self.scar < config.scar_factor && self.magnitude < config.critical_pressure;
        let recovered = calm || r < config.recovery_for(break_at);
        self.breaking = !recovered && (self.breaking || r >= break_at);
    }

    /// The tuner sees the time the last report spoke for, unless that time was part of an incident.
    fn learn(&mut self, config: &Config, dt: f64) {
        let calm = self.scar < config.scar_factor && self.magnitude <= config.critical_pressure;
        if calm && self.mode(config) == Mode::Operational {
            let r = self.sum(config);
            self.tuner.learn(config, r, dt);
        }
    }
}
