//! Starts: in order, slow, late, failing, or of no use any more.

use super::super::{Standing, StartError};
use super::*;

fn two() -> Desk {
    Desk::up(config(Strategy::OneForOne, vec![child(1), child(2)]))
}

#[test]
fn children_start_one_after_the_other_and_then_it_is_ready() {
    let mut desk = Desk::new(config(Strategy::OneForOne, (1..=3).map(child).collect()));
    desk.tell(Event::Start);
    for id in 1..=3 {
        assert_eq!(desk.asked().map(|(_, asked)| asked), Some(id));
        assert!(!desk.did(Action::Ready));
        desk.started();
    }
    assert!(desk.did(Action::Ready));
    assert!(desk.tell(Event::Start).is_empty(), "it starts once");
}

#[test]
fn without_children_it_is_ready_at_once() {
    for config in [config(Strategy::OneForAll, vec![]), simple(|_| {})] {
        let mut desk = Desk::new(config);
        assert_eq!(desk.tell(Event::Start), [Action::Ready]);
    }
}

#[test]
fn a_first_start_that_fails_takes_the_others_back_in_reverse() {
    let mut desk = Desk::new(config(Strategy::OneForOne, (1..=4).map(child).collect()));
    desk.tell(Event::Start);
    desk.started();
    desk.started();
    desk.failed();
    assert_eq!(desk.let_stop(), [2, 1]);
    let error = StartError::Failed(BOOM);
    assert_eq!(desk.why(), Some(Why::StartFailed { child: ChildId(3), error }));
    assert_eq!(desk.why().map(Why::reason), Some(ExitReason::ShutdownWith(1)));
}

#[test]
fn what_has_nothing_to_run_is_there_without_a_process() {
    let mut desk = Desk::new(config(
        Strategy::OneForOne,
        vec![child(1), restarting(2, Restart::Temporary), child(3)],
    ));
    desk.tell(Event::Start);
    for _ in 0..2 {
        let (start, _) = desk.asked().expect("a start");
        desk.tell(Event::ChildIgnored { start });
    }
    desk.started();
    assert_eq!(desk.ids(), [1, 3], "a temporary one has no use for its specification");
    let view = desk.machine.child(ChildId(1)).expect("there");
    assert_eq!((view.standing, view.instance), (Standing::Down, 0));
}

#[test]
fn a_slow_start_restarts_once() {
    let mut desk = two();
    let pid = desk.pid(1);
    desk.crash(1);
    assert!(desk.asked().is_some());
    let (start, _) = desk.asked().expect("a start");
    for _ in 0..5 {
        desk.now += 1_000.0;
        assert!(desk.tell(Event::ChildExited { pid, reason: BOOM }).is_empty());
    }
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert!(desk.reported(|report| matches!(report, Report::Started { instance: 2, .. })));
    assert!(desk.machine.is_idle());
}

#[test]
fn a_crash_during_a_start_waits_its_turn() {
    let mut desk = two();
    desk.crash(1);
    let (start, _) = desk.asked().expect("a start");
    assert!(desk.crash(2).is_empty());
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.let_start(), [2]);
}

#[test]
fn an_exit_that_overtakes_its_start_is_remembered() {
    let mut desk = two();
    desk.crash(1);
    let (start, _) = desk.asked().expect("a start");
    let pid = desk.fresh();
    desk.tell(Event::ChildExited { pid, reason: BOOM });
    desk.tell(Event::ChildStarted { start, pid });
    assert!(desk.reported(|report| matches!(report, Report::Exited { .. })));
    assert_eq!(desk.let_start(), [1]);
}

#[test]
fn a_stop_waits_for_a_start_and_stops_its_child_with_the_rest() {
    let mut desk = two();
    desk.crash(2);
    let (start, _) = desk.asked().expect("a start");
    desk.stop();
    assert_eq!(desk.actions, [Action::CancelStart { start, signal: StopSignal::Shutdown }]);
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.let_stop(), [2, 1]);
    assert_eq!(desk.why(), Some(Why::Requested(ExitReason::Shutdown)));
}

#[test]
fn a_stop_during_the_first_start_leaves_the_rest_unstarted() {
    let mut desk = Desk::new(config(Strategy::OneForOne, (1..=3).map(child).collect()));
    desk.tell(Event::Start);
    desk.started();
    let (start, _) = desk.asked().expect("a start");
    desk.stop();
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.asked(), None);
    assert_eq!(desk.let_stop(), [2, 1]);
}

#[test]
fn a_start_that_never_returns_holds_up_a_stop_no_longer_than_its_child_may() {
    let slow = with(1, |policy| policy.shutdown = Shutdown::After(300.0));
    let mut desk = Desk::new(config(Strategy::OneForOne, vec![slow]));
    desk.tell(Event::Start);
    let (start, _) = desk.asked().expect("a start");
    desk.stop();
    assert_eq!(desk.armed().map(|(_, at)| at), Some(300.0));
    desk.fire();
    assert!(desk.did(Action::CancelStart { start, signal: StopSignal::Kill }));
    assert!(desk.why().is_some());
    // And when it does return after all, no process is orphaned.
    let pid = desk.fresh();
    let late = [Action::Report(Report::LateStart { start, pid }), kill(pid)];
    assert_eq!(desk.tell(Event::ChildStarted { start, pid }), late);
}

