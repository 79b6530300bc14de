//! The admission engine: the calls of each request on the hot lane, configuration and snapshots beside it.

use super::environment::{Environment, Handles};
use super::hot::{Export, NONE, hot_lane};
use crate::core::admission::{
    Admission, Engine, Outcome, RouteId, Routed, Shed, TicketId, WaiterEvent, WaiterId,
};
use crate::core::resistance::{Mode, TaskEnd, Telemetry};

pub(super) type Engines = Handles<Engine>;

pub(super) const EXPORTS: &[Export] = hot_lane! {
    /// Forgets an engine; a stale handle does nothing.
    "engineClose"(engine) => close;
    /// Seeds the jitter of retry hints with an integer.
    "engineSeed"(engine, number) => seed;
    /// The id of a route, made if it is new. Scratch 0: the slot of a route forgotten to make room, or -1.
    "engineIntern"(str name, engine, now) => intern;
    /// The id of a route, or -1 when it is not known.
    "engineFind"(str name, engine) => find;
    /// Takes telemetry and decides: the reason's code plus 4 times the mode's plus 16 times what that was at the decision
    /// before. A number costs less in the scratch memory than as an argument, so what is called for each request finds
    /// its arguments there; here engine, route, latency, errors and saturation (NaN is unknown), voltage, now, the profile
    /// it is measured against (-1: the route's own), how many milliseconds ago it was seen. Scratch after it, 0: R; 1: how
    /// many neighbours felt that it opened.
    "engineRoute"() => report;
    /// A task ended (0 completed, 1 failed, 2 timed out, 3 aborted) under a profile (-1: the route's own): the scar it
    /// left in ohms, or -1 for a stale id.
    "engineTaskEnded"(engine, route, profile, end, now) => task_ended;
    /// R by telemetry, or -1 for a stale id. Scratch 0: the mode.
    "enginePeek"(engine, route, now) => peek;
    /// What this process can tell others: 1, or 0 for a stale id. Scratch: its scar, R.
    "engineOwn"(engine, route, now) => own;
    /// What another process told some milliseconds ago, with a weight: 1, or 0 for a stale id.
    "engineShare"(engine, route, scar, blend, age, now) => share;
    /// Admits or sheds at once, by engine, route, voltage, timeout and now in the scratch memory: the ticket, or minus the
    /// reason's code. Scratch after it: next wake, retry after, R.
    "engineTry"() => try_admit;
    /// Admits, sheds or queues, by the same and how long it may wait: the ticket, minus the reason's code, or -100 for a
    /// waiter. Scratch after it: next wake, retry after, R, waiter, pending events.
    "engineAdmit"() => admit;
    /// Always a ticket, or -1 for a stale route, by the same as `engineTry`. Scratch after it: next wake, retry after, R,
    /// minus the reason's code or 0.
    "engineShadow"() => admit_shadow;
    /// Work ended (0 ok, 1 failed, 2 aborted, 3 ignored), by engine, ticket, outcome and now in the scratch memory:
    /// pending events, or -1 when it was done before. 4: its client left and it goes on: 0, or -1 when it is done or was
    /// left before.
    "engineDone"() => done;
    /// A waiter gives up: pending events, or -1 when it was not waiting.
    "engineCancel"(engine, waiter, now) => cancel;
    /// Ends what is past its deadline: pending events. Scratch 0: next wake.
    "engineExpire"(engine, now) => expire;
    /// When `engineExpire` next has something to do, or infinity.
    "engineNextWake"(engine) => next_wake;
    /// The next event: 1 admitted, 2 shed, 0 none. Scratch: ticket, retry after, R, waiter, minus the reason's code.
    "engineEvent"(engine) => event;
    /// Forgets what was learned of a route: 1, or 0 for a stale id. Scratch 0: pending events are possible, next wake.
    "engineReset"(engine, route, now) => reset;
    /// R and its terms: 1 if the route is known. Scratch: base, pressure, momentum, scar, R, mode, break, recovery,
    /// ticks, last update or NaN, momentum per second, magnitude, shared, staleness, pressure of latency, errors and
    /// saturation, learned latency or NaN, scar factor, voltage of the last decision or NaN, whether it was refused, learned error
    /// rate or NaN, learned saturation or NaN.
    "engineReading"(engine, route, now) => reading;
    /// The gate's numbers: 1 if it has one. Scratch: limit, in flight, queued, admitted, trickled, succeeded, failed,
    /// timed out, baseline or NaN, queue delay, queue deadline, error rate or NaN, shadow in flight, then sheds by code.
    "engineGate"(engine, route) => gate;
};

const QUEUED: f64 = -100.0;
/// Not an outcome: work whose client left.
const LEFT: f64 = 4.0;

