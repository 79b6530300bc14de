//! `route()` as a function of what it is told: of this library, and by the formulas of the earlier one.

use keelson::core::admission::{Engine, EngineConfig, RouteId};
use keelson::core::resistance::{Slo, Telemetry};

use super::classic::Told;

/// One route.
pub trait Door {
    /// Takes in latency, error rate and saturation, and says whether a request of this voltage may go.
    fn tell(&mut self, level: [f64; 3], voltage: f64, now: f64) -> bool;

    /// The break threshold, ohm.
    fn break_at(&self, now: f64) -> f64;
}

/// Whose route.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Classic,
    Ours,
    /// With the weight of momentum that the earlier library gives it.
    Momentum,
    /// With the default numbers given as an SLO: nothing is learned of what is normal.
    Given,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic route()",
            Self::Ours => "keelson route()",
            Self::Momentum => "keelson with momentum",
            Self::Given => "keelson, SLO given",
        }
    }

    pub fn open(self, seed: u64) -> Box<dyn Door> {
        match self {
            Self::Classic => Box::new(Told::default()),
            Self::Ours => Box::new(Ours::new(&EngineConfig::default(), seed)),
            Self::Momentum => {
                let mut config = EngineConfig::default();
                config.resistance.damping_factor = 20.0;
                Box::new(Ours::new(&config, seed))
            }
            Self::Given => {
                let mut config = EngineConfig::default();
                config.resistance.slo = Slo::given();
                Box::new(Ours::new(&config, seed))
            }
        }
    }
}

struct Ours {
    engine: Engine,
    id: RouteId,
}

impl Ours {
    fn new(config: &EngineConfig, seed: u64) -> Self {
        let mut engine = Engine::new(*config, seed).expect("a valid configuration");
        let id = engine.intern("route", 0.0).id;
        Self { engine, id }
    }
}

impl Door for Ours {
    fn tell(&mut self, [latency, errors, saturation]: [f64; 3], voltage: f64, now: f64) -> bool {
        let telemetry = Telemetry::from_lane(latency, errors, saturation);
        let decision = self.engine.route(self.id, &telemetry, voltage, now);
        decision.ok().flatten().is_some_and(|decision| decision.allow)
    }

    fn break_at(&self, now: f64) -> f64 {
        self.engine.reading(self.id, now).map_or(f64::NAN, |reading| reading.break_at)
    }
}
