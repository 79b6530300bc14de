//! The in-flight limit: wide enough to keep the service busy, and no backlog inside it.
//!
//! A limit that is in use grows while nothing waits inside the service. When more than a few wait there, it falls to
//! what is served plus a few: the gate's wait queue knows priorities and patience, the one inside the service knows
//! neither. [`LatencyBaseline`] estimates how many wait inside. It needs calls with little in flight: at most three
//! fifths of the limit.
//!
//! Steady overload has no such calls, so the baseline stands still: it cannot follow the backlog it lets build up. So
//! the limit dips to three fifths now and then, for about a round trip. If the baseline had a backlog in it, so has a
//! dip from it, but a smaller one. Each dip takes the limit closer to what the service can hold.
//!
//! Backlogs that slow all work alike instead of delaying it (processor sharing) show in the mean: the limit also stays
//! below `tolerance` times the unloaded latency over the latency.

use super::baseline::{LatencyBaseline, News};
use super::config::GateConfig;

/// Share of the limit up to which in-flight counts as little: of a narrow one, where a place more is much, and of
/// others.
const LOW_SHARE: (f64, f64) = (0.34, 0.6);
/// Samples of it taken together; more where a dip admits more.
const LOW_BATCH: f64 = 8.0;
/// Samples of a limit in use taken together, at least and at most; else as many as the limit.
const WINDOW: (f64, f64) = (10.0, 200.0);
/// The greatest factor for batches. They are longer by the squared variation of service times that vary more than
/// exponential ones.
const MORE: f64 = 4.0;
/// The most that may wait inside the service, in units of the square root of what is in flight (the square-root
/// staffing rule: that much room keeps servers busy through chance; Halfin and Whitt 1981).
const SLACK: f64 = 1.0;
/// A step up, in the same unit.
const GROWTH: f64 = 0.7;
/// Share of the way down that a step goes.
const DESCENT: f64 = 0.4;
/// The most windows without a step up, after steps up that gained nothing.
const LONGEST_HOLD: f64 = 8.0;
/// At this share of abandoned work the limit tolerates no queue in the service: ours is in better order.
const WASTE: f64 = 0.1;
/// Below this limit even the room for chance goes then: half a square root is half a place of one or two, and would
/// double what queues in a narrow service. A wider one needs it, or chance alone takes its limit down step by step.
const NARROW: f64 = 4.0;
/// A service whose clients give up more than this share of its work has a backlog that outlasts them.
const HOPELESS: f64 = 0.75;
/// A limit that fell to this share of `checked` asks for a dip.
const ALARM: f64 = 0.5;
/// A limit in use for less than this many unloaded latencies may be a burst, in which a dip would hurt.
const BURST: f64 = 50.0;
/// Slow start ends when doubling the limit raises throughput by less than this factor. It also ends when more than half
/// of what is in flight waits inside the service.
const KNEE: f64 = 1.2;
/// Work that was admitted in a dip and takes this many unloaded latencies more is not waited for.
const LATE: f64 = 8.0;
/// While so many wait at the gate for each place, slow start does not wait for its window to close.
const CROWD: f64 = 8.0;
/// Samples that leave the unloaded latency in doubt.
const DOUBT: (f64, f64) = (128.0, 16.0);

/// Calls of a limit in use.
#[derive(Debug, Clone, Copy, Default)]
struct BusyWindow {
    count: f64,
    latency: f64,
    in_flight: f64,
    soft: f64,
}

/// A short cut of the limit, to observe the service with less load. The wait queue hides it. Its result counts when all
/// calls that were admitted in it have ended: before that it is the latency of the quickest of them.
#[derive(Debug, Clone, Copy)]
struct Dip {
    limit: f64,
    admissions_left: f64,
    /// Its beginning, and its end at the latest; once it is over, its end.
    from: f64,
    until: f64,
    over: bool,
    /// Admitted in it with little in flight, and still there.
    running: f64,
}

/// The result of the last window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// The limit is not in use.
    Free,
    /// It is, and was raised.
    Growing,
    /// It is, and was not.
    Settled,
}

