//! What a run came to, a tenth of a second at a time, and the figures that are read off it.

/// Length of a bucket, milliseconds.
const BUCKET_MS: f64 = 100.0;
/// Buckets a second.
pub const PER_SECOND: usize = 10;

/// A tenth of a second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket {
    /// First attempts, by class and by the time they were made.
    pub offered: [u32; 3],
    /// Of these, answered in time.
    pub good: [u32; 3],
    /// The same by route.
    pub routes: [(u32, u32); 2],
    /// Answers in time, by the time they were given.
    pub answered: u32,
    /// Work that ended, whoever still waited for it.
    pub worked: u32,
    /// Attempts, and of these admitted and refused, by the time they were made.
    pub tried: u32,
    pub admitted: u32,
    pub refused: u32,
    /// Admissions of the last class and refusals of the first, by the time of the decision.
    pub low_in: u32,
    pub high_out: u32,
    /// R and the limit at the end of it; NaN where a policy has none.
    pub resistance: f64,
    pub limit: f64,
}

/// One run.
#[derive(Debug, Clone)]
pub struct Record {
    pub buckets: Vec<Bucket>,
    pub capacity: f64,
    /// When an answer in time was asked for, and after how long it came, milliseconds.
    pub latencies: Vec<(f32, f32)>,
}

fn index(at_ms: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let index = (at_ms / BUCKET_MS) as usize;
    index
}

impl Record {
    pub fn new(seconds: f64, capacity: f64) -> Self {
        let buckets = vec![Bucket::default(); index(seconds * 1000.0) + 150];
        Self { buckets, capacity, latencies: Vec::new() }
    }

    pub fn at(&mut self, at_ms: f64) -> &mut Bucket {
        let last = self.buckets.len() - 1;
        &mut self.buckets[index(at_ms).min(last)]
    }

    pub fn span(&self, from: f64, to: f64) -> &[Bucket] {
        let end = index(to * 1000.0).min(self.buckets.len());
        &self.buckets[index(from * 1000.0).min(end)..end]
    }

    pub fn sum(&self, from: f64, to: f64, of: impl Fn(&Bucket) -> u32) -> f64 {
        self.span(from, to).iter().map(|bucket| f64::from(of(bucket))).sum()
    }

    fn share(
        &self,
        from: f64,
        to: f64,
        of: impl Fn(&Bucket) -> u32,
        all: impl Fn(&Bucket) -> u32,
    ) -> f64 {
        let whole = self.sum(from, to, all);
        if whole > 0.0 { 100.0 * self.sum(from, to, of) / whole } else { 100.0 }
    }

    /// Answers in time, per cent of capacity.
    pub fn goodput(&self, from: f64, to: f64) -> f64 {
        100.0 * self.sum(from, to, |b| b.answered) / (self.capacity * (to - from))
    }

    /// Requests answered in time, per cent of those made.
    pub fn success(&self, from: f64, to: f64) -> f64 {
        self.share(from, to, |b| b.good.iter().sum(), |b| b.offered.iter().sum())
    }

    /// The same for one class.
    pub fn success_of(&self, class: usize, from: f64, to: f64) -> f64 {
        self.share(from, to, |b| b.good[class], |b| b.offered[class])
    }

    /// The same for one route.
    pub fn success_on(&self, route: usize, from: f64, to: f64) -> f64 {
        self.share(from, to, |b| b.routes[route].1, |b| b.routes[route].0)
    }

    /// Attempts that were refused, per cent.
    pub fn refused(&self, from: f64, to: f64) -> f64 {
        let tried = self.sum(from, to, |b| b.tried);
        100.0 * self.sum(from, to, |b| b.refused) / tried.max(1.0)
    }

    /// Work nobody waited for any more, per cent of the work done.
    pub fn wasted(&self, from: f64, to: f64) -> f64 {
        100.0 - self.share(from, to, |b| b.answered, |b| b.worked)
    }

    /// Goodput in which an answer of each class is worth so much, per cent of what was asked for.
    pub fn weighted(&self, worth: [f64; 3], from: f64, to: f64) -> f64 {
        let value = |of: &dyn Fn(&Bucket) -> [u32; 3]| -> f64 {
            let each =
                |b: &Bucket| of(b).iter().zip(worth).map(|(n, w)| f64::from(*n) * w).sum::<f64>();
            self.span(from, to).iter().map(each).sum()
        };
        100.0 * value(&|b| b.good) / value(&|b| b.offered).max(1e-9)
    }

