//! Groups that are not complete, and requests that arrive meanwhile: no child stays down for ever.

use super::super::{AutoShutdown, Backoff, Jitter, StartError};
use super::*;

/// Waits 100 ms before it is started again.
fn delayed(id: u64) -> ChildSpec {
    with(id, |policy| {
        policy.shutdown = Shutdown::Never;
        policy.backoff = Some(Backoff {
            initial_ms: 100.0,
            max_ms: 100.0,
            factor: 1.0,
            jitter: Jitter::Shorter(0.0),
        });
    })
}

/// Returns a desk where the second of three has crashed, and its group waits.
fn waiting(strategy: Strategy) -> Desk {
    let mut desk = Desk::up(config(strategy, vec![child(1), delayed(2), child(3)]));
    desk.crash(2);
    desk.let_stop();
    desk
}

#[test]
fn without_the_child_that_is_removed_the_rest_of_its_group_starts_at_once() {
    for (strategy, started) in [(Strategy::OneForAll, vec![1, 3]), (Strategy::RestForOne, vec![3])]
    {
        let mut desk = waiting(strategy);
        let request = desk.request(|request| Event::RemoveChild { request, child: ChildId(2) });
        assert_eq!(desk.reply(request), Some(Ok(Answer::Done)));
        assert_eq!(desk.let_start(), started);
        assert!(desk.machine.is_idle());
    }
}

#[test]
fn the_child_that_is_renewed_starts_with_its_group_in_order() {
    for (strategy, started) in
        [(Strategy::OneForAll, vec![1, 2, 3]), (Strategy::RestForOne, vec![2, 3])]
    {
        let mut desk = waiting(strategy);
        desk.request(|request| Event::RenewChild { request, child: ChildId(2) });
        assert_eq!(desk.let_start(), started);
        assert!(desk.machine.is_idle(), "and its delay is over");
    }
}

#[test]
fn a_group_of_which_nobody_is_down_is_left_alone() {
    let mut desk = waiting(Strategy::RestForOne);
    desk.request(|request| Event::RenewChild { request, child: ChildId(3) });
    assert_eq!(desk.let_start(), [3]);
    desk.request(|request| Event::RemoveChild { request, child: ChildId(2) });
    assert!(desk.signalled().is_empty());
    assert!(desk.machine.is_idle());
}

#[test]
fn a_stop_answers_who_waits_for_a_child_of_a_group() {
    let mut desk = waiting(Strategy::OneForAll);
    let request = desk.request(|request| Event::RenewChild { request, child: ChildId(2) });
    let (start, _) = desk.asked().expect("the first of the group");
    desk.stop();
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    assert_eq!(desk.reply(request), Some(Err(Refusal::Stopping)));
    let mut killed = waiting(Strategy::OneForAll);
    let request = killed.request(|request| Event::RenewChild { request, child: ChildId(2) });
    killed.tell(Event::Killed);
    assert_eq!(killed.reply(request), Some(Err(Refusal::Stopping)));
}

#[test]
fn a_renewal_whose_start_fails_is_tried_again_and_counts() {
    let limited =
        SupervisorConfig { max_restarts: 1, ..config(Strategy::OneForOne, vec![child(1)]) };
    let mut desk = Desk::up(limited);
    let request = desk.request(|request| Event::RenewChild { request, child: ChildId(1) });
    desk.let_stop();
    desk.failed();
    assert_eq!(desk.reply(request), Some(Err(Refusal::StartFailed(StartError::Failed(BOOM)))));
    assert!(desk.asked().is_some(), "tried again");
    desk.failed();
    assert_eq!(desk.why(), Some(Why::MaxRestarts { child: ChildId(1) }));
}

#[test]
fn a_group_that_waits_counts_as_present() {
    let significant = |id| {
        with(id, |policy| {
            (policy.restart, policy.significant) = (Restart::Transient, true);
            policy.shutdown = Shutdown::Never;
        })
    };
    let children = vec![significant(1), delayed(2), significant(3)];
    let all = AutoShutdown::AllSignificant;
    let mut desk =
        Desk::up(SupervisorConfig { auto_shutdown: all, ..config(Strategy::RestForOne, children) });
    desk.crash(2);
    desk.let_stop();
    desk.exits(1, ExitReason::Normal);
    assert_eq!(desk.why(), None);
    assert!(!desk.reported(|report| matches!(report, Report::Stopping { .. })));
}
