//! Learns the latency of a service without a queue inside it, and computes from that how many calls queue there.
//!
//! A backlog inside the service adds to the latency of every call alike, whatever calls take: it shifts their
//! distribution. A shift `w` multiplies `m = E exp(-latency / tau)` by `exp(-w / tau)`. So the ratio of `m` with little
//! in flight to `m` under load yields `w`. It hardly feels the few long calls that make a mean useless. With a `tau` of
//! a quarter of the mean it takes a ninth of the samples for exponential service. Where the deviation is three means it
//! takes one in 150. Behind `n` departures that are exponential at rate `x` the ratio is `(1 + 1 / (x tau))^n`, the
//! Laplace transform of an Erlang distribution. That holds for one server as for many.

use std::collections::VecDeque;

/// The number of latest samples that are kept: the learned values fade with them.
const KEPT: usize = 256;
/// As many are kept whatever is little now: fewer say nothing.
const ENOUGH: usize = 32;
/// The mean, in units of `tau`.
const SHARPNESS: f64 = 4.0;
/// Means below this are noise of the clock, and `tau` does not follow them.
const FINEST_MS: f64 = 0.01;
/// The change of the mean after which `tau` follows it.
const FOLLOW: f64 = 0.2;
/// Deviations at which a batch shows another service, not chance. They are rare, because the discarded baseline was
/// learned slowly. They are less so when there is another reason to doubt it.
const NEWS: f64 = 5.0;
const DOUBTED: f64 = 2.5;
/// Calls under load that are quicker than those with little in flight cannot be: deviations a window that are chance,
/// and the sum of more that is not (Page's cumulative sum; by chance once in some e^(2 x 1 x 5) windows).
const OUTDONE: (f64, f64) = (1.0, 5.0);
/// Least relative deviation of `exp(-latency / tau)` that is believed.
const LEAST_SPREAD: f64 = 0.3;
/// Completions before anything is known.
const FIRST_BATCH: f64 = 8.0;
/// Deviations of the mean that it may be wrong by.
const MARGIN: f64 = 2.0;

/// The result of comparing a batch of samples with the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// As before.
    None,
    /// Sooner: the baseline had a backlog in it, or the service got faster.
    Sooner,
    /// Later: the service got slower.
    Later,
}

/// A call with little in flight.
#[derive(Debug, Clone, Copy)]
struct QuietCall {
    latency: f32,
    /// `exp(-latency / tau)`.
    soft: f32,
    in_flight: f32,
}

/// Of all that is kept: sums of latencies, of `exp(-latency / tau)`, and of their squares.
#[derive(Debug, Clone, Copy, Default)]
struct SampleSums {
    latency: f64,
    latencies: f64,
    soft: f64,
    softs: f64,
    /// Some had more in flight than is little.
    above: bool,
}

/// The latency of one service with little in flight.
#[derive(Debug, Clone)]
pub(crate) struct LatencyBaseline {
    /// Mean, milliseconds; 0 while unknown.
    mean: f64,
    /// It was configured, and is not learned.
    given: bool,
    /// Oldest first.
    kept: VecDeque<QuietCall>,
    /// Of them, since the last batch.
    fresh: usize,
    tau: f64,
    /// Mean of `exp(-latency / tau)` and its relative deviation; 0 while unknown.
    soft: f64,
    spread: f64,
    /// Half the squared coefficient of variation, at least the 1 up to where chance alone would take it.
    variation: f64,
    /// The extent to which calls under load have been quicker.
    outdone: f64,
    /// Milliseconds of work before the baseline was known, and the end of that time.
    exposure: f64,
    exposed_to: f64,
}

impl LatencyBaseline {
    pub(crate) fn new(given: Option<f64>) -> Self {
        Self {
            mean: given.unwrap_or(0.0),
            given: given.is_some(),
            kept: VecDeque::new(),
            fresh: 0,
            tau: 0.0,
            soft: 0.0,
            spread: 0.0,
            variation: 1.0,
            outdone: 0.0,
            exposure: 0.0,
            exposed_to: f64::INFINITY,
        }
    }

