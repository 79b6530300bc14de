//! Leases: when a long task must end, from its heartbeats. Times are monotonic milliseconds.

/// A task ends when it has missed this many heartbeats.
const MAX_MISSED: f64 = 3.0;
/// A task that must make progress runs at most this many times its longest duration.
const MAX_RENEWALS: f64 = 10.0;

/// The time limits of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeaseBudget {
    /// The longest time between heartbeats that renew the lease, in ms.
    pub max_duration_ms: f64,
    /// The interval of the heartbeats that the task must send, in ms; 0 is none.
    pub heartbeat_ms: f64,
    /// Only more progress than before renews the lease.
    pub needs_progress: bool,
}

/// The deadline that a task has missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedDeadline {
    /// Its time is over.
    Time,
    /// It has missed three heartbeats.
    Heartbeat,
}

/// The state of a lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    budget: LeaseBudget,
    beat_at: f64,
    expires_at: f64,
    /// No renewal goes beyond.
    last_at: f64,
    progress: f64,
}

impl Lease {
    /// Starts a lease.
    pub fn new(budget: LeaseBudget, now: f64) -> Self {
        let LeaseBudget { max_duration_ms, needs_progress, .. } = budget;
        let last_at =
            if needs_progress { now + MAX_RENEWALS * max_duration_ms } else { f64::INFINITY };
        Self { budget, beat_at: now, expires_at: now + max_duration_ms, last_at, progress: 0.0 }
    }

    /// Returns the most progress that was reported, 0 to 1.
    pub fn progress(&self) -> f64 {
        self.progress
    }

    /// Takes a heartbeat, which renews the lease. Where progress is required, only more progress than before does.
    pub fn beat(&mut self, progress: Option<f64>, now: f64) {
        self.beat_at = now;
        let more = progress.filter(|progress| *progress > self.progress);
        if let Some(progress) = more {
            self.progress = progress;
        }
        if more.is_some() || !self.budget.needs_progress {
            self.expires_at = (now + self.budget.max_duration_ms).min(self.last_at);
        }
    }

    /// Returns when the task ends without another heartbeat.
    pub fn ends_at(&self) -> f64 {
        let LeaseBudget { heartbeat_ms, .. } = self.budget;
        if heartbeat_ms > 0.0 {
            self.expires_at.min(self.beat_at + MAX_MISSED * heartbeat_ms)
        } else {
            self.expires_at
        }
    }

    /// Returns which deadline the task has missed, if it has.
    pub fn missed(&self, now: f64) -> Option<MissedDeadline> {
        if now < self.ends_at() {
            None
        } else if now >= self.expires_at {
            Some(MissedDeadline::Time)
        } else {
            Some(MissedDeadline::Heartbeat)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(heartbeat_ms: f64, needs_progress: bool) -> Lease {
        Lease::new(LeaseBudget { max_duration_ms: 100.0, heartbeat_ms, needs_progress }, 1000.0)
    }

    #[test]
    fn lives_while_it_beats() {
        let mut lease = lease(0.0, false);
        assert_eq!(lease.ends_at(), 1100.0);
        lease.beat(None, 1099.0);
        assert_eq!((lease.ends_at(), lease.missed(1198.9)), (1199.0, None));
        assert_eq!(lease.missed(1199.0), Some(MissedDeadline::Time));
    }

    #[test]
    fn ends_after_three_missed_heartbeats() {
        let mut lease = lease(20.0, false);
        assert_eq!(lease.missed(1060.0), Some(MissedDeadline::Heartbeat));
        lease.beat(None, 1050.0);
        assert_eq!(lease.ends_at(), 1110.0);
    }

    #[test]
    fn needs_more_progress_than_before_where_that_is_required() {
        let mut lease = lease(0.0, true);
        lease.beat(Some(0.5), 1050.0);
        lease.beat(Some(0.5), 1090.0);
        lease.beat(None, 1090.0);
        assert_eq!((lease.ends_at(), lease.progress()), (1150.0, 0.5));
        lease.beat(Some(0.6), 1100.0);
        assert_eq!(lease.ends_at(), 1200.0);
    }

    #[test]
    fn renews_ten_times_at_most_where_progress_is_required() {
        let mut lease = lease(0.0, true);
        for step in 1..40 {
            lease.beat(Some(f64::from(step) / 50.0), 1000.0 + 50.0 * f64::from(step));
        }
        assert_eq!(lease.ends_at(), 2000.0);
    }
}
