//! Stops: in order, in time, and all the way down.

use super::*;

fn stopping(shutdown: Shutdown) -> Desk {
    let one = with(1, |policy| policy.shutdown = shutdown);
    let mut desk = Desk::up(config(Strategy::OneForOne, vec![one]));
    desk.stop();
    desk
}

#[test]
fn children_stop_last_to_first_one_after_the_other() {
    let mut desk = Desk::up(config(Strategy::OneForOne, (1..=3).map(child).collect()));
    desk.stop();
    assert_eq!(desk.signalled().len(), 1);
    assert_eq!(desk.let_stop(), [3, 2, 1]);
    assert_eq!(desk.why(), Some(Why::Requested(ExitReason::Shutdown)));
    assert!(desk.machine.is_stopped());
    assert_eq!(desk.machine.counts(), super::super::ChildCounts::default());
}

#[test]
fn brutal_kill_does_not_ask() {
    let mut desk = stopping(Shutdown::Kill);
    let pid = desk.pid(1);
    assert_eq!(desk.actions.last(), Some(&kill(pid)));
    assert_eq!(desk.armed(), None);
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Killed });
    assert!(desk.why().is_some());
}

#[test]
fn who_does_not_stop_in_time_is_killed() {
    let mut desk = stopping(Shutdown::After(700.0));
    let pid = desk.pid(1);
    assert!(desk.did(shutdown(pid)));
    assert_eq!(desk.armed().map(|(_, at)| at), Some(700.0));
    let late = Report::ShutdownTimedOut { child: ChildId(1), pid };
    assert_eq!(desk.fire(), [Action::Report(late), kill(pid)]);
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Killed });
    let (child, reason, signal) = (ChildId(1), ExitReason::Killed, Some(StopSignal::Kill));
    assert!(desk.did(Action::Report(Report::Terminated { child, pid, reason, signal })));
    assert!(desk.why().is_some());
}

#[test]
fn who_stops_in_time_disarms_the_timer() {
    let mut desk = stopping(Shutdown::After(700.0));
    let ((timer, _), pid) = (desk.armed().expect("a limit"), desk.pid(1));
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
    assert!(desk.did(Action::Disarm { timer }));
    assert!(desk.tell(Event::Timer { timer }).is_empty());
}

#[test]
fn infinity_waits_without_a_timer() {
    let desk = stopping(Shutdown::Never);
    assert_eq!(desk.armed(), None);
}

#[test]
fn who_ends_before_its_turn_is_not_asked() {
    let mut desk = Desk::up(config(Strategy::OneForOne, (1..=3).map(child).collect()));
    let (one, two, three) = (desk.pid(1), desk.pid(2), desk.pid(3));
    desk.stop();
    desk.tell(Event::ChildExited { pid: two, reason: BOOM });
    assert!(desk.actions.is_empty());
    desk.tell(Event::ChildExited { pid: three, reason: ExitReason::Shutdown });
    assert_eq!(desk.signalled(), [one]);
}

#[test]
fn another_reason_than_the_wanted_is_reported() {
    let mut desk = stopping(Shutdown::Never);
    let pid = desk.pid(1);
    desk.tell(Event::ChildExited { pid, reason: BOOM });
    assert!(desk.reported(|report| matches!(report, Report::Terminated { reason: BOOM, .. })));
}

fn template(shutdown: Shutdown) -> Desk {
    let mut desk = Desk::up(simple(|policy| policy.shutdown = shutdown));
    for id in 1..=3 {
        let (child, token) = (ChildId(id), StartToken(id));
        desk.request(|request| Event::StartDynamic { request, child, token });
        desk.started();
    }
    desk
}

#[test]
fn children_of_a_template_stop_at_once_under_one_timer() {
    let mut desk = template(Shutdown::After(100.0));
    let pids = [desk.pid(1), desk.pid(2), desk.pid(3)];
    desk.stop();
    assert_eq!(desk.signalled(), pids);
    let timers = desk.actions.iter().filter(|action| matches!(action, Action::Arm { .. })).count();
    assert_eq!(timers, 1);
    let (timer, at) = desk.armed().expect("a limit");
    desk.tell(Event::ChildExited { pid: pids[1], reason: ExitReason::Shutdown });
    desk.now = at;
    desk.tell(Event::Timer { timer });
    assert_eq!(desk.signalled(), [pids[0], pids[2]]);
    for pid in [pids[2], pids[0]] {
        assert_eq!(desk.why(), None);
        desk.tell(Event::ChildExited { pid, reason: ExitReason::Killed });
        let signal = Some(StopSignal::Kill);
        assert!(desk.reported(
            |report| matches!(report, Report::Terminated { signal: sent, .. } if *sent == signal)
        ));
    }
    assert!(desk.why().is_some());
}

#[test]
fn children_of_a_template_are_killed_at_once_without_a_timer() {
    let mut desk = template(Shutdown::Kill);
    desk.stop();
    assert_eq!(desk.signalled().len(), 3);
    assert_eq!(desk.armed(), None);
}

#[test]
fn the_first_reason_to_stop_counts() {
    let mut desk = Desk::up(SupervisorConfig {
        max_restarts: 0,
        ..config(Strategy::OneForOne, (1..=2).map(child).collect())
    });
    desk.crash(1);
    let pid = desk.pid(2);
    desk.tell(Event::ExitRequested { reason: BOOM });
    assert!(desk.actions.is_empty());
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
    assert_eq!(desk.why(), Some(Why::MaxRestarts { child: ChildId(1) }));
}

#[test]
fn a_stop_passes_what_is_queued() {
    let mut desk = Desk::up(config(Strategy::OneForOne, (1..=3).map(child).collect()));
    desk.crash(1);
    let (start, _) = desk.asked().expect("a start");
    desk.crash(2);
    desk.stop();
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.asked(), None, "the second crash is not acted on");
    assert_eq!(desk.let_stop(), [3, 1]);
}

#[test]
fn a_supervisor_that_never_started_stops_all_the_same() {
    let mut desk = Desk::new(config(Strategy::OneForOne, vec![child(1)]));
    desk.stop();
    assert!(desk.why().is_some());
    assert!(desk.tell(Event::Start).is_empty());
}

#[test]
fn a_killed_supervisor_takes_its_children_with_it_in_one_step() {
    let mut desk = Desk::up(config(Strategy::OneForOne, (1..=3).map(child).collect()));
    let pids = [desk.pid(3), desk.pid(1)];
    desk.crash(2);
    let (start, _) = desk.asked().expect("a start");
    let request = RequestId(77);
    desk.tell(Event::DeleteChild { request, child: ChildId(1) });
    desk.tell(Event::Killed);
    assert_eq!(desk.signalled(), pids);
    assert!(desk.did(Action::CancelStart { start, signal: StopSignal::Kill }));
    assert_eq!(desk.reply(request), Some(Err(Refusal::Stopping)));
    assert_eq!(desk.why(), Some(Why::Killed));
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.signalled(), [pid]);
    assert!(desk.tell(Event::Killed).is_empty());
}
