//! The event loop.

use std::collections::VecDeque;

use keelson::core::clock::EventQueue;
use keelson::core::random::Random;

use super::record::Record;
use super::scenario::Scenario;
use crate::policy::{Answer, Ask, End, News, Policy};

#[derive(Debug, Clone, Copy)]
enum Event {
    Retry(usize),
    Completion(u32),
}

#[derive(Debug, Clone, Copy)]
struct Request {
    class: u8,
    route: u8,
    backend: u8,
    born: f64,
    attempt: u32,
    settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Waiting,
    Serving,
    Over,
}

/// An attempt.
#[derive(Debug, Clone, Copy)]
struct Job {
    request: usize,
    attempt: u32,
    tried: f64,
    demand: f64,
    /// Decide whether this call is among those that a fault slows, and those that it fails.
    dice: (f64, f64),
    stage: Stage,
}

#[derive(Debug, Default)]
struct Station {
    backlog: VecDeque<u32>,
    busy: usize,
}

pub(super) struct World<'a> {
    scenario: &'a Scenario,
    policy: &'a mut dyn Policy,
    /// Chance of arrivals, of service times, and of everything else.
    arrivals: Random,
    demands: Random,
    others: Random,
    events: EventQueue<Event>,
    now: f64,
    next_arrival: f64,
    /// All clients are equally patient, so that patience ends in the order of the attempts.
    patience: VecDeque<(f64, u32)>,
    requests: Vec<Request>,
    jobs: Vec<Job>,
    stations: Vec<Station>,
    /// Retries the budget still allows.
    budget: f64,
    sampled: f64,
    record: Record,
}

