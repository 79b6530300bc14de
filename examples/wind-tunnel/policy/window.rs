//! `WindowedLimit` of concurrency-limits with its defaults: a limit is updated once a second at most, with the mean
//! of at least ten samples.

use super::limiter::{Limit, Sample};

const WINDOW_MS: f64 = 1000.0;
const LEAST: f64 = 10.0;

pub struct Windowed<L> {
    inner: L,
    ends: f64,
    count: f64,
    rtt: f64,
    in_flight: f64,
    dropped: bool,
}

impl<L> Windowed<L> {
    pub fn new(inner: L) -> Self {
        Self { inner, ends: 0.0, count: 0.0, rtt: 0.0, in_flight: 0.0, dropped: false }
    }
}

impl<L: Limit> Limit for Windowed<L> {
    fn value(&self) -> f64 {
        self.inner.value()
    }

    fn update(&mut self, sample: &Sample) {
        self.dropped |= sample.dropped;
        self.in_flight = self.in_flight.max(sample.in_flight);
        if !sample.dropped {
            self.count += 1.0;
            self.rtt += sample.rtt;
        }
        if sample.now <= self.ends || self.count < LEAST {
            return;
        }
        let (rtt, in_flight, dropped) = (self.rtt / self.count, self.in_flight, self.dropped);
        self.inner.update(&Sample { rtt, in_flight, dropped, now: sample.now });
        (self.count, self.rtt, self.in_flight, self.dropped) = (0.0, 0.0, 0.0, false);
        self.ends = sample.now + WINDOW_MS;
    }
}