    /// Tenths of a second in which the least important class was let in while the most important was refused.
    pub fn inversions(&self, from: f64, to: f64) -> f64 {
        self.sum(from, to, |b| u32::from(b.low_in > 0 && b.high_out > 0))
    }

    /// Seconds after `from` until five seconds in a row answer 99 % of their requests; infinity if not by `to`.
    pub fn recovery(&self, from: f64, to: f64) -> f64 {
        let well = |at: f64| self.success(at, at + 1.0) >= 99.0;
        let tenths = index((to - from - 5.0) * 1000.0);
        (0..=tenths)
            .map(|tenth| tenth as f64 / PER_SECOND as f64)
            .find(|after| (0..5).all(|second| well(from + after + f64::from(second))))
            .unwrap_or(f64::INFINITY)
    }

    /// Seconds after `from` until goodput over a second stays within a twentieth of `goal` for three seconds.
    pub fn convergence(&self, goal: f64, from: f64, to: f64) -> f64 {
        let near = |at: f64| (self.goodput(at, at + 1.0) - goal).abs() <= 0.05 * goal + 5.0;
        let tenths = index((to - from - 3.0) * 1000.0);
        (0..=tenths)
            .map(|tenth| tenth as f64 / PER_SECOND as f64)
            .find(|after| (0..3).all(|second| near(from + after + f64::from(second))))
            .unwrap_or(f64::INFINITY)
    }

    /// Times a minute that the admitted share of a second's attempts crosses from 0.9 to 0.1 or back.
    pub fn flaps(&self, from: f64, to: f64) -> f64 {
        let (mut open, mut crossings) = (None, 0.0);
        for second in self.span(from, to).chunks(PER_SECOND) {
            let sum = |of: fn(&Bucket) -> u32| second.iter().map(of).sum::<u32>();
            let (tried, admitted) = (f64::from(sum(|b| b.tried)), f64::from(sum(|b| b.admitted)));
            let share = if tried > 0.0 { admitted / tried } else { 0.5 };
            let next = if share >= 0.9 {
                Some(true)
            } else if share <= 0.1 {
                Some(false)
            } else {
                None
            };
            if next.is_some() {
                crossings += f64::from(u8::from(open.is_some() && next != open));
                open = next;
            }
        }
        crossings * 60.0 / (to - from)
    }

    /// A quantile of the latency of answers, milliseconds.
    pub fn latency(&self, share: f64, from: f64, to: f64) -> f64 {
        let within = |at: f32| (from * 1000.0..to * 1000.0).contains(&f64::from(at));
        let mut all: Vec<f32> =
            self.latencies.iter().filter(|(at, _)| within(*at)).map(|(_, ms)| *ms).collect();
        all.sort_by(f32::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let rank = (all.len() as f64 * share) as usize;
        all.get(rank.min(all.len().saturating_sub(1))).map_or(f64::NAN, |ms| f64::from(*ms))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Record};

    fn record(seconds: usize, each: impl Fn(usize) -> Bucket) -> Record {
        let mut record = Record::new(seconds as f64, 100.0);
        for (i, bucket) in record.buckets.iter_mut().take(seconds * 10).enumerate() {
            *bucket = each(i);
        }
        record
    }

    #[test]
    fn recovery_is_the_first_of_five_good_seconds() {
        let record = record(20, |i| Bucket {
            offered: [10, 0, 0],
            good: [if i < 33 { 5 } else { 10 }, 0, 0],
            ..Bucket::default()
        });
        assert_eq!(record.recovery(0.0, 20.0), 3.3);
        assert_eq!(record.recovery(0.0, 8.0), f64::INFINITY);
    }

    #[test]
    fn a_flap_is_a_crossing_from_open_to_shut_or_back() {
        let record = record(60, |i| {
            let admitted = if i / 100 % 2 == 0 { 10 } else { 0 };
            Bucket { tried: 10, admitted, ..Bucket::default() }
        });
        assert_eq!(record.flaps(0.0, 60.0), 5.0);
    }

    #[test]
    fn an_inversion_is_a_tenth_that_lets_the_last_in_and_the_first_out() {
        let record = record(1, |i| Bucket {
            low_in: u32::from(i < 4),
            high_out: u32::from(i > 2),
            ..Bucket::default()
        });
        assert_eq!(record.inversions(0.0, 1.0), 1.0);
    }
}
