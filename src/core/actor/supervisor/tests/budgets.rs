//! Restart budgets, and the delays of restarts.

use super::super::{Backoff, BudgetScope, Jitter, Standing};
use super::*;
use crate::core::actor::restart_window::RestartWindow;

fn limited(max_restarts: u32, within_ms: f64) -> Desk {
    let children = (1..=2).map(child).collect();
    Desk::up(SupervisorConfig { max_restarts, within_ms, ..config(Strategy::OneForOne, children) })
}

fn crash_and_start(desk: &mut Desk, id: u64, at: f64) -> bool {
    desk.now = at;
    desk.crash(id);
    !desk.let_start().is_empty()
}

#[test]
fn as_many_restarts_as_allowed_and_not_one_more() {
    let mut desk = limited(3, 5_000.0);
    for at in 0..3 {
        assert!(crash_and_start(&mut desk, 1, f64::from(at)));
    }
    desk.crash(1);
    let gave_up = Report::GivingUp { child: ChildId(1), restarts: 4 };
    assert!(desk.did(Action::Report(gave_up)));
    assert_eq!(desk.let_stop(), [2]);
    assert_eq!(desk.why(), Some(Why::MaxRestarts { child: ChildId(1) }));
    assert_eq!(desk.why().map(Why::reason), Some(ExitReason::Shutdown));
}

#[test]
fn no_restart_at_all_when_none_is_allowed() {
    let mut desk = limited(0, 5_000.0);
    assert!(!crash_and_start(&mut desk, 1, 0.0));
    assert_eq!(desk.let_stop(), [2]);
}

#[test]
fn the_end_of_the_window_belongs_to_it() {
    let mut inside = limited(1, 1_000.0);
    assert!(crash_and_start(&mut inside, 1, 500.0));
    assert!(!crash_and_start(&mut inside, 1, 1_500.0));
    let mut outside = limited(1, 1_000.0);
    assert!(crash_and_start(&mut outside, 1, 500.0));
    assert!(crash_and_start(&mut outside, 1, 1_500.25));
}

#[test]
fn the_window_slides_and_holds_no_more_than_what_is_in_it() {
    let mut window = RestartWindow::default();
    for at in 0..10_000 {
        assert!(window.add(f64::from(at), 10.0) <= 11);
        assert!(window.held() <= 11);
    }
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut desk = limited(1, 1_000.0);
    assert!(crash_and_start(&mut desk, 1, 5_000.0));
    assert!(!crash_and_start(&mut desk, 1, 0.0));
    let mut desk = limited(1, 1_000.0);
    assert!(crash_and_start(&mut desk, 1, f64::NAN));
}

#[test]
fn the_budget_is_the_supervisors() {
    let mut desk = limited(1, 1_000.0);
    assert!(crash_and_start(&mut desk, 1, 0.0));
    assert!(!crash_and_start(&mut desk, 2, 1.0));
}

#[test]
fn the_budget_may_be_each_childs_own() {
    let mut desk = Desk::up(SupervisorConfig {
        max_restarts: 1,
        scope: BudgetScope::Child,
        ..config(Strategy::OneForOne, (1..=2).map(child).collect())
    });
    assert!(crash_and_start(&mut desk, 1, 0.0));
    assert!(crash_and_start(&mut desk, 2, 1.0));
    assert!(!crash_and_start(&mut desk, 2, 2.0));
}

#[test]
fn a_start_that_fails_in_a_restart_counts_again() {
    let mut desk = limited(2, 5_000.0);
    desk.crash(1);
    desk.failed();
    desk.failed();
    assert_eq!(desk.let_stop(), [2]);
    assert_eq!(desk.why(), Some(Why::MaxRestarts { child: ChildId(1) }));
}

#[test]
fn between_two_attempts_a_stop_is_heard() {
    let mut desk = limited(100, 5_000.0);
    desk.crash(1);
    let (start, _) = desk.asked().expect("a start");
    desk.stop();
    desk.tell(Event::ChildStartFailed { start, reason: BOOM });
    assert_eq!(desk.asked(), None);
    assert_eq!(desk.let_stop(), [2]);
    assert_eq!(desk.why(), Some(Why::Requested(ExitReason::Shutdown)));
}

fn patient(jitter: f64) -> SupervisorConfig {
    let backoff =
        Backoff { initial_ms: 100.0, max_ms: 400.0, factor: 2.0, jitter: Jitter::Shorter(jitter) };
    let one = with(1, |policy| {
        (policy.backoff, policy.shutdown) = (Some(backoff), Shutdown::Never);
    });
    SupervisorConfig { max_restarts: 1_000, ..config(Strategy::OneForOne, vec![one, child(2)]) }
}

#[test]
fn a_back_off_grows_up_to_its_maximum() {
    let mut desk = Desk::up(patient(0.0));
    for expected in [100.0, 200.0, 400.0, 400.0] {
        let before = desk.now;
        desk.crash(1);
        let view = desk.machine.child(ChildId(1)).expect("there");
        assert_eq!(view.standing, Standing::Restarting);
        assert_eq!(desk.armed().expect("a delay").1, before + expected);
        assert!(desk.reported(|report| matches!(report, Report::RestartDelayed { .. })));
        desk.fire();
        desk.started();
    }
}

