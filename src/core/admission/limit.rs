//! The in-flight limit: wide enough to keep the service busy, and never chasing its own queueing.
//!
//! The baseline is what the service takes when little is in flight: at most a third of the limit. Under steady
//! overload there are no such samples, so the baseline stands still (it cannot follow the queue it lets
//! build up), except that now and then the limit dips to a third of itself for about a round trip. A baseline `b`
//! sets the limit to about `1.5 b K / s` (`s` service time, `K` servers), so that a dip sees
//! `max(s, b / 2)`: whatever it starts from, too high or too low, it ends at `s`.

use super::config::GateConfig;

/// Share of the limit up to which in-flight counts as little.
const LOW_SHARE: f64 = 1.0 / 3.0;
/// Samples averaged before the baseline moves; more where a dip admits more.
const LOW_BATCH: f64 = 8.0;
/// In flight at its best from which a service is wide enough to tell its knee from chance.
const WIDE: f64 = 32.0;
/// How far a window moves what counts as the best, if it is less and if it is more.
const BEST_GAIN: (f64, f64) = (0.02, 0.3);
/// Samples after which a batch would be believed outright; it moves the baseline by its share of that.
const BELIEF: f64 = 40.0;
/// How far a batch moves the baseline at least, and at most; one that says something new does the latter.
const GAIN: (f64, f64) = (0.2, 0.5);
/// Weight of the last batch in the running mean of `ln(batch / baseline)`. A mean beyond `NEWS / sqrt(samples)`,
/// 2.6 deviations for exponential service, is news: the baseline is wrong.
const NEWS_WEIGHT: f64 = 0.4;
const NEWS: f64 = 1.3;
/// Where service times vary more than exponential ones, batches are longer by their squared variation, up to this.
const MORE: f64 = 4.0;
/// At this share of work that was given up the limit tolerates no queue in the service: ours is in better order.
const WASTE: f64 = 0.1;
/// Below this limit even the room for chance goes then: half a square root is half a place of one or two, and would
/// double what queues in a narrow service. A wider one needs it, or chance alone takes its limit down step by step.
const NARROW: f64 = 4.0;
/// A service whose clients give up more than this share of its work has a backlog that outlasts them.
const HOPELESS: f64 = 0.75;
/// A batch this much above the baseline (as a logarithm: 2.5 times) means a service to be learned anew.
const ANEW: f64 = 0.9;
/// A limit that fell to this share of what it was when the baseline was last looked at asks for a dip.
const ALARM: f64 = 0.5;
/// Time without a dip after one, in units of its length.
const SPARED: f64 = 15.0;
/// A limit in use for less than this many baselines may be a burst, in which a dip would hurt.
const BURST: f64 = 50.0;
/// Slow start ends when doubling the limit gives less than this much throughput.
const KNEE: f64 = 1.2;
/// Completions before there is a baseline at all.
const FIRST_BATCH: f64 = 16.0;

#[derive(Debug, Clone, Copy, Default)]
struct Batch {
    count: f64,
    latency: f64,
    in_flight: f64,
}

impl Batch {
    fn add(&mut self, latency: f64, in_flight: f64) {
        self.count += 1.0;
        self.latency += latency;
        self.in_flight += in_flight;
    }

    /// Mean latency and mean in-flight; starts over.
    fn take(&mut self) -> (f64, f64) {
        let batch = std::mem::take(self);
        (batch.latency / batch.count, batch.in_flight / batch.count)
    }
}

/// A short cut of the limit, to see the service less loaded. The wait queue hides it.
#[derive(Debug, Clone, Copy)]
struct Dip {
    limit: f64,
    admissions_left: f64,
    since: f64,
    until: f64,
}

/// The limit of one gate.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    size: f64,
    /// 0 while unknown.
    base: f64,
    /// Work in flight and its mean latency, at the last full window: their ratio is the throughput.
    loaded: (f64, f64),
    low: Batch,
    high: Batch,
    /// Someone found no slot since the last window.
    blocked: bool,
    /// In the window before, the limit was in use and the baseline forbade to raise it.
    held: bool,
    /// Since when every window found the limit in use; infinity if the last one did not.
    pressed_since: f64,
    slow_start: bool,
    dip: Option<Dip>,
    next_dip_at: f64,
    dip_interval: f64,
    /// Time without a dip after one, in units of its length: 0 while the baseline is known to be too high.
    spared: f64,
    /// Milliseconds of work seen before there was a baseline, and until when.
    exposure: f64,
    exposed_to: f64,
    /// Running mean of `ln(batch / baseline)`.
    drift: f64,
    /// Samples taken.
    samples: f64,
    /// The limit when the baseline last moved.
    checked: f64,
    /// Running means of the unloaded latency and of its square.
    moments: (f64, f64),
    /// Work that ended since the last look, and work of it that was given up.
    ends: (f64, f64),
    /// Work in flight and its mean latency when the service did most; follows slowly what it does now.
    best: (f64, f64),
    /// Running mean of the share of work that was given up.
    waste: f64,
}

