//! The in-flight limit: wide enough to keep the service busy, and never chasing its own queueing.
//!
//! Latency is compared between admissions at few and at many in flight. What the service takes when little
//! is in flight is the baseline; if halving the load does not make it faster, it is slow by itself, and if it
//! does, the difference was queueing. That is why the baseline can neither drift up under overload nor stay
//! wrong after a bad start.

use super::config::GateConfig;

/// Samples averaged before the baseline moves.
const LOW_BATCH: f64 = 16.0;
/// How far one batch moves the baseline.
const LOW_GAIN: f64 = 0.15;
/// Samples before there is a baseline at all.
const FIRST_BATCH: f64 = 8.0;
/// A batch at half the load that keeps this share of the latency at full load: the service itself is slow.
const OWN_SLOWNESS: f64 = 0.62;
/// Shortest and longest time between two looks at half load, milliseconds.
const DIP_MIN_MS: f64 = 500.0;
const DIP_MAX_MS: f64 = 10_000.0;

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

/// A short halving of the limit, to see the service less loaded. The wait queue hides it.
#[derive(Debug, Clone, Copy)]
struct Dip {
    limit: f64,
    admissions_left: f64,
    until: f64,
}

/// The limit of one gate.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    limit: f64,
    /// 0 while unknown.
    base: f64,
    /// Work in flight and its mean latency, at the last full window: their ratio is the throughput.
    loaded: (f64, f64),
    low: Batch,
    high: Batch,
    /// Someone found no slot since the last window.
    blocked: bool,
    /// Last time a window closed in which someone had found no slot.
    blocked_at: f64,
    slow_start: bool,
    dip: Option<Dip>,
    next_dip_at: f64,
    dip_interval: f64,
}

impl Limit {
    pub(crate) fn new(config: &GateConfig) -> Self {
        Self {
            limit: config
                .fixed_limit
                .unwrap_or(config.initial_limit.clamp(config.min_limit, config.max_limit)),
            base: config.latency_baseline_ms.unwrap_or(0.0),
            loaded: (0.0, 0.0),
            low: Batch::default(),
            high: Batch::default(),
            blocked: false,
            blocked_at: f64::NEG_INFINITY,
            slow_start: true,
            dip: None,
            next_dip_at: 0.0,
            dip_interval: DIP_MIN_MS,
        }
    }

    /// The limit, without dips.
    pub(crate) fn value(&self) -> f64 {
        self.limit
    }

    /// Whether one more may start while `in_flight` are running.
    pub(crate) fn has_room(&self, in_flight: f64) -> bool {
        in_flight + 1.0 <= self.dip.map_or(self.limit, |dip| dip.limit)
    }

    /// The unloaded latency, milliseconds, once known.
    pub(crate) fn baseline(&self) -> Option<f64> {
        (self.base > 0.0).then_some(self.base)
    }

    /// Work finished per millisecond when the gate is busy; an estimate, 0 if unknown.
    pub(crate) fn throughput(&self) -> f64 {
        if self.loaded.1 > 0.0 {
            self.loaded.0 / self.loaded.1
        } else if self.base > 0.0 {
            self.limit / self.base
        } else {
            0.0
        }
    }

    /// Someone found no slot.
    pub(crate) fn block(&mut self) {
        self.blocked = true;
    }

    /// Work starts; `in_flight` counts it.
    pub(crate) fn start(&mut self, config: &GateConfig, in_flight: f64, now: f64) {
        if let Some(dip) = &mut self.dip {
            if in_flight <= dip.limit {
                dip.admissions_left -= 1.0;
            }
            if dip.admissions_left <= 0.0 || now >= dip.until {
                self.dip = None;
            }
        } else if now >= self.next_dip_at && self.blocked && config.fixed_limit.is_none() {
            self.next_dip_at = now + self.dip_interval;
            if self.base > 0.0 && self.limit > 2.0 && !self.slow_start {
                let limit = (self.limit / 2.0).floor();
                let admissions_left = limit.max(FIRST_BATCH);
                self.dip = Some(Dip { limit, admissions_left, until: now + 20.0 * self.base + 50.0 });
            }
        }
    }

    /// Work that started with `in_flight` (itself included) took `latency` and succeeded.
    pub(crate) fn sample(&mut self, config: &GateConfig, in_flight: f64, latency: f64, now: f64) {
        let learned = config.latency_baseline_ms.is_none();
        if in_flight <= (self.limit / 2.0).floor().max(1.0) {
            self.low.add(latency, in_flight);
            let enough = if self.base > 0.0 { LOW_BATCH } else { FIRST_BATCH };
            if learned && self.low.count >= enough {
                self.close_low(now);
            }
        } else {
            self.high.add(latency, in_flight);
            let enough = if self.base > 0.0 { self.limit.clamp(10.0, 200.0) } else { FIRST_BATCH };
            if self.high.count >= enough {
                self.close_high(config, learned, now);
            }
        }
    }

    fn close_low(&mut self, now: f64) {
        let (mean, _) = self.low.take();
        self.next_dip_at = now + self.dip_interval;
        if self.base <= 0.0 {
            self.base = mean;
            return;
        }
        let saturated = now - self.blocked_at < 2.0 * self.dip_interval;
        if mean > self.base && saturated && mean < OWN_SLOWNESS * self.loaded.1 {
            return;
        }
        let news = !(0.75..=1.33).contains(&(mean / self.base));
        self.base += LOW_GAIN * (mean - self.base);
        self.dip_interval = if news {
            DIP_MIN_MS.max(10.0 * self.base)
        } else {
            (1.5 * self.dip_interval).min(DIP_MAX_MS.max(50.0 * self.base))
        };
    }

    fn close_high(&mut self, config: &GateConfig, learned: bool, now: f64) {
        let (mean, in_flight) = self.high.take();
        self.loaded = (in_flight, mean);
        if self.base <= 0.0 {
            self.base = mean;
        } else if learned && mean < 0.8 * self.base {
            self.base += 0.3 * (mean - self.base);
        }
        if self.blocked {
            self.blocked_at = now;
        }
        let gradient = config.tolerance * self.base / mean.max(1e-6);
        if config.fixed_limit.is_some() {
            // Nothing to adapt.
        } else if gradient >= 1.0 {
            if self.blocked {
                self.limit += if self.slow_start { 0.5 * self.limit } else { self.limit.sqrt() };
            }
        } else {
            self.slow_start = false;
            // Little's law: in flight over latency is the throughput; times the baseline, the work that
            // fits without queueing. A square root of room keeps the service busy through its own noise.
            let target = in_flight * gradient.max(0.5) + in_flight.sqrt();
            if target < self.limit {
                self.limit += 0.25 * (target - self.limit);
            } else if self.blocked {
                self.limit = target.min(self.limit + self.limit.sqrt());
            }
        }
        self.limit = self.limit.clamp(config.min_limit, config.max_limit);
        self.blocked = false;
    }
}
