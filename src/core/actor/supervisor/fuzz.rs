//! The machine alone, with any events at all: its driver keeps none of its promises.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    Action, AutoShutdown, Backoff, ChildId, ChildPolicy, ChildSpec, Event, ExitReason, Jitter, Pid,
    RequestId, Restart, Shutdown, StartId, StartToken, Strategy as Group, Supervisor,
    SupervisorConfig, TimerKey,
};
use crate::core::random::Random;

fn child(id: u64) -> ChildSpec {
    let restart = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    let shutdown = [Shutdown::Kill, Shutdown::After(5.0), Shutdown::Never];
    let pick = usize::try_from(id).expect("small");
    let backoff =
        Backoff { initial_ms: 1.0, max_ms: 4.0, factor: 2.0, jitter: Jitter::Shorter(1.0) };
    let policy = ChildPolicy {
        restart: restart[pick % 3],
        shutdown: shutdown[pick / 2 % 3],
        significant: pick % 3 > 0 && pick > 3,
        backoff: (pick % 4 == 1).then_some(backoff),
        start_timeout: (pick % 5 == 2).then_some(3.0),
        ..ChildPolicy::worker()
    };
    ChildSpec { id: ChildId(id), token: StartToken(id), policy }
}

fn event() -> impl Strategy<Value = Event> {
    // Numbers are few, so that some of them mean something.
    let number = || 0..12_u64;
    let reason = || {
        prop::sample::select(vec![
            ExitReason::Normal,
            ExitReason::Shutdown,
            ExitReason::ShutdownWith(3),
            ExitReason::Killed,
            ExitReason::Error(1),
        ])
    };
    let start = || (1..40_u64).prop_map(StartId);
    let id = || number().prop_map(ChildId);
    // The test gives requests their numbers.
    let request = RequestId(0);
    prop_oneof![
        2 => Just(Event::Start),
        12 => (start(), number()).prop_map(|(start, pid)| Event::ChildStarted { start, pid: Pid::from_f64(pid as f64) }),
        2 => start().prop_map(|start| Event::ChildIgnored { start }),
        4 => (start(), reason()).prop_map(|(start, reason)| Event::ChildStartFailed { start, reason }),
        8 => (number(), reason()).prop_map(|(pid, reason)| Event::ChildExited { pid: Pid::from_f64(pid as f64), reason }),
        2 => number().prop_map(move |id| Event::StartChild { request, spec: child(id) }),
        2 => (id(), number()).prop_map(move |(child, token)| Event::StartDynamic { request, child, token: StartToken(token) }),
        2 => id().prop_map(move |child| Event::TerminateChild { request, child }),
        1 => id().prop_map(move |child| Event::RemoveChild { request, child }),
        2 => id().prop_map(move |child| Event::RestartChild { request, child }),
        2 => id().prop_map(move |child| Event::RenewChild { request, child }),
        2 => id().prop_map(move |child| Event::DeleteChild { request, child }),
        6 => (1..40_u64).prop_map(|timer| Event::Timer { timer: TimerKey(timer) }),
        1 => reason().prop_map(|reason| Event::ExitRequested { reason }),
    ]
}

fn numbered(event: Event, number: u64) -> (Event, bool) {
    let mut event = event;
    let is_request = match &mut event {
        Event::StartChild { request, .. }
        | Event::StartDynamic { request, .. }
        | Event::TerminateChild { request, .. }
        | Event::RemoveChild { request, .. }
        | Event::RestartChild { request, .. }
        | Event::RenewChild { request, .. }
        | Event::DeleteChild { request, .. } => {
            *request = RequestId(number);
            true
        }
        _ => false,
    };
    (event, is_request)
}

/// Checks everything that must hold of any sequence of actions.
#[derive(Debug, Default)]
struct Books {
    starts: BTreeSet<StartId>,
    armed: BTreeSet<TimerKey>,
    told: BTreeSet<Pid>,
    replies: BTreeMap<RequestId, u32>,
    stopped: u32,
    ready: u32,
}

impl Books {
    fn enter(&mut self, action: &Action) {
        match *action {
            Action::Start { start, .. } => {
                assert!(self.starts.insert(start), "a start twice");
                assert_eq!(self.stopped, 0, "a start after the end");
            }
            Action::CancelStart { start, .. } => assert!(self.starts.contains(&start)),
            Action::Exit { pid, .. } => assert!(self.told.contains(&pid), "a stranger is stopped"),
            Action::Arm { timer, at } => {
                assert!(self.armed.insert(timer) && at.is_finite());
                assert_eq!(self.stopped, 0, "a timer after the end");
            }
            Action::Disarm { timer } => assert!(self.armed.remove(&timer), "was not armed"),
            Action::Reply { request, .. } => *self.replies.entry(request).or_default() += 1,
            Action::Forget { .. } | Action::Report(_) => {}
            Action::Ready => self.ready += 1,
            Action::Stopped { .. } => self.stopped += 1,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_sequence_of_events_breaks_the_machine(
        strategy in prop::sample::select(vec![
            Group::OneForOne, Group::OneForAll, Group::RestForOne, Group::SimpleOneForOne,
        ]),
        count in 0..6_u64,
        max_restarts in 0..6_u32,
        events in prop::collection::vec((event(), -1_i8..4), 0..120),
    ) {
        let simple = strategy == Group::SimpleOneForOne;
        let mut machine = Supervisor::new(SupervisorConfig {
            strategy,
            children: if simple { Vec::new() } else { (0..count).map(child).collect() },
            template: simple.then(|| child(count).policy),
            max_restarts,
            within_ms: 10.0,
            auto_shutdown: AutoShutdown::AllSignificant,
            max_children: Some(9),
            forget_ended: count % 2 == 1,
            ..SupervisorConfig::default()
        }).expect("valid");
        let (mut random, mut books) = (Random::new(1), Books::default());
        let (mut now, mut asked, mut actions) = (0.0, BTreeSet::new(), Vec::new());
        let last = [(Event::Killed, 0)];
        for (number, (event, ms)) in (1..).zip(events.into_iter().chain(last)) {
            let (event, is_request) = numbered(event, number);
            now += f64::from(ms);
            match event {
                Event::ChildStarted { pid, .. } => drop(books.told.insert(pid)),
                Event::Timer { timer } => drop(books.armed.remove(&timer)),
                _ => {}
            }
            if is_request {
                asked.insert(RequestId(number));
            }
            machine.handle(event, now, &mut random, &mut actions);
            for action in actions.drain(..) {
                books.enter(&action);
            }
            let counts = machine.counts();
            prop_assert!(counts.active <= counts.specs && counts.specs <= 9);
            prop_assert_eq!(counts.specs, machine.children().count());
        }
        prop_assert!(machine.is_stopped());
        prop_assert_eq!(books.stopped, 1);
        prop_assert!(books.ready <= 1);
        prop_assert!(books.armed.is_empty(), "timers are left armed");
        prop_assert_eq!(books.replies.keys().copied().collect::<BTreeSet<_>>(), asked);
        prop_assert!(books.replies.values().all(|&replies| replies == 1));
    }
}
