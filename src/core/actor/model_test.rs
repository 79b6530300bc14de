//! Random programs against a model that is too simple to be wrong: a list a process.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Op {
    Cast(usize),
    Call(usize, f64),
    Abandon(usize),
    Round(usize),
    Busy(usize),
    Done(usize),
    Stop(usize),
    Exit(usize, bool),
    Exited(usize),
    Link(usize, usize),
    Wait(f64),
}

const PROCESSES: usize = 4;

fn op() -> impl Strategy<Value = Op> {
    let one = 0..PROCESSES;
    prop_oneof![
        8 => one.clone().prop_map(Op::Cast),
        6 => (one.clone(), 1.0..30.0).prop_map(|(pid, timeout)| Op::Call(pid, timeout)),
        2 => (0..40_usize).prop_map(Op::Abandon),
        6 => (1..40_usize).prop_map(Op::Round),
        3 => one.clone().prop_map(Op::Busy),
        3 => one.clone().prop_map(Op::Done),
        1 => one.clone().prop_map(Op::Stop),
        1 => (one.clone(), any::<bool>()).prop_map(|(pid, kill)| Op::Exit(pid, kill)),
        1 => one.clone().prop_map(Op::Exited),
        1 => (one.clone(), one).prop_map(|(a, b)| Op::Link(a, b)),
        3 => (0.0..20.0).prop_map(Op::Wait),
    ]
}

/// The outside's knowledge: the messages sent, and what has become of each.
#[derive(Default)]
struct World {
    runtime: Runtime,
    pids: Vec<Pid>,
    now: f64,
    next_slot: u32,
    /// All slots, and how many of them are of calls.
    made: Vec<SlotId>,
    places: u32,
    /// The messages that each process was sent and has not been handed yet, in order.
    queues: BTreeMap<usize, VecDeque<SlotId>>,
    calls: BTreeSet<SlotId>,
    open_calls: BTreeSet<SlotId>,
    abandoned: BTreeSet<SlotId>,
    /// Slots that may not be seen again.
    settled: BTreeSet<SlotId>,
    held: BTreeSet<SlotId>,
    running: BTreeSet<usize>,
    busy: BTreeSet<usize>,
    ended: BTreeSet<usize>,
    gone: BTreeSet<usize>,
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        for index in 0..PROCESSES {
            let pid = world.runtime.spawn(SpawnOptions::default()).expect("room");
            world.runtime.started(pid);
            world.pids.push(pid);
            world.queues.insert(index, VecDeque::new());
        }
        world
    }

    fn slot(&mut self) -> SlotId {
        self.next_slot += 1;
        let slot = SlotId::new(self.next_slot, 9);
        self.made.push(slot);
        slot
    }

    fn call_slot(&mut self) -> SlotId {
        // In generations that no message has.
        let slot = SlotId::new(self.places, 10);
        self.places += 1;
        self.made.push(slot);
        slot
    }

    fn index(&self, pid: Pid) -> usize {
        self.pids.iter().position(|other| *other == pid).expect("known")
    }

    /// Checks that a slot comes back, as a message that runs or otherwise: exactly once, and only from its place.
    fn seen(&mut self, slot: SlotId) {
        assert!(self.settled.insert(slot), "slot {slot:?} came back twice");
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Run { pid, mail } => {
                let index = self.index(pid);
                assert!(!self.busy.contains(&index), "one at a time");
                assert!(!self.ended.contains(&index), "nothing after the end");
                let queue = self.queues.get_mut(&index).expect("known");
                // Abandoned calls are skipped; everything else comes in order.
                let at = queue.iter().position(|slot| *slot == mail.slot).expect("it was sent");
                let skipped: Vec<SlotId> = queue.drain(..=at).take(at).collect();
                assert!(skipped.iter().all(|slot| self.settled.contains(slot)), "order");
                self.seen(mail.slot);
                self.running.insert(index);
                if mail.kind == MailKind::Stop {
                    self.busy.insert(index);
                }
            }
            Step::CallFailed { slot, held, .. } => {
                // Its caller may have stopped waiting while this was on its way.
                let waited = self.open_calls.remove(&slot);
                assert!(waited || self.abandoned.contains(&slot), "a call fails once");
                if held {
                    self.held.insert(slot);
                } else {
                    self.settled.insert(slot);
                }
            }
            Step::Free { slot } => {
                self.held.remove(&slot);
                self.seen(slot);
            }
            Step::Dropped { pid, mail } => {
                let index = self.index(pid);
                assert!(self.ended.contains(&index) || self.gone.contains(&index));
                self.seen(mail.slot);
            }
            Step::Terminate { pid, .. } => {
                let index = self.index(pid);
                self.ended.insert(index);
            }
            Step::Down { .. } | Step::ExitSignal { .. } | Step::Gone { .. } => {}
        }
    }

    fn round(&mut self, limit: usize) -> bool {
        self.running.clear();
        let mut steps = Vec::new();
        let more = self.runtime.round(self.now, limit, |step| steps.push(step));
        assert!(steps.len() <= limit);
        for step in steps {
            self.take(step);
        }
        more
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Cast(index) => {
                let slot = self.slot();
                self.queues.get_mut(&index).expect("known").push_back(slot);
                self.runtime.send(self.pids[index], Mail { kind: MailKind::Cast, slot });
            }
            Op::Call(index, timeout) => {
                let slot = self.call_slot();
                self.calls.insert(slot);
                self.open_calls.insert(slot);
                self.queues.get_mut(&index).expect("known").push_back(slot);
                self.runtime.call(self.pids[index], slot, None, timeout);
            }
            Op::Abandon(which) => {
                let open: Vec<SlotId> = self.open_calls.iter().copied().collect();
                if let Some(slot) = open.get(which).copied() {
                    self.open_calls.remove(&slot);
                    self.abandoned.insert(slot);
                    if self.runtime.call_ended(slot) {
                        self.held.insert(slot);
                    }
                }
            }
            Op::Round(limit) => {
                self.round(limit);
            }
            Op::Busy(index) => {
                if self.running.contains(&index) && !self.ended.contains(&index) {
                    self.busy.insert(index);
                    self.runtime.busy(self.pids[index]);
                }
            }
            Op::Done(index) => {
                if self.busy.remove(&index) && !self.ended.contains(&index) {
                    self.runtime.done(self.pids[index]);
                }
            }
            Op::Stop(index) => {
                if self.runtime.stopping(self.pids[index]) {
                    self.ended.insert(index);
                }
            }
            Op::Exit(index, kill) => {
                let kind = if kill { ExitKind::Killed } else { ExitKind::Shutdown };
                if self.runtime.exit(self.pids[index], kind) && kill {
                    self.ended.insert(index);
                }
            }
            Op::Exited(index) => {
                if self.ended.contains(&index)
                    && self.runtime.exited(self.pids[index], ExitKind::Error)
                {
                    self.gone.insert(index);
                }
            }
            Op::Link(one, other) => {
                if one != other {
                    self.runtime.link(self.pids[one], self.pids[other]);
                }
            }
            Op::Wait(ms) => self.now += ms,
        }
    }
}