/// Shortest and longest time between dips, milliseconds, for a baseline.
fn dip_bounds(base: f64) -> (f64, f64) {
    ((12.0 * base).max(100.0), (50.0 * base).max(10_000.0))
}

impl Limit {
    pub(crate) fn new(config: &GateConfig) -> Self {
        Self {
            size: config
                .fixed_limit
                .unwrap_or(config.initial_limit.clamp(config.min_limit, config.max_limit)),
            base: config.latency_baseline_ms.unwrap_or(0.0),
            loaded: (0.0, 0.0),
            low: Batch::default(),
            high: Batch::default(),
            blocked: false,
            held: false,
            pressed_since: f64::INFINITY,
            slow_start: true,
            dip: None,
            next_dip_at: 0.0,
            dip_interval: dip_bounds(0.0).0,
            spared: SPARED,
            exposure: 0.0,
            exposed_to: f64::INFINITY,
            drift: 0.0,
            samples: 0.0,
            checked: 0.0,
            moments: (0.0, 0.0),
            ends: (0.0, 0.0),
            best: (0.0, 0.0),
            waste: 0.0,
        }
    }

    /// The limit, without dips.
    pub(crate) fn value(&self) -> f64 {
        self.size
    }

    /// Whether one more may start while `in_flight` are running.
    pub(crate) fn has_room(&self, in_flight: f64) -> bool {
        in_flight + 1.0 <= self.dip.map_or(self.size, |dip| dip.limit)
    }

    /// The unloaded latency, milliseconds, once known.
    pub(crate) fn baseline(&self) -> Option<f64> {
        (self.base > 0.0).then_some(self.base)
    }

    /// How much longer than it says the baseline may be: 9 after the first samples, 1.1 after 1280.
    pub(crate) fn doubt(&self) -> f64 {
        1.0 + 128.0 / self.samples.max(FIRST_BATCH)
    }

    /// Work finished per millisecond when the gate is busy; an estimate, 0 if unknown.
    pub(crate) fn throughput(&self) -> f64 {
        if self.loaded.1 > 0.0 {
            self.loaded.0 / self.loaded.1
        } else if self.base > 0.0 {
            self.size / self.base
        } else {
            0.0
        }
    }

    /// Half the squared coefficient of variation of the unloaded latency: 1 up to where chance alone would take that of
    /// an exponential one.
    fn variation(&self) -> f64 {
        let (mean, square) = self.moments;
        if mean > 0.0 { (0.5 * (square / (mean * mean) - 1.0)).max(1.0) } else { 1.0 }
    }

    /// Someone found no slot.
    pub(crate) fn block(&mut self) {
        self.blocked = true;
    }

    /// Most in flight that counts as little.
    fn low_mark(&self) -> f64 {
        (LOW_SHARE * self.size).floor().max(1.0)
    }

    /// `in_flight` were running until now. Before there is a baseline, their time at work over their
    /// completions estimates it: counting only what has completed would favour what completes early.
    pub(crate) fn observe(&mut self, in_flight: f64, now: f64) {
        if self.base <= 0.0 {
            self.exposure += in_flight * (now - self.exposed_to).max(0.0);
            self.exposed_to = now;
        }
    }

