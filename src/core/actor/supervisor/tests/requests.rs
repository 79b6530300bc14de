//! Requests: each is carried out or refused, and answered once.

use super::super::{AutoShutdown, InvalidSpec, StartError};
use super::*;

fn one() -> Desk {
    Desk::up(config(Strategy::OneForOne, vec![child(1)]))
}

const ONE: ChildId = ChildId(1);

#[test]
fn a_new_child_is_the_last_in_the_order() {
    let mut desk = Desk::up(config(Strategy::RestForOne, vec![child(1)]));
    let request = desk.request(|request| Event::StartChild { request, spec: child(2) });
    assert_eq!(desk.reply(request), None);
    let pid = desk.started();
    let answer = Answer::Started { child: ChildId(2), pid: Some(pid) };
    assert_eq!(desk.reply(request), Some(Ok(answer)));
    desk.crash(1);
    assert_eq!(desk.let_stop(), [2]);
}

#[test]
fn a_second_child_of_one_name_is_refused() {
    let mut desk = one();
    let pid = desk.pid(1);
    let again = |request| Event::StartChild { request, spec: child(1) };
    assert_eq!(desk.ask(again), Err(Refusal::AlreadyStarted(pid)));
    desk.request(|request| Event::TerminateChild { request, child: ONE });
    desk.let_stop();
    assert_eq!(desk.ask(again), Err(Refusal::AlreadyPresent));
}

#[test]
fn of_two_requests_for_one_name_the_second_is_refused() {
    let mut desk = Desk::up(config(Strategy::OneForOne, vec![]));
    let first = desk.request(|request| Event::StartChild { request, spec: child(1) });
    let (start, _) = desk.asked().expect("a start");
    let second = desk.request(|request| Event::StartChild { request, spec: child(1) });
    assert!(desk.actions.is_empty());
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert!(matches!(desk.reply(first), Some(Ok(_))));
    assert_eq!(desk.reply(second), Some(Err(Refusal::AlreadyStarted(pid))));
    assert_eq!(desk.asked(), None);
}

#[test]
fn a_new_child_that_cannot_start_is_not_kept() {
    let mut desk = one();
    let request = desk.request(|request| Event::StartChild { request, spec: child(2) });
    desk.failed();
    let error = StartError::Failed(BOOM);
    assert_eq!(desk.reply(request), Some(Err(Refusal::StartFailed(error))));
    assert!(!desk.did(Action::Forget { child: ChildId(2), token: StartToken(20) }));
    assert_eq!(desk.ids(), [1]);
    assert!(desk.machine.is_idle(), "no restart, and nothing counted");
}

#[test]
fn a_specification_that_breaks_a_rule_is_refused() {
    let mut desk = one();
    let wrong = with(2, |policy| policy.significant = true);
    assert_eq!(
        desk.ask(|request| Event::StartChild { request, spec: wrong }),
        Err(Refusal::Invalid(InvalidSpec::SignificantUnderNever))
    );
}

#[test]
fn no_more_than_max_children() {
    let mut desk = Desk::up(SupervisorConfig { max_children: Some(1), ..simple(|_| {}) });
    let start = |child, token| move |request| Event::StartDynamic { request, child, token };
    desk.request(start(ONE, StartToken(1)));
    desk.started();
    assert_eq!(desk.ask(start(ChildId(2), StartToken(2))), Err(Refusal::MaxChildren));
    desk.request(|request| Event::TerminateChild { request, child: ONE });
    desk.let_stop();
    desk.request(start(ChildId(2), StartToken(2)));
    assert!(desk.asked().is_some());
}

#[test]
fn terminate_keeps_the_specification_and_delete_gives_its_token_back() {
    let mut desk = one();
    let request = desk.request(|request| Event::TerminateChild { request, child: ONE });
    assert_eq!(desk.let_stop(), [1]);
    assert_eq!(desk.reply(request), Some(Ok(Answer::Done)));
    assert!(desk.machine.is_idle(), "it is not restarted");
    assert_eq!(desk.ids(), [1]);
    assert_eq!(desk.ask(|request| Event::DeleteChild { request, child: ONE }), Ok(Answer::Done));
    assert!(desk.did(Action::Forget { child: ONE, token: StartToken(10) }));
    assert!(desk.ids().is_empty());
}