/// The limit of one gate.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    size: f64,
    unloaded: LatencyBaseline,
    /// Work in flight and its mean latency, at the last full window: their ratio is the throughput.
    loaded: (f64, f64),
    window: BusyWindow,
    /// The limit when the window began.
    origin: f64,
    /// Set when a request has found no slot since the last window.
    blocked: bool,
    course: Course,
    /// The time since which every window found the limit in use; infinity if the last one did not.
    pressed_since: f64,
    slow_start: bool,
    /// Windows until the limit may grow again, and how many that will be after the next step that finds nothing.
    hold: f64,
    backoff: f64,
    dip: Option<Dip>,
    next_dip_at: f64,
    dip_interval: f64,
    /// Samples taken.
    samples: f64,
    /// The limit when the service last had little in flight.
    checked: f64,
    /// It fell far since then.
    alarmed: bool,
    /// Work that ended since the last look, and the abandoned part of it.
    ends: (f64, f64),
    /// Running mean of the share of abandoned work.
    waste: f64,
}

/// Returns the shortest and longest time between dips, milliseconds, for an unloaded latency.
fn dip_bounds(unloaded: f64) -> (f64, f64) {
    ((12.0 * unloaded).max(100.0), (300.0 * unloaded).max(60_000.0))
}

impl Limit {
    pub(crate) fn new(config: &GateConfig) -> Self {
        let first = config.initial_limit.clamp(config.min_limit, config.max_limit);
        let size = config.fixed_limit.unwrap_or(first);
        Self {
            size,
            unloaded: LatencyBaseline::new(config.latency_baseline_ms),
            loaded: (0.0, 0.0),
            window: BusyWindow::default(),
            origin: size,
            blocked: false,
            course: Course::Free,
            pressed_since: f64::INFINITY,
            slow_start: true,
            hold: 0.0,
            backoff: 0.0,
            dip: None,
            next_dip_at: 0.0,
            dip_interval: dip_bounds(0.0).0,
            samples: 0.0,
            checked: 0.0,
            alarmed: false,
            ends: (0.0, 0.0),
            waste: 0.0,
        }
    }

    /// Returns the limit, without dips.
    pub(crate) fn value(&self) -> f64 {
        self.size
    }

    /// Returns whether one more may start while `in_flight` are running.
    pub(crate) fn has_room(&self, in_flight: f64) -> bool {
        in_flight + 1.0 <= self.dip.filter(|dip| !dip.over).map_or(self.size, |dip| dip.limit)
    }

    /// Returns the unloaded latency, milliseconds, once known.
    pub(crate) fn baseline(&self) -> Option<f64> {
        Some(self.unloaded.mean()).filter(|mean| *mean > 0.0)
    }

    /// Returns the factor by which the baseline may be too short: 9 after the first samples, 1.1 after 1280.
    pub(crate) fn doubt(&self) -> f64 {
        1.0 + DOUBT.0 / self.samples.max(DOUBT.1)
    }

    /// Returns the work finished per millisecond when the gate is busy; an estimate, 0 if unknown.
    pub(crate) fn throughput(&self) -> f64 {
        if self.loaded.1 > 0.0 {
            self.loaded.0 / self.loaded.1
        } else {
            self.baseline().map_or(0.0, |unloaded| self.size / unloaded)
        }
    }

    /// Notes that a request found no slot.
    pub(crate) fn block(&mut self) {
        self.blocked = true;
    }

    /// Returns the most in flight that counts as little. The growth of slow start does not raise it.
    fn low_mark(&self) -> f64 {
        let size = if self.slow_start { self.origin.min(self.size) } else { self.size };
        let share = if size < 2.0 * NARROW { LOW_SHARE.0 } else { LOW_SHARE.1 };
        (share * size).floor().max(1.0)
    }

    /// Notes that `in_flight` calls were running until now.
    pub(crate) fn observe(&mut self, in_flight: f64, now: f64) {
        self.unloaded.observe(in_flight, now);
    }

    /// Counts work that starts, which `in_flight` includes. Returns whether it starts with little in flight. That is
    /// decided now: of calls that are found to have done so later, when the limit has grown, only the long ones are
    /// left.
    pub(crate) fn start(&mut self, config: &GateConfig, in_flight: f64, now: f64) -> bool {
        let little = in_flight <= self.low_mark();
        self.dip(config, in_flight, little, now);
        little
    }

