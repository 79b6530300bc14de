//! Keys that others wait for.

use super::keys::Keys;
use super::policy::{RatePolicy, Verdict};
use super::tail::QueueTail;

impl<P: RatePolicy> Keys<P> {
    /// Returns whether others wait for a key.
    pub(super) fn is_awaited(&self, slot: u32) -> bool {
        !self.tails.is_empty() && self.tails.contains_key(&slot)
    }

    /// Returns the first time at which the key itself covers a cost, whoever waits.
    pub(super) fn due(&mut self, slot: u32, cost: u32, now: u64) -> u64 {
        let verdict = self.policy.test(&mut self.states[slot as usize], now, cost);
        (now + verdict.retry_us).max(self.blocked_until[slot as usize])
    }

    /// Returns the first time at which a cost is covered behind all who wait.
    pub(super) fn earliest(&mut self, slot: u32, cost: u32, now: u64) -> u64 {
        let Some(tail) = self.tails.get_mut(&slot) else { return self.due(slot, cost, now) };
        let at = tail.at.max(now);
        at + self.policy.test(&mut tail.state, at, cost).retry_us
    }

    /// Takes a cost behind all who wait, at a time that [`earliest`](Self::earliest) allows.
    pub(super) fn reserve(&mut self, slot: u32, cost: u32, at: u64) {
        if !self.tails.contains_key(&slot) {
            self.restart_tail(slot, 0);
        }
        let tail = self.tails.get_mut(&slot).expect("just made");
        self.policy.admit(&mut tail.state, at, cost);
        tail.at = at;
    }

    /// Begins the tail of a key again, as if nobody waited yet.
    pub(super) fn restart_tail(&mut self, slot: u32, now: u64) {
        let state = self.states[slot as usize].clone();
        let at = now.max(self.blocked_until[slot as usize]);
        self.tails.insert(slot, QueueTail { state, at });
    }

    /// Ends the tail of a key that nobody waits for any more.
    pub(super) fn end_tail(&mut self, slot: u32) {
        if self.tails.remove(&slot).is_some() && self.has(slot) {
            self.settle(slot);
        }
    }

    /// Takes a cost that is there from the key itself, whoever waits.
    pub(super) fn admit(&mut self, slot: u32, cost: u32, now: u64) -> Verdict {
        let state = &mut self.states[slot as usize];
        let verdict = self.policy.test(state, now, cost);
        self.policy.admit(state, now, cost);
        Verdict {
            allowed: true,
            remaining: verdict.remaining.saturating_sub(cost),
            retry_us: 0,
            reset_us: self.policy.idle_at(state).saturating_sub(now),
            ..verdict
        }
    }

    /// Returns the verdict on a key that others wait for: all of its quota is theirs until they were admitted.
    #[cold]
    pub(super) fn behind(&mut self, slot: u32, cost: u32, now: u64) -> Verdict {
        let at = self.earliest(slot, cost, now);
        let reset_at = self.tails.get(&slot).map_or(0, |tail| self.policy.idle_at(&tail.state));
        let retry_us = at.saturating_sub(now).max(1);
        Verdict {
            allowed: false,
            used: self.policy.capacity(),
            remaining: 0,
            retry_us,
            reset_us: reset_at.saturating_sub(now).max(retry_us),
            blocked_us: self.blocked_until[slot as usize].saturating_sub(now),
        }
    }

    /// Gives a key that others wait for its whole quota, without a block. The key stays.
    pub(super) fn renew(&mut self, slot: u32) {
        self.states[slot as usize] = P::State::default();
        self.blocked_until[slot as usize] = 0;
    }
}
