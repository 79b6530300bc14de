//! Routes whose telemetry callers report: decisions, tasks, openings of neighbours, and the states of other processes.

use super::engine::Engine;
use super::ids::RouteId;
use super::shed::{Shed, ShedReason};
use crate::core::resistance::{
    Candidate, Decision, InvalidField, Mode, ReportProfile, TaskEnd, Telemetry, select,
    unknown_resistance,
};

/// Retry hint of a refused task, milliseconds. Tasks take minutes, so nothing that is measured says when one ends.
const TASK_RETRY_MS: f64 = 1000.0;

/// The answer to one report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Routed {
    /// The decision.
    pub decision: Decision,
    /// The mode of the decision before this one.
    pub before: Mode,
    /// The number of neighbours that felt that the route opened.
    pub bumped: u32,
}

/// The state of a route that a process shares with others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Own {
    /// Its own scar, ohm.
    pub scar: f64,
    /// R, ohm.
    pub resistance: f64,
}

impl Engine {
    /// Reports telemetry about a route, seen `age_ms` ago, and decides for `voltage`. `profile` is the index of the
    /// profile to measure by; `None` is the route's own.
    ///
    /// Returns `None` when the id is stale, or there is no such profile.
    ///
    /// # Errors
    ///
    /// Telemetry out of range; nothing changed then.
    pub fn route_as(
        &mut self,
        id: RouteId,
        profile: Option<usize>,
        telemetry: &Telemetry,
        age_ms: f64,
        voltage: f64,
        now_ms: f64,
    ) -> Result<Option<Routed>, InvalidField> {
        telemetry.validate()?;
        let now = self.clock.tick(now_ms);
        let report: Option<ReportProfile> = match profile {
            None => None,
            Some(index) => match self.settings.defined.get(index) {
                Some(profile) => Some(profile.report),
                None => return Ok(None),
            },
        };
        let Some(route) = self.routes.get_mut(id.0) else { return Ok(None) };
        let own = &*route.profile;
        let report = report.as_ref().unwrap_or(&own.report);
        let normal = &mut route.normal;
        route.physics.report_learning(normal, &own.config, report, telemetry, age_ms, now)?;
        let (decision, before) = route.physics.decide(&own.config, voltage, now);
        self.routes.touch(id.0.slot);
        let opened = decision.mode == Mode::CircuitBreaker && before != Mode::CircuitBreaker;
        let bumped = if opened { self.tell_neighbours(id, now) } else { 0 };
        Ok(Some(Routed { decision, before, bumped }))
    }

    /// Raises R of the neighbours of a route whose gate has opened, once.
    pub(crate) fn cascade(&mut self, id: RouteId, now: f64) {
        let gate = self.routes.get_mut(id.0).and_then(|route| route.gate.as_mut());
        if gate.is_some_and(|gate| gate.evidence.take_opened()) {
            self.tell_neighbours(id, now);
        }
    }

    /// Lets the neighbours of a route that opened feel it, by telemetry and at their gates. Returns how many did.
    fn tell_neighbours(&mut self, id: RouteId, now: f64) -> u32 {
        let Some(name) = self.routes.name(id.0) else { return 0 };
        let mut bumped = 0;
        let known: Vec<_> = self
            .settings
            .neighbours_of(name)
            .iter()
            .filter_map(|name| self.routes.find(name))
            .collect();
        for handle in known {
            let Some(route) = self.routes.get_mut(handle) else { continue };
            let own = &route.profile.config;
            let mut felt = route.physics.neighbour_opened(own, now);
            if let Some(gate) = &mut route.gate {
                let ohm = own.cascade_bump;
                felt += gate.evidence.neighbour_opened(&self.config.gate, ohm, now);
            }
            bumped += u32::from(felt > 0.0);
        }
        bumped
    }

    /// Notes that a task ended. `profile` is that of [`Engine::route_as`]. Returns the scar that it left, ohm; `None`
    /// for a stale id.
    pub fn task_ended(
        &mut self,
        id: RouteId,
        profile: Option<usize>,
        end: TaskEnd,
        now_ms: f64,
    ) -> Option<f64> {
        let now = self.clock.tick(now_ms);
        let report = profile.map(|index| self.settings.defined.get(index).map(|it| it.report));
        let route = self.routes.get_mut(id.0)?;
        let own = &route.profile;
        let scar_factor = report.map_or(Some(own.report), |report| report)?.scar_factor;
        let before = route.physics.own_scar(&own.config, now);
        route.physics.task_ended(&own.config, end, scar_factor, now);
        let left = route.physics.scar() - before;
        self.routes.touch(id.0.slot);
        Some(left)
    }