#[test]
fn a_start_that_fails_waits_longer() {
    let mut desk = Desk::up(patient(0.0));
    desk.crash(1);
    desk.fire();
    desk.failed();
    assert_eq!(desk.armed().expect("a delay").1, 300.0);
    desk.fire();
    desk.started();
    assert!(desk.machine.is_idle());
}

#[test]
fn a_child_that_ran_long_enough_begins_anew() {
    let mut desk = Desk::up(patient(0.0));
    for _ in 0..3 {
        desk.crash(1);
        desk.fire();
        desk.started();
    }
    desk.now += 400.0;
    let before = desk.now;
    desk.crash(1);
    assert_eq!(desk.armed().expect("a delay").1, before + 100.0);
}

#[test]
fn chance_takes_away_no_more_than_its_share() {
    let backoff =
        Backoff { initial_ms: 100.0, max_ms: 1e6, factor: 2.0, jitter: Jitter::Shorter(0.25) };
    let mut random = Random::new(7);
    for before in 0..200 {
        let full = (100.0 * 2_f64.powi(before)).min(1e6);
        let delay = backoff.delay(u32::try_from(before).expect("small"), || random.unit());
        assert!(delay > full * 0.75 && delay <= full, "{delay} of {full}");
    }
    let mut untouched = Random::new(7);
    Backoff { jitter: Jitter::Shorter(0.0), ..backoff }.delay(3, || untouched.unit());
    assert_eq!(untouched.bits(), Random::new(7).bits(), "no draw without a jitter");
    let zero = Backoff { initial_ms: 0.0, ..backoff };
    assert_eq!(zero.delay(u32::MAX, || random.unit()), 0.0);
}

#[test]
fn during_a_delay_the_supervisor_goes_on_with_other_things() {
    let mut desk = Desk::up(patient(0.0));
    desk.crash(1);
    desk.crash(2);
    assert_eq!(desk.let_start(), [2]);
}

#[test]
fn a_stop_cancels_a_delay() {
    let mut desk = Desk::up(patient(0.0));
    desk.crash(1);
    let (timer, _) = desk.armed().expect("a delay");
    desk.stop();
    desk.let_stop();
    assert!(desk.machine.is_stopped());
    assert!(desk.tell(Event::Timer { timer }).is_empty());
}

#[test]
fn a_request_cancels_a_delay() {
    let mut desk = Desk::up(patient(0.0));
    desk.crash(1);
    let (timer, _) = desk.armed().expect("a delay");
    let child = ChildId(1);
    assert_eq!(
        desk.ask(|request| Event::RestartChild { request, child }),
        Err(Refusal::Restarting)
    );
    assert_eq!(desk.ask(|request| Event::DeleteChild { request, child }), Err(Refusal::Restarting));
    assert_eq!(desk.ask(|request| Event::TerminateChild { request, child }), Ok(Answer::Done));
    assert!(desk.did(Action::Disarm { timer }));
    assert!(desk.did(Action::Report(Report::RestartCancelled { child })));
    assert!(desk.tell(Event::Timer { timer }).is_empty());
}

#[test]
fn a_group_waits_stopped() {
    let mut desk = Desk::up(SupervisorConfig { strategy: Strategy::OneForAll, ..patient(0.0) });
    desk.crash(1);
    assert_eq!(desk.let_stop(), [2]);
    assert_eq!(desk.asked(), None);
    desk.fire();
    assert_eq!(desk.let_start(), [1, 2]);
}

#[test]
fn a_delay_that_was_overtaken_by_another_restart_does_not_count_for_it() {
    let SupervisorConfig { children, .. } = patient(0.0);
    let config = SupervisorConfig { max_restarts: 2, ..config(Strategy::OneForAll, children) };
    let mut desk = Desk::up(config);
    desk.crash(1);
    let (timer, at) = {
        desk.let_stop();
        desk.armed().expect("a delay")
    };
    desk.request(|request| Event::RestartChild { request, child: ChildId(2) });
    desk.started();
    // Something is under way, so that a crash and the end of the delay wait, in this order.
    desk.request(|request| Event::StartChild { request, spec: child(3) });
    let (start, _) = desk.asked().expect("a start");
    desk.crash(2);
    desk.now = at;
    desk.tell(Event::Timer { timer });
    let pid = desk.fresh();
    desk.tell(Event::ChildStarted { start, pid });
    desk.let_stop();
    assert_eq!(desk.asked().map(|(_, id)| id), Some(1), "the crash restarts the group");
    desk.failed();
    assert_eq!(desk.asked(), None, "the old delay is no licence to try again uncounted");
    assert_eq!(desk.why(), Some(Why::MaxRestarts { child: ChildId(1) }));
}

#[test]
fn a_sibling_that_was_started_by_hand_during_a_delay_is_stopped_first() {
    let mut desk = Desk::up(SupervisorConfig { strategy: Strategy::OneForAll, ..patient(0.0) });
    desk.crash(1);
    desk.let_stop();
    let (timer, at) = desk.armed().expect("a delay");
    desk.request(|request| Event::RestartChild { request, child: ChildId(2) });
    desk.started();
    desk.now = at;
    desk.tell(Event::Timer { timer });
    assert_eq!(desk.let_stop(), [2]);
    assert_eq!(desk.let_start(), [1, 2]);
}
