//! The formulas of the earlier library, Atrion 2.0 (<https://github.com/cluster-127/atrion>), call by call as
//! published: scar `+5` a critical call and `e^(-0.1 t)`, momentum `|P(t) - P(t-2)| / ms`, breaker at 100 ohm or at
//! `mean + 3 sigma` of all samples. Two faces: the guard of its examples, which asks before and reports after, and
//! `route()`, which is given telemetry with each request.

use super::telemetry::Meter;
use super::{Answer, Ask, End, Policy};

const BASE: f64 = 10.0;
const SIGMA: f64 = 5.0;
const LAMBDA: f64 = 0.1;
const MU: f64 = 20.0;
const CRITICAL: f64 = 0.7;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Bootstrap,
    Operational,
    Open,
}

#[derive(Debug)]
struct Tuner {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Tuner {
    /// Takes a sample in and gives the break threshold.
    fn observe(&mut self, r: f64) -> f64 {
        let alpha = 2.0 / 101.0;
        self.count += 1.0;
        let delta = r - self.mean;
        if self.count <= 1.0 {
            self.mean = r;
        } else {
            self.mean += alpha * delta;
            self.variance = (1.0 - alpha) * (self.variance + alpha * delta * delta);
        }
        if self.count < 50.0 {
            100.0
        } else {
            (self.mean + 3.0 * self.variance.sqrt()).clamp(30.0, 500.0)
        }
    }
}

/// `route()` as a function of what it is told.
#[derive(Debug)]
pub struct Told(Physics);

impl Default for Told {
    fn default() -> Self {
        Self(Physics::new(true))
    }
}

impl super::told::Door for Told {
    fn tell(&mut self, [latency, errors, saturation]: [f64; 3], voltage: f64, now: f64) -> bool {
        self.0.update(latency, errors, saturation, now);
        self.0.mode != Mode::Open && voltage > self.0.resistance
    }

    fn break_at(&self, _: f64) -> f64 {
        self.0.break_at
    }
}

/// The physics of one route.
#[derive(Debug)]
struct Physics {
    /// The last one and the one before.
    pressures: [[f64; 3]; 2],
    scar: f64,
    resistance: f64,
    mode: Mode,
    break_at: f64,
    ticks: u32,
    at: f64,
    tuner: Option<Tuner>,
}

fn magnitude(p: [f64; 3]) -> f64 {
    p.iter().map(|x| x * x).sum::<f64>().sqrt()
}

impl Physics {
    fn new(is_tuned: bool) -> Self {
        let tuner = is_tuned.then_some(Tuner { count: 0.0, mean: 0.0, variance: 0.0 });
        Self {
            pressures: [[0.0; 3]; 2],
            scar: 0.0,
            resistance: 1.2 * BASE,
            mode: Mode::Bootstrap,
            break_at: 10.0 * BASE,
            ticks: 0,
            at: 0.0,
            tuner,
        }
    }

