//! `R(t)` in closed form: between two reports, reading at any moment gives the same answer as having
//! stepped there in any number of steps. R is never below base, never NaN, never infinite.

use super::config::{InvalidField, NOT_NEGATIVE, ResistanceConfig, not_negative, require};
use super::decay::decay;
use super::decision::DecisionReason;
use super::mode::Mode;
use super::normal::Normal;
use super::pressure::{Pressure, Weights};
use super::reading::{BOOTSTRAP_FACTOR, Learned, Reading};
use super::report_profile::ReportProfile;
use super::telemetry::Telemetry;
use super::tuner::Tuner;

/// Momentum is cut off here, per second: a term that cannot dominate the others.
const MAX_MOMENTUM: f64 = 1.0;
/// Evidence is healthy below this share of the critical pressure.
const HEALTHY_SHARE: f64 = 0.5;
/// Staleness is cut off here, ohm: enough to close anything, and finite.
const MAX_STALENESS: f64 = 1e6;
/// Below this weight a shared scar is forgotten.
const NO_WEIGHT: f32 = 1e-4;

/// The physics of one route. Plain data: copying it is how one looks into the future. There may be a hundred thousand
/// of them, so what needs no more than seven digits has no more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResistanceState {
    pub(super) vector: Pressure,
    /// `P . W`, the raising and the lowering part.
    pub(super) up: f64,
    pub(super) down: f64,
    fast: f64,
    slow: f64,
    pub(super) scar: f64,
    /// The time that the last report is about; NaN before the first.
    pub(super) last_update_ms: f64,
    /// The moment the fields above are true for; NaN before anything happened.
    pub(super) at: f64,
    pub(super) tuner: Tuner,
    pub(super) ticks: u32,
    pub(super) breaking: bool,
    pub(super) refused: bool,
    /// The mode at the last decision, and its reason.
    pub(super) seen: Mode,
    pub(super) decided: DecisionReason,
    /// Scar grown per `min_delta_t_ms` while the last report is critical.
    pub(super) scar_factor: f32,
    /// The scar that others share, and its weight.
    pub(super) shared: f32,
    pub(super) blend: f32,
    /// Of the last decision; 0 before one.
    pub(super) voltage: f32,
}

impl ResistanceState {
    /// Creates the state of a route without reports.
    #[must_use]
    pub fn new(config: &ResistanceConfig) -> Self {
        Self {
            vector: Pressure::default(),
            up: 0.0,
            down: 0.0,
            fast: 0.0,
            slow: 0.0,
            scar: 0.0,
            last_update_ms: f64::NAN,
            at: f64::NAN,
            tuner: Tuner::new(config),
            ticks: 0,
            breaking: false,
            refused: false,
            seen: Mode::Bootstrap,
            decided: DecisionReason::Ok,
            scar_factor: narrow(config.scar_factor),
            shared: 0.0,
            blend: 0.0,
            voltage: 0.0,
        }
    }

    /// Takes in a report made at `now_ms`. A clock that went back is a pause of zero.
    ///
    /// # Errors
    /// Telemetry out of range; the state is then unchanged.
    pub fn report(
        &mut self,
        config: &ResistanceConfig,
        weights: &Weights,
        telemetry: &Telemetry,
        now_ms: f64,
    ) -> Result<(), InvalidField> {
        let scar_factor = f64::from(self.scar_factor);
        let report = ReportProfile { slo: config.slo, weights: *weights, scar_factor };
        self.report_as(config, &report, telemetry, 0.0, now_ms)
    }

    /// Does the same, measured against the normal levels of `report`, for a report that is `age_ms` old. The time since
    /// is estimated from the momentum. A report that is older than the last one is late news: it counts, and changes
    /// nothing else.
    ///
    /// # Errors
    /// As [`ResistanceState::report`], and an age that is negative or no number.
    pub fn report_as(
        &mut self,
        config: &ResistanceConfig,
        report: &ReportProfile,
        telemetry: &Telemetry,
        age_ms: f64,
        now_ms: f64,
    ) -> Result<(), InvalidField> {
        telemetry.validate()?;
        require(not_negative(age_ms), "ageMs", NOT_NEGATIVE)?;
        let seen = report.pressure(config.tanh_scale, telemetry);
        self.press(config, report, seen, age_ms, now_ms);
        Ok(())
    }

    /// Reports as [`ResistanceState::report_as`], measured by the learned levels of the service where `profile` leaves
    /// these to be learned. The second report makes `normal`: one report teaches nothing.
    ///
    /// # Errors
    ///
    /// As [`ResistanceState::report_as`]; nothing is learned then.
    pub fn report_learning(
        &mut self,
        normal: &mut Option<Box<Normal>>,
        config: &ResistanceConfig,
        report: &ReportProfile,
        telemetry: &Telemetry,
        age_ms: f64,
        now_ms: f64,
    ) -> Result<(), InvalidField> {
        telemetry.validate()?;
        require(not_negative(age_ms), "ageMs", NOT_NEGATIVE)?;
        let mut seen = Pressure::default();
        if !self.is_late(age_ms, now_ms) {
            if self.ticks > 0 && normal.is_none() && report.slo.learns() {
                *normal = Some(Box::default());
            }
            seen = report.pressure_beside(normal.as_deref_mut(), config, telemetry, now_ms);
        }
        self.press(config, report, seen, age_ms, now_ms);
        Ok(())
    }

