//! Gray failure: calls that end well, and take far longer than is normal here.
//!
//! The gate learns its normal latency over a minute of use, apart from the limit's baseline, a block of two
//! seconds at a time. A block is learned when the next one is over, and hardly if something is wrong by then, so that
//! the first seconds of a failure do not count as normal. Two questions are asked of each report.
//!
//! **Are more calls slow?** A call is slow if it takes five times the normal mean and eight times the median of the
//! last few calls. A queue makes all calls take longer, and the median with them; so load makes no call slow, and a
//! heavy tail is part of the normal share. Whether the share has risen is asked by a CUSUM of log-likelihood ratios,
//! which is as early as can be at any rate of calls (Page, "Continuous inspection schemes", 1954; Lorden 1971: if calls
//! are independent, at least `e^h` of them pass between two false alarms). Calls are not quite independent: a pause of
//! the process makes everything in flight slow, a long job makes the work behind it slow. So a report adds a bounded
//! step, and the ratio is divided by the dispersion of the normal counts (Wedderburn's quasi-likelihood, 1974).
//!
//! **Is everything slower?** The median of the last seconds is held against the normal one and its deviation. Where
//! more calls end than usual, so much more latency is put down to load; the limit keeps load alone from more.

use crate::core::resistance::decay::decay;

/// A call is slow beyond this many times the normal mean, and this many times the median of the last calls: for
/// exponential service that is the same.
const SLOW: f64 = 5.0;
const SLOW_NOW: f64 = 8.0;
/// A call moves the median by this factor: some ten calls double it, and half of all calls must be slow to raise it.
const FOLLOW: f64 = 1.1;
/// Latency below this is taken for this, milliseconds: there, the host's own hiccups are slow.
const SHORTEST_MS: f64 = 1.0;
/// The size of a block: milliseconds of use, and the fewest calls.
const BLOCK_MS: f64 = 2000.0;
const KNOWN: f64 = 32.0;
/// The memory of it, milliseconds of use, and the fewest calls.
const NORMAL_MS: f64 = 60_000.0;
const NORMAL_CALLS: f64 = 1000.0;
/// While something is wrong the memory is ten times as long: a failure becomes the normal only after minutes. Less so
/// while the normal itself is no older than this, because then it may be what is wrong.
const RELUCTANCE: f64 = 0.1;
const YOUNG_MS: f64 = 25_000.0;
/// A report speaks for at most this, milliseconds: time without calls teaches nothing.
const HOLD_MS: f64 = 1000.0;
/// Use before there is a normal median.
const KNOWN_MS: f64 = 20_000.0;
/// The belief before the first calls: so many slow calls of so many, so much variance of their counts as chance has,
/// and for so long a deviation of 0.3 of the logarithm of the median.
const SLOW_BEFORE: f64 = 2.0;
const CALLS_BEFORE: f64 = 40.0;
const VARIANCE_BEFORE: f64 = 6.0;
const DEVIATION_BEFORE: f64 = 0.3;
const BEFORE_MS: f64 = 10_000.0;
/// The share that is looked for: three times the normal one, and at least this much more.
const RISE: f64 = 3.0;
const LEAST_RISE: f64 = 0.04;
/// Evidence that is certainty, `h`, and what is kept beyond it: the more, the longer a signal outlasts its cause.
const ENOUGH: f64 = 14.0;
const MOST: f64 = 16.0;
/// The most that a report adds: calls that end in the same 25 ms may have one cause.
const STEP: f64 = 2.0;
/// One count, and one median, speak for at most this many times the variance.
const OUTLIER: f64 = 16.0;
const OUTLIER_MEDIAN: f64 = 4.0;
/// The length of "the last seconds", milliseconds, and the fewest calls.
const RECENT_MS: f64 = 3000.0;
const RECENT_CALLS: f64 = 30.0;
/// A median this far above the normal one, as a logarithm (2.7 times), and by so many deviations, is certain.
const SLOWER: f64 = 1.0;
const DEVIATIONS: f64 = 6.0;

/// Sums over reports.
#[derive(Debug, Clone, Copy, Default)]
struct ReportSums {
    time: f64,
    calls: f64,
    latency: f64,
    slow: f64,
    /// The squared deviation of their number, and its variance if calls were independent.
    squares: f64,
    variance: f64,
    /// Times the time they held: the logarithm of the median, and the square of its deviation.
    median: f64,
    spread: f64,
}

impl ReportSums {
    fn add(&mut self, keep: f64, pace: f64, more: &Self) {
        for (sum, more) in [
            (&mut self.time, more.time),
            (&mut self.calls, more.calls),
            (&mut self.latency, more.latency),
            (&mut self.slow, more.slow),
            (&mut self.squares, more.squares),
            (&mut self.variance, more.variance),
            (&mut self.median, more.median),
            (&mut self.spread, more.spread),
        ] {
            *sum = *sum * keep + pace * more;
        }
    }

    /// Returns the share of slow calls.
    fn share(&self) -> f64 {
        (self.slow + SLOW_BEFORE) / (self.calls + CALLS_BEFORE)
    }

    /// Returns by how much the number of slow calls varies more than chance alone would make it.
    fn dispersion(&self) -> f64 {
        ((self.squares + VARIANCE_BEFORE) / (self.variance + VARIANCE_BEFORE)).max(1.0)
    }

    /// Returns the variance of the logarithm of the median.
    fn variation(&self) -> f64 {
        let before = BEFORE_MS * DEVIATION_BEFORE * DEVIATION_BEFORE;
        (self.spread + before) / (self.time + BEFORE_MS)
    }
}

