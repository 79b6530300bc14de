//! A service behind a gate, in virtual time. The same seed gives the same run, event by event.

use std::collections::VecDeque;

use super::report::Report;
use crate::core::admission::{
    Admission, Engine, EngineConfig, Outcome, Priority, RouteId, TicketId, WaiterEvent,
};
use crate::core::clock::EventQueue;
use crate::core::random::Random;

/// The policy between the clients and the service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Door {
    /// Nothing.
    Open,
    /// The gate, through `admit`.
    Gate(EngineConfig),
    /// The gate, through `try_admit`, without a queue.
    NoQueue(EngineConfig),
    /// The gate, with every request at the same voltage.
    Flat(EngineConfig),
}

/// From `from` to `to` (seconds) the service takes `slow` times as long and fails a share of its calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) slow: f64,
    pub(super) errors: f64,
}

/// One experiment.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) servers: usize,
    pub(super) service_ms: f64,
    pub(super) timeout_ms: f64,
    /// Offered load relative to capacity, each up to a second.
    pub(super) load: Vec<(f64, f64)>,
    pub(super) faults: Vec<Fault>,
    /// Servers from a second on.
    pub(super) resize: Option<(f64, usize)>,
    /// Attempts of a client after a refusal, a failure or a timeout.
    pub(super) retries: u32,
    /// Share of each priority.
    pub(super) mix: [(Priority, f64); 3],
    pub(super) door: Door,
}

impl Scenario {
    /// Creates the standard model: 8 servers, exponential 20 ms, clients gone after 500 ms, mix 20/50/30.
    pub(super) fn standard(load: Vec<(f64, f64)>) -> Self {
        Self {
            servers: 8,
            service_ms: 20.0,
            timeout_ms: 500.0,
            load,
            faults: Vec::new(),
            resize: None,
            retries: 0,
            mix: [(Priority::Critical, 0.2), (Priority::Normal, 0.5), (Priority::Background, 0.3)],
            door: Door::Gate(EngineConfig::default()),
        }
    }

    /// Requests a second the service can do.
    pub(super) fn capacity(&self) -> f64 {
        self.servers as f64 / self.service_ms * 1000.0
    }

    fn seconds(&self) -> f64 {
        self.load.last().map_or(0.0, |(until, _)| *until)
    }

    fn load_at(&self, second: f64) -> f64 {
        self.load.iter().find(|(until, _)| second < *until).map_or(0.0, |(_, load)| *load)
    }