    /// Returns whether telemetry this old is older than the last report. After a clock went back all is, by its
    /// measure; then the newest is what came last.
    fn is_late(&self, age_ms: f64, now_ms: f64) -> bool {
        let now_ms = if now_ms.is_finite() { now_ms } else { self.now() };
        now_ms - age_ms < self.last_update_ms && self.last_update_ms <= now_ms
    }

    fn press(
        &mut self,
        config: &ResistanceConfig,
        report: &ReportProfile,
        seen: Pressure,
        age_ms: f64,
        now_ms: f64,
    ) {
        let now_ms = if now_ms.is_finite() { now_ms } else { self.now() };
        let first = self.last_update_ms.is_nan();
        let late = self.is_late(age_ms, now_ms);
        let dt = (now_ms - self.at).max(0.0);
        self.advance(config, dt);
        if !first {
            self.learn(config, dt.min(config.hold_ms));
        }
        self.at = now_ms;
        self.ticks = self.ticks.saturating_add(1);
        if !late {
            self.scar_factor = narrow(report.scar_factor);
            self.vector = seen.ahead(self.momentum(config), age_ms / 1000.0);
            (self.up, self.down) = self.vector.weigh(&report.weights);
            if first {
                // One sample has no direction.
                (self.fast, self.slow) = (self.vector.magnitude(), self.vector.magnitude());
            }
            self.last_update_ms = now_ms - age_ms;
            let silent = age_ms - config.hold_ms;
            if silent > 0.0 {
                self.fade(decay(silent / config.fade_ms));
            }
        }
        self.settle_mode(config);
    }

    /// Returns every term at `now_ms`, without changing anything.
    #[must_use]
    pub fn reading(&self, config: &ResistanceConfig, now_ms: f64) -> Reading {
        let at = self.at(config, now_ms);
        let momentum_per_second = at.momentum(config);
        Reading {
            base: config.base_resistance,
            pressure: at.up + at.down,
            momentum: config.damping_factor * momentum_per_second.max(0.0),
            scar: at.scar,
            shared: at.blended_scar() - at.scar,
            staleness: at.staleness(config),
            total: at.total(config),
            vector: at.vector,
            magnitude: at.vector.magnitude(),
            momentum_per_second,
            mode: at.mode(config),
            break_at: at.tuner.break_at(),
            recovery_at: at.tuner.recovery_at(config),
            tuner: at.tuner.reading(config),
            learned: Learned::default(),
            scar_factor: f64::from(at.scar_factor),
            ticks: u64::from(at.ticks),
            last_update_ms: (!at.last_update_ms.is_nan()).then_some(at.last_update_ms),
            voltage: (at.voltage > 0.0).then_some(f64::from(at.voltage)),
            decided: (at.voltage > 0.0).then_some(at.decided),
        }
    }

    /// Returns R and the mode at `now_ms`: the part of [`ResistanceState::reading`] that decisions need.
    #[must_use]
    pub fn resistance(&self, config: &ResistanceConfig, now_ms: f64) -> (f64, Mode) {
        if now_ms == self.at {
            return (self.total(config), self.mode(config));
        }
        let at = self.at(config, now_ms);
        (at.total(config), at.mode(config))
    }

    /// Returns the scar at the moment of the last report, ohm.
    pub(crate) fn scar(&self) -> f64 {
        self.scar
    }

    fn now(&self) -> f64 {
        if self.at.is_nan() { 0.0 } else { self.at }
    }

    pub(super) fn at(&self, config: &ResistanceConfig, now_ms: f64) -> Self {
        let mut at = *self;
        let dt = now_ms - self.at;
        if dt > 0.0 && dt.is_finite() {
            at.advance(config, dt);
        }
        at
    }

    pub(super) fn mode(&self, config: &ResistanceConfig) -> Mode {
        if self.staleness(config) >= config.staleness_limit {
            return Mode::CircuitBreaker;
        }
        if config.bootstrap_ticks > 0 && self.ticks <= config.bootstrap_ticks {
            Mode::Bootstrap
        } else if self.breaking {
            Mode::CircuitBreaker
        } else {
            Mode::Operational
        }
    }

    fn total(&self, config: &ResistanceConfig) -> f64 {
        if config.bootstrap_ticks > 0 && self.ticks <= config.bootstrap_ticks {
            return BOOTSTRAP_FACTOR * config.base_resistance + self.staleness(config);
        }
        self.sum(config) + self.staleness(config)
    }

    /// Returns `max(R_base, R_base + P.W + mu*M + S)`.
    pub(super) fn sum(&self, config: &ResistanceConfig) -> f64 {
        let momentum = config.damping_factor * self.momentum(config).max(0.0);
        config.base_resistance + (self.up + self.down + momentum + self.blended_scar()).max(0.0)
    }

