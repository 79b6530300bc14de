//! The admission engine: the calls of each request on the hot lane, configuration and snapshots beside it.

use super::protocol::{
    AdmissionCells, Decided, Ended, GateReading, InternedCells, NOT_SHED, OUTCOME_LEFT, OwnState,
    QUEUED, ReportCells, Request, RouteReading, WaiterEventKind,
};
use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::core::admission::{
    Admission as Answer, Engine, Outcome, Priority, RouteId, Routed, Shed, ShedReason, TicketId,
    WaiterEvent, WaiterId,
};
use crate::core::resistance::{TaskEnd, Telemetry};
use crate::protocol::Code;

pub(crate) type Engines = Handles<Engine>;

pub(crate) const MODULE: Module = hot_lane! {
    Engines;
    /// Forgets an engine; a stale handle does nothing.
    "engineClose"(engine) => close;
    /// Seeds the jitter of retry hints with an integer.
    "engineSeed"(engine, number) => seed;
    /// Returns the id of a route. Adds it if it is new. Scratch: `Interned`.
    "engineIntern"(str name, engine, now) => intern;
    /// Returns the id of a route, or -1 when it is not known.
    "engineFind"(str name, engine) => find;
    /// Takes telemetry and decides. Returns the reason. A number costs less in the scratch memory than as an argument,
    /// so a call for each request finds its arguments there; here `Report`. Scratch after it: `Decided`.
    "engineRoute"() => report;
    /// Notes that a task ended (a `TaskEndCode`) under a profile (-1: the route's own). Returns the scar that it left
    /// in ohms, or -1 for a stale id.
    "engineTaskEnded"(engine, route, profile, end, now) => task_ended;
    /// Decides whether a task may begin while some of at most so many run. Returns `NOT_SHED`, or minus the reason's
    /// code. Scratch: `Admission`.
    "engineBeginTask"(engine, route, voltage, running, most, now) => begin_task;
    /// Returns 1, or 0 for a stale id. Scratch: `OwnState`, which this process can share with others.
    "engineOwn"(engine, route, now) => own;
    /// Takes in the state of another process some milliseconds ago, with a weight. Returns 1, or 0 for a stale id.
    "engineShare"(engine, route, scar, blend, age, now) => share;
    /// Admits, sheds or queues, by `Request` in the scratch memory. Returns the ticket, minus the reason's code, or
    /// `QUEUED` for a waiter. Scratch after it: `Admission`.
    "engineAdmit"() => admit;
    /// Always a ticket, or -1 for a stale route, by the same.
    "engineShadow"() => admit_shadow;
    /// Notes that work ended, by `Ended` in the scratch memory. Returns the number of pending events, or -1 when it was
    /// done before. With `OUTCOME_LEFT` its client left and the work goes on: returns 0, or -1 when it is done or was
    /// left before.
    "engineDone"() => done;
    /// Cancels the wait of a waiter. Returns the number of pending events, or -1 when it was not waiting.
    "engineCancel"(engine, waiter, now) => cancel;
    /// Ends waits and tickets that are past their deadline. Returns the number of pending events.
    "engineExpire"(engine, now) => expire;
    /// Returns the time at which `engineExpire` next has something to do, or infinity.
    "engineNextWake"(engine) => next_wake;
    /// Returns the next event: a `WaiterEventKind`. Scratch: `Admission`.
    "engineEvent"(engine) => event;
    /// Forgets the learned values of a route. Returns 1, or 0 for a stale id. Events may be pending then.
    "engineReset"(engine, route, now) => reset;
    /// Returns 1 if the route is known. R and its terms are in scratch: `RouteReading`.
    "engineReading"(engine, route, now) => reading;
    /// Returns 1 if the route has a gate. Its numbers are in scratch: `GateReading`.
    "engineGate"(engine, route) => gate;
};

fn with(environment: &Local<Engines>, engine: f64, body: impl FnOnce(&mut Engine) -> f64) -> f64 {
    environment.table.borrow_mut().get(engine).map_or(NONE, body)
}

fn close(environment: &Local<Engines>, engine: f64) -> f64 {
    environment.table.borrow_mut().close(engine);
    0.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a safe integer, checked in TypeScript"
)]
fn seed(environment: &Local<Engines>, engine: f64, number: f64) -> f64 {
    with(environment, engine, |engine| {
        engine.reseed(number as u64);
        0.0
    })
}

fn intern(environment: &Local<Engines>, name: &str, engine: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let interned = engine.intern(name, now);
        let evicted_slot = interned.evicted.map_or(NONE, |id| f64::from(id.slot()));
        environment.write(InternedCells { evicted_slot });
        interned.id.to_f64()
    })
}

