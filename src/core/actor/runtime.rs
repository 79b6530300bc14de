//! The process table and the scheduling rules.

use std::collections::VecDeque;

use super::calls::{CallFailure, CallState, Calls};
use super::departures::Departures;
use super::exit::ExitKind;
use super::ids::{LinkId, MonitorId, Pid};
use super::mail::{Mail, MailKind, MailQueue, Pool, SlotId};
use super::process::{BUDGET, MailboxOverflow, Offer, Process, SpawnOptions, Status, Turn};
use super::relations::Relations;
use super::run_queue::RunQueue;
use super::step::Step;
use crate::core::planted::{PlantedFault, is_planted};
use crate::core::slab::Slab;

/// Processes, their mail, and their turns. See the [module](super) for its guarantees.
#[derive(Debug)]
pub struct Runtime {
    pub(super) processes: Slab<Process>,
    pool: Pool,
    pub(super) queue: RunQueue,
    pub(super) calls: Calls,
    pub(super) relations: Relations,
    /// Steps that come before any message.
    pub(super) urgent: VecDeque<Step>,
    /// Mail of processes that ended, to be handed back.
    pub(super) orphans: VecDeque<(Pid, MailQueue)>,
    pub(super) departures: Departures,
    /// Messages that processes which have ended had been handed.
    pub(super) handed_before: u64,
    /// The time of the last round.
    now: f64,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            processes: Slab::new(),
            pool: Pool::default(),
            queue: RunQueue::default(),
            calls: Calls::default(),
            relations: Relations::default(),
            urgent: VecDeque::new(),
            orphans: VecDeque::new(),
            departures: Departures::default(),
            handed_before: 0,
            now: 0.0,
        }
    }
}

impl Runtime {
    /// Adds a starting process: you can send to it, and it handles nothing yet. Returns `None` when 2^24 are alive.
    pub fn spawn(&mut self, options: SpawnOptions) -> Option<Pid> {
        self.processes.insert(Process::new(options)).map(Pid)
    }

    /// Notes that `init` has succeeded. The process handles mail from now on, or ends, if it was asked to meanwhile.
    pub fn started(&mut self, pid: Pid) {
        let Some(process) = self.processes.get_mut(pid.0) else { return };
        if process.status != Status::Starting {
            return;
        }
        process.status = Status::Running;
        match process.condemned.take() {
            Some((kind, because_of)) => {
                self.end(pid, kind, because_of);
                self.departures.mourn_no_more(because_of);
            }
            None => self.consider(pid),
        }
    }

    /// Restarts a process in place. Its mail waits until [`started`](Self::started).
    pub fn restarting(&mut self, pid: Pid) -> bool {
        let Some(process) = self.processes.get_mut(pid.0) else { return false };
        if process.status == Status::Stopping {
            return false;
        }
        process.status = Status::Starting;
        process.rest();
        true
    }

    /// Sends a message; one that cannot be queued comes back as a step.
    pub fn send(&mut self, pid: Pid, mail: Mail) {
        match self.offer(pid, mail) {
            Offer::Queued | Offer::Displaced => {}
            Offer::Full | Offer::NoProcess => self.urgent.push_back(Step::Dropped { pid, mail }),
        }
    }

    /// Sends a message and says what became of it; a refused one stays the sender's.
    pub fn offer(&mut self, pid: Pid, mail: Mail) -> Offer {
        let Some(process) = self.processes.get_mut(pid.0) else { return Offer::NoProcess };
        if process.status == Status::Stopping {
            return Offer::NoProcess;
        }
        // A request to stop is not work, and is never refused.
        if mail.kind == MailKind::Stop {
            process.stops += 1;
        } else if process.waiting() >= process.max_mailbox {
            return self.offer_to_full(pid, mail);
        }
        process.user.push(&mut self.pool, mail);
        if !process.queued && process.is_ready() {
            process.queued = true;
            self.queue.push(pid);
        }
        Offer::Queued
    }

    fn offer_to_full(&mut self, pid: Pid, mail: Mail) -> Offer {
        let Some(process) = self.processes.get_mut(pid.0) else { return Offer::NoProcess };
        if process.overflow != MailboxOverflow::DropOldest {
            return Offer::Full;
        }
        let oldest = process.user.pop(&mut self.pool);
        if let Some(oldest) = oldest
            && oldest.kind == MailKind::Stop
        {
            // Messages behind a request to stop are not handled, so the new message is dropped.
            let mut before = MailQueue::default();
            before.push(&mut self.pool, oldest);
            before.append(&mut self.pool, &mut process.user);
            process.user = before;
            self.hand_back(pid, mail, CallFailure::Full);
            return Offer::Displaced;
        }
        process.user.push(&mut self.pool, mail);
        self.consider(pid);
        let Some(oldest) = oldest else { return Offer::Queued };
        self.hand_back(pid, oldest, CallFailure::Full);
        Offer::Displaced
    }