    pub(super) fn run(&self, seed: u64) -> Report {
        World::new(self, seed).run()
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Arrival,
    Retry(usize),
    /// The client of attempt `1` of request `0` has waited long enough.
    Timeout(usize, u32),
    Completion(usize),
}

#[derive(Debug, Clone, Copy)]
struct Request {
    class: usize,
    born: f64,
    attempt: u32,
    settled: bool,
}

#[derive(Debug, Clone, Copy)]
struct Job {
    request: usize,
    attempt: u32,
    tried: f64,
    ticket: Option<TicketId>,
}

struct World<'a> {
    scenario: &'a Scenario,
    random: Random,
    engine: Engine,
    route: RouteId,
    events: EventQueue<Event>,
    now: f64,
    requests: Vec<Request>,
    /// Work at or in front of the servers.
    jobs: Vec<Job>,
    backlog: VecDeque<usize>,
    busy: usize,
    /// By waiter slot.
    waiting: Vec<(usize, u32, f64)>,
    report: Report,
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let config = match scenario.door {
            Door::Open => EngineConfig::default(),
            Door::Gate(config) | Door::NoQueue(config) | Door::Flat(config) => config,
        };
        let mut engine = Engine::new(config, seed).expect("valid config");
        let route = engine.intern("route", 0.0).id;
        Self {
            scenario,
            random: Random::new(seed ^ 0x5EED),
            engine,
            route,
            events: EventQueue::default(),
            now: 0.0,
            requests: Vec::new(),
            jobs: Vec::new(),
            backlog: VecDeque::new(),
            busy: 0,
            waiting: Vec::new(),
            report: Report::new(scenario.seconds(), scenario.capacity()),
        }
    }

    fn unit(&mut self) -> f64 {
        self.random.unit()
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    fn schedule(&mut self, at: f64, event: Event) {
        self.events.push(at, event);
    }

    fn run(mut self) -> Report {
        let end = self.scenario.seconds() * 1000.0;
        self.schedule(0.0, Event::Arrival);
        while let Some((at, event)) = self.events.pop() {
            // Work that is never answered would keep the world turning for ever.
            if at > end + 10_000.0 {
                break;
            }
            while self.engine.next_wake() <= at {
                self.now = self.engine.next_wake().max(self.now);
                self.engine.expire(self.now);
                self.listen();
            }
            self.now = at;
            match event {
                Event::Arrival => self.arrival(end),
                Event::Retry(request) => self.attempt(request),
                Event::Timeout(request, attempt) => self.lost(request, attempt),
                Event::Completion(job) => self.completion(job),
            }
            self.listen();
        }
        self.report.limit = self.engine.gate(self.route).map_or(0.0, |gate| gate.limit);
        self.report.baseline =
            self.engine.gate(self.route).and_then(|gate| gate.latency_baseline_ms).unwrap_or(0.0);
        self.report
    }

    fn arrival(&mut self, end: f64) {
        let load = self.scenario.load_at(self.now / 1000.0);
        let gap = 1000.0 / (self.scenario.capacity() * load.max(1e-9));
        let next = self.now + self.exponential(gap);
        if next < end {
            self.schedule(next, Event::Arrival);
        }
        let mut dice = self.unit();
        let class = self.scenario.mix.iter().position(|(_, share)| {
            dice -= share;
            dice < 0.0
        });
        let class = class.unwrap_or(2);
        self.requests.push(Request { class, born: self.now, attempt: 0, settled: false });
        self.report.offer(class, self.now);
        self.attempt(self.requests.len() - 1);
    }

    fn attempt(&mut self, request: usize) {
        let attempt = self.requests[request].attempt;
        self.report.try_once(self.now);
        self.schedule(self.now + self.scenario.timeout_ms, Event::Timeout(request, attempt));
        let voltage = self.scenario.mix[self.requests[request].class].0.voltage();
        let (now, route) = (self.now, self.route);
        let admission = match self.scenario.door {
            Door::Open => return self.begin(request, attempt, now, None),
            Door::Gate(_) => self.engine.admit(route, voltage, f64::NAN, f64::INFINITY, now),
            Door::NoQueue(_) => self.engine.try_admit(route, voltage, f64::NAN, now),
            Door::Flat(_) => self.engine.admit(route, 60.0, f64::NAN, f64::INFINITY, now),
        };
        match admission {
            Admission::Admitted(ticket) => self.begin(request, attempt, now, Some(ticket)),
            Admission::Queued(waiter) => {
                let slot = waiter.slot() as usize;
                if self.waiting.len() <= slot {
                    self.waiting.resize(slot + 1, (0, 0, 0.0));
                }
                self.waiting[slot] = (request, attempt, now);
            }
            Admission::Shed(shed) => {
                self.report.shed(shed.reason, self.now);
                self.lost(request, attempt);
            }
        }
    }

    /// Hears what became of those who wait.
    fn listen(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                WaiterEvent::Admitted { waiter, ticket } => {
                    let (request, attempt, tried) = self.waiting[waiter.slot() as usize];
                    self.begin(request, attempt, tried, Some(ticket));
                }
                WaiterEvent::Shed { waiter, shed } => {
                    let (request, attempt, tried) = self.waiting[waiter.slot() as usize];
                    self.report.shed(shed.reason, tried);
                    self.lost(request, attempt);
                }
            }
        }
    }

    /// Notes that an attempt failed for its client, which tries again or gives up.
    fn lost(&mut self, request: usize, attempt: u32) {
        let known = &mut self.requests[request];
        if known.settled || known.attempt != attempt {
            return;
        }
        if attempt < self.scenario.retries {
            known.attempt += 1;
            let pause = 50.0 + 100.0 * self.unit();
            self.schedule(self.now + pause, Event::Retry(request));
        } else {
            known.settled = true;
        }
    }

    fn begin(&mut self, request: usize, attempt: u32, tried: f64, ticket: Option<TicketId>) {
        self.report.admit(tried);
        self.jobs.push(Job { request, attempt, tried, ticket });
        self.backlog.push_back(self.jobs.len() - 1);
        self.serve();
    }

    fn servers(&self) -> usize {
        match self.scenario.resize {
            Some((from, servers)) if self.now >= from * 1000.0 => servers,
            _ => self.scenario.servers,
        }
    }

    fn serve(&mut self) {
        while self.busy < self.servers() {
            let Some(job) = self.backlog.pop_front() else { return };
            self.busy += 1;
            let slow = self.fault().map_or(1.0, |fault| fault.slow);
            let takes = self.exponential(self.scenario.service_ms * slow);
            self.schedule(self.now + takes, Event::Completion(job));
        }
    }

    fn fault(&self) -> Option<Fault> {
        let second = self.now / 1000.0;
        self.scenario.faults.iter().find(|f| f.from <= second && second < f.to).copied()
    }

    fn completion(&mut self, job: usize) {
        self.busy -= 1;
        let Job { request, attempt, tried, ticket } = self.jobs[job];
        let failed = self.fault().is_some_and(|fault| self.unit() < fault.errors);
        if let Some(ticket) = ticket {
            let outcome = if failed { Outcome::Failed } else { Outcome::Ok };
            self.engine.done(ticket, outcome, self.now);
        }
        let known = self.requests[request];
        if failed {
            self.lost(request, attempt);
        } else if !known.settled
            && known.attempt == attempt
            && self.now - tried <= self.scenario.timeout_ms
        {
            self.requests[request].settled = true;
            self.report.succeed(known.class, known.born, self.now, self.now - tried);
        }
        self.serve();
    }
}
