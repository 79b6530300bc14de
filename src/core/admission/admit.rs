//! Admission: a request is admitted, queued or refused, without a search and without an allocation.

use super::deadlines::UNSCHEDULED;
use super::engine::{Admission, Engine, WaiterEvent};
use super::gate::{Gate, GateVerdict};
use super::ids::{RouteId, TicketId, WaiterId};
use super::queue::Waiter;
use super::shed::{Shed, ShedReason};
use super::ticket::{Ticket, TicketKind};

/// Shortest and longest retry hint, milliseconds.
const RETRY_MIN_MS: f64 = 100.0;
const RETRY_MAX_MS: f64 = 30_000.0;

impl Engine {
    /// Admits or refuses at once. `ticket_timeout_ms`: NaN for the default, infinity for never.
    pub fn try_admit(
        &mut self,
        id: RouteId,
        voltage: f64,
        ticket_timeout_ms: f64,
        now_ms: f64,
    ) -> Admission {
        self.enter(id, voltage, ticket_timeout_ms, None, now_ms)
    }

    /// Admits, refuses, or queues for at most `max_wait_ms` or the gate's own deadline, whichever is sooner.
    ///
    /// With an infinite `ticket_timeout_ms` the caller ends the work itself, `max_wait_ms` from now. Then the wait ends
    /// early enough for the work to be done: work that is begun too late is done for nobody.
    pub fn admit(
        &mut self,
        id: RouteId,
        voltage: f64,
        ticket_timeout_ms: f64,
        max_wait_ms: f64,
        now_ms: f64,
    ) -> Admission {
        self.enter(id, voltage, ticket_timeout_ms, Some(max_wait_ms), now_ms)
    }

    /// Always gives a ticket; says what [`Engine::try_admit`] would have refused. Such work is measured for
    /// errors, but takes no slot of the limit.
    ///
    /// `None`: the id is stale.
    pub fn admit_shadow(
        &mut self,
        id: RouteId,
        voltage: f64,
        ticket_timeout_ms: f64,
        now_ms: f64,
    ) -> Option<(TicketId, Option<Shed>)> {
        match self.try_admit(id, voltage, ticket_timeout_ms, now_ms) {
            Admission::Admitted(ticket) => Some((ticket, None)),
            Admission::Queued(_) => None,
            Admission::Shed(shed) => {
                let now = self.clock.peek(now_ms);
                let gate = self.routes.get_mut(id.0)?.gate.as_mut()?;
                gate.shadow += 1;
                let ticket = Ticket {
                    route: id.0.slot,
                    since: now,
                    asked: now,
                    in_flight: gate.in_flight,
                    little: false,
                    kind: TicketKind::Shadow,
                    left: false,
                    position: UNSCHEDULED,
                };
                Some((self.issue(ticket, ticket_timeout_ms)?, Some(shed)))
            }
        }
    }

    fn enter(
        &mut self,
        id: RouteId,
        voltage: f64,
        ticket_timeout_ms: f64,
        max_wait_ms: Option<f64>,
        now_ms: f64,
    ) -> Admission {
        let now = self.clock.tick(now_ms);
        self.cascade(id, now);
        let config = &self.config.gate;
        let Some(route) = self.routes.get_mut(id.0) else {
            return Admission::Shed(Shed {
                reason: ShedReason::UnknownRoute,
                retry_after_ms: RETRY_MIN_MS,
                resistance: 0.0,
            });
        };
        let profile = &route.profile;
        let gate =
            route.gate.get_or_insert_with(|| Box::new(Gate::new(config, now).under(profile)));
        gate.settle(config, now);
        let reason = match gate.judge(config, voltage, now) {
            GateVerdict::Pass => return self.admitted(id, false, ticket_timeout_ms, now),
            GateVerdict::Trickle => return self.admitted(id, true, ticket_timeout_ms, now),
            GateVerdict::Resist => ShedReason::Resistance,
            GateVerdict::Full => match max_wait_ms {
                Some(ms) if config.max_queue > 0 && ms > 0.0 => {
                    return self.wait(id, voltage, ticket_timeout_ms, ms, now);
                }
                _ => ShedReason::Limit,
            },
        };
        self.routes.touch(id.0.slot);
        Admission::Shed(self.refusal(id.0.slot, reason, voltage, now))
    }

    fn admitted(&mut self, id: RouteId, extra: bool, timeout_ms: f64, now: f64) -> Admission {
        match self.start(id.0.slot, extra, timeout_ms, now, now) {
            Some(ticket) => Admission::Admitted(ticket),
            None => Admission::Shed(self.refusal(id.0.slot, ShedReason::Limit, 0.0, now)),
        }
    }

