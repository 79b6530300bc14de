//! The gate of this library, through its public interface: the same calls that `Atrion` makes in Node.

use std::collections::VecDeque;

use keelson::core::admission::{
    Admission, Engine, EngineConfig, Outcome, RouteId, TicketId, WaiterEvent, WaiterId,
};

use super::{Answer, Ask, End, News, Policy};

/// What of the gate is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    Whole,
    /// Nobody tells it who has left.
    Deaf,
    /// A place is freed when its client leaves, as an adapter does that cannot see the work end.
    Hasty,
    /// Nobody waits.
    NoQueue,
    /// Everybody has the same voltage.
    Flat,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Nowhere,
    Queue(WaiterId),
    Service(TicketId),
}

pub struct Gate {
    engine: Engine,
    route: RouteId,
    face: Face,
    /// Of each request.
    places: Vec<Place>,
    /// The request of each waiter, by slot.
    waiters: Vec<u32>,
    news: VecDeque<News>,
}

impl Gate {
    pub fn new(config: &EngineConfig, face: Face, seed: u64) -> Self {
        let mut engine = Engine::new(*config, seed).expect("a valid configuration");
        let route = engine.intern("route", 0.0).id;
        let (places, waiters) = (Vec::new(), Vec::new());
        Self { engine, route, face, places, waiters, news: VecDeque::new() }
    }

    fn listen(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            let (waiter, place) = match event {
                WaiterEvent::Admitted { waiter, ticket } => (waiter, Place::Service(ticket)),
                WaiterEvent::Shed { waiter, .. } => (waiter, Place::Nowhere),
            };
            let id = self.waiters[waiter.slot() as usize];
            self.places[id as usize] = place;
            let started = matches!(place, Place::Service(_));
            self.news.push_back(if started { News::Start(id) } else { News::Shed(id) });
        }
    }
}

impl Policy for Gate {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        self.places.resize(ask.id as usize + 1, Place::Nowhere);
        let (engine, route) = (&mut self.engine, self.route);
        let (forever, default) = (f64::INFINITY, f64::NAN);
        let admission = match self.face {
            Face::NoQueue => engine.try_admit(route, ask.voltage, default, now),
            Face::Flat => engine.admit(route, 60.0, default, forever, now),
            Face::Whole | Face::Deaf | Face::Hasty => {
                engine.admit(route, ask.voltage, default, forever, now)
            }
        };
        let answer = match admission {
            Admission::Admitted(ticket) => {
                self.places[ask.id as usize] = Place::Service(ticket);
                Answer::Start
            }
            Admission::Queued(waiter) => {
                let slot = waiter.slot() as usize;
                self.waiters.resize(self.waiters.len().max(slot + 1), 0);
                self.waiters[slot] = ask.id;
                self.places[ask.id as usize] = Place::Queue(waiter);
                Answer::Wait
            }
            Admission::Shed(_) => Answer::Shed,
        };
        self.listen();
        answer
    }

    fn done(&mut self, id: u32, end: End, now: f64) {
        let outcome = match end {
            End::Ok => Outcome::Ok,
            End::Failed => Outcome::Failed,
        };
        if let Place::Service(ticket) = self.places[id as usize] {
            self.engine.done(ticket, outcome, now);
        }
        self.listen();
    }

    fn left(&mut self, id: u32, now: f64) {
        if self.face == Face::Deaf {
            return;
        }
        match self.places[id as usize] {
            Place::Nowhere => {}
            Place::Queue(waiter) => {
                self.places[id as usize] = Place::Nowhere;
                _ = self.engine.cancel(waiter, now);
            }
            Place::Service(ticket) if self.face == Face::Hasty => {
                self.places[id as usize] = Place::Nowhere;
                _ = self.engine.done(ticket, Outcome::Aborted, now);
            }
            Place::Service(ticket) => _ = self.engine.left(ticket, now),
        }
        self.listen();
    }

    fn next_wake(&self) -> f64 {
        self.engine.next_wake()
    }

    fn wake(&mut self, now: f64) {
        self.engine.expire(now);
        self.listen();
    }

    fn poll(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn resistance(&self, now: f64) -> f64 {
        self.engine.reading(self.route, now).map_or(f64::NAN, |reading| reading.total)
    }

    fn limit(&self) -> f64 {
        self.engine.gate(self.route).map_or(f64::NAN, |gate| gate.limit)
    }
}