    /// Returns `U`: the last report of the route holds for a while, and then every second without news counts.
    fn staleness(&self, config: &ResistanceConfig) -> f64 {
        if config.staleness_rate <= 0.0 {
            return 0.0;
        }
        let silent = self.at - self.last_update_ms - config.hold_ms;
        // NaN before the first report: silence means nothing then.
        (config.staleness_rate * silent.max(0.0) / 1000.0).min(MAX_STALENESS)
    }

    /// Returns the own scar, drawn towards the shared one by its weight. The shared one is never folded in, so that a
    /// false one passes.
    pub(super) fn blended_scar(&self) -> f64 {
        let (shared, blend) = (f64::from(self.shared), f64::from(self.blend));
        self.scar + blend * (shared - self.scar)
    }

    /// Returns the slope of the pressure, per second: on a ramp of slope `a`, two averages with time constants `f < s`
    /// end up `a * (s - f)` apart.
    fn momentum(&self, config: &ResistanceConfig) -> f64 {
        let span_s = (config.momentum_slow_ms - config.momentum_fast_ms) / 1000.0;
        let slope = (self.fast - self.slow) / span_s;
        let beyond = (slope.abs() - config.momentum_dead_band).clamp(0.0, MAX_MOMENTUM);
        if slope < 0.0 { -beyond } else { beyond }
    }

    /// Moves the state `dt` milliseconds on, without news: the last report holds, then fades.
    pub(super) fn advance(&mut self, config: &ResistanceConfig, dt: f64) {
        if dt <= 0.0 {
            return;
        }
        if self.blend > 0.0 {
            self.shared *= narrow(decay(config.decay_rate * dt / 1000.0));
            self.blend *= narrow(decay(dt / config.shared_fade_ms));
            if self.blend < NO_WEIGHT {
                self.blend = 0.0;
            }
        }
        // `max` takes 0 for NaN: nothing holds before the first report.
        let held = dt.min((self.last_update_ms + config.hold_ms - self.at).max(0.0));
        if held > 0.0 {
            self.hold(config, held);
            self.settle_mode(config);
        }
        let silent = dt - held;
        if silent > 0.0 {
            let k = decay(silent / config.fade_ms);
            self.fade(k);
            self.fast *= k;
            self.slow *= k;
            self.scar *= decay(config.decay_rate * silent / 1000.0);
            self.settle_mode(config);
        }
        self.at += dt;
    }

    fn fade(&mut self, k: f64) {
        self.vector = self.vector.fade(k);
        self.up *= k;
    }

    /// Advances by `dt` with the pressure unchanged: scar `dS/dt = g - lambda*S` and both averages, solved exactly.
    fn hold(&mut self, config: &ResistanceConfig, dt: f64) {
        let seconds = dt / 1000.0;
        let magnitude = self.vector.magnitude();
        if magnitude > config.critical_pressure {
            let growth = f64::from(self.scar_factor) / config.min_delta_t_ms * 1000.0;
            let keep = decay(config.decay_rate * seconds);
            let grown = if config.decay_rate * seconds > 1e-12 {
                growth * (1.0 - keep) / config.decay_rate
            } else {
                growth * seconds
            };
            self.scar = (self.scar * keep + grown).min(config.effective_scar_cap());
        } else if self.scar > 0.0 {
            let healthy = magnitude <= HEALTHY_SHARE * config.critical_pressure;
            let rate = config.decay_rate + if healthy { config.heal_rate } else { 0.0 };
            self.scar *= decay(rate * seconds);
        }
        self.fast += (1.0 - decay(dt / config.momentum_fast_ms)) * (magnitude - self.fast);
        self.slow += (1.0 - decay(dt / config.momentum_slow_ms)) * (magnitude - self.slow);
    }

    /// Returns whether no incident is in the scar.
    fn calm(&self, config: &ResistanceConfig) -> bool {
        self.blended_scar() < config.scar_factor
    }

    pub(super) fn settle_mode(&mut self, config: &ResistanceConfig) {
        let r = self.sum(config);
        if !self.breaking {
            self.breaking = r >= self.tuner.break_at() && !self.recovered(config, r);
        } else if self.recovered(config, r) {
            self.breaking = false;
        }
    }

    fn recovered(&self, config: &ResistanceConfig, r: f64) -> bool {
        (self.calm(config) && self.vector.magnitude() < config.critical_pressure)
            || r < self.tuner.recovery_at(config)
    }

    /// Passes the time that the last report covers to the tuner, unless it was part of an incident or of shedding.
    fn learn(&mut self, config: &ResistanceConfig, dt: f64) {
        let well = self.vector.magnitude() <= config.critical_pressure;
        if well && self.calm(config) && !self.refused && self.mode(config) == Mode::Operational {
            let r = self.sum(config);
            self.tuner.learn(config, r, dt);
        }
    }
}

/// Narrows to seven digits, and cuts off what is too large for that.
#[expect(clippy::cast_possible_truncation, reason = "a loss of digits that is meant")]
pub(super) fn narrow(x: f64) -> f32 {
    x as f32
}
