//! The gate of one route: limit, order, resistance and trickle, and the numbers that explain them.

use super::client_patience::ClientPatience;
use super::config::GateConfig;
use super::evidence::Evidence;
use super::limit::Limit;
use super::priority::{PRIORITIES, Priority};
use super::queue::WaitQueue;
use super::shed::{REASONS, ShedReason};
use super::ticket::TicketKind;
use super::trickle::Trickle;

/// Service times that are kept for work before its caller's deadline.
const SERVICE_TIMES: f64 = 1.5;

/// The queue deadline while nothing is known about the service, milliseconds.
const UNKNOWN_DEADLINE_MS: f64 = 1000.0;

/// The state of a gate at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSnapshot {
    /// Most work in flight, now.
    pub limit: f64,
    /// Work in flight, trickle included.
    pub in_flight: u32,
    /// Work in flight that only shadow mode let through.
    pub shadow_in_flight: u32,
    /// Requests waiting.
    pub queued: usize,
    /// The number of admitted requests since the gate exists.
    pub admitted: u64,
    /// Of these, admitted although R, limit or queue said no.
    pub trickled: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended badly, timeouts included.
    pub failed: u64,
    /// Tickets freed by their deadline.
    pub timed_out: u64,
    /// Refused, by reason code. In shadow mode: would have been.
    pub shed: [u64; REASONS],
    /// The same by priority, those whose caller gave up left out.
    pub shed_by_priority: [u64; PRIORITIES],
    /// Unloaded latency of the service, milliseconds, once known.
    pub latency_baseline_ms: Option<f64>,
    /// Mean wait of recent admissions, milliseconds.
    pub queue_delay_ms: f64,
    /// Longest wait in force, milliseconds.
    pub queue_deadline_ms: f64,
    /// The failed share of recent calls, if there were enough to judge.
    pub error_rate: Option<f64>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub(crate) admitted: u64,
    pub(crate) trickled: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) shed: [u64; REASONS],
    pub(crate) shed_by_priority: [u64; PRIORITIES],
}

/// The gate's answer to a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GateVerdict {
    /// A slot is free.
    Pass,
    /// No slot or no voltage, but its turn in the trickle.
    Trickle,
    /// No slot.
    Full,
    /// No voltage.
    Resist,
}

#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) limit: Limit,
    pub(crate) queue: WaitQueue,
    pub(crate) evidence: Evidence,
    pub(crate) patience: ClientPatience,
    pub(crate) trickle: Trickle,
    pub(crate) counters: Counters,
    pub(crate) in_flight: u32,
    /// Of these, beyond the limit.
    pub(crate) extra: u32,
    pub(crate) shadow: u32,
}

impl Gate {
    pub(crate) fn new(config: &GateConfig, now: f64) -> Self {
        Self {
            limit: Limit::new(config),
            queue: WaitQueue::default(),
            evidence: Evidence::new(config, now),
            patience: ClientPatience::default(),
            trickle: Trickle::new(now),
            counters: Counters::default(),
            in_flight: 0,
            extra: 0,
            shadow: 0,
        }
    }

    /// Starts learning afresh; work, waiters and counters stay.
    pub(crate) fn forget(&mut self, config: &GateConfig, now: f64) {
        self.limit = Limit::new(config);
        self.evidence = Evidence::new(config, now);
        self.patience = ClientPatience::default();
        self.trickle = Trickle::new(now);
    }

    /// Judges a newcomer, spending a token if it takes one.
    pub(crate) fn judge(&mut self, config: &GateConfig, voltage: f64, now: f64) -> GateVerdict {
        self.trickle.arrive(config, now);
        let r = self.evidence.resistance(config, now);
        let free = self.has_slot();
        // `V > R`, and false for NaN.
        let flows = voltage > r || self.trickle.proven();
        if flows {
            if free {
                self.trickle.pass();
                return GateVerdict::Pass;
            }
            self.limit.block();
        }
        if self.extra < config.trickle_in_flight && self.trickle.probe() {
            return GateVerdict::Trickle;
        }
        if flows { GateVerdict::Full } else { GateVerdict::Resist }
    }

