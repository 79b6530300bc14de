//! Learns the normal levels of a service from its telemetry. A departure from them that is large and long enough is
//! pressure.
//!
//! Reports are taken together in blocks of [`BLOCK_MS`], so that their rate does not matter. A report that comes later
//! than that is a block of its own. For each signal its mean `m` is learned, and how far blocks stray from it. The
//! deviation `d` of a block is measured in units of a *turn for the worse*: five times the latency (`ln 5` of its
//! logarithm), twenty points of errors, or the way from the mean to a saturation of 1.
//!
//! A CUSUM decides whether the service has turned (Page, "Continuous inspection schemes", Biometrika 1954). Its
//! evidence `C = max(0, C + l)` adds up log-likelihood ratios of blocks, turned against normal. `l = (d - c) / v` is
//! the ratio of two Gaussians one turn apart for `c = 1/2`, with the learned variance `v`. Among all tests with as few
//! false alarms none is quicker (Lorden 1971, Moustakides 1986). One block adds at most [`CLIP`], so that no single
//! report is enough. Blocks that resemble the one before carry less information. So `v` is multiplied by
//! `(1 + r) / (1 - r)`, where `r` is their correlation, as for a sum of a first-order autoregressive process.

use super::config::{Baseline, ResistanceConfig, Slo};
use super::decay::decay;
use super::pressure::Pressure;
use super::reading::Learned;
use super::telemetry::Telemetry;

/// Length of a block, milliseconds.
const BLOCK_MS: f64 = 250.0;
/// Evidence at which a signal becomes critical. Lorden's bound: by chance once in `e^8` blocks, 3000, or less.
const CERTAIN: f32 = 8.0;
/// Most that one block says against normal: two blocks must agree at least.
const CLIP: f32 = 4.0;
/// Most that one block says for it: noise grows with the level, so that a bad service has a good block now and then.
const CLIP_BACK: f32 = 2.0;
/// The most evidence, so that it fades within a few blocks after the end.
const MOST: f32 = 12.0;
/// Time constant with which evidence is forgotten in silence, seconds.
const FORGET_S: f32 = 30.0;
/// Time constant of the deviation that makes the pressure, seconds.
const LEVEL_S: f64 = 1.0;
/// Time constant of each of the two means of which one follows the other, seconds. Together they are 160 s behind, so
/// that an hour's creep by a turn stays within a twentieth of it. In a minute they follow a fifteenth of the way, where
/// one mean of 160 s would have followed a sixth.
const LEARN_S: f64 = 80.0;
/// Time constant of how far blocks stray, seconds: so slow that the first minute of a creep is no noise.
const STRAY_S: f64 = 600.0;
/// The time constant of the normal level once the service is better for certain, seconds.
const BETTER_S: f64 = 15.0;
/// One block is this much news at most, seconds, however long there was no report.
const NEWS_S: f64 = 10.0;
/// Nothing is judged before this much was learned of a signal, seconds.
const READY_S: f32 = 1.0;
/// Deviation of blocks before anything is known, squared, and how long that counts, seconds.
const FIRST_VARIANCE: f32 = 0.25;
const FIRST_S: f64 = 1.0;
/// Least variance: a tenth of a turn, squared, so that a service without noise may have some.
const LEAST_VARIANCE: f32 = 0.01;
/// Most that correlation multiplies the variance by.
const MOST_CORRELATION: f32 = 8.0;
/// Furthest deviation that is learned from.
const FAR: f32 = 8.0;
/// Deviation that counts without evidence: it shows in R, and three of it together are not critical.
const FREE: f32 = 0.2;
/// Pressure is `tanh(1.75 u)` of the deviation `u`, so that half a turn is just critical: 0.704 > 0.7.
const STEEP: f64 = 1.75;
/// A signal without a report for this long is unknown, seconds.
const UNKNOWN_S: f32 = 1.0;
/// A new level that has lasted this long is normal, seconds.
const LASTING_S: f32 = 480.0;
/// The shortest time, seconds, in which a new level replaces the learned one. It takes four times as long as that was
/// known.
const SHORTEST_S: f32 = 120.0;
/// More errors than this are not normal at first sight, only if they last.
const ERRORS_AT_FIRST: f32 = 0.2;
/// A saturation below this is not worse than a lower one.
const ENOUGH: f32 = 0.7;
/// From this mean saturation on there is hardly a turn left.
const NEARLY_FULL: f32 = 0.9;
/// Latencies below this are noise of clocks, milliseconds.
const GRAIN_MS: f64 = 0.25;
/// The greatest factor between a learned latency and a configured one, either way.
const REACH: f64 = 8.0;

