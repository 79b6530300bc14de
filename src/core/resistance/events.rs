//! The events of a route besides reports: decisions, tasks that end badly, neighbours that open, news from others.

use super::config::ResistanceConfig;
use super::decay::decay;
use super::decision::Decision;
use super::mode::Mode;
use super::reading::BOOTSTRAP_FACTOR;
use super::state::{ResistanceState, narrow};
use super::tuner::Tuner;

/// The ends of a task under a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TaskEnd {
    /// It succeeded: no scar.
    Completed = 0,
    /// It failed: one scar factor.
    Failed = 1,
    /// Its time was over, or its heartbeats ended: two scar factors, because its place was wasted as well.
    TimedOut = 2,
    /// It was called off: no scar.
    Aborted = 3,
}

impl TaskEnd {
    /// Returns the scar it leaves, in scar factors of the task's profile.
    #[must_use]
    pub const fn scars(self) -> f64 {
        match self {
            Self::Completed | Self::Aborted => 0.0,
            Self::Failed => 1.0,
            Self::TimedOut => 2.0,
        }
    }
}

impl ResistanceState {
    /// Decides for a voltage at `now_ms` and takes note of it. The second value is the mode of the decision before.
    ///
    /// A refusal of what would flow at rest is shedding, during which nothing is learned.
    pub fn decide(
        &mut self,
        config: &ResistanceConfig,
        voltage: f64,
        now_ms: f64,
    ) -> (Decision, Mode) {
        let (r, mode) = self.resistance(config, now_ms);
        let decision = Decision::new(r, mode, voltage);
        self.voltage = narrow(voltage);
        self.decided = decision.reason;
        self.refused = !decision.allow && voltage > BOOTSTRAP_FACTOR * config.base_resistance;
        (decision, std::mem::replace(&mut self.seen, mode))
    }

    /// Notes that a task ended: it counts as a report, and leaves its scar, up to the cap. `scar_factor` is that of its
    /// profile.
    pub fn task_ended(
        &mut self,
        config: &ResistanceConfig,
        end: TaskEnd,
        scar_factor: f64,
        now_ms: f64,
    ) {
        self.move_to(config, now_ms);
        self.ticks = self.ticks.saturating_add(1);
        let scar = self.scar + end.scars() * scar_factor;
        // A cap that was lowered takes nothing away at once.
        self.scar = scar.min(config.effective_scar_cap()).max(self.scar);
        self.settle_mode(config);
    }

    /// Notes that a neighbour opened. Returns the ohms that were added. This raises R to no more than the recovery
    /// threshold. So it never opens a route, and openings do not run through a graph by themselves.
    pub fn neighbour_opened(&mut self, config: &ResistanceConfig, now_ms: f64) -> f64 {
        self.move_to(config, now_ms);
        let room = self.tuner.recovery_at(config) - self.sum(config);
        let bump = config.cascade_bump.min(room).max(0.0);
        self.scar += bump;
        bump
    }

    /// Blends in the scar that another process reported for this route `age_ms` ago, with a weight from 0 to 1.
    ///
    /// The own scar is not touched: the report changes R by no more than `blend` times the cap, and loses its weight
    /// with time. Numbers that are not finite are ignored.
    pub fn share(
        &mut self,
        config: &ResistanceConfig,
        scar: f64,
        blend: f64,
        age_ms: f64,
        now_ms: f64,
    ) {
        if !(scar.is_finite() && blend.is_finite() && age_ms.is_finite()) {
            return;
        }
        self.move_to(config, now_ms);
        let age = age_ms.max(0.0);
        let scar = scar.clamp(0.0, config.effective_scar_cap());
        self.shared = narrow(scar * decay(config.decay_rate * age / 1000.0));
        self.blend = narrow(blend.clamp(0.0, 1.0) * decay(age / config.shared_fade_ms));
        self.settle_mode(config);
    }

    /// Returns the scar that this process shares with others: its own, without their reports.
    #[must_use]
    pub fn own_scar(&self, config: &ResistanceConfig, now_ms: f64) -> f64 {
        self.at(config, now_ms).scar
    }

    /// Sets how deep reports without a profile of their own scar, ohm per `min_delta_t_ms`.
    pub fn set_scar_factor(&mut self, ohm: f64) {
        self.scar_factor = narrow(ohm);
    }

    /// Adopts another configuration. It forgets the learned break of the old one; scars stay.
    pub fn adopt(&mut self, config: &ResistanceConfig) {
        self.tuner = Tuner::new(config);
        self.scar_factor = narrow(config.scar_factor);
        self.settle_mode(config);
    }

    fn move_to(&mut self, config: &ResistanceConfig, now_ms: f64) {
        if self.at.is_nan() {
            self.at = if now_ms.is_finite() { now_ms } else { 0.0 };
        }
        *self = self.at(config, now_ms);
    }
}
