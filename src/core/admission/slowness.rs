//! Gray failure: calls that end well and take far longer than is normal here.
//!
//! The gate learns its own normal, which is not the limit's baseline: mean latency, mean in flight and the share of
//! *slow* calls, over a minute of use. A call is slow if it takes five times the normal mean, and more in proportion to
//! what was in flight when it started, if that was more than is normal. In a healthy service latency grows at most in
//! proportion to what is in flight (it is `s * max(1, n / K)` behind `K` servers), so load alone makes no call slow,
//! and heavy tails are part of the normal share.
//!
//! Whether the share has risen is a question of chance, which a CUSUM of log-likelihood ratios answers as early as
//! can be at any rate (Page, "Continuous inspection schemes", 1954; Lorden 1971: below `p0` at least `e^h` calls pass
//! between two false alarms). It rises by a bounded step a report, because one pause of the process makes everything
//! in flight slow at once, and that is one event.

use crate::core::resistance::decay::decay;

/// A call is slow beyond this many times the normal mean.
const SLOW: f64 = 5.0;
/// Means below this are taken for this, milliseconds: there, the host's own hiccups are slow.
const SHORTEST_MS: f64 = 1.0;
/// Memory of the normal, milliseconds of use, and how much longer it is while calls are slow: a failure is not learned
/// before it has lasted for minutes, and what lasts longer is normal.
const NORMAL_MS: f64 = 60_000.0;
const RELUCTANCE: f64 = 0.1;
/// A report speaks for at most this, milliseconds: time without calls teaches nothing.
const HOLD_MS: f64 = 1000.0;
/// Calls before there is a normal mean, and then before there is a normal share.
const KNOWN: f64 = 32.0;
/// What is thought of the share before anything was seen: so many slow calls of so many.
const PRIOR: (f64, f64) = (2.0, 40.0);
/// The share that is looked for: three times the normal one, and at least this much more.
const RISE: f64 = 3.0;
const LEAST_RISE: f64 = 0.04;
/// Evidence that is enough, `h`, and what is kept beyond it: the more, the longer a signal outlasts its cause.
const ENOUGH: f64 = 10.0;
const MOST: f64 = 15.0;
/// A report adds at most this: what ends in the same 25 ms may have one cause.
const STEP: f64 = 2.0;

/// What is normal, and how much speaks against it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slowness {
    /// Sums over calls, fading: how many, their latency, what was in flight.
    calls: f64,
    latency: f64,
    in_flight: f64,
    /// The same of the calls that were judged: how many, and how many slow.
    judged: f64,
    slow: f64,
    /// Slow is beyond this times what is in flight, milliseconds; 0 while unknown.
    bar: f64,
    /// The mean in flight; with less in flight no less is normal.
    usual: f64,
    /// Since the last report.
    seen_in_flight: f64,
    seen_slow: f64,
    /// The CUSUM.
    against: f64,
}

impl Slowness {
    /// A call ended well that started with `in_flight`, itself included.
    pub(crate) fn succeed(&mut self, latency: f64, in_flight: f64) {
        self.seen_in_flight += in_flight;
        self.seen_slow += f64::from(u8::from(latency > self.bar * in_flight.max(self.usual)));
    }

    /// How sure it is that calls are slow: 0 to 1, from half of the evidence that is enough.
    pub(crate) fn certainty(&self) -> f64 {
        (2.0 * self.against / ENOUGH - 1.0).clamp(0.0, 1.0)
    }

    /// `calls` ended well in the last `dt` milliseconds, with `latency` in sum.
    pub(crate) fn report(&mut self, calls: f64, latency: f64, dt: f64) {
        let (in_flight, slow) = (self.seen_in_flight, self.seen_slow);
        (self.seen_in_flight, self.seen_slow) = (0.0, 0.0);
        if calls <= 0.0 {
            return;
        }
        let known = self.bar > 0.0;
        if known && self.judged >= KNOWN {
            self.weigh(calls, slow);
        }
        let pace = if self.certainty() > 0.0 { RELUCTANCE } else { 1.0 };
        let keep = decay(pace * dt.min(HOLD_MS) / NORMAL_MS);
        self.calls = self.calls * keep + pace * calls;
        self.latency = self.latency * keep + pace * latency;
        self.in_flight = self.in_flight * keep + pace * in_flight;
        if known {
            self.judged = self.judged * keep + pace * calls;
            self.slow = self.slow * keep + pace * slow;
        }
        if self.calls >= KNOWN {
            self.usual = (self.in_flight / self.calls).max(1.0);
            self.bar = SLOW * (self.latency / self.calls).max(SHORTEST_MS) / self.usual;
        }
    }

    fn weigh(&mut self, calls: f64, slow: f64) {
        let normal = (self.slow + PRIOR.0) / (self.judged + PRIOR.1);
        let risen = (RISE * normal).max(normal + LEAST_RISE).min(0.5 * (1.0 + normal));
        let ratio =
            slow * (risen / normal).ln() + (calls - slow) * ((1.0 - risen) / (1.0 - normal)).ln();
        self.against = (self.against + ratio.min(STEP)).clamp(0.0, MOST);
    }
}
