//! `VegasLimit` of concurrency-limits, after TCP Vegas (Brakmo and Peterson 1995): `limit * (1 - rtt_noload / rtt)` is
//! taken for the queue, and the limit is moved by `log10(limit)` to keep it between 3 and 6 of these. The least rtt
//! ever seen is the unloaded one; it is forgotten every 15 to 30 limits of samples.

use keelson::core::random::Random;

use super::limiter::{Limit, Sample};

pub struct Vegas {
    limit: f64,
    no_load: f64,
    samples: f64,
    jitter: f64,
    random: Random,
}

impl Vegas {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let jitter = 0.5 + 0.5 * random.unit();
        Self { limit: 20.0, no_load: 0.0, samples: 0.0, jitter, random }
    }
}

impl Limit for Vegas {
    fn value(&self) -> f64 {
        self.limit
    }

    fn update(&mut self, sample: &Sample) {
        self.samples += 1.0;
        if self.samples >= self.jitter * 30.0 * self.limit {
            self.jitter = 0.5 + 0.5 * self.random.unit();
            self.samples = 0.0;
            self.no_load = sample.rtt;
            return;
        }
        if self.no_load == 0.0 || sample.rtt < self.no_load {
            self.no_load = sample.rtt;
            return;
        }
        let unit = self.limit.log10().floor().max(1.0);
        let queue = (self.limit * (1.0 - self.no_load / sample.rtt)).ceil();
        if sample.dropped {
            self.limit -= unit;
        } else if sample.in_flight * 2.0 < self.limit {
            return;
        } else if queue <= unit {
            self.limit += 6.0 * unit;
        } else if queue < 3.0 * unit {
            self.limit += unit;
        } else if queue > 6.0 * unit {
            self.limit -= unit;
        }
        self.limit = self.limit.clamp(1.0, 1000.0);
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Kind;
    use crate::policy::testing::run;

    /// The least of many exponential service times is far below their mean, so that it takes work for a queue.
    #[test]
    fn variable_service_times_look_like_a_queue_to_it() {
        let record = run(&[(30.0, 2.0)], Kind::Vegas);
        let goodput = record.goodput(5.0, 30.0);
        assert!((40.0..92.0).contains(&goodput), "{goodput}");
        assert!(record.latency(0.99, 5.0, 30.0) < 200.0, "but nobody waits");
    }
}