    fn update(&mut self, latency_ms: f64, errors: f64, saturation: f64, now: f64) {
        let normal = |raw: f64, baseline: f64| ((raw - baseline) / baseline).tanh();
        let p = [normal(latency_ms, 100.0), normal(errors, 0.01), normal(saturation, 0.5)];
        let positive = p.map(|x| x.max(0.0));
        self.ticks += 1;
        let dt = now - std::mem::replace(&mut self.at, now);
        let [last, before] = self.pressures;
        self.pressures = [p, last];
        if self.ticks < 10 {
            return;
        }
        self.scar *= (-LAMBDA * dt / 1000.0).exp();
        if magnitude(positive) > CRITICAL {
            self.scar += SIGMA;
        }
        let change = magnitude([p[0] - before[0], p[1] - before[1], p[2] - before[2]]);
        let momentum = if self.ticks > 10 && dt > 0.0 { change / dt } else { 0.0 };
        let weighed = p[0] * 6_f64.ln() + p[1] * 9_f64.ln() + p[2] * 4_f64.ln();
        self.resistance = (BASE + weighed + MU * momentum + self.scar).max(BASE);
        let break_at =
            self.tuner.as_mut().map_or(10.0 * BASE, |tuner| tuner.observe(self.resistance));
        self.break_at = break_at;
        let recovery = if self.tuner.is_some() { (0.5 * break_at).max(15.0) } else { 5.0 * BASE };
        self.mode = match self.mode {
            Mode::Open => {
                let calm = self.scar < SIGMA && magnitude(p) < CRITICAL;
                if calm || self.resistance < recovery { Mode::Operational } else { Mode::Open }
            }
            _ if self.resistance >= break_at => Mode::Open,
            _ => Mode::Operational,
        };
    }
}

/// `canAccept` before, `reportOutcome` after.
#[derive(Debug)]
pub struct Guard {
    physics: Physics,
    meter: Meter,
}

impl Default for Guard {
    fn default() -> Self {
        Self { physics: Physics::new(false), meter: Meter::new(1) }
    }
}

impl Policy for Guard {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        if self.physics.mode == Mode::Open || self.physics.resistance > 0.8 * 10.0 * BASE {
            return Answer::Shed;
        }
        self.meter.begin(ask, now);
        Answer::Start
    }

    fn done(&mut self, id: u32, end: End, now: f64) {
        let (latency, failed) = self.meter.end(id, end, now);
        self.physics.update(latency, f64::from(u8::from(failed)), 0.0, now);
    }

    fn left(&mut self, id: u32, _: f64) {
        self.meter.left(id);
    }

    fn resistance(&self, _: f64) -> f64 {
        self.physics.resistance
    }
}

/// `route(telemetry, voltage)` with its tuner.
#[derive(Debug)]
pub struct Route {
    physics: Physics,
    meter: Meter,
}

pub fn route(servers: usize) -> Route {
    Route { physics: Physics::new(true), meter: Meter::new(servers) }
}

impl Policy for Route {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        let (latency, errors, _) = self.meter.averages(now);
        self.physics.update(latency, errors, self.meter.saturation(), now);
        // Voltages as its documentation has them, where 100 is the default.
        let voltage = [200.0, 100.0, 50.0][usize::from(ask.class)];
        if self.physics.mode == Mode::Open || voltage <= self.physics.resistance {
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

    fn resistance(&self, _: f64) -> f64 {
        self.physics.resistance
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Physics};
    use crate::policy::Kind;
    use crate::policy::testing::run;
    use crate::world::{Fault, Scenario};

    /// The scar is per call: a hundred times the rate opens it a hundred times as fast.
    #[test]
    fn opens_the_sooner_the_more_often_it_is_told() {
        let opens_after = |gap_ms: f64| {
            let mut physics = Physics::new(false);
            let mut now = 0.0;
            while physics.mode != Mode::Open {
                now += gap_ms;
                physics.update(500.0, 1.0, 0.0, now);
            }
            now / 1000.0
        };
        assert!(opens_after(100.0) > 2.0);
        assert!(opens_after(1.0) < 0.1);
    }

    /// Nothing decays unless somebody reports, and nobody is let in to report.
    #[test]
    fn the_guard_latches_after_a_second_of_outage() {
        let mut scenario = Scenario::steady(0.25, 120.0);
        scenario.faults = vec![Fault { errors: 1.0, ..Fault::of(10.0, 11.0) }];
        let record = scenario.run(1, &mut *Kind::Classic.open(&scenario, 1));
        assert!(record.success(0.0, 10.0) > 95.0);
        assert_eq!(record.success(60.0, 120.0), 0.0);
    }

    #[test]
    fn the_guard_collapses_under_overload() {
        let record = run(&[(30.0, 2.0)], Kind::Classic);
        assert!(record.goodput(5.0, 30.0) < 5.0);
    }
}
