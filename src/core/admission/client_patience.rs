//! The time that clients wait before they leave, learned from those who leave.
//!
//! Work whose client is gone is wasted, and a queue that is longer than the clients' patience wastes all of it. So the
//! age at which clients leave, in the queue or in service, bounds how long it makes sense to wait: the rest of the
//! patience has to suffice for the work. The learned value fades, because few clients leave once it is respected.
//!
//! Not every client that leaves stands for the others. A client that leaves before the work could have been done did
//! not leave for the wait. And a few that leave at an age that most others outlast are only a few. Leavers count when
//! many of the clients that were still there at their age left then.

/// Leavers averaged before the estimate moves, and the share of all that have come to an end which they must be.
const BATCH: f64 = 4.0;
const SHARE: f64 = 0.02;
/// Work of up to so many means is typical: a client that leaves before that left it no time.
const TYPICAL: f64 = 1.5;
/// Of those who stay until some age, the share that has to leave about then, if it is to be their patience.
const MANY: f64 = 0.3;
/// An estimate is wrong once so many stayed beyond it, and those who left about then are no longer half as many.
const BEYOND: f64 = 16.0;
/// Ages are counted by powers of two of milliseconds; the last one holds all that are longer.
const OCTAVES: usize = 18;
/// The number of ends that are remembered; beyond it all count half.
const REMEMBERED: f64 = 512.0;
/// The share of its distance by which a batch moves the estimate.
const GAIN: f64 = 0.5;
/// The share of its distance by which a request that was answered later than the estimate moves it.
const LATE_GAIN: f64 = 0.05;
/// Growth a second of an estimate that nothing confirms.
const FADE: f64 = 0.005;
/// Weight of the newest service time, at least.
const WEIGHT: f64 = 0.02;
/// Room for the work itself: its mean, and so many deviations.
const DEVIATIONS: f64 = 1.0;

/// The patience of one gate's clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientPatience {
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
    ages_of: Ages,
}

/// Ages of recent requests at their ends.
#[derive(Debug, Clone, Default)]
struct Ages {
    left: [f64; OCTAVES],
    answered: [f64; OCTAVES],
    total: f64,
}

impl Ages {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an age is not negative, and a long one is in the last octave"
    )]
    fn octave(age: f64) -> usize {
        (((age.max(0.0) + 1.0) as u64).ilog2() as usize).min(OCTAVES - 1)
    }

    fn add(&mut self, age: f64, has_left: bool) {
        let counts = if has_left { &mut self.left } else { &mut self.answered };
        counts[Self::octave(age)] += 1.0;
        self.total += 1.0;
        if self.total > REMEMBERED {
            self.total *= 0.5;
            for count in self.left.iter_mut().chain(&mut self.answered) {
                *count *= 0.5;
            }
        }
    }

    /// Returns how many left at about this age, and how many stayed beyond it.
    fn at(&self, age: f64) -> (f64, f64) {
        let octave = Self::octave(age);
        let beyond = |counts: &[f64; OCTAVES]| counts.iter().skip(octave + 1).sum::<f64>();
        (self.left[octave], beyond(&self.left) + beyond(&self.answered))
    }
}

impl ClientPatience {
    /// Returns whether a client that leaves at this age may have left for the wait: before that no answer could be
    /// expected.
    pub(crate) fn tells(&self, age: f64) -> bool {
        age >= TYPICAL * self.mean
    }

