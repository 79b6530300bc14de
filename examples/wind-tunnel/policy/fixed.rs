//! A bulkhead: so many at once, and a refusal for everybody else.

use super::{Answer, Ask, End, Policy};

#[derive(Debug)]
pub struct Fixed {
    limit: usize,
    in_flight: usize,
}

impl Fixed {
    pub fn new(limit: usize) -> Self {
        Self { limit, in_flight: 0 }
    }
}

impl Policy for Fixed {
    fn ask(&mut self, _: &Ask, _: f64) -> Answer {
        if self.in_flight >= self.limit {
            return Answer::Shed;
        }
        self.in_flight += 1;
        Answer::Start
    }

    fn done(&mut self, _: u32, _: End, _: f64) {
        self.in_flight -= 1;
    }

    fn left(&mut self, _: u32, _: f64) {}

    fn limit(&self) -> f64 {
        self.limit as f64
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Kind;
    use crate::policy::testing::run;

    /// Right for the service it was chosen for, and blind to priority.
    #[test]
    fn keeps_the_service_busy_and_spares_nobody() {
        let record = run(&[(20.0, 2.0)], Kind::Fixed);
        assert!(record.goodput(2.0, 20.0) > 97.0);
        let critical = record.success_of(0, 2.0, 20.0);
        assert!((45.0..55.0).contains(&critical), "{critical}");
    }
}
