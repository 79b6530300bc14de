//! `route()` of this library as the only door: telemetry in, a decision out.

use keelson::core::admission::{Engine, EngineConfig, RouteId};
use keelson::core::resistance::Telemetry;

use super::telemetry::Meter;
use super::{Answer, Ask, End, Policy};

pub struct Route {
    engine: Engine,
    id: RouteId,
    meter: Meter,
}

pub fn route(config: &EngineConfig, servers: usize, seed: u64) -> Route {
    let mut engine = Engine::new(*config, seed).expect("a valid configuration");
    let id = engine.intern("route", 0.0).id;
    Route { engine, id, meter: Meter::new(servers) }
}

impl Policy for Route {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        let (latency, errors, fresh) = self.meter.averages(now);
        let telemetry = Telemetry {
            latency_ms: fresh.then_some(latency),
            error_rate: fresh.then_some(errors),
            saturation: Some(self.meter.saturation()),
        };
        let decision = self.engine.route(self.id, &telemetry, ask.voltage, now);
        if !decision.ok().flatten().is_some_and(|decision| decision.allow) {
            return Answer::Shed;
        }
        self.meter.begin(ask, now);
        Answer::Start
    }

    fn done(&mut self, id: u32, end: End, now: f64) {
        self.meter.end(id, end, now);
    }

    fn left(&mut self, id: u32, _: f64) {
        self.meter.left(id);
    }

    fn resistance(&self, now: f64) -> f64 {
        self.engine.reading(self.id, now).map_or(f64::NAN, |reading| reading.total)
    }
}