/// The normal latencies of a service, and the evidence against them.
#[derive(Debug, Clone, Default)]
pub(crate) struct GrayFailure {
    normal: ReportSums,
    /// The block before this one, and this one.
    past: ReportSums,
    block: ReportSums,
    /// Five times the normal mean, milliseconds; 0 while unknown.
    bar: f64,
    /// Median of the last calls, milliseconds.
    median: f64,
    /// Slow calls since the last report.
    slow: f64,
    /// The CUSUM.
    against: f64,
    /// Of the last seconds: time, calls, and the logarithm of the median times time.
    recent: [f64; 3],
}

impl GrayFailure {
    /// Notes that a call succeeded.
    pub(crate) fn succeed(&mut self, latency: f64) {
        let slow = latency > self.bar.max(SLOW_NOW * self.median);
        self.slow += f64::from(u8::from(slow));
        self.median *= if latency > self.median { FOLLOW } else { 1.0 / FOLLOW };
    }

    /// Returns how certain it is that the service is slow: 0 to 1, from half of what makes it certain.
    pub(crate) fn certainty(&self) -> f64 {
        let most = (self.against / ENOUGH).max(self.slower());
        (2.0 * most - 1.0).clamp(0.0, 1.0)
    }

    /// Notes that `calls` succeeded in the last `dt` milliseconds, with `latency` in sum.
    pub(crate) fn report(&mut self, calls: f64, latency: f64, dt: f64) {
        let slow = std::mem::take(&mut self.slow);
        if calls <= 0.0 {
            return;
        }
        let time = dt.min(HOLD_MS);
        let mut news = ReportSums { time, calls, latency, ..ReportSums::default() };
        if self.bar > 0.0 {
            if self.normal.calls > 0.0 {
                self.weigh(calls, slow);
            }
            news.slow = slow;
            (news.median, news.spread) = self.follow(calls, time);
        }
        self.block.add(1.0, 1.0, &news);
        if self.block.time >= BLOCK_MS && self.block.calls >= KNOWN {
            self.learn();
        }
    }

    /// Takes in that `slow` of `calls` were slow: for or against a share that has risen.
    fn weigh(&mut self, calls: f64, slow: f64) {
        let normal = self.normal.share();
        let risen = (RISE * normal).max(normal + LEAST_RISE).min(0.5 * (1.0 + normal));
        let ratio =
            slow * (risen / normal).ln() + (calls - slow) * ((1.0 - risen) / (1.0 - normal)).ln();
        let step = (ratio / self.normal.dispersion()).min(STEP);
        self.against = (self.against + step).clamp(0.0, MOST);
    }

    /// Moves the last seconds on; the logarithm of the median and the square of its deviation, times `time`.
    fn follow(&mut self, calls: f64, time: f64) -> (f64, f64) {
        // However many calls took no time at all, one that takes some is within reach.
        self.median = self.median.max(0.5 * SHORTEST_MS);
        let log = self.median.max(SHORTEST_MS).ln();
        let keep = decay((time / RECENT_MS).min(calls / RECENT_CALLS));
        let [span, ended, logs] = self.recent;
        self.recent = [span * keep + time, ended * keep + calls, logs * keep + log * time];
        let variation = self.normal.variation();
        let off =
            self.above().map_or(variation, |above| (above * above).min(OUTLIER_MEDIAN * variation));
        (log * time, off * time)
    }

    /// Learns the block before, and begins the next.
    fn learn(&mut self) {
        if self.bar <= 0.0 {
            // The latency of the first calls makes it possible to judge the next ones. It is not learned otherwise.
            self.median = (self.block.latency / self.block.calls).max(SHORTEST_MS);
            self.bar = SLOW * self.median;
            self.block = ReportSums::default();
            return;
        }
        if self.normal.calls > 0.0 {
            let share = self.normal.share();
            self.past.variance = self.past.calls * share * (1.0 - share);
            let off = self.past.slow - self.past.calls * share;
            self.past.squares = (off * off).min(OUTLIER * self.past.variance);
        }
        let young = decay((self.normal.time / YOUNG_MS).powi(2));
        let wrong = self.certainty() > 0.0;
        let pace = if wrong { RELUCTANCE + (1.0 - RELUCTANCE) * young } else { 1.0 };
        let age = (self.past.time / NORMAL_MS).min(self.past.calls / NORMAL_CALLS);
        self.normal.add(decay(pace * age), pace, &self.past);
        self.past = std::mem::take(&mut self.block);
        if self.normal.calls > 0.0 {
            self.bar = SLOW * (self.normal.latency / self.normal.calls).max(SHORTEST_MS);
        }
    }

    /// Returns how far the median of the last seconds is above the normal one, as a logarithm.
    fn above(&self) -> Option<f64> {
        let ([time, _, logs], normal) = (self.recent, &self.normal);
        (normal.calls > 0.0).then(|| logs / time - normal.median / normal.time)
    }

    /// Returns the same, beyond what load explains: 1 is certain.
    fn slower(&self) -> f64 {
        let (normal, [time, calls, _]) = (&self.normal, self.recent);
        let Some(above) = self.above().filter(|_| normal.time >= KNOWN_MS) else { return 0.0 };
        let load = (calls / time) / (normal.calls / normal.time);
        let above = above - 2.0 * load.max(1.0).ln();
        above / SLOWER.max(DEVIATIONS * normal.variation().sqrt())
    }
}
