//! An in-flight limit that something adjusts, as in Netflix's concurrency-limits
//! (<https://github.com/Netflix/concurrency-limits>, `SimpleLimiter`): beyond the limit there is a refusal, and every
//! piece of work that ends is a sample.

use super::{Answer, Ask, End, Policy};

/// A sample: work that took `rtt` milliseconds and started with `in_flight`, itself included.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub rtt: f64,
    pub in_flight: f64,
    /// It failed, or its client ran out of patience.
    pub dropped: bool,
    pub now: f64,
}

/// The adjusting part.
pub trait Limit {
    fn value(&self) -> f64;
    fn update(&mut self, sample: &Sample);
}

#[derive(Debug, Clone, Copy, Default)]
struct Work {
    since: f64,
    in_flight: f64,
    late: bool,
}

pub struct Limiter<L> {
    limit: L,
    in_flight: f64,
    work: Vec<Work>,
}

impl<L: Limit> Limiter<L> {
    pub fn new(limit: L) -> Self {
        Self { limit, in_flight: 0.0, work: Vec::new() }
    }
}

impl<L: Limit> Policy for Limiter<L> {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        if self.in_flight >= self.limit.value().floor() {
            return Answer::Shed;
        }
        self.in_flight += 1.0;
        self.work.resize(ask.id as usize + 1, Work::default());
        self.work[ask.id as usize] = Work { since: now, in_flight: self.in_flight, late: false };
        Answer::Start
    }

    fn done(&mut self, id: u32, end: End, now: f64) {
        let Work { since, in_flight, late } = self.work[id as usize];
        self.in_flight -= 1.0;
        let dropped = late || end != End::Ok;
        self.limit.update(&Sample { rtt: now - since, in_flight, dropped, now });
    }

    fn left(&mut self, id: u32, _: f64) {
        self.work[id as usize].late = true;
    }

    fn limit(&self) -> f64 {
        self.limit.value()
    }
}
