//! The contract of the engine, one rule a test, and the books, which balance after any sequence of calls.

use proptest::prelude::*;

use super::{
    Admission, Engine, EngineConfig, GateConfig, Outcome, Priority, RouteId, Shed, ShedReason,
    TicketId, WaiterEvent, WaiterId,
};
use crate::core::resistance::{Mode, Telemetry};

const FOREVER: f64 = f64::INFINITY;
const DEFAULT: f64 = f64::NAN;

fn engine(gate: &GateConfig) -> (Engine, RouteId) {
    let mut engine =
        Engine::new(EngineConfig { gate: *gate, ..EngineConfig::default() }, 1).expect("valid");
    let id = engine.intern("route", 0.0).id;
    (engine, id)
}

fn fixed(limit: f64) -> GateConfig {
    GateConfig { fixed_limit: Some(limit), ..GateConfig::default() }
}

fn ticket(admission: Admission) -> TicketId {
    match admission {
        Admission::Admitted(ticket) => ticket,
        other => panic!("not admitted: {other:?}"),
    }
}

fn waiter(admission: Admission) -> WaiterId {
    match admission {
        Admission::Queued(waiter) => waiter,
        other => panic!("not queued: {other:?}"),
    }
}

fn shed(admission: Admission) -> Shed {
    match admission {
        Admission::Shed(shed) => shed,
        other => panic!("not shed: {other:?}"),
    }
}

fn admitted(event: Option<WaiterEvent>) -> (WaiterId, TicketId) {
    match event {
        Some(WaiterEvent::Admitted { waiter, ticket }) => (waiter, ticket),
        other => panic!("not admitted: {other:?}"),
    }
}

fn dismissed(event: Option<WaiterEvent>) -> (WaiterId, ShedReason) {
    match event {
        Some(WaiterEvent::Shed { waiter, shed }) => (waiter, shed.reason),
        other => panic!("not shed: {other:?}"),
    }
}

/// A caller that ends its work by itself 100 ms from now waits no longer than leaves time for the work.
#[test]
fn a_wait_leaves_time_for_the_work() {
    let gate = GateConfig { latency_baseline_ms: Some(20.0), ..fixed(1.0) };
    let (mut engine, id) = engine(&gate);
    let _held = ticket(engine.try_admit(id, 60.0, DEFAULT, 0.0));
    let hopeless = shed(engine.admit(id, 60.0, FOREVER, 30.0, 0.0));
    assert_eq!(hopeless.reason, ShedReason::QueueDeadline, "nothing would be left of it");
    let hasty = waiter(engine.admit(id, 60.0, FOREVER, 100.0, 0.0));
    let patient = waiter(engine.admit(id, 60.0, DEFAULT, 100.0, 0.0));
    engine.expire(69.0);
    assert_eq!(engine.poll_event(), None);
    engine.expire(70.0);
    assert_eq!(dismissed(engine.poll_event()), (hasty, ShedReason::QueueDeadline));
    assert_eq!(engine.poll_event(), None);
    engine.expire(100.0);
    assert_eq!(dismissed(engine.poll_event()), (patient, ShedReason::QueueDeadline));
}

#[test]
fn done_counts_once() {
    let (mut engine, id) = engine(&fixed(1.0));
    let first = ticket(engine.try_admit(id, 60.0, DEFAULT, 0.0));
    assert_eq!(shed(engine.try_admit(id, 60.0, DEFAULT, 0.0)).reason, ShedReason::Limit);
    assert!(engine.done(first, Outcome::Ok, 5.0));
    assert!(!engine.done(first, Outcome::Failed, 6.0), "already done");
    let second = ticket(engine.try_admit(id, 60.0, DEFAULT, 7.0));
    assert_eq!(second.slot(), first.slot(), "the slot is used again");
    assert!(!engine.done(first, Outcome::Ok, 8.0), "a stale ticket is not its successor");
    let gate = engine.gate(id).expect("gate");
    assert_eq!((gate.in_flight, gate.succeeded, gate.failed), (1, 1, 0));
}

#[test]
fn work_whose_client_left_keeps_its_place_until_it_ends() {
    let (mut engine, id) = engine(&fixed(1.0));
    let running = ticket(engine.try_admit(id, 60.0, DEFAULT, 0.0));
    assert!(engine.left(running, 5.0));
    assert!(!engine.left(running, 6.0), "once");
    assert_eq!(shed(engine.try_admit(id, 60.0, DEFAULT, 7.0)).reason, ShedReason::Limit);
    assert!(engine.done(running, Outcome::Ok, 8.0));
    assert!(!engine.left(running, 9.0), "done");
    let gate = engine.gate(id).expect("gate");
    assert_eq!((gate.in_flight, gate.succeeded, gate.failed), (0, 1, 0));
}

