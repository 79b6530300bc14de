//! Calls in flight: their deadlines, and the calls that each handler waits for.

use std::collections::BTreeSet;

use super::ids::Pid;
use super::mail::SlotId;
use crate::core::clock::{TimerId, Timers, Track};
use crate::core::planted::{PlantedFault, is_planted};

/// The reason why a call gets no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CallFailure {
    /// There is no such process, or none any more.
    NoProcess = 0,
    /// Its deadline passed.
    Timeout = 1,
    /// It would wait for itself: the called process waits, directly or through others, for the caller.
    Cycle = 2,
    /// The mailbox is full.
    Full = 3,
}

/// The state of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallState {
    /// No call uses this slot.
    Free,
    /// In a mailbox.
    Queued,
    /// In a mailbox, but its caller waits no more.
    Abandoned,
    /// Handed to its process, or answered later.
    Running,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) state: CallState,
    /// The use of its slot that this call is.
    generation: u32,
    pub(super) target: Pid,
    pub(super) caller: Option<Pid>,
    /// The caller's run at the time of the call.
    activation: u32,
    /// The time it may take; infinite for a call that waits for ever, or whose caller waits no more.
    timeout: f64,
    /// The round before which the call was made.
    round: u32,
    timer: Option<TimerId>,
}

/// A call that has outlived a round, and when it is overdue.
#[derive(Debug)]
struct Unwatched {
    slot: SlotId,
    round: u32,
    deadline: f64,
}

/// The time, in ms, that calls wait in mailboxes before they get timers. A flood that is handled by then costs none.
const PATIENCE: f64 = 5.0;

/// All calls of a runtime, by the slot JavaScript gave them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    table: Vec<Call>,
    /// (caller's slot, call's slot) of calls that a handler waits for.
    waiting: BTreeSet<(u32, SlotId)>,
    deadlines: Timers,
    /// Counts rounds.
    round: u32,
    /// Calls with a deadline since the last round, and those of the round before it: most are answered within a round,
    /// and never need a timer.
    fresh: Vec<SlotId>,
    handed: Vec<SlotId>,
    /// Calls that were not answered within a round, and have no timer yet.
    unwatched: Vec<Unwatched>,
    /// The time at which the first of these is overdue.
    soonest: Option<f64>,
    /// The time since which they wait for timers.
    unwatched_since: f64,
    /// The call of each timer slot.
    timed: Vec<SlotId>,
    /// Counts calls that are not free.
    open: usize,
}

/// Returns whether a call was made before that round, has a deadline, and was not answered.
fn is_waited_for(call: &Call, round: u32) -> bool {
    let is_open = matches!(call.state, CallState::Queued | CallState::Running);
    is_open && call.round == round && call.timer.is_none() && call.timeout.is_finite()
}

impl Calls {
    fn nobody() -> Call {
        let target = Pid::from_f64(0.0);
        Call {
            state: CallState::Free,
            generation: 0,
            target,
            caller: None,
            activation: 0,
            timeout: f64::INFINITY,
            round: 0,
            timer: None,
        }
    }

    /// Returns the call of a slot, unless the slot is free.
    fn get(&self, slot: SlotId) -> Option<&Call> {
        self.table.get(slot.index()).filter(|call| call.generation == slot.generation())
    }

    fn get_mut(&mut self, slot: SlotId) -> Option<&mut Call> {
        self.table.get_mut(slot.index()).filter(|call| call.generation == slot.generation())
    }

    pub(super) fn state(&self, slot: SlotId) -> CallState {
        self.get(slot).map_or(CallState::Free, |call| call.state)
    }

    /// Returns how many are open.
    pub(super) fn len(&self) -> usize {
        self.open
    }

    /// Returns whether a call can be opened there: the place is the next one, or free, and its use is not over.
    pub(super) fn is_free(&self, slot: SlotId) -> bool {
        match self.table.get(slot.index()) {
            Some(call) => call.state == CallState::Free && slot.generation() > call.generation,
            None => slot.index() == self.table.len() && slot.generation() > 0,
        }
    }

    /// Takes note of a queued call; `timeout` is infinite for a call that waits for ever. It
    /// counts from the round after, which costs the caller no look at the clock for calls that are answered by then.
    pub(super) fn open(
        &mut self,
        slot: SlotId,
        target: Pid,
        caller: Option<(Pid, u32)>,
        timeout: f64,
    ) {
        let index = slot.index();
        if index == self.table.len() {
            self.table.push(Self::nobody());
        }
        let timeout = if timeout.is_finite() { timeout.max(0.0) } else { f64::INFINITY };
        self.open += 1;
        if timeout.is_finite() {
            self.fresh.push(slot);
        }
        if let Some((caller, _)) = caller {
            self.waiting.insert((caller.slot(), slot));
        }
        self.table[index] = Call {
            state: CallState::Queued,
            generation: slot.generation(),
            target,
            caller: caller.map(|(pid, _)| pid),
            activation: caller.map_or(0, |(_, activation)| activation),
            timeout,
            round: self.round,
            timer: None,
        };
    }

    pub(super) fn running(&mut self, slot: SlotId) {
        if let Some(call) = self.get_mut(slot)
            && call.state == CallState::Queued
        {
            call.state = CallState::Running;
        }
    }

