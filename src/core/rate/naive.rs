//! The three rules written down as plainly as they can be, to compare the real ones with.

/// A rule that tests a cost. Its caller reports the points that are taken and returned.
pub(super) trait Naive: Clone {
    /// Returns whether a cost fits. Changes nothing but forgetting the past.
    fn fits(&mut self, now: u64, cost: u32) -> bool;
    /// Takes points, whether they are there or not.
    fn take(&mut self, now: u64, points: u32);
    /// Gives points back, the last taken first, up to the whole quota.
    fn give(&mut self, now: u64, points: u32);

    /// Returns the first time from `now` on at which the cost fits, looked for microsecond by microsecond.
    fn wait(&self, now: u64, cost: u32, longest: u64) -> u64 {
        let mut later = self.clone();
        (0..=longest).find(|wait| later.fits(now + wait, cost)).expect("it fits some time")
    }

    /// Returns how much fits at once.
    fn room(&self, now: u64, capacity: u32) -> u32 {
        let mut then = self.clone();
        (1..=capacity).rev().find(|cost| then.fits(now, *cost)).unwrap_or(0)
    }
}

/// A bucket into which `limit` drops fall each microsecond; a token is `window` drops. Debts are drops below none.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) drops: i64,
    pub(super) limit: i64,
    pub(super) window: i64,
    pub(super) burst: i64,
    pub(super) last: u64,
}

impl Naive for Bucket {
    fn fits(&mut self, now: u64, cost: u32) -> bool {
        while self.last < now {
            self.last += 1;
            self.drops = (self.drops + self.limit).min(self.burst * self.window);
            if self.drops == self.burst * self.window {
                self.last = now;
            }
        }
        self.drops >= i64::from(cost) * self.window
    }

    fn take(&mut self, now: u64, points: u32) {
        self.fits(now, 1);
        self.drops -= i64::from(points) * self.window;
    }

    fn give(&mut self, now: u64, points: u32) {
        self.fits(now, 1);
        self.drops = (self.drops + i64::from(points) * self.window).min(self.burst * self.window);
    }
}

/// One number a point: when it was taken.
#[derive(Debug, Clone)]
pub(super) struct Array {
    pub(super) taken: Vec<u64>,
    pub(super) limit: usize,
    pub(super) window: u64,
}

impl Naive for Array {
    fn fits(&mut self, now: u64, cost: u32) -> bool {
        self.taken.retain(|at| at + self.window > now);
        self.taken.len() + cost as usize <= self.limit
    }

    fn take(&mut self, now: u64, points: u32) {
        self.taken.extend((0..points).map(|_| now));
    }

    fn give(&mut self, now: u64, points: u32) {
        self.fits(now, 1);
        self.taken.truncate(self.taken.len().saturating_sub(points as usize));
    }
}

/// The same numbers, counted by window.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    pub(super) taken: Vec<u64>,
    pub(super) limit: u64,
    pub(super) window: u64,
}

impl Windows {
    fn count(&self, window: Option<u64>) -> u64 {
        self.taken.iter().filter(|at| Some(*at / self.window) == window).count() as u64
    }
}

impl Naive for Windows {
    fn fits(&mut self, now: u64, cost: u32) -> bool {
        let current = now / self.window;
        let before = self.count(current.checked_sub(1));
        let fading = before * (self.window - now % self.window);
        let points = self.count(Some(current)) + u64::from(cost);
        fading + points * self.window <= self.limit * self.window
    }

    fn take(&mut self, now: u64, points: u32) {
        self.taken.extend((0..points).map(|_| now));
    }
    fn give(&mut self, now: u64, points: u32) {
        let before = (now / self.window).saturating_sub(1);
        self.taken.retain(|at| at / self.window >= before);
        self.taken.truncate(self.taken.len().saturating_sub(points as usize));
    }
}
