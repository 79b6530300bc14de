//! The generic cell rate algorithm (GCRA, ITU-T Recommendation I.371): a token bucket in one timestamp.
//!
//! The state is the theoretical arrival time (TAT), the moment at which the bucket is full again. A key may take `cost`
//! tokens at `now` if `max(TAT, now) - now + cost * interval <= burst * interval`, where `interval = window / limit`.
//! Then TAT becomes `max(TAT, now) + cost * interval`.
//!
//! One token is worth `window / limit` microseconds, which is seldom whole. So a TAT has a part in `1 / limit` of a
//! microsecond, and sums are exact.

use super::policy::{FOREVER_US, RatePolicy, Verdict};

/// The theoretical arrival time, at which the bucket is full again: `whole + part / limit` microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tat {
    whole: u64,
    part: u32,
}

/// A quota of `limit` tokens per `window` microseconds, of which a new key can take `burst` at once.
#[derive(Debug, Clone)]
pub(super) struct Gcra {
    limit: u32,
    window: u64,
    burst: u32,
    /// The worth of one token: whole microseconds, and the rest in `1 / limit` of one.
    interval: u64,
    rest: u32,
}

impl Gcra {
    pub(super) fn new(limit: u32, window: u64, burst: u32) -> Self {
        let interval = window / u64::from(limit);
        let rest = u32::try_from(window % u64::from(limit)).expect("below the limit");
        Self { limit, window, burst, interval, rest }
    }

    /// Converts a time to units of `1 / limit` of a microsecond.
    fn scaled(&self, at: Tat) -> i128 {
        i128::from(at.whole) * i128::from(self.limit) + i128::from(at.part)
    }

    /// Returns the worth of tokens, at most a full bucket, in `1 / limit` of a microsecond.
    fn worth(&self, tokens: u32) -> i128 {
        i128::from(tokens) * i128::from(self.window)
    }
}

impl RatePolicy for Gcra {
    type State = Tat;

    fn capacity(&self) -> u32 {
        self.burst
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "tokens are from 0 to the burst, and times far below 2^64"
    )]
    #[inline]
    fn test(&self, state: &mut Tat, now: u64, cost: u32) -> Verdict {
        let tat = (*state).max(Tat { whole: now, part: 0 });
        let missing = i128::from(tat.whole - now) * i128::from(self.limit) + i128::from(tat.part);
        // Negative after penalties.
        let credit = self.worth(self.burst) - missing;
        // A credit almost always fits 64 bits, whose division is several times as fast.
        let remaining = match u64::try_from(credit.max(0)) {
            Ok(credit) => (credit / self.window) as u32,
            Err(_) => (credit / i128::from(self.window)) as u32,
        };
        let lacking = self.worth(cost) - credit;
        let retry_us = match u64::try_from(lacking.max(0)) {
            Ok(lacking) => lacking.div_ceil(u64::from(self.limit)),
            Err(_) => (lacking as u128).div_ceil(u128::from(self.limit)) as u64,
        };
        Verdict {
            allowed: lacking <= 0,
            used: self.burst - remaining,
            remaining,
            retry_us,
            reset_us: self.idle_at(&tat) - now,
            blocked_us: 0,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a remainder of a division by a u32")]
    #[inline]
    fn consume(&self, state: &mut Tat, now: u64, points: u32) {
        let tat = (*state).max(Tat { whole: now, part: 0 });
        let parts = u64::from(points) * u64::from(self.rest) + u64::from(tat.part);
        let worth = u64::from(points).saturating_mul(self.interval);
        let whole = tat.whole.saturating_add(worth).saturating_add(parts / u64::from(self.limit));
        *state = if whole >= now + FOREVER_US {
            Tat { whole: now + FOREVER_US, part: 0 }
        } else {
            Tat { whole, part: (parts % u64::from(self.limit)) as u32 }
        };
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between now and the state, which fitted before"
    )]
    fn refund(&self, state: &mut Tat, now: u64, points: u32) {
        let soonest = self.scaled(Tat { whole: now, part: 0 });
        let refunded = (self.scaled(*state) - self.worth(points)).max(soonest);
        let limit = i128::from(self.limit);
        *state = Tat { whole: (refunded / limit) as u64, part: (refunded % limit) as u32 };
    }

    fn idle_at(&self, state: &Tat) -> u64 {
        state.whole + u64::from(state.part > 0)
    }

    fn heap_bytes(_: &Tat) -> usize {
        0
    }
}