#[test]
fn a_start_whose_child_is_to_be_killed_is_given_up_at_once() {
    let mut desk = Desk::new(config(
        Strategy::OneForOne,
        vec![with(1, |policy| policy.shutdown = Shutdown::Kill)],
    ));
    desk.tell(Event::Start);
    desk.stop();
    assert!(desk.machine.is_stopped());
}

#[test]
fn a_start_that_takes_too_long_has_failed() {
    let hasty = with(1, |policy| {
        (policy.start_timeout, policy.shutdown) = (Some(50.0), Shutdown::Never);
    });
    let mut desk = Desk::up(config(Strategy::OneForOne, vec![hasty]));
    desk.crash(1);
    let (late, _) = desk.asked().expect("a start");
    desk.fire();
    let error = StartError::TimedOut;
    assert!(desk.did(Action::Report(Report::StartFailed { child: ChildId(1), error })));
    assert!(desk.asked().is_some_and(|(start, _)| start != late), "it is tried again");
    let (start, _) = desk.asked().expect("a start");
    let orphan = desk.fresh();
    desk.tell(Event::ChildStarted { start: late, pid: orphan });
    assert!(desk.did(kill(orphan)));
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.pid(1), pid);
    assert!(desk.tell(Event::ChildExited { pid: orphan, reason: ExitReason::Killed }).is_empty());
}

#[test]
fn the_limit_of_a_start_and_that_of_a_stop_are_both_kept() {
    for (timeout, shutdown, expected) in [(50.0, 300.0, 50.0), (300.0, 50.0, 50.0)] {
        let hasty = with(1, |policy| {
            (policy.start_timeout, policy.shutdown) = (Some(timeout), Shutdown::After(shutdown));
        });
        let mut desk = Desk::new(config(Strategy::OneForOne, vec![hasty]));
        desk.tell(Event::Start);
        let first = desk.armed();
        desk.stop();
        let (timer, at) = desk.armed().or(first).expect("a limit");
        assert_eq!(at, expected);
        desk.tell(Event::Timer { timer });
        assert!(desk.machine.is_stopped());
    }
}

#[test]
fn a_process_is_one_child_only() {
    let mut desk = two();
    let taken = desk.pid(2);
    desk.crash(1);
    let (start, _) = desk.asked().expect("a start");
    desk.tell(Event::ChildStarted { start, pid: taken });
    let error = StartError::PidTaken;
    assert!(desk.did(Action::Report(Report::StartFailed { child: ChildId(1), error })));
    assert!(desk.signalled().is_empty());
    assert_eq!(desk.let_start(), [1]);
    assert_eq!(desk.pid(2), taken);
}

#[test]
fn stale_and_unknown_events_change_nothing() {
    let mut desk = two();
    desk.crash(1);
    let (start, _) = desk.asked().expect("a start");
    let (timer, pid) = (TimerKey(999), Pid::from_f64(999.0));
    assert!(desk.tell(Event::Timer { timer }).is_empty());
    assert!(desk.tell(Event::ChildExited { pid, reason: BOOM }).is_empty());
    assert!(desk.tell(Event::ChildIgnored { start: StartId(999) }).is_empty());
    let stale = Event::ChildStartFailed { start: StartId(999), reason: BOOM };
    assert!(desk.tell(stale).is_empty());
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert!(desk.tell(Event::ChildStartFailed { start, reason: BOOM }).is_empty());
    assert!(desk.tell(Event::ChildStarted { start, pid }).is_empty(), "an echo harms nobody");
    assert_eq!(desk.pid(1), pid);
}

#[test]
fn an_exit_is_told_once_and_its_first_reason_counts() {
    let mut desk =
        Desk::up(config(Strategy::OneForOne, vec![child(1), restarting(2, Restart::Transient)]));
    desk.crash(1);
    let ((start, _), pid) = (desk.asked().expect("a start"), desk.pid(2));
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Normal });
    desk.tell(Event::ChildExited { pid, reason: BOOM });
    let one = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid: one });
    assert_eq!(desk.asked(), None, "it was done");
    assert!(desk.machine.is_idle());
}

#[test]
fn an_exit_that_a_stop_has_seen_is_not_taken_for_the_next_process() {
    let mut desk = two();
    let (first, two) = (desk.pid(1), ChildId(2));
    desk.crash(2);
    let (start, _) = desk.asked().expect("a start");
    desk.request(|request| Event::TerminateChild { request, child: ChildId(1) });
    desk.request(|request| Event::RestartChild { request, child: ChildId(1) });
    desk.tell(Event::ChildExited { pid: first, reason: BOOM });
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.machine.child(two).map(|view| view.instance), Some(2));
    // The new process has died before its start is reported, behind the exit that is stale by now.
    let (start, _) = desk.asked().expect("a start");
    let pid = desk.fresh();
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Normal });
    desk.tell(Event::ChildStarted { start, pid });
    let exits: Vec<_> = desk
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Report(Report::Exited { pid, .. }) => Some(*pid),
            _ => None,
        })
        .collect();
    assert_eq!(exits, [pid]);
}