/// The kinds of signals, each by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignalKind {
    Latency,
    Errors,
    Saturation,
}

const KINDS: [SignalKind; 3] = [SignalKind::Latency, SignalKind::Errors, SignalKind::Saturation];

#[expect(clippy::cast_possible_truncation, reason = "seven digits are enough")]
fn narrow(x: f64) -> f32 {
    x as f32
}

impl SignalKind {
    /// Returns the scale on which noise has about the same size at any level.
    fn scale(self, raw: f64) -> f32 {
        narrow(match self {
            Self::Latency => (raw + GRAIN_MS).ln(),
            Self::Errors => raw,
            // Beyond full there is no full to measure against: there only ratios tell something.
            Self::Saturation => {
                if raw <= 1.0 {
                    raw
                } else {
                    1.0 + raw.ln()
                }
            }
        })
    }

    /// Returns the raw value of a scaled one.
    fn raw(self, scaled: f32) -> f64 {
        let scaled = f64::from(scaled);
        match self {
            Self::Latency => (scaled.exp() - GRAIN_MS).max(0.0),
            Self::Errors => scaled,
            Self::Saturation => {
                if scaled <= 1.0 {
                    scaled
                } else {
                    (scaled - 1.0).exp()
                }
            }
        }
    }

    /// Returns a turn for the worse from `mean`, and how much of it is half way between normal and turned.
    fn turn(self, mean: f32) -> (f32, f32) {
        match self {
            Self::Latency => (1.609_438, 0.5),
            Self::Errors => (0.2, 0.5),
            Self::Saturation => {
                let turn = (1.0 - mean).max(0.15) + (mean - 1.0).clamp(0.0, 0.6);
                // What uses more of a service is not worse as long as there is enough left; and where it is full
                // anyway, noise is no turn.
                let half = ((ENOUGH - mean) / turn).max(0.5);
                (turn, half + (3.0 * (mean - NEARLY_FULL)).clamp(0.0, 0.5))
            }
        }
    }
}

/// The knowledge about one signal.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SignalState {
    /// Of the block that is open.
    sum: f32,
    count: f32,
    /// The normal level, and the mean that it follows.
    mean: f32,
    ahead: f32,
    /// Of the deviations of blocks, and of each with the one before; on the signal's scale, because a turn can shrink.
    variance: f32,
    product: f32,
    last: f32,
    /// Of the last second, in turns.
    level: f32,
    /// Positive: it has turned for the worse; negative: for the better.
    evidence: f32,
    /// Seconds of learning, and seconds without a report.
    known_s: f32,
    unseen_s: f32,
    /// Has lasted, so that it is normal whatever it is.
    lasting: bool,
}

const UNKNOWN: SignalState = SignalState {
    sum: 0.0,
    count: 0.0,
    mean: 0.0,
    ahead: 0.0,
    variance: 0.0,
    product: 0.0,
    last: 0.0,
    level: 0.0,
    evidence: 0.0,
    known_s: 0.0,
    unseen_s: 0.0,
    lasting: false,
};

impl SignalState {
    fn add(&mut self, scaled: f32) {
        self.sum += scaled;
        self.count += 1.0;
    }

    fn most(&self, kind: SignalKind) -> f32 {
        let is_new = !self.lasting && self.known_s < LASTING_S;
        if kind == SignalKind::Errors && is_new { ERRORS_AT_FIRST } else { f32::INFINITY }
    }

    fn is_certain(&self) -> bool {
        self.evidence >= CERTAIN
    }