    /// Notes that a client left at this age, counted from its request.
    pub(crate) fn left(&mut self, age: f64, now: f64) {
        self.ended += 1.0;
        self.ages_of.add(age, true);
        let (about, beyond) = self.ages_of.at(age);
        if !self.tells(age) || about < MANY * (about + beyond) {
            return;
        }
        self.left += 1.0;
        self.ages += age;
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

    /// Notes that a client was answered at this age, of which so much was service.
    pub(crate) fn answered(&mut self, age: f64, service: f64, now: f64) {
        self.ended += 1.0;
        self.worked(service);
        self.ages_of.add(age, false);
        if !self.tells(self.estimate) {
            self.estimate = 0.0;
        } else if self.estimate > 0.0 && age > self.estimate {
            let known = self.current(now);
            self.estimate = known + LATE_GAIN * (age - known).max(0.0);
            self.at = now;
            let (about, beyond) = self.ages_of.at(self.estimate);
            if beyond >= BEYOND && about < 0.5 * MANY * beyond {
                self.estimate = 0.0;
            }
        }
    }

    /// Takes in how long work took.
    pub(crate) fn worked(&mut self, service: f64) {
        self.count += 1.0;
        let weight = WEIGHT.max(1.0 / self.count);
        self.mean += weight * (service - self.mean);
        self.square += weight * (service * service - self.square);
    }

    /// Returns the age at which clients leave; infinity while none does.
    pub(crate) fn known(&self, now: f64) -> f64 {
        if self.is_known() { self.current(now) } else { f64::INFINITY }
    }

    /// Returns whether there is an estimate, and typical work fits into it: if not, no wait is short enough.
    fn is_known(&self) -> bool {
        self.estimate > 0.0 && self.tells(self.estimate)
    }

    fn current(&self, now: f64) -> f64 {
        self.estimate * (1.0 + FADE * (now - self.at).max(0.0) / 1000.0)
    }

    /// Returns the longest wait after which a client is still there when its work is done; infinity while none leaves.
    pub(crate) fn longest_wait(&self, now: f64) -> f64 {
        if !self.is_known() {
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
    use super::ClientPatience;

    #[test]
    fn nobody_leaves_and_nothing_is_known() {
        let mut patience = ClientPatience::default();
        patience.answered(900.0, 20.0, 0.0);
        assert_eq!(patience.longest_wait(0.0), f64::INFINITY);
    }

    #[test]
    fn what_leavers_show_leaves_room_for_the_work() {
        let mut patience = ClientPatience::default();
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
        let mut patience = ClientPatience::default();
        for _ in 0..4 {
            for _ in 0..100 {
                patience.answered(20.0, 20.0, 0.0);
            }
            patience.left(5.0, 0.0);
        }
        assert_eq!(patience.longest_wait(0.0), f64::INFINITY);
    }

    #[test]
    fn who_leaves_before_an_answer_could_come_says_nothing_about_waiting() {
        let mut patience = ClientPatience::default();
        for _ in 0..1000 {
            patience.left(5.0, 0.0);
            patience.left(5.0, 0.0);
            patience.answered(20.0, 20.0, 0.0);
        }
        assert_eq!(patience.longest_wait(0.0), f64::INFINITY);
    }

    #[test]
    fn a_few_who_leave_at_any_age_do_not_speak_for_those_who_stay() {
        for age in [1.0, 5.0, 25.0, 60.0, 100.0] {
            let mut patience = ClientPatience::default();
            for round in 0..1000 {
                if round % 20 == 0 {
                    patience.left(age, 0.0);
                }
                patience.answered(20.0 + f64::from(round % 16) * 20.0, 20.0, 0.0);
            }
            assert_eq!(patience.longest_wait(0.0), f64::INFINITY, "{age}");
        }
    }

    #[test]
    fn an_estimate_that_most_outlast_is_given_up() {
        let mut patience = ClientPatience::default();
        for _ in 0..40 {
            patience.left(1.0, 0.0);
        }
        assert!(patience.longest_wait(0.0) < 1.0);
        for round in 0..200 {
            patience.answered(f64::from(20 + round % 100), 1.0, 0.0);
        }
        assert_eq!(patience.longest_wait(0.0), f64::INFINITY, "{patience:?}");
    }

    #[test]
    fn an_estimate_fades_and_late_answers_raise_it() {
        let mut patience = ClientPatience::default();
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
