//! Additive increase, multiplicative decrease: `AIMDLimit` of concurrency-limits. One more for a sample while the
//! limit is in use by half, 0.9 times for a drop. Its defaults, but a least limit of 1 instead of 20, with which it
//! could not protect a service of one server.

use super::limiter::{Limit, Sample};

#[derive(Debug)]
pub struct Aimd {
    limit: f64,
}

impl Default for Aimd {
    fn default() -> Self {
        Self { limit: 20.0 }
    }
}

impl Limit for Aimd {
    fn value(&self) -> f64 {
        self.limit
    }

    fn update(&mut self, sample: &Sample) {
        if sample.dropped || sample.rtt > 5000.0 {
            self.limit = (self.limit * 0.9).floor();
        } else if sample.in_flight * 2.0 >= self.limit {
            self.limit += 1.0;
        }
        self.limit = self.limit.clamp(1.0, 200.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Aimd, Limit, Sample};
    use crate::policy::Kind;
    use crate::policy::testing::run;

    #[test]
    fn grows_by_one_and_falls_by_a_tenth() {
        let mut aimd = Aimd::default();
        let sample = Sample { rtt: 20.0, in_flight: 15.0, dropped: false, now: 0.0 };
        aimd.update(&sample);
        assert_eq!(aimd.value(), 21.0);
        aimd.update(&Sample { in_flight: 3.0, ..sample });
        assert_eq!(aimd.value(), 21.0, "not while most of it is unused");
        aimd.update(&Sample { dropped: true, ..sample });
        assert_eq!(aimd.value(), 18.0);
    }

    /// It grows until clients leave, so that answers are as late as clients bear.
    #[test]
    fn works_at_the_edge_of_the_clients_patience() {
        let record = run(&[(30.0, 2.0)], Kind::Aimd);
        let p99 = record.latency(0.99, 5.0, 30.0);
        assert!(p99 > 450.0, "{p99}");
        let goodput = record.goodput(5.0, 30.0);
        assert!((50.0..97.0).contains(&goodput), "{goodput}");
    }
}