    /// Closes a block of `dt` seconds and judges it. Its mean, and how much news it is, seconds.
    fn judge(&mut self, kind: SignalKind, dt: f64) -> Option<(f32, f64)> {
        let quiet = narrow(dt) + self.unseen_s;
        if self.count <= 0.0 {
            self.unseen_s = quiet;
            return None;
        }
        let x = self.sum / self.count;
        (self.sum, self.count, self.unseen_s) = (0.0, 0.0, 0.0);
        if self.known_s <= 0.0 {
            self.mean = x.min(self.most(kind));
            self.ahead = x;
            self.variance = FIRST_VARIANCE * kind.turn(self.mean).0.powi(2);
        }
        let (turn, half) = kind.turn(self.mean);
        let d = (x - self.mean) / turn;
        let passed = f64::from(quiet);
        self.level += narrow(1.0 - decay(passed / LEVEL_S)) * (d - self.level);
        if quiet > UNKNOWN_S {
            self.evidence *= (-(quiet - UNKNOWN_S) / FORGET_S).exp();
        }
        if self.known_s >= READY_S || self.mean >= self.most(kind) {
            self.prove(d, turn, half);
        }
        Some((x, passed.min(NEWS_S)))
    }

    /// Takes a deviation for evidence.
    fn prove(&mut self, d: f32, turn: f32, half: f32) {
        let r = (self.product / self.variance.max(f32::MIN_POSITIVE)).clamp(0.0, 0.99);
        let alike = ((1.0 + r) / (1.0 - r)).min(MOST_CORRELATION);
        let v = (self.variance * alike / (turn * turn)).max(LEAST_VARIANCE);
        // Such noise is seldom Gaussian: it has rare large values, which carry less information.
        let v = v * (1.0 + v);
        let worse = ((d - half) / v).clamp(-CLIP_BACK, CLIP);
        let better = ((-d - half) / v).clamp(-CLIP_BACK, CLIP);
        let c = self.evidence;
        self.evidence = if c > 0.0 || (c == 0.0 && worse > 0.0) {
            (c + worse).clamp(0.0, MOST)
        } else {
            (c - better).clamp(-MOST, 0.0)
        };
    }

    /// Learns from a block.
    fn learn(&mut self, kind: SignalKind, x: f32, news: f64) {
        let known = f64::from(self.known_s);
        let far = FAR * kind.turn(self.mean).0;
        let off = (x - self.ahead).clamp(-far, far);
        let slowly = 1.0 - decay(news / STRAY_S);
        let w = narrow(slowly.max(news / (known + news + FIRST_S)));
        self.variance += w * (off * off - self.variance);
        self.product += w * (off * self.last - self.product);
        self.last = off;
        let tau = if self.evidence <= -CERTAIN { BETTER_S } else { LEARN_S };
        let (lately, plain) = (1.0 - decay(news / tau), news / (known + news));
        let off = if self.known_s < READY_S { x - self.ahead } else { off };
        self.ahead += narrow(lately.max(plain)) * off;
        // The mean of all there was so far, and then what follows it.
        let follow = if plain > lately { 1.0 } else { narrow(lately) };
        self.mean += follow * (self.ahead.min(self.most(kind)) - self.mean);
        self.known_s = (self.known_s + narrow(news)).min(1e6);
    }

    /// Returns the deviation that counts, as pressure.
    fn pressure(&self, scale: f64) -> f64 {
        if self.unseen_s > UNKNOWN_S {
            return 0.0;
        }
        let proven = 0.5 * (self.evidence / CERTAIN).powi(2);
        let same = self.evidence * self.level > 0.0;
        let bound = if same { proven.max(FREE) } else { FREE };
        (STEEP * scale * f64::from(self.level.clamp(-bound, bound))).tanh()
    }

    /// Returns the recent level of the signal, on its scale.
    fn lately(&self, kind: SignalKind) -> f32 {
        self.mean + self.level * kind.turn(self.mean).0
    }

    /// Returns how long it takes until a new level is normal, seconds.
    fn outvoted_after(&self) -> f32 {
        (4.0 * self.known_s).clamp(SHORTEST_S, LASTING_S)
    }
}

