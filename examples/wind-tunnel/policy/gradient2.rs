//! `Gradient2Limit` of concurrency-limits: the limit times `1.5 * long / short`, at least half of it and at most all
//! of it, plus 4, smoothed by 0.2, where `long` is an average over 600 samples and `short` the last one. Its defaults,
//! but a least limit of 1 instead of 20.

use super::limiter::{Limit, Sample};

#[derive(Debug)]
pub struct Gradient2 {
    limit: f64,
    long: f64,
    samples: f64,
    sum: f64,
}

impl Default for Gradient2 {
    fn default() -> Self {
        Self { limit: 20.0, long: 0.0, samples: 0.0, sum: 0.0 }
    }
}

impl Limit for Gradient2 {
    fn value(&self) -> f64 {
        self.limit
    }

    fn update(&mut self, sample: &Sample) {
        self.samples += 1.0;
        if self.samples <= 10.0 {
            self.sum += sample.rtt;
            self.long = self.sum / self.samples;
        } else {
            self.long += (sample.rtt - self.long) * 2.0 / 601.0;
        }
        // So that it comes down fast after a time of high latency.
        if self.long / sample.rtt > 2.0 {
            self.long *= 0.95;
        }
        if sample.in_flight < self.limit / 2.0 {
            return;
        }
        let gradient = (1.5 * self.long / sample.rtt).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + 4.0;
        self.limit = (0.8 * self.limit + 0.2 * wanted).clamp(1.0, 200.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Gradient2, Limit, Sample};
    use crate::policy::Kind;
    use crate::policy::testing::run;

    #[test]
    fn follows_the_ratio_of_long_and_short() {
        let mut limit = Gradient2::default();
        let sample = Sample { rtt: 20.0, in_flight: 20.0, dropped: false, now: 0.0 };
        limit.update(&sample);
        assert!((limit.value() - 20.8).abs() < 1e-9, "0.8 * 20 + 0.2 * 24");
        for _ in 0..20 {
            limit.update(&sample);
        }
        let calm = limit.value();
        for _ in 0..5 {
            limit.update(&Sample { rtt: 80.0, in_flight: 100.0, ..sample });
        }
        assert!(limit.value() < 0.8 * calm);
        for _ in 0..2000 {
            limit.update(&Sample { rtt: 80.0, in_flight: 200.0, ..sample });
        }
        assert!(limit.value() > 190.0, "its baseline follows the queue");
    }

    #[test]
    fn keeps_the_standard_service_busy() {
        let record = run(&[(30.0, 2.0)], Kind::Gradient2);
        assert!(record.goodput(5.0, 30.0) > 97.0);
    }
}