    /// Counts work in and gives it a ticket. `None`: 2^24 tickets are out.
    pub(crate) fn start(
        &mut self,
        slot: u32,
        extra: bool,
        timeout_ms: f64,
        asked: f64,
        now: f64,
    ) -> Option<TicketId> {
        if !self.tickets.has_room() {
            return None;
        }
        let gate = self.routes.gate(slot)?;
        let (in_flight, little) = gate.start(&self.config.gate, extra, now);
        let kind = if extra { TicketKind::Extra } else { TicketKind::Regular };
        self.issue(
            Ticket {
                route: slot,
                since: now,
                asked,
                in_flight,
                little,
                kind,
                left: false,
                position: UNSCHEDULED,
            },
            timeout_ms,
        )
    }

    fn issue(&mut self, ticket: Ticket, timeout_ms: f64) -> Option<TicketId> {
        let timeout =
            if timeout_ms > 0.0 { timeout_ms } else { self.config.gate.ticket_timeout_ms };
        let (route, at) = (ticket.route, ticket.since + timeout);
        let handle = self.tickets.insert(ticket)?;
        self.ticket_deadlines.push(&mut self.tickets, handle.slot, at);
        self.routes.begin(route);
        Some(TicketId(handle))
    }

    fn wait(
        &mut self,
        id: RouteId,
        voltage: f64,
        timeout_ms: f64,
        max_wait_ms: f64,
        now: f64,
    ) -> Admission {
        let (config, slot) = (self.config.gate, id.0.slot);
        let Some(gate) = self.routes.gate(slot) else {
            return Admission::Shed(self.refusal(slot, ShedReason::UnknownRoute, voltage, now));
        };
        let max_wait_ms =
            if timeout_ms.is_infinite() { max_wait_ms - gate.service_ms() } else { max_wait_ms };
        if max_wait_ms <= 0.0 {
            return Admission::Shed(self.refusal(slot, ShedReason::QueueDeadline, voltage, now));
        }
        let deadline = gate.queue_deadline(&config, now).min(max_wait_ms);
        let mut displaced = None;
        if gate.queue.len() >= config.max_queue {
            let standing = gate.standing_ms(&config, now);
            displaced = gate.queue.worse_than(voltage, now, standing);
            if displaced.is_none() {
                return Admission::Shed(self.refusal(slot, ShedReason::QueueFull, voltage, now));
            }
        }
        let waiter = Waiter::new(slot, voltage, now, timeout_ms, now + max_wait_ms);
        let Some(handle) = self.waiters.insert(waiter) else {
            return Admission::Shed(self.refusal(slot, ShedReason::QueueFull, voltage, now));
        };
        // Only now, so that the newcomer never gets the slot of a waiter whose event is still unread.
        if let Some(worst) = displaced {
            self.dismiss(worst, ShedReason::Displaced, now);
        }
        self.waiter_deadlines.push(&mut self.waiters, handle.slot, now + deadline);
        if let Some(gate) = self.routes.gate(slot) {
            gate.queue.push(&mut self.waiters, handle.slot, now);
        }
        self.routes.begin(slot);
        Admission::Queued(WaiterId(handle))
    }

    /// Sends a waiter away, with an event.
    pub(crate) fn dismiss(&mut self, waiter: u32, reason: ShedReason, now: f64) {
        let Some(handle) = self.waiters.handle(waiter) else { return };
        let Some(gone) = self.take_waiter(waiter) else { return };
        if let Some(gate) = self.routes.gate(gone.route) {
            if reason == ShedReason::QueueDeadline {
                gate.evidence.waited(now - gone.since);
            }
            gate.queue.lose(gone.voltage);
        }
        let shed = self.refusal(gone.route, reason, gone.voltage, now);
        self.events.push_back(WaiterEvent::Shed { waiter: WaiterId(handle), shed });
        self.routes.end(gone.route);
    }

    /// Takes a waiter out of queue, deadlines and slab; its route still counts it.
    pub(crate) fn take_waiter(&mut self, waiter: u32) -> Option<Waiter> {
        let route = self.waiters.at(waiter)?.route;
        if let Some(gate) = self.routes.gate(route) {
            gate.queue.remove(&mut self.waiters, waiter);
        }
        self.waiter_deadlines.cancel(&mut self.waiters, waiter);
        let handle = self.waiters.handle(waiter)?;
        self.waiters.remove(handle)
    }

    /// Counts a refusal and says when to come back.
    pub(crate) fn refusal(
        &mut self,
        slot: u32,
        reason: ShedReason,
        voltage: f64,
        now: f64,
    ) -> Shed {
        let jitter = 1.0 + self.random.unit();
        let config = &self.config.gate;
        let (hope, resistance) = self.routes.gate(slot).map_or((0.0, 0.0), |gate| {
            gate.refuse(reason, voltage);
            (gate.hope(config, reason, voltage, now), gate.evidence.resistance(config, now))
        });
        let retry_after_ms = hope.clamp(RETRY_MIN_MS, RETRY_MAX_MS) * jitter;
        Shed { reason, retry_after_ms, resistance }
    }
}
