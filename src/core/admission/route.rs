//! Routes whose telemetry callers bring: decisions, tasks, what neighbours and other processes have to say.

use super::engine::Engine;
use super::handle::RouteId;
use crate::core::resistance::{
    Candidate, Decision, Invalid, Lens, Mode, TaskEnd, Telemetry, select, unknown_resistance,
};

/// The answer to one report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Routed {
    /// The decision.
    pub decision: Decision,
    /// The mode of the decision before this one.
    pub before: Mode,
    /// How many neighbours felt that the route opened.
    pub bumped: u32,
}

/// What a process tells others about a route.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Own {
    /// Its own scar, ohm.
    pub scar: f64,
    /// R, ohm.
    pub resistance: f64,
}

impl Engine {
    /// Takes in telemetry about a route, seen `age_ms` ago, and decides for `voltage`. `profile` is the index of what it
    /// is measured against; `None` is the route's own.
    ///
    /// `None`: the id is stale, or there is no such profile.
    ///
    /// # Errors
    /// Telemetry out of range; nothing changed then.
    pub fn route_as(
        &mut self,
        id: RouteId,
        profile: Option<usize>,
        telemetry: &Telemetry,
        age_ms: f64,
        voltage: f64,
        now_ms: f64,
    ) -> Result<Option<Routed>, Invalid> {
        telemetry.validate()?;
        let now = self.clock.tick(now_ms);
        let lens: Option<Lens> = match profile {
            None => None,
            Some(index) => match self.settings.defined.get(index) {
                Some(profile) => Some(profile.lens),
                None => return Ok(None),
            },
        };
        let Some(route) = self.routes.get_mut(id.0) else { return Ok(None) };
        let own = &*route.profile;
        let lens = lens.as_ref().unwrap_or(&own.lens);
        route.physics.report_as(&own.config, lens, telemetry, age_ms, now)?;
        let (decision, before) = route.physics.decide(&own.config, voltage, now);
        self.routes.touch(id.0.slot);
        let opened = decision.mode == Mode::CircuitBreaker && before != Mode::CircuitBreaker;
        let bumped = if opened { self.tell_neighbours(id, now) } else { 0 };
        Ok(Some(Routed { decision, before, bumped }))
    }

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
            bumped += u32::from(route.physics.neighbour_opened(&route.profile.config, now) > 0.0);
        }
        bumped
    }

    /// A task ended. `profile` as for [`Engine::route_as`]. The scar it left, ohm; `None` for a stale id.
    pub fn task_ended(
        &mut self,
        id: RouteId,
        profile: Option<usize>,
        end: TaskEnd,
        now_ms: f64,
    ) -> Option<f64> {
        let now = self.clock.tick(now_ms);
        let lens = profile.map(|index| self.settings.defined.get(index).map(|it| it.lens));
        let route = self.routes.get_mut(id.0)?;
        let own = &route.profile;
        let scar_factor = lens.map_or(Some(own.lens), |lens| lens)?.scar_factor;
        let before = route.physics.own_scar(&own.config, now);
        route.physics.task_ended(&own.config, end, scar_factor, now);
        let left = route.physics.scar() - before;
        self.routes.touch(id.0.slot);
        Some(left)
    }

    /// R and mode by telemetry, without a report; `None` for a stale id.
    #[must_use]
    pub fn peek(&self, id: RouteId, now_ms: f64) -> Option<(f64, Mode)> {
        let now = self.clock.peek(now_ms);
        let route = self.routes.get(id.0)?;
        Some(route.physics.resistance(&route.profile.config, now))
    }

    /// The index of one of these routes, the one with less resistance the likelier; see [`select`]. A route that is not
    /// known counts as one nobody has reported on.
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

    /// What this process can tell others of a route; `None` for a stale id.
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

    /// Takes in what another process told of a route `age_ms` ago, with the weight `blend`. False for a stale id.
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
    use crate::core::resistance::State;

    #[test]
    fn a_route_is_small() {
        assert!(size_of::<Route>() <= 176, "{} {}", size_of::<State>(), size_of::<Route>());
    }
}