#[test]
fn remove_stops_and_deletes_in_one_step() {
    let mut desk = Desk::up(config(Strategy::OneForAll, vec![child(1), child(2)]));
    let request = desk.request(|request| Event::RemoveChild { request, child: ONE });
    let (one, two) = (desk.pid(1), desk.pid(2));
    desk.tell(Event::ChildExited { pid: two, reason: BOOM });
    desk.tell(Event::ChildExited { pid: one, reason: ExitReason::Shutdown });
    assert_eq!(desk.reply(request), Some(Ok(Answer::Done)));
    assert_eq!(desk.let_start(), [2], "the group that restarts next is without it");
}

#[test]
fn a_temporary_child_and_one_of_a_template_go_when_terminated() {
    let mut desk = Desk::up(config(Strategy::OneForOne, vec![restarting(1, Restart::Temporary)]));
    desk.request(|request| Event::TerminateChild { request, child: ONE });
    desk.let_stop();
    assert!(desk.did(Action::Forget { child: ONE, token: StartToken(10) }));
    let mut desk = Desk::up(simple(|policy| policy.shutdown = Shutdown::Never));
    desk.request(|request| Event::StartDynamic { request, child: ONE, token: StartToken(5) });
    desk.started();
    desk.request(|request| Event::TerminateChild { request, child: ONE });
    desk.let_stop();
    assert!(desk.did(Action::Forget { child: ONE, token: StartToken(5) }));
}

#[test]
fn restart_and_delete_are_for_children_that_are_down() {
    let mut desk = one();
    let restart = |request| Event::RestartChild { request, child: ONE };
    let delete = |request| Event::DeleteChild { request, child: ONE };
    assert_eq!(desk.ask(restart), Err(Refusal::Running));
    assert_eq!(desk.ask(delete), Err(Refusal::Running));
    desk.request(|request| Event::TerminateChild { request, child: ONE });
    desk.let_stop();
    let request = desk.request(restart);
    desk.failed();
    let error = StartError::Failed(BOOM);
    assert_eq!(desk.reply(request), Some(Err(Refusal::StartFailed(error))));
    assert_eq!(desk.ids(), [1], "its specification stays");
    desk.request(restart);
    desk.started();
    assert_eq!(desk.machine.child(ONE).map(|view| view.instance), Some(2));
}

#[test]
fn an_unknown_name_is_not_found() {
    let mut desk = one();
    let child = ChildId(9);
    assert_eq!(
        desk.ask(|request| Event::TerminateChild { request, child }),
        Err(Refusal::NotFound)
    );
    assert_eq!(desk.ask(|request| Event::RemoveChild { request, child }), Err(Refusal::NotFound));
    assert_eq!(desk.ask(|request| Event::RestartChild { request, child }), Err(Refusal::NotFound));
    assert_eq!(desk.ask(|request| Event::DeleteChild { request, child }), Err(Refusal::NotFound));
}

#[test]
fn templates_and_specifications_do_not_mix() {
    let mut desk = Desk::up(simple(|_| {}));
    let refused = Err(Refusal::SimpleOneForOne);
    assert_eq!(desk.ask(|request| Event::StartChild { request, spec: child(1) }), refused);
    assert_eq!(desk.ask(|request| Event::RestartChild { request, child: ONE }), refused);
    assert_eq!(desk.ask(|request| Event::DeleteChild { request, child: ONE }), refused);
    let dynamic =
        |request| Event::StartDynamic { request, child: ChildId(2), token: StartToken(1) };
    assert_eq!(one().ask(dynamic), Err(Refusal::NotSimpleOneForOne));
}

#[test]
fn a_request_is_no_significant_end() {
    let significant = with(1, |policy| {
        (policy.restart, policy.significant) = (Restart::Transient, true);
    });
    let auto_shutdown = AutoShutdown::AnySignificant;
    let mut desk = Desk::up(SupervisorConfig {
        auto_shutdown,
        ..config(Strategy::OneForOne, vec![significant])
    });
    desk.request(|request| Event::TerminateChild { request, child: ONE });
    desk.let_stop();
    assert!(desk.machine.is_idle());
}