    /// Work starts; `in_flight` counts it.
    pub(crate) fn start(&mut self, config: &GateConfig, in_flight: f64, now: f64) {
        if let Some(dip) = &mut self.dip {
            if in_flight <= dip.limit {
                dip.admissions_left -= 1.0;
            }
            if dip.admissions_left <= 0.0 || now >= dip.until {
                // What was in flight may have taken long to drain, and all the while the service was half idle.
                let spared = if self.size < WIDE { 0.0 } else { self.spared * (now - dip.since) };
                self.next_dip_at = self.next_dip_at.max(now + spared);
                self.dip = None;
            }
        } else if now >= self.next_dip_at
            && self.blocked
            && self.held
            && now - self.pressed_since > BURST * self.base
            && config.fixed_limit.is_none()
        {
            self.next_dip_at = now + self.dip_interval;
            if self.base > 0.0 && self.size >= 2.0 && !self.slow_start {
                let limit = self.low_mark();
                let admissions_left = limit.max(LOW_BATCH);
                self.held = false;
                let until = now + 6.0 * self.base;
                self.dip = Some(Dip { limit, admissions_left, since: now, until });
            }
        }
    }

    /// A client was still there when its work ended.
    pub(crate) fn answered(&mut self) {
        self.ends.0 += 1.0;
    }

    /// Work that started with `in_flight` (itself included) took `latency` and succeeded.
    pub(crate) fn sample(&mut self, config: &GateConfig, in_flight: f64, latency: f64, now: f64) {
        self.samples += 1.0;
        if self.base <= 0.0 {
            self.low.add(latency, in_flight);
            if self.low.count >= FIRST_BATCH {
                self.base = (self.exposure / self.low.count).max(1e-3);
                self.moments = (self.base, 2.0 * self.base * self.base);
                self.low = Batch::default();
            }
            return;
        }
        let learned = config.latency_baseline_ms.is_none();
        let mark = self.low_mark();
        let more = self.variation();
        if in_flight <= mark {
            self.low.add(latency, in_flight);
            self.moments = (
                self.moments.0 + (latency - self.moments.0) / 64.0,
                self.moments.1 + (latency * latency - self.moments.1) / 64.0,
            );
            if learned && self.low.count >= LOW_BATCH.max(mark) * more.min(MORE) {
                self.close_low(now);
            }
        }
        // Below 2 everything is little, and would never find out that more is possible.
        if in_flight > mark || self.size < 2.0 {
            self.high.add(latency, in_flight);
            if self.high.count >= self.size.clamp(10.0, 200.0) * more.min(MORE) {
                self.close_high(config, learned, now);
            }
        }
    }

    /// Work was given up after `age`, by clients who stay for `patience`. Its latency is unknown, so it is no sample. But if most work ends so, the service
    /// has a backlog that outlasts the clients, in which no latency is ever seen again: the limit is halved until
    /// answers come. Clients who leave long before an answer could have come have reasons of their own.
    pub(crate) fn abandoned(&mut self, config: &GateConfig, age: f64, patience: f64) {
        self.ends.0 += 1.0;
        if age > 0.5 * self.base.min(patience) {
            self.ends.1 += 1.0;
        }
        let window = self.size.clamp(8.0, 200.0);
        if self.ends.0 < window {
            return;
        }
        if self.ends.1 > HOPELESS * self.ends.0 && config.fixed_limit.is_none() {
            self.size = (0.5 * self.size).max(config.min_limit);
            self.slow_start = false;
            (self.low, self.high, self.dip) = (Batch::default(), Batch::default(), None);
        }
        self.ends = (0.0, 0.0);
    }

    fn close_low(&mut self, now: f64) {
        let count = self.low.count;
        let gain = (count / BELIEF).clamp(GAIN.0, GAIN.1);
        let (mean, _) = self.low.take();
        let surprise = (mean.max(1e-3) / self.base).ln();
        self.drift += NEWS_WEIGHT * (surprise - self.drift);
        let news = self.drift.abs() * (count / self.variation()).sqrt() > NEWS;
        self.checked = self.size;
        let too_high = news && surprise < 0.0;
        self.spared = if too_high { 0.0 } else { SPARED };
        let was = self.base;
        self.base += if news { GAIN.1 } else { gain } * (mean - self.base);
        self.drift -= (self.base / was).ln();
        let (shortest, longest) = dip_bounds(self.base);
        self.dip_interval = if too_high {
            // Too high a baseline means too high a limit: then a dip costs no throughput.
            0.5 * shortest
        } else if news {
            // Too low a baseline means too low a limit.
            self.slow_start |= surprise > ANEW;
            shortest
        } else {
            (2.0 * self.dip_interval).clamp(shortest, longest)
        };
        self.next_dip_at = now + self.dip_interval;
    }