fn find(environment: &Local<Engines>, name: &str, engine: f64) -> f64 {
    with(environment, engine, |engine| engine.find(name).map_or(NONE, RouteId::to_f64))
}

fn report(environment: &Local<Engines>) -> f64 {
    let ReportCells { engine, route, latency, errors, saturation, voltage, now, profile, age } =
        environment.read();
    with(environment, engine, |engine| {
        let (id, profile) = (RouteId::from_f64(route), profile_of(profile));
        let telemetry = Telemetry::from_lane(latency, errors, saturation);
        match engine.route_as(id, profile, &telemetry, age, voltage, now) {
            Ok(Some(Routed { decision, before, bumped })) => {
                environment.write(Decided {
                    resistance: decision.resistance,
                    mode: decision.mode.to_f64(),
                    mode_before: before.to_f64(),
                    bumped: f64::from(bumped),
                });
                decision.reason.to_f64()
            }
            Ok(None) | Err(_) => NONE,
        }
    })
}

fn task_ended(
    environment: &Local<Engines>,
    engine: f64,
    route: f64,
    profile: f64,
    end: f64,
    now: f64,
) -> f64 {
    with(environment, engine, |engine| {
        let end = TaskEnd::from_f64(end).unwrap_or(TaskEnd::Aborted);
        engine.task_ended(RouteId::from_f64(route), profile_of(profile), end, now).unwrap_or(NONE)
    })
}

fn begin_task(
    environment: &Local<Engines>,
    engine: f64,
    route: f64,
    voltage: f64,
    running: f64,
    most: f64,
    now: f64,
) -> f64 {
    with(environment, engine, |engine| {
        let id = RouteId::from_f64(route);
        match engine.begin_task(id, voltage, (running, most), now) {
            Ok(()) => NOT_SHED,
            Err(shed) => {
                environment.write(of_shed(&shed));
                reason_code(&shed)
            }
        }
    })
}

fn own(environment: &Local<Engines>, engine: f64, route: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let Some(own) = engine.own(RouteId::from_f64(route), now) else { return 0.0 };
        environment.write(OwnState { scar: own.scar, resistance: own.resistance });
        1.0
    })
}

fn share(
    environment: &Local<Engines>,
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

/// Returns a profile's index; `None` for what is negative or no number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked")]
pub(crate) fn profile_of(index: f64) -> Option<usize> {
    (0.0..1e6).contains(&index).then_some(index as usize)
}

fn admit(environment: &Local<Engines>) -> f64 {
    let Request { engine, route, voltage, timeout, now, max_wait } = environment.read();
    with(environment, engine, |engine| {
        let admission = engine.admit(RouteId::from_f64(route), voltage, timeout, max_wait, now);
        write_admission(environment, engine, admission)
    })
}

/// An answer that says nothing.
const SILENT: AdmissionCells = AdmissionCells {
    wake: 0.0,
    retry_after: 0.0,
    resistance: 0.0,
    waiter: NONE,
    events: 0.0,
    reason: NOT_SHED,
    ticket: NONE,
};

fn write_admission(environment: &Local<Engines>, engine: &Engine, answer: Answer) -> f64 {
    let (wake, events) = (engine.next_wake(), engine.pending_events() as f64);
    let silent = AdmissionCells { wake, events, ..SILENT };
    match answer {
        Answer::Admitted(ticket) => {
            environment.write(silent);
            ticket.to_f64()
        }
        Answer::Queued(waiter) => {
            environment.write(AdmissionCells { waiter: waiter.to_f64(), ..silent });
            QUEUED
        }
        Answer::Shed(shed) => {
            environment.write(AdmissionCells { wake, events, ..of_shed(&shed) });
            reason_code(&shed)
        }
    }
}

fn of_shed(shed: &Shed) -> AdmissionCells {
    AdmissionCells {
        retry_after: shed.retry_after_ms,
        resistance: shed.resistance,
        reason: reason_code(shed),
        ..SILENT
    }
}

fn admit_shadow(environment: &Local<Engines>) -> f64 {
    let Request { engine, route, voltage, timeout, now, .. } = environment.read();
    with(environment, engine, |engine| {
        let id = RouteId::from_f64(route);
        let Some((ticket, shed)) = engine.admit_shadow(id, voltage, timeout, now) else {
            return NONE;
        };
        let answer = shed.map_or(SILENT, |shed| of_shed(&shed));
        environment.write(AdmissionCells { wake: engine.next_wake(), ..answer });
        ticket.to_f64()
    })
}

fn done(environment: &Local<Engines>) -> f64 {
    let Ended { engine, ticket, outcome, now } = environment.read();
    with(environment, engine, |engine| {
        let ticket = TicketId::from_f64(ticket);
        if outcome == f64::from(OUTCOME_LEFT) {
            return if engine.left(ticket, now) { 0.0 } else { NONE };
        }
        let outcome = Outcome::from_f64(outcome).unwrap_or(Outcome::Ignored);
        if engine.done(ticket, outcome, now) { engine.pending_events() as f64 } else { NONE }
    })
}

fn cancel(environment: &Local<Engines>, engine: f64, waiter: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let waiting = engine.cancel(WaiterId::from_f64(waiter), now);
        if waiting { engine.pending_events() as f64 } else { NONE }
    })
}

