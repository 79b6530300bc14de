//! The most that a door can reach which cannot see how long a piece of work will take: it is told the number of
//! servers, the mean service time and the clients' patience, keeps exactly the servers busy, and serves the highest
//! class first, within a class the oldest that still has time enough (Panwar, Towsley and Wolf 1988: the shortest time
//! to extinction loses least), or the newest. Which order is best depends on the load; tables take the best of all.

use std::collections::VecDeque;

use super::{Answer, Ask, End, News, Policy};
use crate::world::Scenario;

/// Who goes first within a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {
    /// The oldest whose patience still lasts for so many mean service times.
    Oldest(f64),
    Newest,
}

/// Every order worth trying.
pub const ORDERS: [Order; 5] =
    [Order::Oldest(0.0), Order::Oldest(1.0), Order::Oldest(2.0), Order::Oldest(4.0), Order::Newest];

#[derive(Debug)]
pub struct Oracle {
    servers: usize,
    /// Longest wait of one who is still served, milliseconds.
    longest: f64,
    newest: bool,
    busy: usize,
    /// By class, oldest first.
    queues: [VecDeque<(u32, f64)>; 3],
    news: VecDeque<News>,
}

impl Oracle {
    pub fn new(scenario: &Scenario, patience: f64, order: Order) -> Self {
        let mean = scenario.backends[0].service.mean_ms;
        let spare = match order {
            Order::Oldest(spare) => spare,
            Order::Newest => 0.0,
        };
        Self {
            servers: scenario.backends.iter().map(|backend| backend.servers).sum(),
            longest: patience - spare * mean,
            newest: order == Order::Newest,
            busy: 0,
            queues: [VecDeque::new(), VecDeque::new(), VecDeque::new()],
            news: VecDeque::new(),
        }
    }

    fn next(&mut self, now: f64) -> Option<u32> {
        for queue in &mut self.queues {
            while queue.front().is_some_and(|(_, since)| now - since > self.longest) {
                if let Some((id, _)) = queue.pop_front() {
                    self.news.push_back(News::Shed(id));
                }
            }
            let next = if self.newest { queue.pop_back() } else { queue.pop_front() };
            if let Some((id, _)) = next {
                return Some(id);
            }
        }
        None
    }
}

impl Policy for Oracle {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        if self.busy < self.servers {
            self.busy += 1;
            return Answer::Start;
        }
        self.queues[usize::from(ask.class)].push_back((ask.id, now));
        Answer::Wait
    }

    fn done(&mut self, _: u32, _: End, now: f64) {
        self.busy -= 1;
        if let Some(id) = self.next(now) {
            self.busy += 1;
            self.news.push_back(News::Start(id));
        }
    }

    fn left(&mut self, id: u32, _: f64) {
        for queue in &mut self.queues {
            // The first to leave is the oldest.
            if queue.front().is_some_and(|(waiting, _)| *waiting == id) {
                queue.pop_front();
            }
        }
    }

    fn poll(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn limit(&self) -> f64 {
        self.servers as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Order;
    use crate::policy::Kind;
    use crate::policy::testing::run;

    #[test]
    fn loses_nothing_that_could_be_had() {
        for order in [Order::Oldest(4.0), Order::Newest] {
            let record = run(&[(30.0, 2.0)], Kind::Oracle(order));
            assert!(record.goodput(2.0, 30.0) > 97.0, "{order:?}: {}", record.goodput(2.0, 30.0));
            assert!(record.success_of(0, 2.0, 30.0) > 99.99);
        }
    }
}
