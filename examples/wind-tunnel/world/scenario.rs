//! What is simulated: who asks, what serves, and what goes wrong when.

use super::record::Record;
use super::run::World;
use super::service::Service;
use crate::policy::Policy;

/// Offered load relative to capacity.
#[derive(Debug, Clone)]
pub enum Load {
    /// Each up to a second.
    Steps(Vec<(f64, f64)>),
    /// `1 + swing * sin`, with a period in seconds.
    Sine { mean: f64, swing: f64, period: f64 },
    /// Half a period at the first, half at the second.
    Square { on: f64, off: f64, period: f64 },
}

impl Load {
    pub fn at(&self, second: f64) -> f64 {
        match self {
            Self::Steps(steps) => {
                steps.iter().find(|(until, _)| second < *until).map_or(0.0, |(_, load)| *load)
            }
            Self::Sine { mean, swing, period } => {
                mean + swing * (second / period * std::f64::consts::TAU).sin()
            }
            Self::Square { on, off, period } => {
                if second.rem_euclid(*period) < period / 2.0 {
                    *on
                } else {
                    *off
                }
            }
        }
    }

    pub fn highest(&self) -> f64 {
        match self {
            Self::Steps(steps) => steps.iter().fold(0.0, |most, (_, load)| most.max(*load)),
            Self::Sine { mean, swing, .. } => mean + swing.abs(),
            Self::Square { on, off, .. } => on.max(*off),
        }
    }
}

/// From `from` to `to` (seconds) a backend takes `slow` times as long for a share of its calls, and fails a share.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub from: f64,
    pub to: f64,
    pub backend: usize,
    pub slow: f64,
    pub slow_share: f64,
    pub errors: f64,
}

impl Fault {
    pub fn of(from: f64, to: f64) -> Self {
        Self { from, to, backend: 0, slow: 1.0, slow_share: 1.0, errors: 0.0 }
    }
}

/// Servers with one first-in-first-out backlog in front of them, which no door sees.
#[derive(Debug, Clone, Copy)]
pub struct Backend {
    pub servers: usize,
    pub service: Service,
}

/// One experiment. Arrivals are open-loop and Poisson; work is not cancelled when its client leaves.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub backends: Vec<Backend>,
    /// The backends behind each route; an arrival chooses route and backend evenly.
    pub routes: Vec<Vec<usize>>,
    /// After this a client gives up on an attempt, milliseconds.
    pub patience_ms: f64,
    pub load: Load,
    pub seconds: f64,
    pub faults: Vec<Fault>,
    /// Stops of the whole process: from a second on, for so many milliseconds.
    pub pauses: Vec<(f64, f64)>,
    /// Servers of the first backend, each from a second on.
    pub resize: Vec<(f64, usize)>,
    /// How often a client tries again after a refusal, a failure or its own patience.
    pub retries: u32,
    /// Retries that each first attempt allows for, if they are budgeted.
    pub budget: Option<f64>,
    /// Voltage and share of each class.
    pub mix: [(f64, f64); 3],
}

impl Scenario {
    /// The standard service: 8 servers, exponential 20 ms, patience 500 ms, critical/normal/background 20/50/30.
    pub fn standard(load: Load, seconds: f64) -> Self {
        Self::of(8, Service::exponential(20.0), 500.0, load, seconds)
    }

    pub fn of(
        servers: usize,
        service: Service,
        patience_ms: f64,
        load: Load,
        seconds: f64,
    ) -> Self {
        Self {
            backends: vec![Backend { servers, service }],
            routes: vec![vec![0]],
            patience_ms,
            load,
            seconds,
            faults: Vec::new(),
            pauses: Vec::new(),
            resize: Vec::new(),
            retries: 0,
            budget: None,
            mix: [(100.0, 0.2), (60.0, 0.5), (25.0, 0.3)],
        }
    }

    /// The same load from the first second to the last.
    pub fn steady(load: f64, seconds: f64) -> Self {
        Self::standard(Load::Steps(vec![(seconds, load)]), seconds)
    }

    /// Requests a second that the service can do.
    pub fn capacity(&self) -> f64 {
        self.backends.iter().map(|b| b.servers as f64 / b.service.mean_ms * 1000.0).sum()
    }

    /// Runs it behind a door for each route.
    pub fn run(&self, seed: u64, policy: &mut dyn Policy) -> Record {
        World::new(self, seed, policy).run()
    }
}
