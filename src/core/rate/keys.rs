//! Keys of one policy: their states, their blocks, and which of them is forgotten.

use super::config::LimiterConfig;
use super::idle::{Idle, push_lean};
use super::policy::{FOREVER_US, RatePolicy, Verdict};
use super::tail::{PINNED, Tails};

/// The places out of date that are corrected when a key has to make room, before the first one goes as it is.
const LOOKS_FOR_ROOM: usize = 32;
/// The same for a key that has room.
const LOOKS_IN_PASSING: usize = 4;
/// The idle keys that a new one takes with it: more than come, so that memory follows what is in use.
const IDLE_FOR_NEW: usize = 2;

#[derive(Debug, Clone)]
pub(super) struct Keys<P: RatePolicy> {
    pub(super) policy: P,
    pub(super) states: Vec<P::State>,
    pub(super) blocked_until: Vec<u64>,
    pub(super) tails: Tails<P::State>,
    free: Vec<u32>,
    idle: Idle,
    /// The most keys there may be.
    most: usize,
    block_us: u64,
    displaced: u64,
}

impl<P: RatePolicy> Keys<P> {
    pub(super) fn new(policy: P, config: &LimiterConfig) -> Self {
        Self {
            policy,
            states: Vec::new(),
            blocked_until: Vec::new(),
            tails: Tails::new(),
            free: Vec::new(),
            idle: Idle::default(),
            most: config.max_keys,
            block_us: config.block_us,
            displaced: 0,
        }
    }

    /// Tests a cost without taking it; a slot that stands for no key is a new key. Returns `None` for a cost that can
    /// never be met.
    pub(super) fn check(&mut self, slot: Option<u32>, cost: u32, now: u64) -> Option<Verdict> {
        if !self.can_ever_meet(cost) {
            return None;
        }
        Some(match slot.filter(|slot| self.has(*slot)) {
            Some(slot) => self.test(slot, cost, now),
            None => self.policy.test(&mut P::State::default(), now, cost),
        })
    }

    /// Tests a cost of a key that is there.
    #[inline]
    fn test(&mut self, slot: u32, cost: u32, now: u64) -> Verdict {
        if self.is_awaited(slot) {
            return self.behind(slot, cost, now);
        }
        let verdict = self.policy.test(&mut self.states[slot as usize], now, cost);
        let blocked_us = self.blocked_until[slot as usize].saturating_sub(now);
        if blocked_us == 0 {
            return verdict;
        }
        Verdict {
            allowed: false,
            retry_us: verdict.retry_us.max(blocked_us),
            reset_us: verdict.reset_us.max(blocked_us),
            blocked_us,
            ..verdict
        }
    }

    /// Returns whether a key that has taken nothing could take a cost.
    pub(super) fn can_ever_meet(&self, cost: u32) -> bool {
        (1..=self.policy.capacity()).contains(&cost)
    }

    /// Takes a cost if it is there. `None` for a slot that stands for no key, and for a cost that can never be met.
    pub(super) fn take(&mut self, slot: u32, cost: u32, now: u64) -> Option<Verdict> {
        if !self.has(slot) || !self.can_ever_meet(cost) {
            return None;
        }
        let mut verdict = self.test(slot, cost, now);
        let state = &mut self.states[slot as usize];
        if verdict.allowed {
            self.policy.admit(state, now, cost);
            verdict.remaining -= cost;
            verdict.reset_us = self.policy.idle_at(state) - now;
        } else if self.block_us > 0 && verdict.blocked_us == 0 && !self.is_awaited(slot) {
            self.blocked_until[slot as usize] = now + self.block_us;
            verdict.retry_us = verdict.retry_us.max(self.block_us);
            verdict.reset_us = verdict.reset_us.max(self.block_us);
            verdict.blocked_us = self.block_us;
        }
        Some(verdict)
    }

    /// Adds a key that has taken nothing; tells which slots were forgotten for it.
    pub(super) fn add(&mut self, now: u64, forgotten: &mut dyn FnMut(u32)) -> u32 {
        self.make_room(now, forgotten);
        let slot = self.free.pop().unwrap_or_else(|| {
            push_lean(&mut self.states, P::State::default());
            push_lean(&mut self.blocked_until, 0);
            u32::try_from(self.states.len() - 1).expect("fewer than 2^24 keys")
        });
        self.idle.set(slot, now);
        slot
    }