    /// Sends a message on the system lane: unbounded, and before any user message.
    pub fn send_system(&mut self, pid: Pid, mail: Mail) {
        let alive =
            self.processes.get_mut(pid.0).filter(|process| process.status != Status::Stopping);
        let Some(process) = alive else {
            self.urgent.push_back(Step::Dropped { pid, mail });
            return;
        };
        process.system.push(&mut self.pool, mail);
        self.consider(pid);
    }

    /// Sends a call that may take `timeout` ms. `caller` is the process whose handler makes it, if one does. A call
    /// that fails at once comes back as a step. False, and nothing happens, for a slot that is in use, was released, or
    /// is not the next one: slots of calls are numbered from 0, without gaps.
    pub fn call(&mut self, pid: Pid, slot: SlotId, caller: Option<Pid>, timeout: f64) -> bool {
        if !self.calls.is_free(slot) {
            return false;
        }
        let waiting = caller.and_then(|caller| {
            let process = self.processes.get(caller.0)?;
            Some((caller, process.activation))
        });
        // Known before it is queued: what is displaced for it may be handed back at once.
        if let Some((caller, _)) = waiting {
            let runs = |pid: Pid| {
                let process = self.processes.get(pid.0)?;
                (process.turn != Turn::Idle).then_some(process.activation)
            };
            if self.calls.would_cycle(caller, pid, runs) {
                self.calls.open(slot, pid, None, f64::INFINITY);
                self.calls.forget(slot);
                self.fail(slot, CallFailure::Cycle);
                return true;
            }
        }
        self.calls.open(slot, pid, waiting, timeout);
        let failure = match self.offer(pid, Mail { kind: MailKind::Call, slot }) {
            Offer::Queued | Offer::Displaced => return true,
            Offer::Full => CallFailure::Full,
            Offer::NoProcess => CallFailure::NoProcess,
        };
        self.calls.forget(slot);
        self.fail(slot, failure);
        true
    }

    /// Ends a call that was answered, or whose caller waits no more. Returns whether its slot must be kept until
    /// [`Step::Free`].
    pub fn call_ended(&mut self, slot: SlotId) -> bool {
        self.calls.close(slot)
    }

    /// Notes that the handler of a process takes longer than the turn.
    pub fn busy(&mut self, pid: Pid) {
        if let Some(process) = self.processes.get_mut(pid.0) {
            process.turn = Turn::Busy;
        }
    }

    /// Notes that the handler of a process has ended.
    pub fn done(&mut self, pid: Pid) {
        if let Some(process) = self.processes.get_mut(pid.0) {
            process.rest();
            if !is_planted(PlantedFault::LostWakeUp) || process.is_condemned() {
                self.consider(pid);
            }
        }
    }

    /// Asks a process to end: after the handler that runs, and before any mail that was not handed out. To kill it
    /// waits for nothing, not even for `terminate`. A process that starts ends when it has [`started`](Self::started).
    /// Returns whether there is such a process.
    pub fn exit(&mut self, pid: Pid, kind: ExitKind) -> bool {
        self.end(pid, kind, None)
    }

    /// Lets a process that stops by itself run `terminate`, and hands its mail back. Returns false if it ends already.
    pub fn stopping(&mut self, pid: Pid) -> bool {
        let Some(process) = self.processes.get_mut(pid.0) else { return false };
        if process.status == Status::Stopping {
            return false;
        }
        process.status = Status::Stopping;
        self.return_mail(pid);
        true
    }

    /// Ends a process whose `terminate` is over. Its links and monitors become steps. Returns whether there was such a
    /// process.
    pub fn exited(&mut self, pid: Pid, kind: ExitKind) -> bool {
        if self.processes.get(pid.0).is_none() {
            return false;
        }
        self.return_mail(pid);
        let retired = self.processes.retire(pid.0);
        self.handed_before += retired.as_ref().map_or(0, |process| process.handed);
        let condemned = retired.and_then(|process| process.condemned);
        let ended = self.relations.ended(pid);
        // A link ends its other side and does not kill it: `terminate` runs there.
        let passed_on = if kind == ExitKind::Killed { ExitKind::Error } else { kind };
        for (link, peer) in ended.links {
            let Some(process) = self.processes.get(peer.0) else { continue };
            if process.trap_exit {
                self.urgent.push_back(Step::ExitSignal { pid: peer, link, ended: pid });
            } else if kind != ExitKind::Normal {
                self.end(peer, passed_on, Some(pid));
            }
        }
        for (monitor, watcher) in ended.monitors {
            self.urgent.push_back(Step::Down { pid: watcher, monitor, ended: pid });
        }
        self.departures.ended(pid);
        if let Some((_, because_of)) = condemned {
            self.departures.mourn_no_more(because_of);
        }
        true
    }