    /// Decides whether a long task of a route may begin, without a report. Refuses it while the breaker is open, when its
    /// voltage is not above R, and while `running` tasks are `most` or more.
    ///
    /// # Errors
    /// The refusal.
    pub fn begin_task(
        &self,
        id: RouteId,
        voltage: f64,
        (running, most): (f64, f64),
        now_ms: f64,
    ) -> Result<(), Shed> {
        let known = self.peek(id, now_ms);
        let (resistance, mode) = known.unwrap_or((0.0, Mode::Bootstrap));
        let shed = |reason| Shed { reason, retry_after_ms: TASK_RETRY_MS, resistance };
        if known.is_none() {
            return Err(shed(ShedReason::UnknownRoute));
        }
        if !Decision::new(resistance, mode, voltage).allow {
            return Err(shed(ShedReason::Resistance));
        }
        if running < most { Ok(()) } else { Err(shed(ShedReason::Limit)) }
    }

    /// Returns R and mode by telemetry, without a report; `None` for a stale id.
    #[must_use]
    pub fn peek(&self, id: RouteId, now_ms: f64) -> Option<(f64, Mode)> {
        let now = self.clock.peek(now_ms);
        let route = self.routes.get(id.0)?;
        Some(route.physics.resistance(&route.profile.config, now))
    }

    /// Returns the index of one of these routes, the one with less resistance the likelier; see [`select`]. A route
    /// that is not known counts as one without reports.
    #[must_use]
    pub fn select(
        &self,
        ids: &[RouteId],
        beta: f64,
        explore: f64,
        unit: f64,
        now_ms: f64,
    ) -> Option<usize> {
        let config = &self.config.resistance;
        let unknown = (unknown_resistance(config), Mode::Bootstrap);
        let candidate = |id: &RouteId| {
            let (resistance, mode) = self.peek(*id, now_ms).unwrap_or(unknown);
            Candidate { resistance, closed: mode == Mode::CircuitBreaker }
        };
        let candidates: Vec<_> = ids.iter().map(candidate).collect();
        select(&candidates, config.base_resistance, beta, explore, unit)
    }

    /// Returns the state of a route that this process shares with others; `None` for a stale id.
    #[must_use]
    pub fn own(&mut self, id: RouteId, now_ms: f64) -> Option<Own> {
        let now = self.clock.peek(now_ms);
        let gate_config = &self.config.gate.resistance;
        let route = self.routes.get_mut(id.0)?;
        let config = &route.profile.config;
        let (mut scar, mut resistance) =
            (route.physics.own_scar(config, now), route.physics.resistance(config, now).0);
        if let Some(gate) = &mut route.gate {
            scar = scar.max(gate.evidence.state().own_scar(gate_config, now));
            resistance = resistance.max(gate.evidence.resistance(&self.config.gate, now));
        }
        Some(Own { scar, resistance })
    }