impl<'a> World<'a> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64, policy: &'a mut dyn Policy) -> Self {
        let mut random = Random::new(seed ^ 0x7_0331);
        Self {
            scenario,
            policy,
            arrivals: random.fork(),
            demands: random.fork(),
            others: random.fork(),
            events: EventQueue::default(),
            now: 0.0,
            next_arrival: 0.0,
            patience: VecDeque::new(),
            requests: Vec::new(),
            jobs: Vec::new(),
            stations: scenario.backends.iter().map(|_| Station::default()).collect(),
            budget: 10.0,
            sampled: 0.0,
            record: Record::new(scenario.seconds, scenario.capacity()),
        }
    }

    pub(super) fn run(mut self) -> Record {
        let end = self.scenario.seconds * 1000.0;
        self.next_arrival = self.following(0.0);
        loop {
            let soonest = self.events.next_at().unwrap_or(f64::INFINITY);
            let gone = self.patience.front().map_or(f64::INFINITY, |(at, _)| *at);
            let wake = self.policy.next_wake();
            let at = soonest.min(gone).min(wake).min(self.next_arrival);
            // Nobody new comes after the end; those who are there are waited for, for a while.
            if at > end + 10_000.0 || at == f64::INFINITY {
                return self.record;
            }
            self.sample(at.min(end));
            self.now = self.awake(at).max(self.now);
            if wake <= at {
                self.policy.wake(self.now);
            } else if soonest <= at {
                match self.events.pop().map(|(_, event)| event) {
                    Some(Event::Retry(request)) => self.attempt(request),
                    Some(Event::Completion(job)) => self.completion(job),
                    None => {}
                }
            } else if gone <= at {
                if let Some((_, job)) = self.patience.pop_front() {
                    self.leaves(job);
                }
            } else {
                self.arrival(end);
            }
            self.listen();
        }
    }

    /// When the process sees what happens at `at`: later, if it is stopped then.
    fn awake(&self, at: f64) -> f64 {
        let pauses = &self.scenario.pauses;
        let pause =
            pauses.iter().find(|(from, ms)| (from * 1000.0..from * 1000.0 + ms).contains(&at));
        pause.map_or(at, |(from, ms)| from * 1000.0 + ms)
    }

    /// Notes R and limit at the end of each tenth of a second that has passed.
    fn sample(&mut self, to: f64) {
        while self.sampled + 100.0 <= to {
            let (resistance, limit) = (self.policy.resistance(self.sampled), self.policy.limit());
            let bucket = self.record.at(self.sampled);
            (bucket.resistance, bucket.limit) = (resistance, limit);
            self.sampled += 100.0;
        }
    }

    fn schedule(&mut self, at: f64, event: Event) {
        self.events.push(at, event);
    }

    /// The next arrival after `at`: a Poisson process at the highest rate, thinned to the rate of the moment.
    fn following(&mut self, mut at: f64) -> f64 {
        let load = &self.scenario.load;
        let highest = load.highest();
        let gap = 1000.0 / (self.scenario.capacity() * highest.max(1e-9));
        loop {
            at -= gap * (1.0 - self.arrivals.unit()).ln();
            if at > self.scenario.seconds * 1000.0 {
                return f64::INFINITY;
            }
            if self.arrivals.unit() * highest < load.at(at / 1000.0) {
                return at;
            }
        }
    }

    fn arrival(&mut self, end: f64) {
        let at = self.next_arrival;
        self.next_arrival = if at < end { self.following(at) } else { f64::INFINITY };
        let mut dice = self.arrivals.unit();
        let class = self.scenario.mix.iter().position(|(_, share)| {
            dice -= share;
            dice < 0.0
        });
        let class = class.unwrap_or(2);
        let routes = &self.scenario.routes;
        let route = pick(&mut self.arrivals, routes.len());
        let backend = routes[route][pick(&mut self.arrivals, routes[route].len())];
        #[expect(clippy::cast_possible_truncation, reason = "a handful of each")]
        let (class, route, backend) = (class as u8, route as u8, backend as u8);
        self.budget = (self.budget + self.scenario.budget.unwrap_or(0.0)).min(10.0);
        self.requests.push(Request { class, route, backend, born: at, attempt: 0, settled: false });
        let bucket = self.record.at(at);
        bucket.offered[usize::from(class)] += 1;
        if let Some(route) = bucket.routes.get_mut(usize::from(route)) {
            route.0 += 1;
        }
        self.attempt(self.requests.len() - 1);
    }

    fn attempt(&mut self, index: usize) {
        let request = self.requests[index];
        let backend = self.scenario.backends[usize::from(request.backend)];
        #[expect(clippy::cast_possible_truncation, reason = "far below 2^32 attempts")]
        let id = self.jobs.len() as u32;
        let tried = self.now;
        self.jobs.push(Job {
            request: index,
            attempt: request.attempt,
            tried,
            demand: backend.service.draw(&mut self.demands),
            dice: (self.demands.unit(), self.demands.unit()),
            stage: Stage::Waiting,
        });
        self.patience.push_back((tried + self.scenario.patience_ms, id));
        self.record.at(tried).tried += 1;
        let voltage = self.scenario.mix[usize::from(request.class)].0;
        let ask = Ask { id, route: request.route, class: request.class, voltage };
        match self.policy.ask(&ask, tried) {
            Answer::Start => self.begin(id),
            Answer::Wait => {}
            Answer::Shed => self.refused(id),
        }
    }

    /// Hears what became of those who wait.
    fn listen(&mut self) {
        while let Some(news) = self.policy.poll() {
            match news {
                News::Start(id) => self.begin(id),
                News::Shed(id) => self.refused(id),
            }
        }
    }

    fn refused(&mut self, id: u32) {
        let job = self.jobs[id as usize];
        self.record.at(job.tried).refused += 1;
        if self.requests[job.request].class == 0 {
            self.record.at(self.now).high_out += 1;
        }
        self.jobs[id as usize].stage = Stage::Over;
        self.lost(job);
    }

    /// The client of an attempt has waited long enough.
    fn leaves(&mut self, id: u32) {
        let job = self.jobs[id as usize];
        match job.stage {
            Stage::Over => return,
            Stage::Waiting => self.jobs[id as usize].stage = Stage::Over,
            Stage::Serving => {}
        }
        self.policy.left(id, self.now);
        self.lost(job);
    }

    /// The attempt failed for the client: it tries again, or that was it.
    fn lost(&mut self, job: Job) {
        let request = &mut self.requests[job.request];
        if request.settled || request.attempt != job.attempt {
            return;
        }
        let allowed = self.scenario.budget.is_none() || self.budget >= 1.0;
        if job.attempt < self.scenario.retries && allowed {
            request.attempt += 1;
            if self.scenario.budget.is_some() {
                self.budget -= 1.0;
            }
            let pause = 50.0 + 100.0 * self.others.unit();
            self.schedule(self.now + pause, Event::Retry(job.request));
        } else {
            request.settled = true;
        }
    }

    fn begin(&mut self, id: u32) {
        let job = &mut self.jobs[id as usize];
        job.stage = Stage::Serving;
        let (tried, request) = (job.tried, self.requests[job.request]);
        self.record.at(tried).admitted += 1;
        if request.class == 2 {
            self.record.at(self.now).low_in += 1;
        }
        let backend = usize::from(request.backend);
        self.stations[backend].backlog.push_back(id);
        self.serve(backend);
    }

    fn servers(&self, backend: usize) -> usize {
        let resized = self.scenario.resize.iter().rev().find(|(from, _)| self.now >= from * 1000.0);
        match resized {
            Some((_, servers)) if backend == 0 => *servers,
            _ => self.scenario.backends[backend].servers,
        }
    }

    fn serve(&mut self, backend: usize) {
        let servers = self.servers(backend);
        while self.stations[backend].busy < servers {
            let Some(id) = self.stations[backend].backlog.pop_front() else { return };
            self.stations[backend].busy += 1;
            let job = self.jobs[id as usize];
            let slow = self.faults(backend).filter(|f| job.dice.0 < f.slow_share);
            let takes = slow.fold(job.demand, |demand, fault| demand * fault.slow);
            self.schedule(self.now + takes, Event::Completion(id));
        }
    }

    fn faults(&self, backend: usize) -> impl Iterator<Item = &'a super::Fault> + use<'a> {
        let second = self.now / 1000.0;
        let scenario = self.scenario;
        let current =
            move |f: &&super::Fault| f.backend == backend && f.from <= second && second < f.to;
        scenario.faults.iter().filter(current)
    }

    fn completion(&mut self, id: u32) {
        let job = self.jobs[id as usize];
        let request = self.requests[job.request];
        let backend = usize::from(request.backend);
        self.stations[backend].busy -= 1;
        let failed = self.faults(backend).any(|fault| job.dice.1 < fault.errors);
        self.policy.done(id, if failed { End::Failed } else { End::Ok }, self.now);
        self.jobs[id as usize].stage = Stage::Over;
        self.record.at(self.now).worked += 1;
        if failed {
            self.lost(job);
        } else if !request.settled
            && request.attempt == job.attempt
            && self.now - job.tried <= self.scenario.patience_ms
        {
            self.requests[job.request].settled = true;
            self.answered(request, job);
        }
        self.serve(backend);
    }

    fn answered(&mut self, request: Request, job: Job) {
        self.record.at(self.now).answered += 1;
        let bucket = self.record.at(request.born);
        bucket.good[usize::from(request.class)] += 1;
        if let Some(route) = bucket.routes.get_mut(usize::from(request.route)) {
            route.1 += 1;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a few digits are enough for a quantile"
        )]
        self.record.latencies.push((request.born as f32, (self.now - job.tried) as f32));
    }
}

/// One of `count`, without a draw where there is no choice.
fn pick(random: &mut Random, count: usize) -> usize {
    if count < 2 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
    let index = random.below(count as u64) as usize;
    index
}
