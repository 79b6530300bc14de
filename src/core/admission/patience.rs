//! How long clients wait before they leave: nobody says so, but those who leave show it.
//!
//! Work whose client is gone is wasted, and a queue that is longer than the clients' patience wastes all of it. So the age
//! at which clients leave, in the queue or in service, bounds how long it makes sense to wait: what is left of the
//! patience has to suffice for the work. Leavers count only when they are many; and what was learned fades, because
//! once it is heeded hardly anybody leaves.

/// Leavers averaged before the estimate moves, and the share of all that have come to an end which they must be.
const BATCH: f64 = 4.0;
const SHARE: f64 = 0.02;
/// How far a batch moves the estimate.
const GAIN: f64 = 0.5;
/// How far one who was answered later than the estimate moves it.
const LATE_GAIN: f64 = 0.05;
/// Growth a second of an estimate that nothing confirms.
const FADE: f64 = 0.005;
/// Weight of the newest service time, at least.
const WEIGHT: f64 = 0.02;
/// Room for the work itself: its mean, and so many deviations.
const DEVIATIONS: f64 = 1.0;

/// The patience of one gate's clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience {
    /// Milliseconds from asking to leaving; 0 while unknown.
    estimate: f64,
    at: f64,
    left: f64,
    ages: f64,
    ended: f64,
    /// Of time in service: count, mean, mean of squares.
    count: f64,
    mean: f64,
    square: f64,
}

impl Patience {
    /// A client left at this age, counted from when it asked.
    pub(crate) fn left(&mut self, age: f64, now: f64) {
        self.left += 1.0;
        self.ages += age;
        self.ended += 1.0;
        if self.left >= BATCH {
            if self.left >= SHARE * self.ended {
                let mean = self.ages / self.left;
                let known = self.current(now);
                self.estimate = if known > 0.0 { known + GAIN * (mean - known) } else { mean };
                self.at = now;
            }
            (self.left, self.ages, self.ended) = (0.0, 0.0, 0.0);
        }
    }

    /// A client was answered at this age, of which so much was service.
    pub(crate) fn answered(&mut self, age: f64, service: f64, now: f64) {
        self.ended += 1.0;
        self.worked(service);
        if self.estimate > 0.0 && age > self.estimate {
            let known = self.current(now);
            self.estimate = known + LATE_GAIN * (age - known).max(0.0);
            self.at = now;
        }
    }

    /// Work took so long, whoever waited for it.
    pub(crate) fn worked(&mut self, service: f64) {
        self.count += 1.0;
        let weight = WEIGHT.max(1.0 / self.count);
        self.mean += weight * (service - self.mean);
        self.square += weight * (service * service - self.square);
    }

    /// After this long clients leave; infinity while nobody does.
    pub(crate) fn known(&self, now: f64) -> f64 {
        if self.estimate > 0.0 { self.current(now) } else { f64::INFINITY }
    }

    fn current(&self, now: f64) -> f64 {
        self.estimate * (1.0 + FADE * (now - self.at).max(0.0) / 1000.0)
    }

    /// Longest wait after which a client is still there when its work is done; infinity while nobody leaves.
    pub(crate) fn longest_wait(&self, now: f64) -> f64 {
        if self.estimate <= 0.0 {
            return f64::INFINITY;
        }
        let patience = self.current(now);
        if self.count <= 0.0 {
            return 0.5 * patience;
        }
        let deviation = (self.square - self.mean * self.mean).max(0.0).sqrt();
        // However slow the work, a little waiting keeps the service busy.
        (patience - self.mean - DEVIATIONS * deviation).max(0.1 * patience)
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;

    #[test]
    fn nobody_leaves_and_nothing_is_known() {
        let mut patience = Patience::default();
        patience.answered(900.0, 20.0, 0.0);
        assert_eq!(patience.longest_wait(0.0), f64::INFINITY);
    }

    #[test]
    fn what_leavers_show_leaves_room_for_the_work() {
        let mut patience = Patience::default();
        for _ in 0..100 {
            patience.answered(20.0, 20.0, 0.0);
        }
        for _ in 0..4 {
            patience.left(500.0, 0.0);
        }
        assert!((patience.longest_wait(0.0) - 480.0).abs() < 1e-9, "{patience:?}");
    }

    #[test]
    fn a_few_who_leave_early_say_nothing_about_the_others() {
        let mut patience = Patience::default();
        for _ in 0..4 {
            for _ in 0..100 {
                patience.answered(20.0, 20.0, 0.0);
            }
            patience.left(5.0, 0.0);
        }
        assert_eq!(patience.longest_wait(0.0), f64::INFINITY);
    }

    #[test]
    fn an_estimate_fades_and_late_answers_raise_it() {
        let mut patience = Patience::default();
        for _ in 0..4 {
            patience.left(100.0, 0.0);
        }
        let first = patience.longest_wait(0.0);
        assert!(patience.longest_wait(200_000.0) > 1.9 * first);
        for _ in 0..100 {
            patience.answered(400.0, 1.0, 0.0);
        }
        assert!(patience.longest_wait(0.0) > 350.0);
    }
}
