//! What a user of `route()` measures for it: moving averages over finished work, and how full the service is.

use super::{Ask, End};

/// Weight of the newest call.
const WEIGHT: f64 = 0.1;
/// In flight for each server that counts as full.
const FULL: f64 = 3.0;
/// Averages older than this are not news any more, milliseconds.
const FRESH_MS: f64 = 1000.0;

#[derive(Debug, Default)]
pub struct Meter {
    /// In flight that counts as full: whoever brings telemetry knows the service.
    full: f64,
    since: Vec<f64>,
    late: Vec<bool>,
    in_flight: f64,
    calls: f64,
    latency: f64,
    errors: f64,
    last: f64,
}

impl Meter {
    pub fn new(servers: usize) -> Self {
        Self { full: FULL * servers as f64, ..Self::default() }
    }

    pub fn begin(&mut self, ask: &Ask, now: f64) {
        self.since.resize(ask.id as usize + 1, 0.0);
        self.late.resize(ask.id as usize + 1, false);
        self.since[ask.id as usize] = now;
        self.in_flight += 1.0;
    }

    /// Latency and whether it failed; a client that left counts as a failure.
    pub fn end(&mut self, id: u32, end: End, now: f64) -> (f64, bool) {
        let latency = now - self.since[id as usize];
        let failed = end != End::Ok || self.late[id as usize];
        self.in_flight -= 1.0;
        self.calls += 1.0;
        self.last = now;
        let weight = WEIGHT.max(1.0 / self.calls);
        self.latency += weight * (latency - self.latency);
        self.errors += weight * (f64::from(u8::from(failed)) - self.errors);
        (latency, failed)
    }

    pub fn left(&mut self, id: u32) {
        if let Some(late) = self.late.get_mut(id as usize) {
            *late = true;
        }
    }

    /// Mean latency and error rate, and whether they are news.
    pub fn averages(&self, now: f64) -> (f64, f64, bool) {
        (self.latency, self.errors.clamp(0.0, 1.0), self.calls > 0.0 && now - self.last < FRESH_MS)
    }

    pub fn saturation(&self) -> f64 {
        self.in_flight / self.full
    }
}
