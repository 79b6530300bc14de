//! Requests at a gate, and reports about routes.

use std::collections::VecDeque;

use keelson::core::admission::{
    Admission, Engine, EngineConfig, GateConfig, Outcome, RouteId, TicketId, WaiterEvent,
};
use keelson::core::resistance::Telemetry;

use crate::Loop;
use crate::inputs::{Inputs, index};

const VOLTAGE: f64 = 60.0;
const SERVERS: usize = 8;
const WAITERS: usize = 16;
const ROUTES: u32 = 1000;

pub const LOOPS: &[Loop] = &[
    Loop { name: "admit-done", operation: "admit a request and report its end", body: admit },
    Loop { name: "admit-queued", operation: "queue, admit and end a request", body: queued },
    Loop { name: "shed", operation: "refuse a request", body: shed },
    Loop { name: "route", operation: "one report about one of 1000 routes", body: route },
];

fn engine(fixed_limit: Option<f64>) -> (Engine, RouteId) {
    let gate = GateConfig { fixed_limit, ..GateConfig::default() };
    let config = EngineConfig { gate, ..EngineConfig::default() };
    let mut engine = Engine::new(config, 5).expect("valid options");
    let id = engine.intern("route", 0.0).id;
    (engine, id)
}

fn admitted(admission: Admission) -> Option<TicketId> {
    match admission {
        Admission::Admitted(ticket) => Some(ticket),
        Admission::Queued(_) | Admission::Shed(_) => None,
    }
}

fn admit(operations: u32) -> u32 {
    let (mut engine, id) = engine(None);
    let mut service = Inputs::new(5, |random| 0.5 + random.unit());
    let (mut done, mut now) = (0, 0.0);
    for _ in 0..operations {
        if let Some(ticket) = admitted(engine.try_admit(id, VOLTAGE, f64::NAN, now)) {
            now += service.take();
            done += u32::from(engine.done(ticket, Outcome::Ok, now));
        }
    }
    done
}

fn queued(operations: u32) -> u32 {
    let (mut engine, id) = engine(Some(SERVERS as f64));
    let mut tickets: VecDeque<TicketId> = VecDeque::new();
    let ask =
        |engine: &mut Engine, now: f64| engine.admit(id, VOLTAGE, f64::NAN, f64::INFINITY, now);
    for _ in 0..SERVERS + WAITERS {
        tickets.extend(admitted(ask(&mut engine, 0.0)));
    }
    let (mut done, mut now) = (0, 0.0);
    for _ in 0..operations {
        now += 0.1;
        let ticket = tickets.pop_front().expect("as many in flight as there are servers");
        done += u32::from(engine.done(ticket, Outcome::Ok, now));
        while let Some(event) = engine.poll_event() {
            if let WaiterEvent::Admitted { ticket, .. } = event {
                tickets.push_back(ticket);
            }
        }
        tickets.extend(admitted(ask(&mut engine, now)));
    }
    done
}

fn shed(operations: u32) -> u32 {
    let (mut engine, id) = engine(Some(1.0));
    let ticket = admitted(engine.try_admit(id, VOLTAGE, f64::NAN, 0.0));
    assert!(ticket.is_some(), "the first is admitted");
    let (mut answered, mut refused, mut now) = (0, 0, 0.0);
    for _ in 0..operations {
        now += 0.01;
        match engine.try_admit(id, VOLTAGE, f64::NAN, now) {
            Admission::Shed(_) => refused += 1,
            // The trickle.
            Admission::Admitted(ticket) => {
                answered += u32::from(engine.done(ticket, Outcome::Ok, now));
            }
            Admission::Queued(_) => {}
        }
    }
    assert!(f64::from(refused) > 0.97 * f64::from(operations), "{refused} of {operations} refused");
    answered + refused
}

fn route(operations: u32) -> u32 {
    let mut engine = Engine::new(EngineConfig::default(), 6).expect("valid options");
    let ids: Vec<_> =
        (0..ROUTES).map(|each| engine.intern(&format!("route {each}"), 0.0).id).collect();
    let mut routes = Inputs::new(6, |random| index(random, ROUTES));
    let mut reports = Inputs::new(7, |random| {
        let errors = if random.below(8) == 0 { random.unit() } else { 0.0 };
        Telemetry::from_lane(50.0 + 100.0 * random.unit(), errors, random.unit())
    });
    let (mut decided, mut now) = (0, 0.0);
    for _ in 0..operations {
        now += 1.0;
        let id = ids[routes.take() as usize];
        let decision = engine.route(id, &reports.take(), VOLTAGE, now);
        decided += u32::from(decision.expect("valid telemetry").is_some());
    }
    decided
}