    /// Takes points whether they are there or not: false for a slot that stands for no key.
    pub(super) fn penalty(&mut self, slot: u32, points: u32, now: u64) -> bool {
        self.change(slot, |keys| keys.policy.consume(&mut keys.states[slot as usize], now, points))
    }

    /// Gives points back.
    pub(super) fn reward(&mut self, slot: u32, points: u32, now: u64) -> bool {
        self.change(slot, |keys| keys.policy.refund(&mut keys.states[slot as usize], now, points))
    }

    /// Refuses the key for a time, from now on; 0 ends a block.
    pub(super) fn block(&mut self, slot: u32, block_us: u64, now: u64) -> bool {
        self.change(slot, |keys| {
            keys.blocked_until[slot as usize] = now + block_us.min(FOREVER_US);
        })
    }

    /// Forgets a key. Returns whether there was one.
    pub(super) fn forget(&mut self, slot: u32) -> bool {
        if !self.idle.has(slot) {
            return false;
        }
        self.idle.remove(slot);
        self.states[slot as usize] = P::State::default();
        self.blocked_until[slot as usize] = 0;
        push_lean(&mut self.free, slot);
        true
    }

    /// Corrects where a key stands among those that are soon idle, after it was taken from for the first time.
    pub(super) fn settle(&mut self, slot: u32) {
        self.idle.set(slot, self.idle_at(slot));
    }

    /// Forgets up to `most` idle keys, and calls `forgotten` for each. Returns how many they were.
    pub(super) fn sweep(&mut self, now: u64, most: usize, forgotten: &mut dyn FnMut(u32)) -> usize {
        let mut swept = 0;
        // Each look either forgets a key or puts one where it belongs, in the future.
        while swept < most
            && let Some((slot, thought)) = self.idle.first()
            && thought <= now
        {
            if self.idle_at(slot) > now {
                self.settle(slot);
                continue;
            }
            self.forget(slot);
            forgotten(slot);
            swept += 1;
        }
        swept
    }

    /// Returns when the next key may be idle; never later than it is.
    pub(super) fn next_idle(&self) -> Option<u64> {
        self.idle.first().map(|(_, thought)| thought)
    }

    pub(super) fn len(&self) -> usize {
        self.idle.len()
    }

    /// Returns the number of keys that were forgotten while they were not idle.
    pub(super) fn displaced(&self) -> u64 {
        self.displaced
    }

    pub(super) fn bytes(&self) -> usize {
        let beside: usize = self.states.iter().map(P::heap_bytes).sum();
        self.states.capacity() * size_of::<P::State>()
            + self.blocked_until.capacity() * size_of::<u64>()
            + self.free.capacity() * size_of::<u32>()
            + self.idle.bytes()
            + beside
    }

    fn change(&mut self, slot: u32, body: impl FnOnce(&mut Self)) -> bool {
        if !self.idle.has(slot) {
            return false;
        }
        body(self);
        self.settle(slot);
        true
    }

    fn idle_at(&self, slot: u32) -> u64 {
        let at = self.policy.idle_at(&self.states[slot as usize]);
        let at = at.max(self.blocked_until[slot as usize]);
        if self.is_awaited(slot) { PINNED } else { at }
    }

    /// Returns whether a slot stands for a key.
    pub(super) fn has(&self, slot: u32) -> bool {
        self.idle.has(slot)
    }

    /// Makes room for a new key. With room left it forgets idle keys only; else it forgets the soonest idle key.
    fn make_room(&mut self, now: u64, forgotten: &mut dyn FnMut(u32)) {
        let must = self.len() >= self.most;
        let looks = if must { LOOKS_FOR_ROOM } else { LOOKS_IN_PASSING };
        let mut freed = 0;
        for look in 1..=looks {
            let Some((slot, thought)) = self.idle.first() else { return };
            let may_displace = must && freed == 0;
            if freed == IDLE_FOR_NEW || (thought > now && !may_displace) {
                return;
            }
            let at = self.idle_at(slot);
            if at == PINNED && thought == PINNED {
                // All keys are waited for; one more is remembered than there should be.
                return;
            }
            if at > now {
                if at > thought && (look < looks || at == PINNED) {
                    self.settle(slot);
                    continue;
                }
                if !may_displace {
                    return;
                }
                self.displaced += 1;
            }
            self.forget(slot);
            forgotten(slot);
            freed += 1;
        }
    }
}
