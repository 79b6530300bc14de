//! No door at all.

use super::{Answer, Ask, End, Policy};

#[derive(Debug)]
pub struct None;

impl Policy for None {
    fn ask(&mut self, _: &Ask, _: f64) -> Answer {
        Answer::Start
    }

    fn done(&mut self, _: u32, _: End, _: f64) {}

    fn left(&mut self, _: u32, _: f64) {}
}

#[cfg(test)]
mod tests {
    use crate::policy::Kind;
    use crate::policy::testing::run;

    /// The backlog outlives the overload: nobody is answered in time, for good.
    #[test]
    fn collapses_and_stays_down() {
        let record = run(&[(5.0, 0.5), (25.0, 2.0), (45.0, 0.5)], Kind::None);
        assert!(record.success(1.0, 5.0) > 99.9);
        assert!(record.goodput(10.0, 25.0) < 1.0);
        assert_eq!(record.recovery(25.0, 45.0), f64::INFINITY);
    }
}
