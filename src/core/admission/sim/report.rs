//! The results of a run, second by second, and the figures that the bars compare.

use crate::core::admission::{REASONS, ShedReason};

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    offered: [f64; 3],
    /// By the second in which the request was born.
    good: [f64; 3],
    /// By the second in which the answer came.
    answered: f64,
    tried: f64,
    admitted: f64,
    shed: f64,
}

/// One run.
#[derive(Debug)]
pub(super) struct Report {
    seconds: Vec<Second>,
    capacity: f64,
    latencies: Vec<(f64, f64)>,
    pub(super) reasons: [u64; REASONS],
    /// The limit and the learned baseline at the end.
    pub(super) limit: f64,
    pub(super) baseline: f64,
}

fn second(at: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let second = (at / 1000.0) as usize;
    second
}

impl Report {
    pub(super) fn new(seconds: f64, capacity: f64) -> Self {
        Self {
            seconds: vec![Second::default(); second(seconds * 1000.0) + 12],
            capacity,
            latencies: Vec::new(),
            reasons: [0; REASONS],
            limit: 0.0,
            baseline: 0.0,
        }
    }

    pub(super) fn offer(&mut self, class: usize, at: f64) {
        self.seconds[second(at)].offered[class] += 1.0;
    }

    pub(super) fn try_once(&mut self, at: f64) {
        self.seconds[second(at)].tried += 1.0;
    }

    pub(super) fn admit(&mut self, at: f64) {
        self.seconds[second(at)].admitted += 1.0;
    }

    pub(super) fn shed(&mut self, reason: ShedReason, at: f64) {
        self.seconds[second(at)].shed += 1.0;
        self.reasons[reason as usize] += 1;
    }

    pub(super) fn succeed(&mut self, class: usize, born: f64, at: f64, latency: f64) {
        self.seconds[second(born)].good[class] += 1.0;
        self.seconds[second(at)].answered += 1.0;
        self.latencies.push((born, latency));
    }

    fn sum(&self, from: usize, to: usize, of: impl Fn(&Second) -> f64) -> f64 {
        self.seconds[from..to].iter().map(of).sum()
    }

    /// Answers in time, per cent of capacity.
    pub(super) fn goodput(&self, from: usize, to: usize) -> f64 {
        100.0 * self.sum(from, to, |s| s.answered) / (self.capacity * (to - from) as f64)
    }

    /// Answers in time, per cent of the requests of a class.
    pub(super) fn success_of(&self, class: usize, from: usize, to: usize) -> f64 {
        100.0 * self.sum(from, to, |s| s.good[class])
            / self.sum(from, to, |s| s.offered[class]).max(1.0)
    }

    /// Answers in time, per cent of all requests.
    pub(super) fn success(&self, from: usize, to: usize) -> f64 {
        let good = self.sum(from, to, |s| s.good.iter().sum());
        100.0 * good / self.sum(from, to, |s| s.offered.iter().sum()).max(1.0)
    }

    /// Refusals, per cent of attempts.
    pub(super) fn shed_share(&self, from: usize, to: usize) -> f64 {
        100.0 * self.sum(from, to, |s| s.shed) / self.sum(from, to, |s| s.tried).max(1.0)
    }

    /// Seconds after `from` until five in a row (to `to`) answer 99 % of their requests; -1 if never.
    pub(super) fn recovery(&self, from: usize, to: usize) -> i64 {
        let well = |s: usize| self.success(s, s + 1) >= 99.0;
        (from..=to - 5)
            .find(|&s| (s..s + 5).all(well))
            .map_or(-1, |s| i64::try_from(s - from).unwrap_or(-1))
    }

    /// Crossings a minute of the per-second admitted share between 0.9 and 0.1.
    pub(super) fn flaps(&self, from: usize, to: usize) -> f64 {
        let (mut state, mut crossings) = (None, 0.0);
        for s in self.seconds[from..to].iter().filter(|s| s.tried > 0.0) {
            let ratio = s.admitted / s.tried;
            let next = if ratio >= 0.9 {
                Some(true)
            } else if ratio <= 0.1 {
                Some(false)
            } else {
                None
            };
            if next.is_some() {
                crossings += f64::from(u8::from(state.is_some() && next != state));
                state = next;
            }
        }
        crossings * 60.0 / (to - from) as f64
    }

    /// Returns the 99th percentile of the answers' latency, milliseconds.
    pub(super) fn p99(&self, from: usize, to: usize) -> f64 {
        let range = from as f64 * 1000.0..to as f64 * 1000.0;
        let mut all: Vec<f64> = self
            .latencies
            .iter()
            .filter(|(born, _)| range.contains(born))
            .map(|(_, ms)| *ms)
            .collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() * 99 / 100).copied().unwrap_or(f64::NAN)
    }
}

/// A figure over seeds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

/// Returns median and extremes.
pub(super) fn spread(figures: impl IntoIterator<Item = f64>) -> Spread {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    Spread {
        median: figures[figures.len() / 2],
        lowest: figures[0],
        highest: figures[figures.len() - 1],
    }
}