    /// Returns whether the limit leaves room for one more.
    pub(crate) fn has_slot(&self) -> bool {
        self.limit.has_room(f64::from(self.in_flight - self.extra))
    }

    /// Counts work in; returns how much is in flight with it, and whether that is little.
    pub(crate) fn start(&mut self, config: &GateConfig, extra: bool, now: f64) -> (u32, bool) {
        self.limit.observe(f64::from(self.in_flight), now);
        self.in_flight += 1;
        self.counters.admitted += 1;
        if extra {
            self.extra += 1;
            self.counters.trickled += 1;
        }
        let little = self.limit.start(config, f64::from(self.in_flight), now);
        (self.in_flight, little)
    }

    /// Notes that a client left this long after its request, with its work this old.
    pub(crate) fn leave(
        &mut self,
        config: &GateConfig,
        age: f64,
        work: f64,
        kind: TicketKind,
        now: f64,
    ) {
        self.patience.left(age, now);
        if kind != TicketKind::Shadow {
            self.limit.abandoned(config, work, self.patience.known(now), now);
        }
    }

    /// Counts a refusal of a request with a voltage.
    pub(crate) fn refuse(&mut self, reason: ShedReason, voltage: f64) {
        self.counters.shed[reason as usize] += 1;
        if reason != ShedReason::Cancelled {
            self.counters.shed_by_priority[Priority::of(voltage) as usize] += 1;
        }
    }

    /// Returns the longest wait: seven service times, more where a small limit makes waiting lumpy or the service is
    /// hardly known. It is never longer than clients stay.
    pub(crate) fn queue_deadline(&self, config: &GateConfig, now: f64) -> f64 {
        config.queue_deadline_ms.unwrap_or_else(|| {
            let own = self.limit.baseline().map_or(UNKNOWN_DEADLINE_MS, |base| {
                (self.limit.doubt() * base * (7.0 + 6.0 / self.limit.value())).clamp(20.0, 10_000.0)
            });
            own.min(self.patience.longest_wait(now))
        })
    }

    /// Returns the time that work takes once it is admitted, with room for the slower half; 0 while that is unknown.
    pub(crate) fn service_ms(&self) -> f64 {
        self.limit.baseline().map_or(0.0, |base| SERVICE_TIMES * base)
    }

    /// Returns the time after which a busy queue can count as standing. One that was empty since does not.
    pub(crate) fn standing_ms(&self, config: &GateConfig, now: f64) -> f64 {
        let known = self.patience.longest_wait(now) < f64::INFINITY;
        self.queue_deadline(config, now).max(if known { 0.0 } else { 500.0 })
    }

    /// Feeds R if it is time.
    pub(crate) fn settle(&mut self, config: &GateConfig, now: f64) {
        let deadline = self.queue_deadline(config, now);
        self.evidence.settle(config, self.limit.baseline(), deadline, now);
    }

    /// Returns how long until a request of `voltage`, refused for `reason`, can hope to get in, milliseconds.
    pub(crate) fn hope(
        &self,
        config: &GateConfig,
        reason: ShedReason,
        voltage: f64,
        now: f64,
    ) -> f64 {
        if reason == ShedReason::Resistance {
            return self.evidence.passes_in(config, voltage, now);
        }
        let rate = self.limit.throughput();
        if rate > 0.0 { (self.queue.len() as f64 + 1.0) / rate } else { 0.0 }
    }

    pub(crate) fn snapshot(&self, config: &GateConfig) -> GateSnapshot {
        let counters = &self.counters;
        GateSnapshot {
            limit: self.limit.value(),
            in_flight: self.in_flight,
            shadow_in_flight: self.shadow,
            queued: self.queue.len(),
            admitted: counters.admitted,
            trickled: counters.trickled,
            succeeded: counters.succeeded,
            failed: counters.failed,
            timed_out: counters.timed_out,
            shed: counters.shed,
            shed_by_priority: counters.shed_by_priority,
            latency_baseline_ms: self.limit.baseline(),
            queue_delay_ms: self.evidence.queue_delay(),
            queue_deadline_ms: self.queue_deadline(config, f64::NEG_INFINITY),
            error_rate: self.evidence.error_rate(config),
        }
    }
}