    /// Ends or begins a dip.
    fn dip(&mut self, config: &GateConfig, in_flight: f64, little: bool, now: f64) {
        let unloaded = self.unloaded.mean();
        if let Some(dip) = &mut self.dip {
            if dip.over {
                return;
            }
            if in_flight <= dip.limit {
                dip.admissions_left -= 1.0;
            }
            if little {
                dip.running += 1.0;
            }
            if dip.admissions_left <= 0.0 || now >= dip.until {
                (dip.over, dip.until) = (true, now);
            }
        } else if now >= self.next_dip_at
            && self.blocked
            && self.course == Course::Settled
            && !self.slow_start
            && self.size >= 2.0
            && now - self.pressed_since > BURST * unloaded
            && unloaded > 0.0
            && !self.unloaded.is_given()
            && config.fixed_limit.is_none()
        {
            let limit = self.low_mark();
            self.course = Course::Free;
            self.next_dip_at = now + self.dip_interval;
            self.dip = Some(Dip {
                limit,
                admissions_left: limit.max(LOW_BATCH),
                from: now,
                until: now + 6.0 * unloaded,
                over: false,
                running: 0.0,
            });
        }
    }

    /// Notes that work that started at `since`, with little in flight or not, ended, in whatever way. Its
    /// [`Self::sample`], if any, comes first.
    pub(crate) fn ended(&mut self, little: bool, since: f64, now: f64) {
        let Some(dip) = &mut self.dip else { return };
        if little && (dip.from..=dip.until).contains(&since) {
            dip.running -= 1.0;
        }
        let late = now > dip.until + LATE * self.unloaded.mean();
        if dip.over && (dip.running <= 0.0 || late) {
            self.dip = None;
            if self.unloaded.fresh() >= 0.5 * LOW_BATCH {
                self.learn(now);
            }
        }
    }

    /// Asks for a dip as soon as the limit is in use, burst or not.
    fn look_soon(&mut self, now: f64) {
        self.next_dip_at = self.next_dip_at.min(now);
        self.pressed_since = f64::NEG_INFINITY;
        self.course = Course::Settled;
    }

    /// Notes that a client was still there when its work ended.
    pub(crate) fn answered(&mut self) {
        self.ends.0 += 1.0;
    }

    /// Takes in the `latency` of work that succeeded. It started with `in_flight` (itself included), which was `little`
    /// or not; `queued` wait at the gate.
    pub(crate) fn sample(
        &mut self,
        config: &GateConfig,
        (in_flight, little): (f64, bool),
        latency: f64,
        queued: f64,
        now: f64,
    ) {
        self.samples += 1.0;
        if self.unloaded.mean() <= 0.0 {
            self.unloaded.add(latency, in_flight);
            return;
        }
        let adapts = config.fixed_limit.is_none();
        if self.slow_start && self.blocked && adapts && queued > CROWD * self.origin {
            self.size = (self.size + 1.0).min(config.max_limit);
        }
        let more = self.unloaded.variation().min(MORE);
        if little && !self.unloaded.is_given() {
            self.unloaded.add(latency, in_flight);
            let batch = (LOW_BATCH.max(self.low_mark()) * more).min(LatencyBaseline::MOST);
            if self.dip.is_none() && self.unloaded.fresh() >= batch {
                self.learn(now);
            }
        }
        // Below 2 everything is little, and the limit would never find that more is possible.
        if !little || self.size < 2.0 {
            self.window.count += 1.0;
            self.window.latency += latency;
            self.window.in_flight += in_flight;
            self.window.soft += self.unloaded.soften(latency);
            let size = if self.slow_start { self.origin } else { self.size };
            if self.window.count >= size.clamp(WINDOW.0, WINDOW.1) * more {
                self.close(config, now);
            }
        }
    }

    /// Notes that clients who stay for `patience` abandoned work after `age`. Its latency is unknown, so it is no
    /// sample. But if most work ends so, the service has a backlog that outlasts the clients, in which no latency is
    /// ever seen again: the limit is halved until answers come. Clients who leave long before an answer could have come
    /// have reasons of their own.
    pub(crate) fn abandoned(&mut self, config: &GateConfig, age: f64, patience: f64, now: f64) {
        self.ends.0 += 1.0;
        if age > self.unloaded.mean().min(patience) {
            self.ends.1 += 1.0;
        }
        let window = self.size.clamp(8.0, WINDOW.1);
        if self.ends.0 < window {
            return;
        }
        if self.ends.1 > HOPELESS * self.ends.0 && config.fixed_limit.is_none() {
            self.size = (0.5 * self.size).max(config.min_limit);
            self.slow_start = false;
            (self.window, self.dip) = (BusyWindow::default(), None);
            self.look_soon(now);
        }
        self.ends = (0.0, 0.0);
    }