    /// Links two processes, so that the end of one, unless it is normal, ends the other. `None` unless both are alive.
    pub fn link(&mut self, one: Pid, other: Pid) -> Option<LinkId> {
        self.processes.get(one.0)?;
        self.processes.get(other.0)?;
        Some(self.relations.link(one, other))
    }

    /// Unlinks two processes. Returns whether there was a link.
    pub fn unlink(&mut self, link: LinkId) -> bool {
        self.relations.unlink(link)
    }

    /// Notifies `watcher` once when `subject` ends; at once when it has. Does nothing when the watcher has ended.
    pub fn monitor(&mut self, watcher: Pid, subject: Pid) -> MonitorId {
        if self.processes.get(watcher.0).is_none() {
            return self.relations.spent_monitor();
        }
        if let Some(process) = self.processes.get(subject.0) {
            if is_planted(PlantedFault::LostDown) && process.status == Status::Stopping {
                return self.relations.spent_monitor();
            }
            return self.relations.monitor(watcher, subject);
        }
        let monitor = self.relations.spent_monitor();
        self.urgent.push_back(Step::Down { pid: watcher, monitor, ended: subject });
        monitor
    }

    /// Ends a monitor. Returns whether there was one.
    pub fn demonitor(&mut self, monitor: MonitorId) -> bool {
        self.relations.demonitor(monitor)
    }

    /// Returns when the next call is overdue.
    pub fn next_deadline(&mut self) -> Option<f64> {
        self.calls.next_deadline()
    }

    /// Hands out up to `limit` steps. A process that got messages in the last round and is not [`busy`](Self::busy)
    /// counts as having handled them. Returns whether there is more to do already.
    pub fn round(&mut self, now: f64, limit: usize, mut take: impl FnMut(Step)) -> bool {
        let now = self.begin_round(now);
        let mut left = self.fail_overdue(now, limit, &mut take);
        while left > 0 {
            if let Some(step) = self.urgent.pop_front() {
                take(step);
                left -= 1;
            } else if !self.orphans.is_empty() {
                self.hand_back_one();
            } else if let Some(pid) = self.departures.next() {
                take(Step::Gone { pid });
                left -= 1;
            } else if let Some(pid) = self.queue.pop() {
                left = self.turn(pid, left, &mut take);
            } else {
                break;
            }
        }
        let has_steps =
            !self.urgent.is_empty() || !self.orphans.is_empty() || !self.queue.is_empty();
        let has_steps = has_steps || !self.departures.is_empty();
        let is_overdue = left == 0 && self.calls.next_deadline().is_some_and(|due| due <= now);
        has_steps || is_overdue || self.calls.has_unwatched()
    }

    /// Begins a round: all steps of the last one have been carried out. Returns its time.
    #[inline]
    pub(super) fn begin_round(&mut self, now: f64) -> f64 {
        let now = if now.is_finite() { now } else { self.now };
        self.now = now;
        for pid in self.departures.take_gone() {
            self.processes.release(pid.0);
        }
        self.requeue_those_that_ran();
        self.calls.settle_in(now, !self.queue.is_empty());
        now
    }

    /// Fails the calls that are overdue. First and at once: nothing that is carried out before them may answer these
    /// calls. Returns how many steps are left.
    #[inline]
    pub(super) fn fail_overdue(
        &mut self,
        now: f64,
        limit: usize,
        take: &mut impl FnMut(Step),
    ) -> usize {
        let mut left = limit;
        while left > 0
            && let Some(slot) = self.calls.overdue(now)
        {
            let held = self.calls.close(slot);
            take(Step::CallFailed { slot, failure: CallFailure::Timeout, held });
            left -= 1;
        }
        left
    }

