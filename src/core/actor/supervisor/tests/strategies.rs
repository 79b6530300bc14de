//! The children that restart together, and when a supervisor ends with its children.

use super::super::{AutoShutdown, ExitVerdict};
use super::*;

fn three(strategy: Strategy) -> Desk {
    Desk::up(config(strategy, (1..=3).map(child).collect()))
}

#[test]
fn one_for_one_restarts_the_child_alone() {
    let mut desk = three(Strategy::OneForOne);
    desk.crash(2);
    assert!(desk.signalled().is_empty());
    assert_eq!(desk.let_start(), [2]);
    assert!(desk.machine.is_idle());
}

#[test]
fn one_for_all_stops_last_to_first_and_starts_first_to_last() {
    let mut desk = three(Strategy::OneForAll);
    desk.crash(2);
    assert_eq!(desk.let_stop(), [3, 1]);
    assert_eq!(desk.let_start(), [1, 2, 3]);
}

#[test]
fn rest_for_one_leaves_those_before_alone() {
    let mut desk = Desk::up(config(Strategy::RestForOne, (1..=4).map(child).collect()));
    desk.crash(2);
    assert_eq!(desk.let_stop(), [4, 3]);
    assert_eq!(desk.let_start(), [2, 3, 4]);
}

#[test]
fn simple_one_for_one_restarts_the_child_alone_with_its_own_arguments() {
    let mut desk = Desk::up(simple(|_| {}));
    for id in 1..=3 {
        let (child, token) = (ChildId(id), StartToken(id + 40));
        desk.request(|request| Event::StartDynamic { request, child, token });
        desk.started();
    }
    let started_again = desk.crash(2).iter().any(|action| {
        matches!(action, Action::Start { child: ChildId(2), token: StartToken(42), .. })
    });
    assert!(started_again);
    assert_eq!(desk.let_start(), [2]);
}

#[test]
fn permanent_always_transient_after_a_crash_temporary_never() {
    let reasons = [
        (ExitReason::Normal, false),
        (ExitReason::Shutdown, false),
        (ExitReason::ShutdownWith(2), false),
        (ExitReason::Killed, true),
        (BOOM, true),
    ];
    for (reason, is_crash) in reasons {
        let verdicts = [
            (Restart::Permanent, ExitVerdict::Restart),
            (Restart::Transient, if is_crash { ExitVerdict::Restart } else { ExitVerdict::Leave }),
            (Restart::Temporary, ExitVerdict::Remove),
        ];
        for (restart, expected) in verdicts {
            let mut desk = Desk::up(config(Strategy::OneForOne, vec![restarting(1, restart)]));
            desk.exits(1, reason);
            assert!(
                desk.reported(
                    |report| matches!(report, Report::Exited { verdict, .. } if *verdict == expected)
                ),
                "{restart:?} {reason:?}: {:?}",
                desk.actions
            );
            assert_eq!(desk.asked().is_some(), expected == ExitVerdict::Restart);
            assert_eq!(desk.ids().len(), usize::from(expected != ExitVerdict::Remove));
        }
    }
}

#[test]
fn a_temporary_sibling_goes_with_its_group() {
    let children = vec![child(1), restarting(2, Restart::Temporary), child(3)];
    let mut desk = Desk::up(config(Strategy::OneForAll, children));
    desk.crash(1);
    let [three] = desk.signalled()[..] else { panic!("one at a time") };
    desk.tell(Event::ChildExited { pid: three, reason: ExitReason::Shutdown });
    let two = desk.pid(2);
    desk.tell(Event::ChildExited { pid: two, reason: ExitReason::Shutdown });
    assert!(desk.did(Action::Forget { child: ChildId(2), token: StartToken(20) }));
    assert_eq!(desk.let_start(), [1, 3]);
    assert_eq!(desk.ids(), [1, 3]);
}

#[test]
fn a_group_brings_back_who_was_down() {
    let mut desk = three(Strategy::OneForAll);
    desk.request(|request| Event::TerminateChild { request, child: ChildId(2) });
    desk.let_stop();
    desk.crash(1);
    assert_eq!(desk.let_stop(), [3]);
    assert_eq!(desk.let_start(), [1, 2, 3]);
}

#[test]
fn a_sibling_that_ends_while_the_group_stops_counts_once() {
    let mut desk = Desk::up(SupervisorConfig {
        max_restarts: 1,
        ..config(Strategy::OneForAll, (1..=3).map(child).collect())
    });
    let (one, three) = (desk.pid(1), desk.pid(3));
    desk.crash(2);
    desk.tell(Event::ChildExited { pid: one, reason: BOOM });
    assert!(desk.actions.is_empty(), "it waits its turn");
    desk.tell(Event::ChildExited { pid: three, reason: ExitReason::Shutdown });
    assert!(desk.reported(
        |report| matches!(report, Report::Terminated { pid, reason: BOOM, signal: None, .. } if *pid == one)
    ));
    assert_eq!(desk.let_start(), [1, 2, 3]);
    assert!(desk.machine.is_idle());
}

#[test]
fn a_later_child_that_fails_is_tried_again_from_where_its_group_begins() {
    for (strategy, stopped, again) in
        [(Strategy::RestForOne, vec![], vec![3]), (Strategy::OneForAll, vec![2, 1], vec![1, 2, 3])]
    {
        let mut desk = three(strategy);
        desk.crash(1);
        desk.let_stop();
        desk.started();
        desk.started();
        desk.failed();
        assert_eq!(desk.let_stop(), stopped);
        assert_eq!(desk.let_start(), again);
    }
}