    /// Takes in the state that another process had of a route `age_ms` ago, with the weight `blend`. Returns false for
    /// a stale id.
    pub fn share(&mut self, id: RouteId, scar: f64, blend: f64, age_ms: f64, now_ms: f64) -> bool {
        let now = self.clock.tick(now_ms);
        let gate_config = &self.config.gate.resistance;
        let Some(route) = self.routes.get_mut(id.0) else { return false };
        route.physics.share(&route.profile.config, scar, blend, age_ms, now);
        if let Some(gate) = &mut route.gate {
            gate.evidence.state().share(gate_config, scar, blend, age_ms, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::core::admission::routes::Route;
    use crate::core::admission::{Admission, Engine, EngineConfig, Outcome, RouteId, ShedReason};
    use crate::core::resistance::{Mode, ResistanceState, Telemetry};

    #[test]
    fn a_route_is_small() {
        assert!(
            size_of::<Route>() <= 176,
            "{} {}",
            size_of::<ResistanceState>(),
            size_of::<Route>()
        );
    }

    /// Returns two routes, the second a neighbour of the first, each with a gate.
    fn neighbours() -> (Engine, RouteId, RouteId) {
        let mut engine = Engine::new(EngineConfig::default(), 1).expect("valid");
        let ids = ["a", "b"].map(|name| engine.intern(name, 0.0).id);
        assert!(engine.set_neighbours("a", Box::new(["b".into()])));
        for id in ids {
            call(&mut engine, id, Outcome::Ok, 0.0);
        }
        (engine, ids[0], ids[1])
    }

    fn call(engine: &mut Engine, id: RouteId, outcome: Outcome, now: f64) {
        if let Admission::Admitted(ticket) = engine.try_admit(id, 60.0, f64::NAN, now) {
            engine.done(ticket, outcome, now);
        }
    }

    fn mode(engine: &Engine, id: RouteId, now: f64) -> Mode {
        engine.reading(id, now).expect("live").mode
    }

    #[test]
    fn a_gate_that_opens_is_felt_once_by_its_neighbours_and_their_gates() {
        let (mut engine, a, b) = neighbours();
        let mut now = 0.0;
        for _ in 0..2 {
            let rest = engine.reading(b, now).expect("live").scar;
            assert!(rest < 1e-3, "{rest}");
            while mode(&engine, a, now) != Mode::CircuitBreaker {
                now += 5.0;
                call(&mut engine, a, Outcome::Failed, now);
            }
            call(&mut engine, a, Outcome::Failed, now + 1.0);
            let felt = engine.reading(b, now + 1.0).expect("live");
            assert!(
                (felt.scar - 5.0).abs() < 1e-3 && felt.mode != Mode::CircuitBreaker,
                "{felt:?}"
            );
            let told = engine.routes.get(b.0).expect("live").physics.scar();
            assert!((told - 5.0).abs() < 0.02, "by telemetry: {told}");
            let mut scar = felt.scar;
            for _ in 0..400 {
                now += 5.0;
                call(&mut engine, a, Outcome::Failed, now);
                let next = engine.reading(b, now).expect("live").scar;
                assert!(next <= scar, "felt again at {now}");
                scar = next;
            }
            assert_eq!(mode(&engine, a, now), Mode::CircuitBreaker);
            now += 200_000.0;
        }
    }

    #[test]
    fn a_task_begins_while_its_voltage_is_above_the_resistance_and_there_is_room() {
        let mut engine = Engine::new(EngineConfig::default(), 1).expect("valid");
        let id = engine.intern("a", 0.0).id;
        let (r, _) = engine.peek(id, 0.0).expect("live");
        assert_eq!(engine.begin_task(id, r + 1.0, (9.0, 10.0), 0.0), Ok(()));
        let reason = |voltage, running| {
            let shed = engine.begin_task(id, voltage, (running, 10.0), 0.0).expect_err("refused");
            assert_eq!((shed.retry_after_ms, shed.resistance), (1000.0, r));
            shed.reason
        };
        assert_eq!(reason(r + 1.0, 10.0), ShedReason::Limit);
        assert_eq!(reason(r, 10.0), ShedReason::Resistance, "it is not above");
        let sick = Telemetry::from_lane(9000.0, 1.0, 9.0);
        let mut now = 0.0;
        while mode(&engine, id, now) != Mode::CircuitBreaker {
            now += 100.0;
            engine.route(id, &sick, 60.0, now).expect("valid");
        }
        let shed = engine.begin_task(id, 1e6, (0.0, 10.0), now).expect_err("open");
        assert_eq!(shed.reason, ShedReason::Resistance, "whatever its voltage is");
    }

    #[test]
    fn a_route_that_opens_by_telemetry_is_felt_at_the_gates_of_its_neighbours() {
        let (mut engine, a, b) = neighbours();
        let sick = Telemetry::from_lane(900.0, 0.5, 0.9);
        let mut bumped = 0;
        for step in 1..100 {
            let now = 50.0 * f64::from(step);
            let routed = engine.route_as(a, None, &sick, 0.0, 60.0, now).expect("valid");
            bumped += routed.expect("live").bumped;
        }
        let felt = engine.reading(b, 5000.0).expect("live").scar;
        assert!(bumped == 1 && (1.0..=5.0).contains(&felt), "{bumped} {felt}");
    }
}