    /// Returns the mean latency, milliseconds; 0 while unknown.
    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    pub(crate) fn is_given(&self) -> bool {
        self.given
    }

    pub(crate) fn variation(&self) -> f64 {
        self.variation
    }

    /// Samples since the last batch.
    pub(crate) fn fresh(&self) -> f64 {
        self.fresh as f64
    }

    /// More samples than this are no better than as many.
    pub(crate) const MOST: f64 = KEPT as f64;

    /// Returns the mean, and as much more as so few samples leave open.
    pub(crate) fn at_most(&self) -> f64 {
        if self.given || self.kept.is_empty() {
            return self.mean;
        }
        self.mean * (1.0 + MARGIN * (self.variation / self.kept.len() as f64).sqrt())
    }

    /// Notes that `in_flight` calls were running until now. Before anything is known, their time at work over their
    /// completions estimates the mean: counting only what has completed would favour what completes early.
    pub(crate) fn observe(&mut self, in_flight: f64, now: f64) {
        if self.mean <= 0.0 {
            self.exposure += in_flight * (now - self.exposed_to).max(0.0);
            self.exposed_to = now;
        }
    }

    /// Returns `exp(-latency / tau)`.
    pub(crate) fn soften(&self, latency: f64) -> f64 {
        if self.tau > 0.0 { (-latency / self.tau).exp() } else { 0.0 }
    }