#[test]
fn any_significant_child_that_is_done_ends_the_supervisor() {
    let significant = |id| {
        with(id, |policy| {
            (policy.restart, policy.shutdown) = (Restart::Transient, Shutdown::Never);
            policy.significant = true;
        })
    };
    let mut desk = Desk::up(SupervisorConfig {
        auto_shutdown: AutoShutdown::AnySignificant,
        ..config(Strategy::OneForOne, vec![child(1), significant(2), significant(3)])
    });
    desk.crash(2);
    assert_eq!(desk.let_start(), [2], "a crash is no end");
    desk.exits(2, ExitReason::Normal);
    assert_eq!(desk.let_stop(), [3, 1]);
    assert_eq!(desk.why(), Some(Why::AutoShutdown { child: ChildId(2) }));
    assert_eq!(desk.why().map(Why::reason), Some(ExitReason::Shutdown));
}

#[test]
fn all_significant_waits_for_the_last_and_for_those_that_restart() {
    let significant = |id, restart| {
        with(id, |policy| {
            (policy.restart, policy.shutdown) = (restart, Shutdown::Never);
            policy.significant = true;
            policy.backoff = Some(backoff(100.0));
        })
    };
    let mut desk = Desk::up(SupervisorConfig {
        auto_shutdown: AutoShutdown::AllSignificant,
        ..config(
            Strategy::OneForOne,
            vec![child(1), significant(2, Restart::Transient), significant(3, Restart::Temporary)],
        )
    });
    desk.crash(2);
    let timer = desk.armed();
    desk.exits(3, BOOM);
    assert!(!desk.reported(|report| matches!(report, Report::Stopping { .. })));
    let (timer, at) = timer.expect("a delay");
    desk.now = at;
    desk.tell(Event::Timer { timer });
    desk.started();
    desk.exits(2, ExitReason::Normal);
    assert_eq!(desk.let_stop(), [1]);
    assert_eq!(desk.why(), Some(Why::AutoShutdown { child: ChildId(2) }));
}

fn backoff(ms: f64) -> super::super::Backoff {
    super::super::Backoff {
        initial_ms: ms,
        max_ms: ms,
        factor: 1.0,
        jitter: super::super::Jitter::Shorter(0.0),
    }
}

#[test]
fn a_configuration_that_breaks_a_rule_is_refused() {
    use super::super::{Backoff, ChildKind, InvalidSpec, Jitter};
    let base = || config(Strategy::OneForOne, vec![child(1)]);
    let wrong = |change: fn(&mut ChildPolicy)| config(Strategy::OneForOne, vec![with(1, change)]);
    let delays = |backoff| {
        config(Strategy::OneForOne, vec![with(1, |policy| policy.backoff = Some(backoff))])
    };
    let cases = [
        (SupervisorConfig { within_ms: 0.0, ..base() }, InvalidSpec::Within),
        (SupervisorConfig { within_ms: f64::NAN, ..base() }, InvalidSpec::Within),
        (
            config(Strategy::OneForOne, vec![child(1), child(1)]),
            InvalidSpec::DuplicateChild(ChildId(1)),
        ),
        (SupervisorConfig { max_children: Some(0), ..base() }, InvalidSpec::MaxChildren),
        (config(Strategy::SimpleOneForOne, vec![]), InvalidSpec::TemplateMissing),
        (
            SupervisorConfig { template: Some(ChildPolicy::worker()), ..base() },
            InvalidSpec::TemplateUnexpected,
        ),
        (
            SupervisorConfig {
                strategy: Strategy::SimpleOneForOne,
                template: Some(ChildPolicy::worker()),
                ..base()
            },
            InvalidSpec::StaticChildren,
        ),
        (wrong(|policy| policy.shutdown = Shutdown::After(-1.0)), InvalidSpec::Shutdown),
        (wrong(|policy| policy.shutdown = Shutdown::After(f64::INFINITY)), InvalidSpec::Shutdown),
        (wrong(|policy| policy.start_timeout = Some(f64::NAN)), InvalidSpec::StartTimeout),
        (
            delays(Backoff {
                initial_ms: 2.0,
                max_ms: 1.0,
                factor: 1.0,
                jitter: Jitter::Shorter(0.0),
            }),
            InvalidSpec::Backoff,
        ),
        (
            delays(Backoff {
                initial_ms: 1.0,
                max_ms: 1.0,
                factor: 0.5,
                jitter: Jitter::Shorter(0.0),
            }),
            InvalidSpec::Backoff,
        ),
        (
            delays(Backoff {
                initial_ms: 1.0,
                max_ms: 1.0,
                factor: 1.0,
                jitter: Jitter::Shorter(1.5),
            }),
            InvalidSpec::Backoff,
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(Supervisor::new(config).err(), Some(expected));
    }
    assert_eq!(ChildPolicy::supervisor().kind, ChildKind::Supervisor);
    assert_eq!(ChildPolicy::supervisor().shutdown, Shutdown::Never);
    assert_eq!(ChildPolicy::worker().shutdown, Shutdown::After(5_000.0));
    assert_eq!(
        (SupervisorConfig::default().max_restarts, SupervisorConfig::default().within_ms),
        (3, 5_000.0)
    );
}