    /// Takes in what was seen with little in flight, and decides when to look again.
    fn learn(&mut self, now: f64) {
        let alarmed = std::mem::take(&mut self.alarmed);
        let (news, retuned) = self.unloaded.learn(self.size, alarmed);
        if retuned {
            self.window = BusyWindow::default();
        }
        self.checked = self.size;
        let (shortest, longest) = dip_bounds(self.unloaded.mean());
        self.dip_interval = match news {
            // The limit is too high, then: a dip costs no throughput.
            News::Sooner => 0.5 * shortest,
            News::Later => shortest,
            News::None => (2.0 * self.dip_interval).clamp(shortest, longest),
        };
        self.next_dip_at = now + self.dip_interval;
    }

    /// Closes a full window: the limit moves, if it is in use. A limit that no request meets is neither too small nor
    /// proven too large.
    fn close(&mut self, config: &GateConfig, now: f64) {
        let BusyWindow { count, latency, in_flight, soft } = std::mem::take(&mut self.window);
        let (latency, in_flight, soft) = (latency / count, in_flight / count, soft / count);
        let first = self.loaded.1 <= 0.0;
        let before = self.throughput();
        self.loaded = (in_flight, latency);
        if self.ends.0 >= 8.0 {
            self.waste += 0.3 * (self.ends.1 / self.ends.0 - self.waste);
            self.ends = (0.0, 0.0);
        }
        let (grew, mut grown) = (self.course == Course::Growing, false);
        if self.blocked && config.fixed_limit.is_none() {
            if self.unloaded.outdone(count, latency, soft) {
                self.look_soon(now);
            }
            let waiting = self.unloaded.waiting(in_flight, latency, soft);
            if self.slow_start {
                // The first window can only be compared with a guess from few samples.
                let more = self.throughput() > KNEE * before && waiting < 0.5 * in_flight;
                self.slow_start = first || more;
                if !self.slow_start {
                    self.look_soon(now);
                }
            }
            if self.slow_start {
                self.size = self.size.max(2.0 * self.origin);
            } else {
                grown = self.adapt(config, grew, (in_flight, latency), waiting);
            }
        }
        self.size = self.size.clamp(config.min_limit, config.max_limit);
        self.origin = self.size;
        self.course = match (self.blocked, grown) {
            (false, _) => Course::Free,
            (true, true) => Course::Growing,
            (true, false) => Course::Settled,
        };
        self.pressed_since = if self.blocked { self.pressed_since.min(now) } else { f64::INFINITY };
        self.blocked = false;
        if self.size < ALARM * self.checked {
            // The service is much slower than its baseline. A dip shows whether our own load causes that.
            (self.checked, self.alarmed) = (self.size, true);
            self.dip_interval = dip_bounds(self.unloaded.mean()).0;
            self.look_soon(now);
        }
    }

    /// Moves a limit in use, which the window before `grew` or not. Returns whether it moved upwards.
    fn adapt(
        &mut self,
        config: &GateConfig,
        grew: bool,
        (in_flight, latency): (f64, f64),
        waiting: f64,
    ) -> bool {
        let room = (1.0 - self.waste / WASTE).max(0.0);
        let tolerance = 1.0 + (config.tolerance - 1.0) * room;
        let room = room.max((self.size / NARROW).min(1.0));
        let gradient = tolerance * self.unloaded.at_most() / latency.max(1e-6);
        let slack = SLACK * room * in_flight.sqrt() * (in_flight / NARROW).min(1.0);
        // Little's law: the limit over its latency is the throughput. Times the most that work takes, it is what fits.
        let shared = if gradient < 1.0 {
            self.size * gradient.max(0.5) + 0.5 * room * self.size.sqrt()
        } else {
            f64::INFINITY
        };
        let served = if waiting > slack { in_flight - waiting + slack } else { f64::INFINITY };
        let target = shared.min(served.max(0.5 * self.size));
        self.hold -= 1.0;
        if target < f64::INFINITY {
            if grew {
                self.backoff = (2.0 * self.backoff + 1.0).min(LONGEST_HOLD);
                self.hold = self.backoff;
            }
            let step = target - self.size;
            self.size += if step < 0.0 { DESCENT * step } else { step };
            return false;
        }
        if grew {
            self.backoff = 0.0;
        }
        let grows = self.hold <= 0.0;
        if grows {
            self.size += GROWTH * self.size.sqrt();
        }
        grows
    }
}

#[cfg(test)]
#[path = "limit_test.rs"]
mod tests;