    /// Adds the latency of work that started with as little as `in_flight`.
    pub(crate) fn add(&mut self, latency: f64, in_flight: f64) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.fresh += 1;
        let soft = self.soften(latency);
        #[expect(clippy::cast_possible_truncation, reason = "seven digits are plenty")]
        let call =
            QuietCall { latency: latency as f32, soft: soft as f32, in_flight: in_flight as f32 };
        self.kept.push_back(call);
        if self.mean <= 0.0 && self.fresh() >= FIRST_BATCH {
            self.mean = (self.exposure / self.fresh()).max(1e-3);
            self.fresh = 0;
            self.retune(&self.sums(f64::INFINITY));
        }
    }

    /// Compares the fresh samples with those before and adds them; if they are news, they replace those before.
    /// `doubted`: there is a reason to expect news. Forgets calls with more than `most` in flight, because that is not
    /// little any more. Returns also whether `tau` changed: sums of [`Self::soften`] begin anew then.
    pub(crate) fn learn(&mut self, most: f64, doubted: bool) -> (News, bool) {
        let fresh = self.fresh.min(self.kept.len());
        self.fresh = 0;
        let before = self.kept.len() - fresh;
        let news = self.compare(before, if doubted { DOUBTED } else { NEWS });
        let mut sums = self.sums(most);
        if news != News::None {
            self.kept.drain(..before);
            sums = self.sums(most);
        } else if sums.above {
            let mut spare = self.kept.len().saturating_sub(ENOUGH);
            self.kept.retain(|call| {
                let stays = spare == 0 || f64::from(call.in_flight) <= most;
                spare -= usize::from(!stays);
                stays
            });
            sums = self.sums(most);
        }
        let count = self.kept.len().max(1) as f64;
        self.mean = (sums.latency / count).max(1e-3);
        self.variation = (0.5 * (sums.latencies / count / (self.mean * self.mean) - 1.0)).max(1.0);
        (news, self.retune(&sums))
    }

    /// Sums all samples in one pass, because a gate that is little used learns every few calls.
    fn sums(&self, most: f64) -> SampleSums {
        let mut sums = SampleSums::default();
        let (older, newer) = self.kept.as_slices();
        for calls in [older, newer] {
            for call in calls {
                let (latency, soft) = (f64::from(call.latency), f64::from(call.soft));
                sums.latency += latency;
                sums.latencies += latency * latency;
                sums.soft += soft;
                sums.softs += soft * soft;
                sums.above |= f64::from(call.in_flight) > most;
            }
        }
        sums
    }

    /// Compares the samples from `before` on with the others.
    fn compare(&self, before: usize, news: f64) -> News {
        let fresh = self.kept.len() - before;
        if self.soft <= 0.0 || fresh == 0 {
            return News::None;
        }
        let noise = (1.0 / fresh as f64 + 1.0 / before.max(1) as f64).sqrt();
        let soft = mean(self.kept.range(before..).map(|call| f64::from(call.soft)));
        let latency = mean(self.kept.range(before..).map(|call| f64::from(call.latency)));
        // A shift shows in the one, a slower service in the other.
        let shift = (self.soft / soft).ln() / (self.spread.max(LEAST_SPREAD) * noise);
        let slower = (latency / self.mean - 1.0) / ((2.0 * self.variation).sqrt() * noise);
        if shift > news || slower > news {
            News::Later
        } else if shift < -news {
            News::Sooner
        } else {
            News::None
        }
    }

    /// Takes in `count` calls of a limit in use, of mean latency `latency` and mean [`Self::soften`] `soft`. If they
    /// took less than the baseline says of calls with little in flight, the baseline was wrong: these replace it.
    pub(crate) fn outdone(&mut self, count: f64, latency: f64, soft: f64) -> bool {
        if self.given || self.soft <= 0.0 {
            return false;
        }
        let noise = (1.0 / count + 1.0 / self.kept.len().max(1) as f64).sqrt();
        let deviations = (soft / self.soft).ln() / (self.spread.max(LEAST_SPREAD) * noise);
        let now = if latency < self.mean { deviations } else { 0.0 };
        self.outdone = (self.outdone + now - OUTDONE.0).max(0.0);
        let outdone = self.outdone > OUTDONE.1;
        if outdone {
            self.kept.clear();
            self.fresh = 0;
            self.outdone = 0.0;
            (self.mean, self.soft) = (latency.max(1e-3), soft);
        }
        outdone
    }

    /// Lets `tau` follow the mean, true if it did; and notes what `sums` say.
    fn retune(&mut self, sums: &SampleSums) -> bool {
        let tau = self.mean.max(FINEST_MS) / SHARPNESS;
        let moved = (tau - self.tau).abs() > FOLLOW * self.tau;
        if self.kept.is_empty() {
            return false;
        }
        let (mut soft, mut softs) = (sums.soft, sums.softs);
        if moved {
            self.tau = tau;
            for call in &mut self.kept {
                #[expect(clippy::cast_possible_truncation, reason = "seven digits are plenty")]
                let soft = (-f64::from(call.latency) / tau).exp() as f32;
                call.soft = soft;
            }
            SampleSums { soft, softs, .. } = self.sums(f64::INFINITY);
        }
        let count = self.kept.len() as f64;
        self.soft = soft / count;
        self.spread =
            (softs / count / (self.soft * self.soft).max(f64::MIN_POSITIVE) - 1.0).max(0.0).sqrt();
        moved
    }

    /// Returns how many calls wait inside the service while `in_flight` are there, of mean latency `latency` and mean
    /// [`Self::soften`] `soft`: all but one at most, and none while nothing is known.
    pub(crate) fn waiting(&self, in_flight: f64, latency: f64, soft: f64) -> f64 {
        if self.soft <= 0.0 || in_flight <= 0.0 || latency <= 0.0 {
            return 0.0;
        }
        let each = (latency / (in_flight * self.tau)).ln_1p();
        ((self.soft / soft.max(f64::MIN_POSITIVE)).ln() / each)
            .clamp(0.0, (in_flight - 1.0).max(0.0))
    }
}

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = numbers.len().max(1) as f64;
    numbers.sum::<f64>() / count
}

#[cfg(test)]
#[path = "baseline_test.rs"]
mod tests;
