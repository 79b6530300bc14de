//! Ends of work, waits and deadlines. Places that become free go to the next waiters.

use super::engine::{Engine, WaiterEvent};
use super::ids::{TicketId, WaiterId};
use super::shed::{Outcome, ShedReason};
use super::ticket::{Ticket, TicketKind};

/// A deadline this close is due: after a clock went back, times are rounded once more.
const ROUNDING_MS: f64 = 1e-3;

/// The deadlines that a waiter may stay during a burst, and the time at most in milliseconds: together with the service
/// it fits into half a second, the patience of an interactive client.
const SECOND_CHANCE: f64 = 2.5;
const LONGEST_BURST_MS: f64 = 400.0;
/// The limit from which on a burst is waited for.
const WIDE: f64 = 8.0;

impl Engine {
    /// Ends the work of a ticket. Returns false if the ticket was done or timed out before: nothing is counted twice.
    pub fn done(&mut self, ticket: TicketId, outcome: Outcome, now_ms: f64) -> bool {
        let now = self.clock.tick(now_ms);
        if self.tickets.get(ticket.0).is_none() {
            return false;
        }
        // A late report does not admit a request that has waited too long: a blocked event loop keeps no deadline.
        self.expire_waiters(now);
        self.ticket_deadlines.cancel(&mut self.tickets, ticket.0.slot);
        let Some(gone) = self.tickets.remove(ticket.0) else { return false };
        self.finish(&gone, outcome, now);
        true
    }

    /// Notes that the client of a ticket has gone while its work goes on. The ticket keeps its place until
    /// [`Engine::done`], because the service is no less busy for it. Returns false if the ticket is done, or was left
    /// before.
    pub fn left(&mut self, ticket: TicketId, now_ms: f64) -> bool {
        let now = self.clock.tick(now_ms);
        let Some(gone) = self.tickets.get_mut(ticket.0).filter(|gone| !gone.left) else {
            return false;
        };
        gone.left = true;
        let (route, asked, since, kind) = (gone.route, gone.asked, gone.since, gone.kind);
        if let Some(gate) = self.routes.gate(route) {
            gate.leave(&self.config.gate, now - asked, now - since, kind, now);
        }
        true
    }

    /// Cancels the wait of a waiter. Returns false if it no longer waits. No event follows.
    pub fn cancel(&mut self, waiter: WaiterId, now_ms: f64) -> bool {
        let now = self.clock.tick(now_ms);
        if self.waiters.get(waiter.0).is_none() {
            return false;
        }
        let Some(gone) = self.take_waiter(waiter.0.slot) else { return false };
        if let Some(gate) = self.routes.gate(gone.route) {
            gate.refuse(ShedReason::Cancelled, gone.voltage);
            let age = now - gone.since;
            // A client that leaves at once was not lost to the wait.
            if gate.patience.tells(age) {
                gate.queue.lose(gone.voltage);
            }
            gate.patience.left(age, now);
        }
        self.routes.end(gone.route);
        true
    }

    /// Ends waits and frees tickets whose deadline has passed. A freed ticket counts as a failure.
    pub fn expire(&mut self, now_ms: f64) {
        let now = self.clock.tick(now_ms);
        self.expire_waiters(now);
        let due = now + ROUNDING_MS;
        while let Some(slot) = self.ticket_deadlines.due(due) {
            self.ticket_deadlines.cancel(&mut self.tickets, slot);
            let Some(handle) = self.tickets.handle(slot) else { continue };
            let Some(gone) = self.tickets.remove(handle) else { continue };
            self.finish(&gone, Outcome::TimedOut, now);
        }
    }

    fn expire_waiters(&mut self, now: f64) {
        let due = now + ROUNDING_MS;
        while let Some(slot) = self.waiter_deadlines.due(due) {
            if let Some(at) = self.second_chance(slot, now) {
                self.waiter_deadlines.cancel(&mut self.waiters, slot);
                self.waiter_deadlines.push(&mut self.waiters, slot, at);
            } else {
                self.dismiss(slot, ShedReason::QueueDeadline, now);
            }
        }
    }