    /// Runs one process's turn: up to its budget of messages, as many as fit.
    pub(super) fn turn(&mut self, pid: Pid, left: usize, take: &mut impl FnMut(Step)) -> usize {
        let Some(process) = self.processes.get_mut(pid.0) else { return left };
        process.queued = false;
        if !process.can_take() {
            return left;
        }
        if process.turn == Turn::Idle
            && let Some((kind, because_of)) = process.condemned.take()
        {
            process.status = Status::Stopping;
            self.return_mail(pid);
            take(Step::Terminate { pid, kind, because_of });
            self.departures.mourn_no_more(because_of);
            return left - 1;
        }
        let mut left = left;
        let mut handed = 0;
        let mut stops = false;
        while handed < BUDGET && left > 0 {
            let system = process.system.pop(&mut self.pool);
            let Some(mail) = system.or_else(|| process.user.pop(&mut self.pool)) else { break };
            if mail.kind == MailKind::Call {
                if self.calls.state(mail.slot) == CallState::Abandoned {
                    self.calls.forget(mail.slot);
                    take(Step::Free { slot: mail.slot });
                    left -= 1;
                    continue;
                }
                self.calls.running(mail.slot);
            }
            take(Step::Run { pid, mail });
            left -= 1;
            handed += 1;
            if mail.kind == MailKind::Stop {
                process.stops -= 1;
                stops = true;
                break;
            }
        }
        process.handed += u64::from(handed - u32::from(stops));
        process.activation = process.activation.wrapping_add(1);
        if handed > 0 && !process.is_handed {
            process.is_handed = true;
            self.queue.ran(pid);
        }
        if stops {
            // Messages behind a request to stop are not handled.
            process.turn = Turn::Busy;
        } else if handed > 0 {
            process.turn = Turn::Handed;
        }
        // Behind the others, and perhaps again in this round.
        if process.can_take() && process.condemned.is_none() {
            process.queued = true;
            self.queue.push(pid);
        }
        left
    }

    /// Frees the processes that ran, except those that take longer.
    fn requeue_those_that_ran(&mut self) {
        let ran = self.queue.take_ran();
        for pid in &ran {
            if let Some(process) = self.processes.get_mut(pid.0) {
                process.is_handed = false;
                if process.turn == Turn::Handed {
                    process.turn = Turn::Idle;
                }
            }
            self.consider(*pid);
        }
        self.queue.give_back(ran);
    }

    fn consider(&mut self, pid: Pid) {
        if let Some(process) = self.processes.get_mut(pid.0)
            && !process.queued
            && process.is_ready()
        {
            process.queued = true;
            self.queue.push(pid);
        }
    }

    fn end(&mut self, pid: Pid, kind: ExitKind, because_of: Option<Pid>) -> bool {
        let Some(process) = self.processes.get_mut(pid.0) else { return false };
        let is_idle = process.status == Status::Running && process.turn == Turn::Idle;
        if kind == ExitKind::Killed || is_idle {
            process.status = Status::Stopping;
            self.return_mail(pid);
            self.urgent.push_back(Step::Terminate { pid, kind, because_of });
        } else if process.status != Status::Stopping && process.condemned.is_none() {
            // The first reason stands.
            process.condemned = Some((kind, because_of));
            if let Some(ended) = because_of {
                self.departures.mourn(ended);
            }
        }
        true
    }

    fn return_mail(&mut self, pid: Pid) {
        let Some(process) = self.processes.get_mut(pid.0) else { return };
        let mut mail = std::mem::take(&mut process.system);
        mail.append(&mut self.pool, &mut process.user);
        process.stops = 0;
        if mail.len() > 0 {
            self.orphans.push_back((pid, mail));
        }
    }

    pub(super) fn hand_back_one(&mut self) {
        let Some((pid, mail)) = self.orphans.front_mut() else { return };
        let pid = *pid;
        match mail.pop(&mut self.pool) {
            Some(mail) => self.hand_back(pid, mail, CallFailure::NoProcess),
            None => {
                self.orphans.pop_front();
            }
        }
    }

    fn hand_back(&mut self, pid: Pid, mail: Mail, failure: CallFailure) {
        if mail.kind != MailKind::Call {
            self.urgent.push_back(Step::Dropped { pid, mail });
            return;
        }
        let abandoned = self.calls.state(mail.slot) == CallState::Abandoned;
        self.calls.forget(mail.slot);
        if abandoned {
            self.urgent.push_back(Step::Free { slot: mail.slot });
        } else {
            self.fail(mail.slot, failure);
        }
    }

    fn fail(&mut self, slot: SlotId, failure: CallFailure) {
        let held = self.calls.close(slot);
        self.urgent.push_back(Step::CallFailed { slot, failure, held });
    }
}