#[test]
fn the_higher_voltage_goes_first_and_the_older_among_equals() {
    let (mut engine, id) = engine(&fixed(1.0));
    let mut running = ticket(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    let order = [25.0, 60.0, 100.0, 60.0, 42.5]
        .map(|voltage| waiter(engine.admit(id, voltage, DEFAULT, FOREVER, 1.0)));
    for expected in [2, 1, 3, 4, 0] {
        assert!(engine.done(running, Outcome::Ok, 2.0));
        let (who, next) = admitted(engine.poll_event());
        assert_eq!(who, order[expected]);
        assert_eq!(engine.poll_event(), None);
        running = next;
    }
}

#[test]
fn the_newest_goes_first_once_the_queue_stands() {
    let quiet = GateConfig { trickle_per_second: 1e-6, trickle_share: 0.0, ..fixed(1.0) };
    let gate = GateConfig { queue_deadline_ms: Some(400.0), ..quiet };
    let (mut engine, id) = engine(&gate);
    let running = ticket(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    let mut last = None;
    for step in 0..30 {
        let now = 100.0 * f64::from(step);
        engine.expire(now);
        last = Some(waiter(engine.admit(id, 60.0, DEFAULT, FOREVER, now)));
    }
    while engine.poll_event().is_some() {}
    engine.done(running, Outcome::Ok, 2910.0);
    assert_eq!(Some(admitted(engine.poll_event()).0), last);
}

#[test]
fn a_better_newcomer_takes_the_place_of_the_worst_waiter() {
    let (mut engine, id) = engine(&GateConfig { max_queue: 2, ..fixed(1.0) });
    ticket(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    let low = waiter(engine.admit(id, 40.0, DEFAULT, FOREVER, 0.0));
    waiter(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    let refused = shed(engine.admit(id, 40.0, DEFAULT, FOREVER, 1.0));
    assert_eq!(refused.reason, ShedReason::QueueFull);
    let better = waiter(engine.admit(id, 100.0, DEFAULT, FOREVER, 1.0));
    assert_ne!(better.slot(), low.slot(), "its event is still unread");
    assert_eq!(dismissed(engine.poll_event()), (low, ShedReason::Displaced));
}

#[test]
fn waits_end_at_their_deadline_and_the_wake_is_exact() {
    let (mut engine, id) = engine(&GateConfig { queue_deadline_ms: Some(100.0), ..fixed(1.0) });
    assert_eq!(engine.next_wake(), FOREVER);
    ticket(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    assert_eq!(engine.next_wake(), 30_000.0);
    let patient = waiter(engine.admit(id, 60.0, DEFAULT, FOREVER, 10.0));
    let hasty = waiter(engine.admit(id, 60.0, DEFAULT, 20.0, 10.0));
    assert_eq!(engine.next_wake(), 30.0);
    engine.expire(29.9);
    assert_eq!(engine.poll_event(), None);
    engine.expire(30.0);
    assert_eq!(dismissed(engine.poll_event()), (hasty, ShedReason::QueueDeadline));
    assert_eq!(engine.next_wake(), 110.0);
    engine.expire(500.0);
    assert_eq!(dismissed(engine.poll_event()), (patient, ShedReason::QueueDeadline));
    assert!(!engine.cancel(patient, 501.0));
}

#[test]
fn a_cancelled_waiter_is_gone_without_an_event() {
    let (mut engine, id) = engine(&fixed(1.0));
    let running = ticket(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    let gone = waiter(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    assert!(engine.cancel(gone, 1.0));
    assert!(!engine.cancel(gone, 1.0));
    engine.done(running, Outcome::Ok, 2.0);
    assert_eq!(engine.poll_event(), None);
    let gate = engine.gate(id).expect("gate");
    assert_eq!((gate.queued, gate.in_flight, gate.shed[ShedReason::Cancelled as usize]), (0, 0, 1));
}

#[test]
fn a_handler_that_never_ends_frees_its_ticket_at_its_deadline() {
    let (mut engine, id) = engine(&GateConfig { ticket_timeout_ms: 1000.0, ..fixed(2.0) });
    let hung = ticket(engine.admit(id, 60.0, DEFAULT, FOREVER, 0.0));
    ticket(engine.admit(id, 60.0, 200.0, FOREVER, 0.0));
    let next = waiter(engine.admit(id, 60.0, DEFAULT, FOREVER, 150.0));
    assert_eq!(engine.next_wake(), 200.0);
    engine.expire(200.0);
    assert_eq!(admitted(engine.poll_event()).0, next);
    engine.expire(1000.0);
    assert!(!engine.done(hung, Outcome::Ok, 1001.0), "too late");
    let gate = engine.gate(id).expect("gate");
    assert_eq!((gate.in_flight, gate.timed_out, gate.failed, gate.succeeded), (1, 2, 2, 0));
}

#[test]
fn work_that_reports_its_own_timeout_counts_as_timed_out() {
    let (mut engine, id) = engine(&fixed(2.0));
    let late = ticket(engine.admit(id, 60.0, FOREVER, FOREVER, 0.0));
    assert_eq!(engine.next_wake(), FOREVER, "such a ticket has no deadline of its own");
    assert!(engine.done(late, Outcome::TimedOut, 200.0));
    let gate = engine.gate(id).expect("gate");
    assert_eq!((gate.in_flight, gate.timed_out, gate.failed, gate.succeeded), (0, 1, 1, 0));
}

#[test]
fn a_trickle_gets_through_even_when_every_handler_hangs() {
    let (mut engine, id) = engine(&GateConfig { max_queue: 0, ..fixed(2.0) });
    let mut through = 0;
    for ms in 0..10_000 {
        let now = f64::from(ms);
        engine.expire(now);
        through += i32::from(matches!(
            engine.admit(id, 60.0, FOREVER, FOREVER, now),
            Admission::Admitted(_)
        ));
    }
    // 2 for the limit, then 1 % of the arrivals and one a second, as long as fewer than 8 are out.
    assert_eq!(through, 2 + 8);
    assert_eq!(engine.gate(id).expect("gate").in_flight, 10);
}

#[test]
fn an_error_storm_sheds_by_resistance_explains_itself_and_still_trickles() {
    let (mut engine, id) = engine(&GateConfig::default());
    let (mut shed_count, mut through_late, mut last) = (0, 0, None);
    for ms in 0..8_000 {
        let now = f64::from(ms);
        match engine.try_admit(id, Priority::Normal.voltage(), DEFAULT, now) {
            Admission::Admitted(ticket) => {
                through_late += i32::from(ms > 5_000);
                engine.done(ticket, Outcome::Failed, now);
            }
            Admission::Shed(shed) => {
                shed_count += 1;
                last = Some(shed);
            }
            Admission::Queued(_) => unreachable!("nobody waits here"),
        }
    }
    let last = last.expect("the storm sheds");
    assert_eq!(last.reason, ShedReason::Resistance);
    assert!(
        last.resistance >= 60.0 && (100.0..=60_000.0).contains(&last.retry_after_ms),
        "{last:?}"
    );
    assert!(shed_count > 5_000 && (25..=60).contains(&through_late), "{shed_count} {through_late}");
    let reading = engine.reading(id, 8_000.0).expect("route");
    assert!(reading.scar > 100.0 && reading.vector.error > 0.9);
    assert!(engine.reset(id, 8_000.0));
    ticket(engine.try_admit(id, 60.0, DEFAULT, 8_001.0));
}

#[test]
fn a_route_with_work_is_never_forgotten_and_the_coldest_idle_one_is() {
    let config = EngineConfig { max_routes: 3, ..EngineConfig::default() };
    let mut engine = Engine::new(config, 1).expect("valid");
    let [a, b, c] = ["a", "b", "c"].map(|name| engine.intern(name, 0.0).id);
    let busy = ticket(engine.try_admit(a, 60.0, DEFAULT, 1.0));
    engine.intern("b", 2.0);
    let d = engine.intern("d", 3.0);
    assert_eq!(d.evicted, Some(c), "a is busy, b is warmer");
    assert_eq!(engine.intern("e", 4.0).evicted, Some(b));
    engine.done(busy, Outcome::Ok, 5.0);
    assert_eq!(engine.intern("f", 6.0).evicted, Some(d.id));
    assert_eq!(engine.names().collect::<Vec<_>>(), ["a", "e", "f"]);
    assert_eq!(shed(engine.try_admit(b, 60.0, DEFAULT, 7.0)).reason, ShedReason::UnknownRoute);
    assert_eq!(engine.reading(b, 7.0), None);
    assert_eq!(engine.intern("a", 8.0).id, a, "the slot is stable");
}

#[test]
fn a_table_full_of_busy_routes_grows_by_what_is_busy() {
    let mut engine =
        Engine::new(EngineConfig { max_routes: 1, ..EngineConfig::default() }, 1).expect("valid");
    let a = engine.intern("a", 0.0).id;
    let running = ticket(engine.try_admit(a, 60.0, DEFAULT, 0.0));
    assert_eq!(engine.intern("b", 0.0).evicted, None);
    assert_eq!(engine.len(), 2);
    assert!(engine.done(running, Outcome::Ok, 1.0));
}

#[test]
fn route_answers_for_those_who_bring_telemetry() {
    let (mut engine, id) = engine(&GateConfig::default());
    let sick = Telemetry::from_lane(900.0, 0.5, 0.9);
    let mut open = None;
    for step in 0..100 {
        let now = 50.0 * f64::from(step);
        let decision = engine.route(id, &sick, 100.0, now).expect("valid").expect("live");
        if decision.mode == Mode::CircuitBreaker {
            assert!(!decision.allow);
            open = open.or(Some(now));
        }
    }
    assert!(open.is_some_and(|at| (1500.0..3500.0).contains(&at)), "{open:?}");
    let before = engine.reading(id, 4950.0);
    assert!(engine.route(id, &Telemetry::from_lane(-1.0, 0.0, 0.0), 100.0, 5000.0).is_err());
    assert_eq!(engine.reading(id, 4950.0), before, "refused telemetry changes nothing");
}

#[test]
fn shadow_work_is_ticketed_measured_and_in_nobodys_way() {
    let (mut engine, id) = engine(&fixed(1.0));
    let (first, verdict) = engine.admit_shadow(id, 60.0, DEFAULT, 0.0).expect("live");
    assert_eq!(verdict, None);
    let (second, verdict) = engine.admit_shadow(id, 60.0, DEFAULT, 1.0).expect("live");
    assert_eq!(verdict.map(|shed| shed.reason), Some(ShedReason::Limit));
    let gate = engine.gate(id).expect("gate");
    assert_eq!((gate.in_flight, gate.shadow_in_flight), (1, 1));
    assert!(engine.done(first, Outcome::Ok, 2.0) && engine.done(second, Outcome::Failed, 2.0));
    let gate = engine.gate(id).expect("gate");
    assert_eq!((gate.in_flight, gate.shadow_in_flight, gate.succeeded, gate.failed), (0, 0, 1, 1));
}

#[test]
fn a_clock_that_goes_back_hurts_nobody() {
    let (mut engine, id) = engine(&fixed(1.0));
    let running = ticket(engine.admit(id, 60.0, 1000.0, FOREVER, 1_000_000.0));
    waiter(engine.admit(id, 60.0, DEFAULT, FOREVER, 500_000.0));
    assert_eq!(engine.next_wake(), 501_000.0, "deadlines move with the clock");
    engine.expire(500_100.0);
    assert_eq!(engine.poll_event(), None);
    assert!(engine.done(running, Outcome::Ok, f64::NAN));
    admitted(engine.poll_event());
    assert!(engine.reading(id, 0.0).expect("route").total.is_finite());
}

#[test]
fn impossible_configurations_are_refused_by_name() {
    let bad = [
        (GateConfig { min_limit: 0.0, ..GateConfig::default() }, "minLimit"),
        (GateConfig { fixed_limit: Some(f64::NAN), ..GateConfig::default() }, "limit"),
        (GateConfig { trickle_per_second: 0.0, ..GateConfig::default() }, "tricklePerSecond"),
        (GateConfig { queue_deadline_ms: Some(-1.0), ..GateConfig::default() }, "queueDeadlineMs"),
        (
            GateConfig { ticket_timeout_ms: f64::INFINITY, ..GateConfig::default() },
            "ticketTimeoutMs",
        ),
    ];
    for (gate, field) in bad {
        let error =
            Engine::new(EngineConfig { gate, ..EngineConfig::default() }, 0).expect_err(field);
        assert_eq!(error.field, field);
    }
    assert!(Engine::new(EngineConfig { max_routes: 0, ..EngineConfig::default() }, 0).is_err());
}

#[derive(Debug, Clone)]
enum Op {
    Admit { route: usize, voltage: f64, wait: bool, timeout: f64 },
    Shadow(usize),
    Done(usize, u8),
    Cancel(usize),
    Pass(f64),
    Reset(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let timeout = prop_oneof![Just(f64::NAN), 1.0..200.0_f64, Just(f64::INFINITY)];
    prop_oneof![
        6 => (0..4_usize, prop_oneof![Just(25.0), Just(60.0), 0.0..200.0_f64], any::<bool>(), timeout)
            .prop_map(|(route, voltage, wait, timeout)| Op::Admit { route, voltage, wait, timeout }),
        1 => (0..4_usize).prop_map(Op::Shadow),
        5 => (any::<usize>(), 0..4_u8).prop_map(|(i, outcome)| Op::Done(i, outcome)),
        1 => any::<usize>().prop_map(Op::Cancel),
        3 => (-50.0..300.0_f64).prop_map(Op::Pass),
        1 => (0..4_usize).prop_map(Op::Reset),
    ]
}

proptest! {
    #[test]
    fn the_books_balance(ops in prop::collection::vec(op(), 1..200)) {
        let gate = GateConfig { max_queue: 3, initial_limit: 2.0, ..GateConfig::default() };
        let mut engine = Engine::new(EngineConfig { max_routes: 2, gate, ..EngineConfig::default() }, 9).expect("valid");
        let (mut now, mut tickets, mut waiters) = (0.0_f64, Vec::new(), Vec::new());
        let routes = ["a", "b", "c", "d"];
        for op in ops {
            match op {
                Op::Admit { route, voltage, wait, timeout } => {
                    let id = engine.intern(routes[route], now).id;
                    let max_wait = if wait { FOREVER } else { 0.0 };
                    match engine.admit(id, voltage, timeout, max_wait, now) {
                        Admission::Admitted(ticket) => tickets.push(ticket),
                        Admission::Queued(waiter) => waiters.push(waiter),
                        Admission::Shed(shed) => {
                            prop_assert!((100.0..=60_000.0).contains(&shed.retry_after_ms));
                        }
                    }
                }
                Op::Shadow(route) => {
                    let id = engine.intern(routes[route], now).id;
                    tickets.push(engine.admit_shadow(id, 30.0, f64::NAN, now).expect("live").0);
                }
                Op::Done(i, outcome) if !tickets.is_empty() => {
                    let ticket = tickets.swap_remove(i % tickets.len());
                    let outcome = [Outcome::Ok, Outcome::Failed, Outcome::Aborted, Outcome::Ignored][outcome as usize];
                    engine.done(ticket, outcome, now);
                    prop_assert!(!engine.done(ticket, outcome, now));
                }
                Op::Cancel(i) if !waiters.is_empty() => {
                    let waiter = waiters.swap_remove(i % waiters.len());
                    prop_assert!(engine.cancel(waiter, now));
                }
                Op::Pass(ms) => {
                    now += ms;
                    engine.expire(now);
                    prop_assert!(engine.next_wake() > now);
                }
                Op::Reset(route) => {
                    let id = engine.intern(routes[route], now).id;
                    engine.reset(id, now);
                }
                Op::Done(..) | Op::Cancel(_) => {}
            }
            while let Some(event) = engine.poll_event() {
                let waiter = match event {
                    WaiterEvent::Admitted { waiter, ticket } => {
                        tickets.push(ticket);
                        waiter
                    }
                    WaiterEvent::Shed { waiter, .. } => waiter,
                };
                let known = waiters.iter().position(|w| *w == waiter);
                prop_assert!(known.is_some(), "one event a waiter");
                waiters.swap_remove(known.expect("checked"));
            }
        }
        // Whatever happened, everything ends.
        for ticket in tickets {
            engine.done(ticket, Outcome::Ignored, now);
        }
        while let Some(event) = engine.poll_event() {
            if let WaiterEvent::Admitted { ticket, .. } = event {
                engine.done(ticket, Outcome::Ignored, now);
            }
        }
        engine.expire(now + 1e9);
        prop_assert_eq!(engine.next_wake(), FOREVER);
        let names: Vec<String> = engine.names().map(str::to_owned).collect();
        for name in names {
            let id = engine.find(&name).expect("live");
            if let Some(gate) = engine.gate(id) {
                prop_assert_eq!((gate.in_flight, gate.shadow_in_flight, gate.queued), (0, 0, 0));
            }
        }
    }
}