/// Returns any slot.
fn any_slot() -> impl Strategy<Value = SlotId> {
    prop_oneof![
        8 => (0..4_u32, 1..4_u32).prop_map(|(index, use_of_it)| SlotId::new(index, use_of_it)),
        1 => (0..40_u32, any::<u32>()).prop_map(|(index, use_of_it)| SlotId::new(index, use_of_it)),
        1 => any::<(u32, u32)>().prop_map(|(index, use_of_it)| SlotId::new(index, use_of_it)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_handled_once_in_order_or_comes_back_once(ops in vec(op(), 1..200)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        // Let all finish.
        for _ in 0..1000 {
            for index in 0..PROCESSES {
                world.apply(Op::Done(index));
                world.apply(Op::Exited(index));
            }
            if !world.round(1000) && world.busy.is_empty() {
                let quiet = (0..PROCESSES).all(|index| {
                    !world.ended.contains(&index) || world.gone.contains(&index)
                });
                if quiet {
                    break;
                }
            }
        }
        for slot in &world.made {
            prop_assert!(world.settled.contains(slot), "slot {:?} was lost", slot);
        }
        prop_assert!(world.held.is_empty());
        // Calls that ran may still be answered; after their deadline each has failed.
        let running: Vec<SlotId> = world.open_calls.iter().copied().collect();
        while world.round(1000) {}
        world.apply(Op::Wait(1000.0));
        while world.round(1000) {}
        world.round(1000);
        prop_assert!(world.open_calls.is_empty(), "{:?} of {:?}", world.open_calls, running);
        prop_assert_eq!(world.runtime.next_deadline(), None);
    }
}

/// Returns any number: a known one, one near it, or another.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..4_u32, 1..4_u32)
            .prop_map(|(slot, generation)| f64::from(slot) + f64::from(generation) * 16_777_216.0),
        2 => 0.0..40.0_f64,
        1 => 0.0..9.1e15_f64,
        1 => proptest::num::f64::ANY,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_number_comes_names_something_or_nothing(
        ops in vec((0..16_u32, number(), any_slot(), number()), 1..120),
    ) {
        let mut runtime = Runtime::default();
        let mut pids = Vec::new();
        let mut seen = BTreeSet::new();
        for (op, pid, slot, extra) in ops {
            let pid = Pid::from_f64(pid);
            let mail = |kind| Mail { kind, slot };
            match op {
                0 => runtime.send(pid, mail(MailKind::Cast)),
                1 => {
                    let before = runtime.open_calls();
                    let opened = runtime.call(pid, slot, Some(Pid::from_f64(extra)), extra);
                    prop_assert!(opened || runtime.open_calls() == before);
                }
                2 => runtime.send(pid, mail(MailKind::Call)),
                3 => runtime.send(pid, mail(MailKind::Stop)),
                4 => runtime.send_system(pid, mail(MailKind::System)),
                5 => runtime.busy(pid),
                6 => runtime.done(pid),
                7 => { runtime.call_ended(slot); }
                8 => runtime.started(pid),
                9 => { runtime.restarting(pid); }
                10 => { runtime.stopping(pid); }
                11 => { runtime.exited(pid, ExitKind::Error); }
                12 => { runtime.exit(pid, ExitKind::Killed); }
                13 => { runtime.link(pid, Pid::from_f64(extra)); }
                14 => { runtime.monitor(pid, Pid::from_f64(extra)); }
                _ => {
                    if let Some(pid) = runtime.spawn(SpawnOptions::default()) {
                        prop_assert!(seen.insert(pid), "a pid is given once");
                        pids.push(pid);
                    }
                    runtime.round(extra, 10, |_| {});
                }
            }
        }
        for pid in pids {
            runtime.exited(pid, ExitKind::Shutdown);
        }
        for _ in 0..1000 {
            if !runtime.round(f64::MAX, 100, |_| {}) {
                break;
            }
        }
        prop_assert!(runtime.is_empty());
        prop_assert_eq!(runtime.untold(), 0);
        prop_assert_eq!(runtime.relation_counts(), (0, 0));
    }
}