    /// Whether a limit this low keeps the service from what it can do. Takes note of the best it has done.
    fn is_below_knee(&mut self, in_flight: f64, mean: f64) -> bool {
        let (load, latency) = self.best;
        let (done, most) = (in_flight / mean.max(1e-6), load / latency.max(1e-6));
        let follow = if done > most { BEST_GAIN.1 } else { BEST_GAIN.0 };
        let follow = if load > 0.0 { follow } else { 1.0 };
        self.best = (load + follow * (in_flight - load), latency + follow * (mean - latency));
        // Where little is in flight, chance alone looks like this.
        load >= WIDE && in_flight < 0.8 * load && done < 0.85 * most && mean < 1.05 * latency
    }

    fn close_high(&mut self, config: &GateConfig, learned: bool, now: f64) {
        let (mean, in_flight) = self.high.take();
        let first = self.loaded.1 <= 0.0;
        let before = self.throughput();
        self.loaded = (in_flight, mean);
        if learned && mean < 0.8 * self.base {
            self.base += GAIN.0 * (mean - self.base);
        }
        if self.ends.0 >= 8.0 {
            self.waste += 0.3 * (self.ends.1 / self.ends.0 - self.waste);
            self.ends = (0.0, 0.0);
        }
        let room = (1.0 - self.waste / WASTE).max(0.0);
        let tolerance = 1.0 + (config.tolerance - 1.0) * room;
        let room = room.max((self.size / NARROW).min(1.0));
        let idle = self.is_below_knee(in_flight, mean);
        if idle && learned && mean > self.base {
            // Less in flight, less done, and no sooner: nothing queues in the service, so this is its own latency.
            self.base += GAIN.1 * (mean - self.base);
        }
        let gradient = if idle { 1.0 } else { tolerance * self.base / mean.max(1e-6) };
        // A limit nobody runs into is neither too small nor proven too large.
        if self.blocked && config.fixed_limit.is_none() {
            // The first baseline is a guess from few samples; while starting, throughput decides.
            self.slow_start &= first || self.throughput() > KNEE * before;
            if self.slow_start {
                self.size *= 2.0;
            } else if gradient >= 1.0 {
                self.size += room * self.size.sqrt();
            } else {
                // Little's law: the limit over its latency is the throughput; times the baseline, the work
                // that fits without queueing. Half a square root of room keeps the service busy through noise.
                let target = self.size * gradient.max(0.5) + 0.5 * room * self.size.sqrt();
                let step = target - self.size;
                self.size += if step < 0.0 { 0.25 * step } else { step };
            }
        }
        if self.size < ALARM * self.checked {
            // The service is much slower than the baseline says. A dip tells whether that is our doing.
            self.checked = self.size;
            self.dip_interval = dip_bounds(self.base).0;
            self.next_dip_at = self.next_dip_at.min(now);
            self.pressed_since = f64::NEG_INFINITY;
        }
        self.held = self.blocked && gradient < 1.0;
        self.pressed_since = if self.blocked { self.pressed_since.min(now) } else { f64::INFINITY };
        self.size = self.size.clamp(config.min_limit, config.max_limit);
        self.blocked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{GateConfig, Limit};

    /// A gate whose limit is 16 and whose service takes 20 ms.
    fn limit() -> (Limit, GateConfig) {
        let config = GateConfig {
            initial_limit: 16.0,
            latency_baseline_ms: Some(20.0),
            ..GateConfig::default()
        };
        (Limit::new(&config), config)
    }

    #[test]
    fn a_backlog_that_outlasts_every_client_halves_the_limit() {
        let (mut limit, config) = limit();
        for _ in 0..200 {
            limit.abandoned(&config, 500.0, 500.0);
        }
        assert_eq!(limit.value(), 1.0);
        assert!(limit.has_room(0.0));
    }

    #[test]
    fn clients_with_reasons_of_their_own_do_not() {
        let (mut limit, config) = limit();
        for _ in 0..200 {
            limit.abandoned(&config, 5.0, 500.0);
        }
        assert_eq!(limit.value(), 16.0);
    }

    #[test]
    fn a_limit_of_one_grows_again() {
        let config = GateConfig {
            initial_limit: 1.0,
            latency_baseline_ms: Some(20.0),
            ..GateConfig::default()
        };
        let mut limit = Limit::new(&config);
        for _ in 0..20 {
            limit.block();
            limit.sample(&config, 1.0, 20.0, 0.0);
        }
        assert!(limit.value() >= 2.0);
    }
}
