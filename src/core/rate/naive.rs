//! The three rules written down as plainly as they can be: what the real ones are compared with.

/// A rule that says whether a cost fits; what it takes is told to it.
pub(super) trait Naive: Clone {
    fn fits(&mut self, now: u64, cost: u32) -> bool;
    fn take(&mut self, now: u64, points: u32);

    /// The first time from `now` on at which the cost fits, looked for microsecond by microsecond.
    fn wait(&self, now: u64, cost: u32, longest: u64) -> u64 {
        (0..=longest).find(|later| self.clone().fits(now + later, cost)).expect("it fits some time")
    }

    /// How much fits at once.
    fn room(&self, now: u64, capacity: u32) -> u32 {
        (1..=capacity).rev().find(|cost| self.clone().fits(now, *cost)).unwrap_or(0)
    }
}

/// A bucket into which a drop falls each microsecond; a token is `window` drops, and `limit` drops fall at a time.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) drops: u64,
    pub(super) limit: u64,
    pub(super) window: u64,
    pub(super) burst: u64,
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
        self.drops >= u64::from(cost) * self.window
    }

    fn take(&mut self, now: u64, points: u32) {
        self.fits(now, 1);
        self.drops -= u64::from(points) * self.window;
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
}
