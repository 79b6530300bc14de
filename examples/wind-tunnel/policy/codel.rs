//! `CoDel` and adaptive LIFO as Facebook uses them (Maurer, "Fail at Scale", ACM Queue 13.8, 2015): requests wait in
//! front of a pool of workers for at most 100 ms, or at most 5 ms if the queue has not been empty in the last 100 ms,
//! and then the newest goes first. The pool is the service itself: it is told how many servers there are.

use std::collections::VecDeque;

use super::{Answer, Ask, End, News, Policy};

const INTERVAL_MS: f64 = 100.0;
const TARGET_MS: f64 = 5.0;

#[derive(Debug)]
pub struct Codel {
    workers: usize,
    busy: usize,
    /// Who waits, and since when: oldest first.
    queue: VecDeque<(u32, f64)>,
    empty_at: f64,
    news: VecDeque<News>,
}

impl Codel {
    pub fn new(workers: usize) -> Self {
        Self { workers, busy: 0, queue: VecDeque::new(), empty_at: 0.0, news: VecDeque::new() }
    }

    fn standing(&self, now: f64) -> bool {
        now - self.empty_at > INTERVAL_MS
    }

    fn expire(&mut self, now: f64) {
        let allowed = if self.standing(now) { TARGET_MS } else { INTERVAL_MS };
        while self.queue.front().is_some_and(|(_, since)| now - since >= allowed) {
            if let Some((id, _)) = self.queue.pop_front() {
                self.news.push_back(News::Shed(id));
            }
        }
        self.note(now);
    }

    fn note(&mut self, now: f64) {
        if self.queue.is_empty() {
            self.empty_at = now;
        }
    }
}

impl Policy for Codel {
    fn ask(&mut self, ask: &Ask, now: f64) -> Answer {
        self.note(now);
        if self.busy < self.workers {
            self.busy += 1;
            return Answer::Start;
        }
        self.queue.push_back((ask.id, now));
        Answer::Wait
    }

    fn done(&mut self, _: u32, _: End, now: f64) {
        self.busy -= 1;
        let standing = self.standing(now);
        self.expire(now);
        let next = if standing { self.queue.pop_back() } else { self.queue.pop_front() };
        if let Some((id, _)) = next {
            self.busy += 1;
            self.news.push_back(News::Start(id));
        }
        self.note(now);
    }

    fn left(&mut self, id: u32, now: f64) {
        self.queue.retain(|(waiting, _)| *waiting != id);
        self.note(now);
    }

    fn poll(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn limit(&self) -> f64 {
        self.workers as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Ask, Codel, End, News, Policy};
    use crate::policy::Kind;
    use crate::policy::testing::run;

    fn ask(codel: &mut Codel, id: u32, now: f64) -> Answer {
        codel.ask(&Ask { id, route: 0, class: 0, voltage: 60.0 }, now)
    }

    #[test]
    fn is_patient_with_a_burst_and_short_with_a_standing_queue() {
        let mut codel = Codel::new(1);
        assert_eq!(ask(&mut codel, 0, 1.0), Answer::Start);
        for id in 1..4 {
            assert_eq!(ask(&mut codel, id, 1.0 + f64::from(id)), Answer::Wait);
        }
        codel.done(0, End::Ok, 50.0);
        assert_eq!(codel.poll(), Some(News::Start(1)), "oldest first in a burst");
        ask(&mut codel, 4, 119.0);
        codel.done(1, End::Ok, 120.0);
        let news: Vec<News> = std::iter::from_fn(|| codel.poll()).collect();
        assert_eq!(
            news,
            [News::Shed(2), News::Shed(3), News::Start(4)],
            "then the newest, and not after 5 ms"
        );
    }

    #[test]
    fn keeps_the_standard_service_busy_and_spares_nobody() {
        let record = run(&[(20.0, 2.0)], Kind::Codel);
        assert!(record.goodput(2.0, 20.0) > 96.0, "{}", record.goodput(2.0, 20.0));
        assert!(record.success_of(0, 2.0, 20.0) < 60.0);
    }
}