/// The normal levels of one service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    signals: [SignalState; 3],
    /// Since when the block is open, milliseconds; NaN before the first.
    since: f64,
    /// Seconds for which the service has been worse than normal; a call that succeeds counts twice against them.
    trouble_s: f32,
    pressure: Pressure,
}

impl Default for Normal {
    fn default() -> Self {
        let pressure = Pressure::default();
        Self { signals: [UNKNOWN; 3], since: f64::NAN, trouble_s: 0.0, pressure }
    }
}

impl Normal {
    /// Takes in a report of the signals that `slo` leaves to be learned, and gives their pressure, 0 for the others.
    ///
    /// A report of nothing at all (no latency, no errors, no saturation) is that of an idle service: it says nothing of
    /// what is normal when there is work.
    pub(super) fn take(
        &mut self,
        config: &ResistanceConfig,
        slo: &Slo,
        telemetry: &Telemetry,
        now_ms: f64,
    ) -> Pressure {
        let [latency, errors, saturation] = &mut self.signals;
        let learnable =
            |signal: Option<f64>, baseline| signal.filter(|_| baseline != Baseline::Given);
        let idle = |x: Option<f64>| x.is_none_or(|x| x <= 0.0);
        if !(idle(telemetry.latency_ms) && idle(telemetry.error_rate) && idle(telemetry.saturation))
        {
            if let Some(x) = learnable(telemetry.latency_ms, slo.latency) {
                latency.add(SignalKind::Latency.scale(x));
            }
            if let Some(x) = learnable(telemetry.error_rate, slo.errors) {
                errors.add(SignalKind::Errors.scale(x));
            }
            if let Some(x) = learnable(telemetry.saturation, slo.saturation) {
                saturation.add(SignalKind::Saturation.scale(x));
            }
        }
        let dt = if self.since.is_nan() { BLOCK_MS } else { now_ms - self.since };
        if dt >= BLOCK_MS {
            self.since = now_ms;
            self.close(config, slo, dt / 1000.0);
        }
        self.pressure
    }

    fn close(&mut self, config: &ResistanceConfig, slo: &Slo, dt: f64) {
        let mut news = [None; 3];
        for ((signal, kind), news) in self.signals.iter_mut().zip(KINDS).zip(&mut news) {
            *news = signal.judge(kind, dt);
        }
        let worse = self.signals.iter().any(SignalState::is_certain);
        let passed = narrow(dt.min(NEWS_S));
        self.trouble_s = (self.trouble_s + if worse { passed } else { -2.0 * passed }).max(0.0);
        let (least, most) = match slo.latency {
            Baseline::Near => {
                let near =
                    |factor: f64| SignalKind::Latency.scale(slo.baseline_latency_ms * factor);
                (near(1.0 / REACH), near(REACH))
            }
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        };
        let since = self.trouble_s;
        for ((signal, kind), news) in self.signals.iter_mut().zip(KINDS).zip(news) {
            let may_last = kind != SignalKind::Latency || signal.lately(kind) <= most;
            if signal.is_certain() && since >= signal.outvoted_after() && may_last {
                *signal = SignalState { lasting: true, ..UNKNOWN };
                self.trouble_s = 0.0;
            } else if let (Some((x, news)), false) = (news, worse) {
                signal.learn(kind, x, news);
            }
        }
        let latency = &mut self.signals[0];
        latency.mean = latency.mean.clamp(least, most);
        let [latency, error, saturation] =
            self.signals.map(|signal| signal.pressure(config.tanh_scale));
        self.pressure = Pressure { latency, error, saturation };
    }

    /// Returns the learned levels of the signals of which something was learned.
    #[must_use]
    pub fn learned(&self) -> Learned {
        let [latency_ms, error_rate, saturation] = [0, 1, 2].map(|at| {
            let signal = &self.signals[at];
            (signal.known_s > 0.0).then(|| KINDS[at].raw(signal.mean))
        });
        Learned { latency_ms, error_rate, saturation }
    }
}