    /// Returns until when a waiter whose deadline has passed may stay: once more, while the queue is a burst and does
    /// not stand. A burst passes, and shedding it would refuse work there is capacity for (the idea of `CoDel`: only a
    /// standing queue is bad). Not behind a small limit or a slow service, where the wait itself would outlast the
    /// client. A deadline that was configured, or is the caller's, is kept to the letter.
    fn second_chance(&mut self, slot: u32, now: f64) -> Option<f64> {
        let config = &self.config.gate;
        if config.queue_deadline_ms.is_some() {
            return None;
        }
        let waiter = self.waiters.at(slot)?;
        let gate = self.routes.gate(waiter.route)?;
        let deadline = gate.queue_deadline(config, now);
        let burst = !gate.queue.stands(waiter.voltage, now, gate.standing_ms(config, now));
        let patience =
            (SECOND_CHANCE * deadline).min(LONGEST_BURST_MS).min(gate.patience.longest_wait(now));
        let at = (waiter.since + patience).min(waiter.until);
        let wide = gate.limit.value() >= WIDE;
        (burst && wide && at > now + ROUNDING_MS).then_some(at)
    }

    fn finish(&mut self, ticket: &Ticket, outcome: Outcome, now: f64) {
        let config = &self.config.gate;
        if let Some(gate) = self.routes.gate(ticket.route) {
            gate.limit.observe(f64::from(gate.in_flight), now);
            match ticket.kind {
                TicketKind::Shadow => gate.shadow -= 1,
                TicketKind::Extra => {
                    gate.extra -= 1;
                    gate.in_flight -= 1;
                }
                TicketKind::Regular => gate.in_flight -= 1,
            }
            match outcome {
                Outcome::Ok => {
                    let latency = (now - ticket.since).max(0.0);
                    gate.counters.succeeded += 1;
                    gate.evidence.succeed(latency);
                    if !ticket.left {
                        gate.patience.answered(now - ticket.asked, latency, now);
                        gate.limit.answered();
                    }
                    if ticket.kind != TicketKind::Shadow && !ticket.left {
                        let queued = gate.queue.len() as f64;
                        let started = (f64::from(ticket.in_flight), ticket.little);
                        gate.limit.sample(config, started, latency, queued, now);
                    }
                }
                Outcome::Failed | Outcome::TimedOut => {
                    gate.counters.failed += 1;
                    gate.counters.timed_out += u64::from(outcome == Outcome::TimedOut);
                    gate.evidence.fail();
                }
                Outcome::Aborted if !ticket.left => {
                    gate.leave(config, now - ticket.asked, now - ticket.since, ticket.kind, now);
                }
                Outcome::Aborted | Outcome::Ignored => {}
            }
            if !matches!(outcome, Outcome::Aborted | Outcome::Ignored) {
                let scarred = gate.evidence.scarred(config);
                gate.trickle.outcome(outcome == Outcome::Ok, scarred, gate.limit.value());
            }
            if ticket.kind != TicketKind::Shadow {
                gate.limit.ended(ticket.little, ticket.since, now);
            }
            gate.settle(config, now);
        }
        self.drain(ticket.route, now);
        self.routes.end(ticket.route);
    }

    /// Gives free slots to waiters.
    pub(crate) fn drain(&mut self, slot: u32, now: f64) {
        loop {
            let config = &self.config.gate;
            let Some(gate) = self.routes.gate(slot) else { return };
            if gate.queue.len() == 0 || !gate.has_slot() {
                return;
            }
            let standing = gate.standing_ms(config, now);
            let Some(waiter) = gate.queue.best(now, standing) else { return };
            let r = gate.evidence.resistance(config, now);
            let Some(voltage) = self.waiters.at(waiter).map(|waiter| waiter.voltage) else {
                return;
            };
            if !(voltage > r || gate.trickle.proven()) {
                self.dismiss(waiter, ShedReason::Resistance, now);
                continue;
            }
            gate.trickle.pass();
            // Someone waited: the limit is in use.
            gate.limit.block();
            let Some(handle) = self.waiters.handle(waiter) else { return };
            let Some(gone) = self.take_waiter(waiter) else { return };
            if let Some(gate) = self.routes.gate(slot) {
                gate.evidence.waited(now - gone.since);
            }
            if let Some(ticket) = self.start(slot, false, gone.ticket_timeout_ms, gone.since, now) {
                self.events.push_back(WaiterEvent::Admitted { waiter: WaiterId(handle), ticket });
            }
            self.routes.end(slot);
        }
    }
}
