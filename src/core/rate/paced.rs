//! A rule with a pace: the least time between two admissions, and a reservoir, on top of any other rule.
//!
//! A reservoir holds so many points for each key. The refills are at whole intervals since the limiter began, the same
//! for all keys: each sets what is left to the refill's amount. So a key that is new, or was forgotten, is a key that
//! has taken nothing since the last refill.

use super::policy::{RatePolicy, Verdict};

/// Points of a key that refills set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservoir {
    /// The points before the first refill: from 0 to 10^9.
    pub amount: u32,
    /// The points after each refill: from 1 to 10^9.
    pub refresh_amount: u32,
    /// The time between two refills: from 1 to 10^15.
    pub refresh_us: u64,
}

/// The pace of a limiter, beside its rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimiterPace {
    /// The least time between two admissions of a key; 0 for none.
    pub min_time_us: u64,
    /// The reservoir of each key.
    pub reservoir: Option<Reservoir>,
}

/// The state of a key: that of the other rule, and its pace.
#[derive(Debug, Clone, Default)]
pub(super) struct PacedState<S> {
    rule: S,
    /// The next time at which an admission is far enough from the last one.
    next_at: u64,
    /// The number of the refill since which `taken` counts.
    refill: u64,
    taken: u32,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Paced<P> {
    rule: P,
    pace: LimiterPace,
}

impl<P: RatePolicy> Paced<P> {
    pub(super) fn new(rule: P, pace: LimiterPace) -> Self {
        Self { rule, pace }
    }

    /// Returns what the reservoir holds, and the time until its next refill.
    fn reservoir(&self, state: &PacedState<P::State>, now: u64) -> (u32, u64) {
        let Some(Reservoir { amount, refresh_amount, refresh_us }) = self.pace.reservoir else {
            return (u32::MAX, 0);
        };
        let refill = now / refresh_us;
        let full = if refill == 0 { amount } else { refresh_amount };
        let taken = if refill == state.refill { state.taken } else { 0 };
        (full.saturating_sub(taken), (refill + 1) * refresh_us - now)
    }

    /// Begins to count anew when there was a refill since.
    fn roll(&self, state: &mut PacedState<P::State>, now: u64) {
        let refill = self.pace.reservoir.map_or(0, |reservoir| now / reservoir.refresh_us);
        if refill != state.refill {
            (state.refill, state.taken) = (refill, 0);
        }
    }
}

impl<P: RatePolicy> RatePolicy for Paced<P> {
    type State = PacedState<P::State>;

    fn capacity(&self) -> u32 {
        let refilled = self.pace.reservoir.map_or(u32::MAX, |reservoir| reservoir.refresh_amount);
        self.rule.capacity().min(refilled)
    }

    fn test(&self, state: &mut Self::State, now: u64, cost: u32) -> Verdict {
        self.roll(state, now);
        let verdict = self.rule.test(&mut state.rule, now, cost);
        let spacing_us = state.next_at.saturating_sub(now);
        let (held, refill_us) = self.reservoir(state, now);
        let lacking_us = if cost > held { refill_us } else { 0 };
        let retry_us = verdict.retry_us.max(spacing_us).max(lacking_us);
        let capacity = self.capacity();
        let remaining = verdict.remaining.min(held).min(capacity);
        let missing_us = if state.taken > 0 || held < capacity { refill_us } else { 0 };
        Verdict {
            allowed: retry_us == 0,
            used: capacity - remaining,
            remaining,
            retry_us,
            reset_us: verdict.reset_us.max(spacing_us).max(missing_us),
            blocked_us: 0,
        }
    }

    fn admit(&self, state: &mut Self::State, now: u64, cost: u32) {
        self.consume(state, now, cost);
        state.next_at = now + self.pace.min_time_us;
    }

    fn consume(&self, state: &mut Self::State, now: u64, points: u32) {
        self.roll(state, now);
        self.rule.consume(&mut state.rule, now, points);
        if self.pace.reservoir.is_some() {
            state.taken = state.taken.saturating_add(points);
        }
    }

    fn refund(&self, state: &mut Self::State, now: u64, points: u32) {
        self.roll(state, now);
        self.rule.refund(&mut state.rule, now, points);
        state.taken = state.taken.saturating_sub(points);
    }

    fn idle_at(&self, state: &Self::State) -> u64 {
        let refilled_at = match self.pace.reservoir {
            Some(reservoir) if state.taken > 0 => (state.refill + 1) * reservoir.refresh_us,
            _ => 0,
        };
        self.rule.idle_at(&state.rule).max(state.next_at).max(refilled_at)
    }

    fn heap_bytes(state: &Self::State) -> usize {
        P::heap_bytes(&state.rule)
    }
}