fn expire(environment: &Local<Engines>, engine: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        engine.expire(now);
        engine.pending_events() as f64
    })
}

fn next_wake(environment: &Local<Engines>, engine: f64) -> f64 {
    with(environment, engine, |engine| engine.next_wake())
}

fn event(environment: &Local<Engines>, engine: f64) -> f64 {
    with(environment, engine, |engine| match engine.poll_event() {
        None => WaiterEventKind::None.to_f64(),
        Some(WaiterEvent::Admitted { waiter, ticket }) => {
            let (waiter, ticket) = (waiter.to_f64(), ticket.to_f64());
            environment.write(AdmissionCells { waiter, ticket, ..SILENT });
            WaiterEventKind::Admitted.to_f64()
        }
        Some(WaiterEvent::Shed { waiter, shed }) => {
            environment.write(AdmissionCells { waiter: waiter.to_f64(), ..of_shed(&shed) });
            WaiterEventKind::Shed.to_f64()
        }
    })
}

fn reset(environment: &Local<Engines>, engine: f64, route: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        f64::from(u8::from(engine.reset(RouteId::from_f64(route), now)))
    })
}

fn reading(environment: &Local<Engines>, engine: f64, route: f64, now: f64) -> f64 {
    with(environment, engine, |engine| {
        let Some(reading) = engine.reading(RouteId::from_f64(route), now) else { return 0.0 };
        environment.write(RouteReading {
            base: reading.base,
            pressure: reading.pressure,
            momentum: reading.momentum,
            scar: reading.scar,
            total: reading.total,
            mode: reading.mode.to_f64(),
            break_at: reading.break_at,
            recovery_at: reading.recovery_at,
            ticks: reading.ticks as f64,
            last_update: reading.last_update_ms.into(),
            shared: reading.shared,
            staleness: reading.staleness,
            latency: reading.vector.latency,
            errors: reading.vector.error,
            saturation: reading.vector.saturation,
            learned_latency_ms: reading.learned.latency_ms.into(),
            learned_error_rate: reading.learned.error_rate.into(),
            learned_saturation: reading.learned.saturation.into(),
            scar_factor: reading.scar_factor,
            voltage: reading.voltage.into(),
            decided: reading.decided.map(Code::to_f64).into(),
            tuner_mean: reading.tuner.map(|tuner| tuner.mean).into(),
            tuner_deviation: reading.tuner.map(|tuner| tuner.deviation).into(),
            tuner_ticks: reading.tuner.map(|tuner| tuner.ticks).into(),
            tuner_is_warm: reading.tuner.map(|tuner| f64::from(u8::from(tuner.is_warm))).into(),
        });
        1.0
    })
}

fn gate(environment: &Local<Engines>, engine: f64, route: f64) -> f64 {
    with(environment, engine, |engine| {
        let Some(gate) = engine.gate(RouteId::from_f64(route)) else { return 0.0 };
        let shed = |reason: ShedReason| gate.shed[reason as usize] as f64;
        let by_priority = |priority: Priority| gate.shed_by_priority[priority as usize] as f64;
        environment.write(GateReading {
            limit: gate.limit,
            in_flight: f64::from(gate.in_flight),
            queued: gate.queued as f64,
            admitted: gate.admitted as f64,
            trickled: gate.trickled as f64,
            succeeded: gate.succeeded as f64,
            failed: gate.failed as f64,
            timed_out: gate.timed_out as f64,
            latency_baseline_ms: gate.latency_baseline_ms.into(),
            queue_delay_ms: gate.queue_delay_ms,
            queue_deadline_ms: gate.queue_deadline_ms,
            error_rate: gate.error_rate.into(),
            shed_limit: shed(ShedReason::Limit),
            shed_queue_full: shed(ShedReason::QueueFull),
            shed_queue_deadline: shed(ShedReason::QueueDeadline),
            shed_displaced: shed(ShedReason::Displaced),
            shed_resistance: shed(ShedReason::Resistance),
            shed_background: by_priority(Priority::Background),
            shed_low: by_priority(Priority::Low),
            shed_normal: by_priority(Priority::Normal),
            shed_high: by_priority(Priority::High),
            shed_critical: by_priority(Priority::Critical),
        });
        1.0
    })
}

fn reason_code(shed: &Shed) -> f64 {
    -f64::from(shed.reason as u8)
}