    /// Ends a call for its caller: it has no deadline and waits for nothing. A call that is still queued is abandoned.
    /// Returns whether it is.
    pub(super) fn close(&mut self, slot: SlotId) -> bool {
        let Some(call) = self.table.get_mut(slot.index()) else { return false };
        if call.generation != slot.generation() {
            return false;
        }
        call.timeout = f64::INFINITY;
        if let Some(timer) = call.timer.take() {
            self.deadlines.cancel(timer);
        }
        let goes_on = is_planted(PlantedFault::EndlessWait) && call.state == CallState::Queued;
        if !goes_on && let Some(caller) = call.caller.take() {
            self.waiting.remove(&(caller.slot(), slot));
        }
        match call.state {
            CallState::Queued | CallState::Abandoned => {
                call.state = CallState::Abandoned;
                true
            }
            CallState::Running => {
                call.state = CallState::Free;
                self.open -= 1;
                false
            }
            CallState::Free => false,
        }
    }

    /// Notes that a queued call left its mailbox without being run.
    pub(super) fn forget(&mut self, slot: SlotId) {
        self.close(slot);
        if let Some(call) = self.get_mut(slot)
            && call.state != CallState::Free
        {
            call.state = CallState::Free;
            self.open -= 1;
        }
    }

    /// Begins a round. Calls that have outlived a whole one have deadlines from now on, and get their timers unless the
    /// mailboxes are being worked off (`is_working`), which may answer them first.
    pub(super) fn settle_in(&mut self, now: f64, is_working: bool) {
        let before = self.round;
        self.round = self.round.wrapping_add(1);
        if !self.handed.is_empty() {
            let older = before.wrapping_sub(1);
            let mut handed = std::mem::take(&mut self.handed);
            for slot in handed.drain(..) {
                let Some(call) = self.get(slot) else { continue };
                if is_waited_for(call, older) {
                    let deadline = now + call.timeout;
                    if self.unwatched.is_empty() {
                        self.unwatched_since = now;
                    }
                    self.soonest =
                        Some(self.soonest.map_or(deadline, |soonest| soonest.min(deadline)));
                    self.unwatched.push(Unwatched { slot, round: older, deadline });
                }
            }
            self.handed = handed;
        }
        std::mem::swap(&mut self.handed, &mut self.fresh);
        let is_overdue = self.soonest.is_some_and(|soonest| soonest <= now);
        if is_overdue || !is_working || now - self.unwatched_since >= PATIENCE {
            self.watch(now);
        }
    }

    /// Gives each call that is still waited for its timer.
    fn watch(&mut self, now: f64) {
        self.soonest = None;
        for Unwatched { slot, round, deadline } in self.unwatched.drain(..) {
            let Some(call) = self.table.get_mut(slot.index()) else { continue };
            if call.generation != slot.generation() || !is_waited_for(call, round) {
                continue;
            }
            let timer = self.deadlines.schedule(Track::Mono, deadline, now);
            call.timer = Some(timer);
            let place = timer.slot as usize;
            if place >= self.timed.len() {
                self.timed.resize(place + 1, slot);
            }
            self.timed[place] = slot;
        }
    }

    /// Returns whether there are calls whose deadline has not begun.
    pub(super) fn has_unwatched(&self) -> bool {
        !self.handed.is_empty()
    }

    /// Returns a call whose deadline has been reached, in the order of deadlines.
    pub(super) fn overdue(&mut self, now: f64) -> Option<SlotId> {
        let due = self.deadlines.pop_due(now, 0.0)?;
        let slot = self.timed[due.id.slot as usize];
        if let Some(call) = self.get_mut(slot) {
            call.timer = None;
        }
        Some(slot)
    }

    /// Returns the time of the next deadline.
    pub(super) fn next_deadline(&mut self) -> Option<f64> {
        let watched = self.deadlines.next_due(0.0);
        match (watched, self.soonest) {
            (Some(watched), Some(soonest)) => Some(watched.min(soonest)),
            (watched, soonest) => watched.or(soonest),
        }
    }

    /// Returns whether `target` waits, directly or through others, for `caller`. `runs` gives the current run of a
    /// process whose handler has not ended.
    pub(super) fn would_cycle(
        &self,
        caller: Pid,
        target: Pid,
        runs: impl Fn(Pid) -> Option<u32>,
    ) -> bool {
        if caller == target {
            return true;
        }
        if self.waiting.is_empty() {
            return false;
        }
        let mut seen = BTreeSet::from([target]);
        let mut pending = vec![target];
        while let Some(waiter) = pending.pop() {
            let Some(run) = runs(waiter) else { continue };
            let from = (waiter.slot(), SlotId::new(0, 0));
            let all = self.waiting.range(from..).take_while(|(slot, _)| *slot == waiter.slot());
            for (_, slot) in all {
                let Some(call) = self.get(*slot) else { continue };
                if call.caller != Some(waiter) || call.activation != run {
                    continue;
                }
                if call.target == caller {
                    return true;
                }
                if seen.insert(call.target) {
                    pending.push(call.target);
                }
            }
        }
        false
    }
}