fn with(environment: &Environment, engine: f64, body: impl FnOnce(&mut Engine) -> f64) -> f64 {
    environment.engines.borrow_mut().get(engine).map_or(NONE, body)
}

fn close(environment: &Environment, engine: f64) -> f64 {
    environment.engines.borrow_mut().close(engine);
    0.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a safe integer, checked in TypeScript"
)]
fn seed(environment: &Environment, engine: f64, number: f64) -> f64 {
    with(environment, engine, |engine| {
        engine.reseed(number as u64);
        0.0
    })
}

fn intern(environment: &Environment, name: &str, engine: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let interned = engine.intern(name, now);
        environment.put([interned.evicted.map_or(NONE, |id| f64::from(id.slot()))]);
        interned.id.to_f64()
    })
}

fn find(environment: &Environment, name: &str, engine: f64) -> f64 {
    with(environment, engine, |engine| engine.find(name).map_or(NONE, RouteId::to_f64))
}

fn report(environment: &Environment) -> f64 {
    let [engine, route, latency, errors, saturation, voltage, now, profile, age] =
        environment.given();
    with(environment, engine, |engine| {
        let (id, profile) = (RouteId::from_f64(route), profile_of(profile));
        let telemetry = Telemetry::from_lane(latency, errors, saturation);
        match engine.route_as(id, profile, &telemetry, age, voltage, now) {
            Ok(Some(routed)) => {
                environment.put([routed.decision.resistance, f64::from(routed.bumped)]);
                routed_code(&routed)
            }
            Ok(None) | Err(_) => NONE,
        }
    })
}

fn routed_code(routed: &Routed) -> f64 {
    let Routed { decision, before, .. } = routed;
    f64::from(decision.reason as u8) + 4.0 * mode_code(decision.mode) + 16.0 * mode_code(*before)
}

fn task_ended(
    environment: &Environment,
    engine: f64,
    route: f64,
    profile: f64,
    end: f64,
    now: f64,
) -> f64 {
    with(environment, engine, |engine| {
        let end = match end {
            0.0 => TaskEnd::Completed,
            1.0 => TaskEnd::Failed,
            2.0 => TaskEnd::TimedOut,
            _ => TaskEnd::Aborted,
        };
        engine.task_ended(RouteId::from_f64(route), profile_of(profile), end, now).unwrap_or(NONE)
    })
}

fn peek(environment: &Environment, engine: f64, route: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let Some((r, mode)) = engine.peek(RouteId::from_f64(route), now) else { return NONE };
        environment.put([mode_code(mode)]);
        r
    })
}

fn own(environment: &Environment, engine: f64, route: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let Some(own) = engine.own(RouteId::from_f64(route), now) else { return 0.0 };
        environment.put([own.scar, own.resistance]);
        1.0
    })
}

fn share(
    environment: &Environment,
    engine: f64,
    route: f64,
    scar: f64,
    blend: f64,
    age: f64,
    now: f64,
) -> f64 {
    with(environment, engine, |engine| {
        f64::from(u8::from(engine.share(RouteId::from_f64(route), scar, blend, age, now)))
    })
}

/// A profile's index; what is negative or no number is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked")]
pub(super) fn profile_of(index: f64) -> Option<usize> {
    (0.0..1e6).contains(&index).then_some(index as usize)
}

fn try_admit(environment: &Environment) -> f64 {
    let [engine, route, voltage, timeout, now] = environment.given();
    with(environment, engine, |engine| {
        let admission = engine.try_admit(RouteId::from_f64(route), voltage, timeout, now);
        put_admission(environment, engine, admission)
    })
}

fn admit(environment: &Environment) -> f64 {
    let [engine, route, voltage, timeout, now, max_wait] = environment.given();
    with(environment, engine, |engine| {
        let admission = engine.admit(RouteId::from_f64(route), voltage, timeout, max_wait, now);
        put_admission(environment, engine, admission)
    })
}

fn put_admission(environment: &Environment, engine: &Engine, admission: Admission) -> f64 {
    let wake = engine.next_wake();
    let events = engine.pending_events() as f64;
    match admission {
        Admission::Admitted(ticket) => {
            environment.put([wake, 0.0, 0.0, NONE, events]);
            ticket.to_f64()
        }
        Admission::Queued(waiter) => {
            environment.put([wake, 0.0, 0.0, waiter.to_f64(), events]);
            QUEUED
        }
        Admission::Shed(shed) => {
            environment.put([wake, shed.retry_after_ms, shed.resistance, NONE, events]);
            reason_code(&shed)
        }
    }
}

