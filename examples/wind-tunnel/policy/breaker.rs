//! A circuit breaker as opossum's (<https://nodeshift.dev/opossum/>): opens when half of the calls of the last 10 s
//! (ten buckets) failed, also in half-open; closes when the one probe after the reset timeout succeeds. A client that
//! ran out of patience is a failure. Reset after 5 s, where opossum's default is 30 s: kinder in every figure here.

use super::{Answer, Ask, End, Policy};

const BUCKETS: usize = 10;
const BUCKET_MS: f64 = 1000.0;
const RESET_MS: f64 = 5000.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Closed,
    Open { until: f64 },
    HalfOpen { probe: Option<u32> },
}

#[derive(Debug)]
pub struct Breaker {
    state: State,
    /// Calls and failures.
    buckets: [(f64, f64); BUCKETS],
    turned: f64,
    late: Vec<bool>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, buckets: [(0.0, 0.0); BUCKETS], turned: 0.0, late: Vec::new() }
    }
}

impl Breaker {
    fn turn(&mut self, now: f64) {
        let turns = ((now - self.turned) / BUCKET_MS).floor();
        let mut left = turns.min(BUCKETS as f64);
        while left >= 1.0 {
            self.buckets.rotate_right(1);
            self.buckets[0] = (0.0, 0.0);
            left -= 1.0;
        }
        self.turned += turns * BUCKET_MS;
    }

    fn outcome(&mut self, id: u32, failed: bool, now: f64) {
        self.turn(now);
        self.buckets[0].0 += 1.0;
        self.buckets[0].1 += f64::from(u8::from(failed));
        match self.state {
            State::HalfOpen { probe } if probe == Some(id) => {
                if failed {
                    self.state = State::Open { until: now + RESET_MS };
                } else {
                    self.state = State::Closed;
                    self.buckets = [(0.0, 0.0); BUCKETS];
                }
            }
            State::Closed if failed => {
                let (calls, failures) =
                    self.buckets.iter().fold((0.0, 0.0), |sum, b| (sum.0 + b.0, sum.1 + b.1));
                if failures > 0.5 * calls {
                    self.state = State::Open { until: now + RESET_MS };
                }
            }
            _ => {}
        }
    }
}

impl Policy for Breaker {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        self.late.resize(ask.id as usize + 1, false);
        match self.state {
            State::Closed => Answer::Start,
            State::Open { until } if now >= until => {
                self.state = State::HalfOpen { probe: Some(ask.id) };
                Answer::Start
            }
            State::Open { .. } | State::HalfOpen { .. } => Answer::Shed,
        }
    }

    fn done(&mut self, id: u32, end: End, now: f64) {
        if !std::mem::replace(&mut self.late[id as usize], true) {
            self.outcome(id, end != End::Ok, now);
        }
    }

    fn left(&mut self, id: u32, now: f64) {
        if !std::mem::replace(&mut self.late[id as usize], true) {
            self.outcome(id, true, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Ask, Breaker, End, Policy};
    use crate::policy::Kind;
    use crate::policy::testing::run;

    fn call(breaker: &mut Breaker, id: u32, end: End, now: f64) -> Answer {
        let answer = breaker.ask(&Ask { id, route: 0, class: 0, voltage: 60.0 }, now);
        if answer == Answer::Start {
            breaker.done(id, end, now);
        }
        answer
    }

    #[test]
    fn opens_at_half_probes_after_its_time_and_closes_on_success() {
        let mut breaker = Breaker::default();
        let ends = [End::Ok, End::Ok, End::Failed, End::Failed, End::Failed];
        for (id, end) in (0..).zip(ends) {
            assert_eq!(call(&mut breaker, id, end, 10.0), Answer::Start);
        }
        assert_eq!(call(&mut breaker, 5, End::Ok, 5000.0), Answer::Shed);
        assert_eq!(call(&mut breaker, 6, End::Failed, 5010.0), Answer::Start, "the probe");
        assert_eq!(call(&mut breaker, 7, End::Ok, 5020.0), Answer::Shed);
        assert_eq!(call(&mut breaker, 8, End::Ok, 10_010.0), Answer::Start);
        assert_eq!(call(&mut breaker, 9, End::Ok, 10_011.0), Answer::Start, "closed");
    }

    /// Overload opens it, the reset lets the overload in again.
    #[test]
    fn flaps_under_overload() {
        let record = run(&[(60.0, 2.0)], Kind::Breaker);
        assert!(record.goodput(5.0, 60.0) < 50.0);
        assert!(record.flaps(5.0, 60.0) >= 8.0);
    }
}
