//! The engine: routes by name, their resistance by telemetry, and the tables behind admission.

use std::collections::VecDeque;

use super::clock::Monotonic;
use super::config::EngineConfig;
use super::deadlines::Deadlines;
use super::gate::GateSnapshot;
use super::ids::{RouteId, TicketId, WaiterId};
use super::queue::Waiter;
use super::routes::Routes;
use super::settings::Settings;
use super::shed::Shed;
use super::ticket::Ticket;
use crate::core::random::Random;
use crate::core::resistance::{Decision, InvalidField, Reading, ResistanceState, Telemetry};
use crate::core::slab::Slab;

/// The result of [`Engine::intern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interned {
    /// The route.
    pub id: RouteId,
    /// The route that was forgotten to make room, if any: its id is stale now.
    pub evicted: Option<RouteId>,
}

/// The answer to a request that wants in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Admission {
    /// Go; report with [`Engine::done`].
    Admitted(TicketId),
    /// Wait for a [`WaiterEvent`] that names this waiter.
    Queued(WaiterId),
    /// No.
    Shed(Shed),
}

/// The end of a wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WaiterEvent {
    /// It may go.
    Admitted {
        /// The waiter.
        waiter: WaiterId,
        /// Its ticket.
        ticket: TicketId,
    },
    /// It will not.
    Shed {
        /// The waiter.
        waiter: WaiterId,
        /// The reason and a hint.
        shed: Shed,
    },
}

/// Every route of one system. Pass the time with each call, in milliseconds of any monotonic clock. A clock that goes
/// back counts as standing still, and a time that is not a number as the last one.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: EngineConfig,
    pub(crate) settings: Settings,
    pub(crate) clock: Monotonic,
    pub(crate) routes: Routes,
    pub(crate) tickets: Slab<Ticket>,
    pub(crate) ticket_deadlines: Deadlines,
    pub(crate) waiters: Slab<Waiter>,
    pub(crate) waiter_deadlines: Deadlines,
    pub(crate) events: VecDeque<WaiterEvent>,
    pub(crate) random: Random,
}

impl Engine {
    /// Creates an engine without routes. `seed` decides the jitter of retry hints.
    ///
    /// # Errors
    /// The first field of `config` that is out of its range.
    pub fn new(config: EngineConfig, seed: u64) -> Result<Self, InvalidField> {
        config.validate()?;
        Ok(Self {
            settings: Settings::new(&config.resistance),
            clock: Monotonic::default(),
            routes: Routes::new(config.max_routes, seed),
            tickets: Slab::new(),
            ticket_deadlines: Deadlines::new(),
            waiters: Slab::new(),
            waiter_deadlines: Deadlines::new(),
            events: VecDeque::new(),
            random: Random::new(seed),
            config,
        })
    }

    /// Starts the jitter of retry hints over from a seed, and hides by it which names meet in the table of routes.
    pub fn reseed(&mut self, seed: u64) {
        self.random = Random::new(seed);
        self.routes.reseed(seed);
    }

    /// Returns the route of this name. Adds it if it is new. When the table is full, the coldest idle route is
    /// forgotten; if all are busy the table grows by one, so that it never exceeds the larger of `max_routes` and the
    /// number of busy routes plus one.
    ///
    /// # Panics
    /// Returned when 2^24 routes are busy at once.
    pub fn intern(&mut self, name: &str, now_ms: f64) -> Interned {
        self.clock.tick(now_ms);
        if let Some(handle) = self.routes.find(name) {
            self.routes.touch(handle.slot);
            return Interned { id: RouteId(handle), evicted: None };
        }
        let profile = self.settings.profile_of(name);
        let added = self.routes.add(name, ResistanceState::new(&profile.config), profile);
        #[expect(clippy::expect_used, reason = "16 million busy routes do not fit in a process")]
        let (handle, evicted) = added.expect("route slots");
        Interned { id: RouteId(handle), evicted: evicted.map(RouteId) }
    }

    /// Reports telemetry about a route and decides for `voltage`.
    ///
    /// Returns `None` when the id is stale: intern the name again.
    ///
    /// # Errors
    ///
    /// Telemetry out of range; nothing changed then.
    pub fn route(
        &mut self,
        id: RouteId,
        telemetry: &Telemetry,
        voltage: f64,
        now_ms: f64,
    ) -> Result<Option<Decision>, InvalidField> {
        let routed = self.route_as(id, None, telemetry, 0.0, voltage, now_ms)?;
        Ok(routed.map(|routed| routed.decision))
    }

    /// Returns the terms of R, now: of the gate if the route has one, else of the reports to `route()`. A time that is
    /// no number stands for the moment of the last report.
    #[must_use]
    pub fn reading(&self, id: RouteId, now_ms: f64) -> Option<Reading> {
        let now = if now_ms.is_nan() { now_ms } else { self.clock.peek(now_ms) };
        let route = self.routes.get(id.0)?;
        let mut reading = match &route.gate {
            Some(gate) => gate.evidence.reading(&self.config.gate, now),
            None => Reading {
                learned: route.normal.as_ref().map(|normal| normal.learned()).unwrap_or_default(),
                ..route.physics.reading(&route.profile.config, now)
            },
        };
        reading.last_update_ms = reading.last_update_ms.map(|at| self.clock.outside(at));
        Some(reading)
    }

    /// Returns the gate's numbers, if anything was ever admitted or refused here.
    #[must_use]
    pub fn gate(&self, id: RouteId) -> Option<GateSnapshot> {
        let gate = self.routes.get(id.0)?.gate.as_ref()?;
        Some(gate.snapshot(&self.config.gate))
    }

    /// Forgets what was learned about a route: resistance, baseline, limit, error rate. Work in flight and
    /// waiters stay, and so do the counters. False if the id is stale.
    pub fn reset(&mut self, id: RouteId, now_ms: f64) -> bool {
        let now = self.clock.tick(now_ms);
        let Some(route) = self.routes.get_mut(id.0) else { return false };
        route.physics = ResistanceState::new(&route.profile.config);
        route.normal = None;
        if let Some(gate) = &mut route.gate {
            gate.forget(&self.config.gate, now);
        }
        self.dress(id.0);
        self.drain(id.0.slot, now);
        true
    }

    /// Returns the id of a route, if it is known; does not make or warm it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RouteId> {
        self.routes.find(name).map(RouteId)
    }

    /// Returns the name of a live route.
    #[must_use]
    pub fn name(&self, id: RouteId) -> Option<&str> {
        self.routes.name(id.0)
    }

    /// Returns every route, in the order in which they were interned.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.routes.names()
    }

    /// Returns how many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.len() == 0
    }

    /// Returns the configuration in force.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Returns when [`Engine::expire`] next has something to do, infinity if never. Reads a field, without a search.
    #[must_use]
    pub fn next_wake(&self) -> f64 {
        let at = self.ticket_deadlines.earliest().min(self.waiter_deadlines.earliest());
        self.clock.outside(at)
    }

    /// Takes the oldest event of a waiter.
    pub fn poll_event(&mut self) -> Option<WaiterEvent> {
        self.events.pop_front()
    }

    /// Returns how many events wait to be polled.
    #[must_use]
    pub fn pending_events(&self) -> usize {
        self.events.len()
    }
}
