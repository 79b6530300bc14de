//! Every refusal says why, how strong the resistance was, and when it makes sense to try again.

/// The reasons why a request is not admitted. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ShedReason {
    /// No free slot, and the caller does not wait (or the queue is turned off).
    Limit = 1,
    /// There is no free slot, and all waiters go before it.
    QueueFull = 2,
    /// Waited as long as it makes sense.
    QueueDeadline = 3,
    /// It was waiting; a request that goes before it took its place.
    Displaced = 4,
    /// Its voltage is not above the resistance.
    Resistance = 5,
    /// The caller gave up while waiting.
    Cancelled = 6,
    /// The route id is stale: the route was forgotten. Intern it again.
    UnknownRoute = 7,
}

/// Number of reason codes, counting the unused 0.
pub const REASONS: usize = 8;

impl ShedReason {
    /// Returns the name that users see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::QueueFull => "queue-full",
            Self::QueueDeadline => "queue-deadline",
            Self::Displaced => "displaced",
            Self::Resistance => "resistance",
            Self::Cancelled => "cancelled",
            Self::UnknownRoute => "unknown-route",
        }
    }
}

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shed {
    /// The reason.
    pub reason: ShedReason,
    /// A jittered estimate of when a retry can succeed, milliseconds from now, 100 to 60 000.
    pub retry_after_ms: f64,
    /// R at the moment of the refusal, ohm.
    pub resistance: f64,
}

/// The ends of admitted work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// It worked: its latency and its success count.
    Ok = 0,
    /// It failed: counts as an error, its latency says nothing about capacity.
    Failed = 1,
    /// The caller went away and the work stopped: counts as nothing.
    Aborted = 2,
    /// The caller asks not to count it.
    Ignored = 3,
    /// It did not end before its deadline: counts as an error.
    TimedOut = 4,
}
