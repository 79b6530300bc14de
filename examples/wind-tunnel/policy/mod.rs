//! The doors under test. Each is written from its published description, named on top of its file, and has a test of
//! the behaviour it is known for. All are told the same: who asks, whose work ended how, and which client has left.

mod aimd;
mod breaker;
mod classic;
mod codel;
mod fixed;
mod gate;
mod gradient2;
mod limiter;
mod none;
mod oracle;
mod physics;
mod telemetry;
pub mod told;
mod vegas;
mod window;

#[cfg(test)]
mod testing;

use keelson::core::admission::EngineConfig;

use crate::world::Scenario;

/// A request at the door.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Counts up from 0 in a run.
    pub id: u32,
    pub route: u8,
    pub class: u8,
    pub voltage: f64,
}

/// The answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Start,
    Wait,
    Shed,
}

/// What became of one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Start(u32),
    Shed(u32),
}

/// How work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Ok,
    Failed,
}

/// A door.
pub trait Policy {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer;

    /// The work of an admitted request ended.
    fn done(&mut self, id: u32, end: End, now: f64);

    /// The client of a request left, which waits or is being served; its work goes on.
    fn left(&mut self, id: u32, now: f64);

    /// When it wants to be woken.
    fn next_wake(&self) -> f64 {
        f64::INFINITY
    }

    fn wake(&mut self, _now: f64) {}

    fn poll(&mut self) -> Option<News> {
        None
    }

    /// R, where there is one.
    fn resistance(&self, _now: f64) -> f64 {
        f64::NAN
    }

    /// The in-flight limit, where there is one.
    fn limit(&self) -> f64 {
        f64::NAN
    }
}

/// Which door to put in front of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    None,
    Fixed,
    Aimd,
    Vegas,
    Gradient2,
    Codel,
    Breaker,
    /// The earlier library's guard: `canAccept`, then `reportOutcome`.
    Classic,
    /// The earlier library's `route()` with its tuner, fed by an adapter of ours.
    ClassicRoute,
    /// The gate of this library.
    Gate(EngineConfig),
    /// The gate, not told who has left.
    Deaf(EngineConfig),
    /// The gate, whose places are freed when their clients leave.
    Hasty(EngineConfig),
    /// The gate through `try_admit`: nobody waits.
    NoQueue(EngineConfig),
    /// The gate, with every request at one voltage.
    Flat(EngineConfig),
    /// `route()` of this library, fed by the same adapter as the earlier one's.
    Route(EngineConfig),
    /// Told how many servers there are, how fast they are and how patient clients are. Nobody has that.
    Oracle(oracle::Order),
}

pub use oracle::ORDERS;

/// The baselines every table shows, in its order.
pub const BASELINES: [Kind; 8] = [
    Kind::None,
    Kind::Fixed,
    Kind::Aimd,
    Kind::Vegas,
    Kind::Gradient2,
    Kind::Codel,
    Kind::Breaker,
    Kind::Classic,
];

impl Kind {
    /// The gate as users get it.
    pub fn ours() -> Self {
        Self::Gate(EngineConfig::default())
    }

    /// Every baseline, then ours.
    pub fn all() -> Vec<Self> {
        BASELINES.into_iter().chain([Self::ours()]).collect()
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fixed => "fixed 12",
            Self::Aimd => "AIMD",
            Self::Vegas => "Vegas",
            Self::Gradient2 => "Gradient2",
            Self::Codel => "CoDel + LIFO",
            Self::Breaker => "breaker",
            Self::Classic => "classic guard",
            Self::ClassicRoute => "classic route()",
            Self::Gate(_) => "keelson",
            Self::Deaf(_) => "keelson, deaf",
            Self::Hasty(_) => "keelson, hasty",
            Self::NoQueue(_) => "keelson, no queue",
            Self::Flat(_) => "keelson, flat",
            Self::Route(_) => "keelson route()",
            Self::Oracle(_) => "oracle",
        }
    }

    /// The door of one route.
    fn one(&self, scenario: &Scenario, seed: u64) -> Box<dyn Policy> {
        let servers = scenario.backends[0].servers;
        let patience = scenario.patience_ms;
        match self {
            Self::None => Box::new(none::None),
            Self::Fixed => Box::new(fixed::Fixed::new(12)),
            Self::Aimd => Box::new(limiter::Limiter::new(aimd::Aimd::default())),
            Self::Vegas => Box::new(limiter::Limiter::new(vegas::Vegas::new(seed))),
            Self::Gradient2 => Box::new(limiter::Limiter::new(window::Windowed::new(
                gradient2::Gradient2::default(),
            ))),
            Self::Codel => Box::new(codel::Codel::new(servers)),
            Self::Breaker => Box::new(breaker::Breaker::default()),
            Self::Classic => Box::new(classic::Guard::default()),
            Self::ClassicRoute => Box::new(classic::route(servers)),
            Self::Gate(config) => Box::new(gate::Gate::new(config, gate::Face::Whole, seed)),
            Self::Deaf(config) => Box::new(gate::Gate::new(config, gate::Face::Deaf, seed)),
            Self::Hasty(config) => Box::new(gate::Gate::new(config, gate::Face::Hasty, seed)),
            Self::NoQueue(config) => Box::new(gate::Gate::new(config, gate::Face::NoQueue, seed)),
            Self::Flat(config) => Box::new(gate::Gate::new(config, gate::Face::Flat, seed)),
            Self::Route(config) => Box::new(physics::route(config, servers, seed)),
            Self::Oracle(order) => Box::new(oracle::Oracle::new(scenario, patience, *order)),
        }
    }

    /// A door of this kind for every route of a scenario.
    pub fn open(&self, scenario: &Scenario, seed: u64) -> Box<dyn Policy> {
        if scenario.routes.len() == 1 {
            return self.one(scenario, seed);
        }
        let doors = scenario.routes.iter().map(|_| self.one(scenario, seed)).collect();
        Box::new(Doors { doors, routes: Vec::new() })
    }
}

/// One door a route.
struct Doors {
    doors: Vec<Box<dyn Policy>>,
    /// The route of each request.
    routes: Vec<u8>,
}

impl Doors {
    fn of(&mut self, id: u32) -> &mut dyn Policy {
        let route = usize::from(self.routes[id as usize]);
        &mut *self.doors[route]
    }
}

impl Policy for Doors {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        self.routes.resize(ask.id as usize + 1, 0);
        self.routes[ask.id as usize] = ask.route;
        self.of(ask.id).ask(ask, now)
    }

    fn done(&mut self, id: u32, end: End, now: f64) {
        self.of(id).done(id, end, now);
    }

    fn left(&mut self, id: u32, now: f64) {
        self.of(id).left(id, now);
    }

    fn next_wake(&self) -> f64 {
        self.doors.iter().fold(f64::INFINITY, |at, door| at.min(door.next_wake()))
    }

    fn wake(&mut self, now: f64) {
        for door in &mut self.doors {
            if door.next_wake() <= now {
                door.wake(now);
            }
        }
    }

    fn poll(&mut self) -> Option<News> {
        self.doors.iter_mut().find_map(|door| door.poll())
    }

    fn resistance(&self, now: f64) -> f64 {
        self.doors.iter().map(|door| door.resistance(now)).fold(f64::NAN, f64::max)
    }

    fn limit(&self) -> f64 {
        self.doors.iter().map(|door| door.limit()).sum()
    }
}