fn admit_shadow(environment: &Environment) -> f64 {
    let [engine, route, voltage, timeout, now] = environment.given();
    with(environment, engine, |engine| {
        let id = RouteId::from_f64(route);
        let Some((ticket, shed)) = engine.admit_shadow(id, voltage, timeout, now) else {
            return NONE;
        };
        let [retry, resistance, reason] = shed
            .map_or([0.0; 3], |shed| [shed.retry_after_ms, shed.resistance, reason_code(&shed)]);
        environment.put([engine.next_wake(), retry, resistance, reason]);
        ticket.to_f64()
    })
}

fn done(environment: &Environment) -> f64 {
    let [engine, ticket, outcome, now] = environment.given();
    with(environment, engine, |engine| {
        if outcome == LEFT {
            return if engine.left(TicketId::from_f64(ticket), now) { 0.0 } else { NONE };
        }
        let counted = engine.done(TicketId::from_f64(ticket), outcome_of(outcome), now);
        if counted { engine.pending_events() as f64 } else { NONE }
    })
}

fn cancel(environment: &Environment, engine: f64, waiter: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let waiting = engine.cancel(WaiterId::from_f64(waiter), now);
        if waiting { engine.pending_events() as f64 } else { NONE }
    })
}

fn expire(environment: &Environment, engine: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        engine.expire(now);
        environment.put([engine.next_wake()]);
        engine.pending_events() as f64
    })
}

fn next_wake(environment: &Environment, engine: f64) -> f64 {
    with(environment, engine, |engine| engine.next_wake())
}

fn event(environment: &Environment, engine: f64) -> f64 {
    with(environment, engine, |engine| match engine.poll_event() {
        None => 0.0,
        Some(WaiterEvent::Admitted { waiter, ticket }) => {
            environment.put([ticket.to_f64(), 0.0, 0.0, waiter.to_f64(), 0.0]);
            1.0
        }
        Some(WaiterEvent::Shed { waiter, shed }) => {
            environment.put([
                NONE,
                shed.retry_after_ms,
                shed.resistance,
                waiter.to_f64(),
                reason_code(&shed),
            ]);
            2.0
        }
    })
}

fn reset(environment: &Environment, engine: f64, route: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let known = engine.reset(RouteId::from_f64(route), now);
        environment.put([engine.next_wake()]);
        f64::from(u8::from(known))
    })
}

fn reading(environment: &Environment, engine: f64, route: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let Some(reading) = engine.reading(RouteId::from_f64(route), now) else { return 0.0 };
        environment.put([
            reading.base,
            reading.pressure,
            reading.momentum,
            reading.scar,
            reading.total,
            mode_code(reading.mode),
            reading.break_at,
            reading.recovery_at,
            reading.ticks as f64,
            reading.last_update_ms.unwrap_or(f64::NAN),
            reading.momentum_per_second,
            reading.magnitude,
            reading.shared,
            reading.staleness,
            reading.vector.latency,
            reading.vector.error,
            reading.vector.saturation,
            reading.learned.latency_ms.unwrap_or(f64::NAN),
            reading.scar_factor,
            reading.voltage.unwrap_or(f64::NAN),
            f64::from(u8::from(reading.refused)),
            reading.learned.error_rate.unwrap_or(f64::NAN),
            reading.learned.saturation.unwrap_or(f64::NAN),
        ]);
        1.0
    })
}

fn gate(environment: &Environment, engine: f64, route: f64) -> f64 {
    with(environment, engine, |engine| {
        let Some(gate) = engine.gate(RouteId::from_f64(route)) else { return 0.0 };
        let [_, limit, full, deadline, displaced, resistance, cancelled, _] = gate.shed;
        environment.put([
            gate.limit,
            f64::from(gate.in_flight),
            gate.queued as f64,
            gate.admitted as f64,
            gate.trickled as f64,
            gate.succeeded as f64,
            gate.failed as f64,
            gate.timed_out as f64,
            gate.latency_baseline_ms.unwrap_or(f64::NAN),
            gate.queue_delay_ms,
            gate.queue_deadline_ms,
            gate.error_rate.unwrap_or(f64::NAN),
            f64::from(gate.shadow_in_flight),
            limit as f64,
            full as f64,
            deadline as f64,
            displaced as f64,
            resistance as f64,
            cancelled as f64,
        ]);
        1.0
    })
}

fn reason_code(shed: &Shed) -> f64 {
    -f64::from(shed.reason as u8)
}

fn mode_code(mode: Mode) -> f64 {
    f64::from(mode as u8)
}

/// TypeScript passes 0 to 3.
fn outcome_of(code: f64) -> Outcome {
    match code {
        0.0 => Outcome::Ok,
        1.0 => Outcome::Failed,
        2.0 => Outcome::Aborted,
        _ => Outcome::Ignored,
    }
}