#[test]
fn requests_are_served_in_order() {
    let mut desk = one();
    let stop = desk.request(|request| Event::TerminateChild { request, child: ONE });
    let pid = desk.pid(1);
    let start = desk.request(|request| Event::RestartChild { request, child: ONE });
    let delete = desk.request(|request| Event::DeleteChild { request, child: ONE });
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
    assert_eq!(desk.reply(stop), Some(Ok(Answer::Done)));
    assert_eq!(desk.reply(start), None);
    desk.started();
    assert!(matches!(desk.reply(start), Some(Ok(Answer::Started { .. }))));
    assert_eq!(desk.reply(delete), Some(Err(Refusal::Running)));
}

#[test]
fn a_stop_refuses_who_waits_at_once_and_answers_who_is_served() {
    let mut desk = Desk::up(config(Strategy::OneForOne, vec![child(1), child(2)]));
    let served = desk.request(|request| Event::TerminateChild { request, child: ONE });
    let waiting = desk.request(|request| Event::DeleteChild { request, child: ONE });
    desk.stop();
    assert_eq!(desk.reply(waiting), Some(Err(Refusal::Stopping)));
    let late = |request| Event::RestartChild { request, child: ONE };
    assert_eq!(desk.ask(late), Err(Refusal::Stopping));
    let pid = desk.pid(1);
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
    assert_eq!(desk.reply(served), Some(Ok(Answer::Done)));
    assert_eq!(desk.let_stop(), [2]);
    assert_eq!(desk.ask(late), Err(Refusal::Stopping));
}

#[test]
fn a_request_before_the_start_waits_for_it() {
    let mut desk = Desk::new(config(Strategy::OneForOne, vec![child(1)]));
    let request = desk.request(|request| Event::TerminateChild { request, child: ONE });
    assert!(desk.actions.is_empty());
    desk.tell(Event::Start);
    desk.started();
    assert_eq!(desk.let_stop(), [1]);
    assert_eq!(desk.reply(request), Some(Ok(Answer::Done)));
}

#[test]
fn renew_stops_and_starts_in_one_step() {
    let mut desk = Desk::up(config(Strategy::OneForAll, vec![child(1), child(2)]));
    let request = desk.request(|request| Event::RenewChild { request, child: ONE });
    assert_eq!(desk.let_stop(), [1]);
    assert_eq!(desk.reply(request), None);
    let pid = desk.started();
    let answer = Answer::Started { child: ONE, pid: Some(pid) };
    assert_eq!(desk.reply(request), Some(Ok(answer)));
    assert_eq!(desk.machine.child(ONE).map(|view| view.instance), Some(2));
    assert!(desk.machine.is_idle(), "the other child was left alone, and nothing counted");
}

#[test]
fn a_child_that_would_not_stay_is_not_kept_when_it_cannot_be_renewed() {
    let mut desk = Desk::up(config(Strategy::OneForOne, vec![restarting(1, Restart::Temporary)]));
    let request = desk.request(|request| Event::RenewChild { request, child: ONE });
    desk.let_stop();
    desk.failed();
    assert_eq!(desk.reply(request), Some(Err(Refusal::StartFailed(StartError::Failed(BOOM)))));
    assert!(desk.ids().is_empty());
}

#[test]
fn a_stop_answers_who_waits_for_a_renewal() {
    let mut desk = one();
    let pid = desk.pid(1);
    let request = desk.request(|request| Event::RenewChild { request, child: ONE });
    desk.tell(Event::ExitRequested { reason: ExitReason::Shutdown });
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
    assert_eq!(desk.reply(request), Some(Err(Refusal::Stopping)));
    assert!(desk.machine.is_stopped());
}

#[test]
fn forget_ended_deletes_a_transient_child_that_was_done() {
    let children = vec![restarting(1, Restart::Transient)];
    let forget = SupervisorConfig { forget_ended: true, ..config(Strategy::OneForOne, children) };
    let mut desk = Desk::up(forget);
    let pid = desk.pid(1);
    desk.tell(Event::ChildExited { pid, reason: ExitReason::Normal });
    assert!(desk.did(Action::Forget { child: ONE, token: StartToken(10) }));
    assert!(desk.ids().is_empty());
}
