use super::*;

fn runtime_with(count: usize) -> (Runtime, Vec<Pid>) {
    let mut runtime = Runtime::default();
    let pids: Vec<Pid> =
        (0..count).map(|_| runtime.spawn(SpawnOptions::default()).expect("room")).collect();
    for pid in &pids {
        runtime.started(*pid);
    }
    (runtime, pids)
}

fn at(slot: u32) -> SlotId {
    SlotId::new(slot, 1)
}

fn cast(slot: u32) -> Mail {
    Mail { kind: MailKind::Cast, slot: at(slot) }
}

/// Runs one round. Returns the steps, without `Gone`, and whether there are more.
fn round(runtime: &mut Runtime, now: f64, limit: usize) -> (Vec<Step>, bool) {
    let mut steps = Vec::new();
    let more = runtime.round(now, limit, |step| steps.push(step));
    steps.retain(|step| !matches!(step, Step::Gone { .. }));
    (steps, more)
}

/// Rounds until nothing is left to do.
fn all(runtime: &mut Runtime, now: f64) -> Vec<Step> {
    let mut steps = Vec::new();
    loop {
        let (some, more) = round(runtime, now, 1000);
        steps.extend(some);
        if !more {
            return steps;
        }
    }
}

fn run(pid: Pid, slot: u32) -> Step {
    Step::Run { pid, mail: cast(slot) }
}

fn failed(slot: u32, failure: CallFailure, held: bool) -> Step {
    Step::CallFailed { slot: at(slot), failure, held }
}

#[test]
fn mail_waits_until_the_process_has_started() {
    let mut runtime = Runtime::default();
    let pid = runtime.spawn(SpawnOptions::default()).expect("room");
    runtime.send(pid, cast(1));
    assert_eq!(all(&mut runtime, 0.0), []);
    runtime.started(pid);
    assert_eq!(all(&mut runtime, 0.0), [run(pid, 1)]);
}

#[test]
fn processes_take_turns_by_their_budget_and_keep_their_order() {
    let (mut runtime, pids) = runtime_with(2);
    for slot in 0..200 {
        runtime.send(pids[0], cast(slot));
    }
    runtime.send(pids[1], cast(1000));
    let steps = all(&mut runtime, 0.0);
    let other = steps.iter().position(|step| *step == run(pids[1], 1000)).expect("it ran");
    assert_eq!(other, BUDGET as usize);
    let first: Vec<_> = steps.iter().filter(|step| **step != run(pids[1], 1000)).copied().collect();
    assert_eq!(first, (0..200).map(|slot| run(pids[0], slot)).collect::<Vec<_>>());
}

#[test]
fn a_process_ends_behind_all_messages_that_it_was_handed_in_the_round() {
    let (mut runtime, pids) = runtime_with(1);
    let pid = pids[0];
    runtime.send(pid, cast(1));
    runtime.send(pid, cast(2));
    assert_eq!(round(&mut runtime, 0.0, 10).0, [run(pid, 1), run(pid, 2)]);
    // The first handler takes longer, and ends while the second message has not been carried out.
    runtime.busy(pid);
    runtime.done(pid);
    assert!(runtime.exit(pid, ExitKind::Error));
    // The second handler takes longer too.
    runtime.busy(pid);
    assert_eq!(all(&mut runtime, 0.0), []);
    runtime.done(pid);
    let end = Step::Terminate { pid, kind: ExitKind::Error, because_of: None };
    assert_eq!(all(&mut runtime, 0.0), [end]);
}

#[test]
fn a_busy_process_gets_nothing_until_it_is_done() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.send(pids[0], cast(1));
    assert_eq!(round(&mut runtime, 0.0, 10).0, [run(pids[0], 1)]);
    runtime.busy(pids[0]);
    runtime.send(pids[0], cast(2));
    assert_eq!(all(&mut runtime, 0.0), []);
    runtime.done(pids[0]);
    assert_eq!(all(&mut runtime, 0.0), [run(pids[0], 2)]);
}

#[test]
fn system_mail_goes_first() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.send(pids[0], cast(1));
    runtime.send_system(pids[0], Mail { kind: MailKind::Info, slot: at(2) });
    let info = Step::Run { pid: pids[0], mail: Mail { kind: MailKind::Info, slot: at(2) } };
    assert_eq!(all(&mut runtime, 0.0), [info, run(pids[0], 1)]);
}

#[test]
fn nothing_behind_a_request_to_stop_is_handled() {
    let (mut runtime, pids) = runtime_with(1);
    let stop = Mail { kind: MailKind::Stop, slot: at(2) };
    runtime.send(pids[0], cast(1));
    runtime.send(pids[0], stop);
    runtime.send(pids[0], cast(3));
    runtime.call(pids[0], at(0), None, 100.0);
    let expected = [run(pids[0], 1), Step::Run { pid: pids[0], mail: stop }];
    assert_eq!(all(&mut runtime, 0.0), expected);
    assert!(runtime.stopping(pids[0]));
    let handed_back =
        [Step::Dropped { pid: pids[0], mail: cast(3) }, failed(0, CallFailure::NoProcess, false)];
    assert_eq!(all(&mut runtime, 0.0), handed_back);
    assert!(!runtime.stopping(pids[0]));
    assert!(runtime.exited(pids[0], ExitKind::Normal));
    assert!(runtime.is_empty());
}

#[test]
fn mail_for_nobody_comes_back() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.exited(pids[0], ExitKind::Normal);
    runtime.send(pids[0], cast(1));
    runtime.call(pids[0], at(0), None, f64::INFINITY);
    let expected =
        [Step::Dropped { pid: pids[0], mail: cast(1) }, failed(0, CallFailure::NoProcess, false)];
    assert_eq!(all(&mut runtime, 0.0), expected);
}

#[test]
fn a_call_that_is_queued_at_its_deadline_is_never_run() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.send(pids[0], cast(1));
    assert_eq!(round(&mut runtime, 0.0, 10).0, [run(pids[0], 1)]);
    runtime.busy(pids[0]);
    runtime.call(pids[0], at(0), None, 40.0);
    assert_eq!(all(&mut runtime, 10.0), []);
    assert_eq!(runtime.next_deadline(), Some(50.0));
    assert_eq!(all(&mut runtime, 49.0), []);
    assert_eq!(all(&mut runtime, 50.0), [failed(0, CallFailure::Timeout, true)]);
    runtime.done(pids[0]);
    assert_eq!(all(&mut runtime, 50.0), [Step::Free { slot: at(0) }]);
    assert_eq!(runtime.next_deadline(), None);
}

#[test]
fn calls_in_a_flood_that_is_worked_off_have_deadlines_all_the_same() {
    let (mut runtime, pids) = runtime_with(1);
    for slot in 0..300 {
        runtime.call(pids[0], at(slot), None, 50.0);
    }
    assert_eq!(round(&mut runtime, 0.0, 100).0.len(), 100);
    assert_eq!(round(&mut runtime, 1.0, 100).0.len(), 100);
    assert_eq!(runtime.next_deadline(), Some(51.0), "it counts from the second round");
    // Long before the time at which calls would get timers anyway.
    let (steps, more) = round(&mut runtime, 51.0, 1000);
    assert!(steps.starts_with(&[failed(0, CallFailure::Timeout, false)]));
    assert_eq!(steps[299], failed(299, CallFailure::Timeout, true));
    assert!(steps[300..].iter().all(|step| matches!(step, Step::Free { .. })));
    assert!(!more);
}

#[test]
fn a_call_in_the_place_of_an_answered_one_has_its_own_deadline() {
    let (mut runtime, pids) = runtime_with(1);
    for (use_of_it, now) in [(1, 0.0), (2, 10.0), (3, 20.0)] {
        let slot = SlotId::new(0, use_of_it);
        assert!(runtime.call(pids[0], slot, None, 50.0));
        assert!(matches!(round(&mut runtime, now, 10).0[..], [Step::Run { .. }]));
        assert_eq!(runtime.next_deadline(), None, "it has not outlived a round");
        assert!(!runtime.call_ended(slot));
    }
}

#[test]
fn what_is_overdue_fails_before_anybody_ends() {
    let (mut runtime, pids) = runtime_with(1);
    for slot in [0, 1] {
        runtime.call(pids[0], at(slot), None, 50.0);
    }
    assert_eq!(all(&mut runtime, 0.0).len(), 2);
    runtime.exit(pids[0], ExitKind::Shutdown);
    let (steps, more) = round(&mut runtime, 50.0, 1);
    assert_eq!(steps, [failed(0, CallFailure::Timeout, false)]);
    assert!(more);
    let ended = Step::Terminate { pid: pids[0], kind: ExitKind::Shutdown, because_of: None };
    assert_eq!(all(&mut runtime, 50.0), [failed(1, CallFailure::Timeout, false), ended]);
}

#[test]
fn a_call_that_runs_at_its_deadline_fails_and_holds_nothing() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.call(pids[0], at(0), None, 50.0);
    let mail = Mail { kind: MailKind::Call, slot: at(0) };
    assert_eq!(round(&mut runtime, 0.0, 10).0, [Step::Run { pid: pids[0], mail }]);
    runtime.busy(pids[0]);
    assert_eq!(all(&mut runtime, 1.0), []);
    assert_eq!(all(&mut runtime, 60.0), [failed(0, CallFailure::Timeout, false)]);
    assert!(!runtime.call_ended(at(0)));
}

#[test]
fn a_call_that_is_answered_within_its_round_needs_no_timer() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.call(pids[0], at(0), None, 50.0);
    assert!(round(&mut runtime, 0.0, 10).1, "its deadline is not watched yet");
    runtime.call_ended(at(0));
    assert_eq!(all(&mut runtime, 0.0), []);
    assert_eq!(runtime.next_deadline(), None);
}

#[test]
fn calls_that_would_wait_for_themselves_are_refused() {
    let (mut runtime, pids) = runtime_with(3);
    for (slot, pid) in pids.iter().enumerate() {
        runtime.send(*pid, cast(u32::try_from(slot).expect("small")));
    }
    all(&mut runtime, 0.0);
    // A call that was refused leaves its slot free.
    let (mut slot, mut use_of_it) = (0, 0);
    let mut call = |runtime: &mut Runtime, from: usize, to: usize| {
        use_of_it += 1;
        runtime.busy(pids[from]);
        let id = SlotId::new(slot, use_of_it);
        assert!(runtime.call(pids[to], id, Some(pids[from]), f64::INFINITY));
        let steps = all(runtime, 0.0);
        let refused = Step::CallFailed { slot: id, failure: CallFailure::Cycle, held: false };
        let is_refused = steps == [refused];
        if !is_refused {
            slot += 1;
        }
        is_refused
    };
    assert!(call(&mut runtime, 0, 0), "itself");
    assert!(!call(&mut runtime, 0, 1));
    assert!(!call(&mut runtime, 1, 2));
    assert!(call(&mut runtime, 2, 0), "through another");
    assert!(call(&mut runtime, 2, 1), "directly");
    // Once the first has handled its message, it waits no more.
    runtime.done(pids[0]);
    assert!(!call(&mut runtime, 2, 0));
}

#[test]
fn bounded_mailboxes_refuse_or_drop() {
    let mut runtime = Runtime::default();
    let spawn = |runtime: &mut Runtime, overflow| {
        let options = SpawnOptions { max_mailbox: 2, overflow, ..SpawnOptions::default() };
        runtime.spawn(options).expect("room")
    };
    let rejecting = spawn(&mut runtime, MailboxOverflow::Reject);
    let dropping = spawn(&mut runtime, MailboxOverflow::DropOldest);
    for pid in [rejecting, dropping] {
        assert_eq!(runtime.offer(pid, cast(1)), Offer::Queued);
        assert_eq!(runtime.offer(pid, cast(2)), Offer::Queued);
    }
    assert_eq!(runtime.offer(rejecting, cast(3)), Offer::Full);
    assert_eq!(runtime.offer(dropping, cast(3)), Offer::Displaced);
    assert_eq!(all(&mut runtime, 0.0), [Step::Dropped { pid: dropping, mail: cast(1) }]);
    let stop = Mail { kind: MailKind::Stop, slot: at(9) };
    assert_eq!(runtime.offer(rejecting, stop), Offer::Queued, "to stop is always possible");
    runtime.started(dropping);
    assert_eq!(all(&mut runtime, 0.0), [run(dropping, 2), run(dropping, 3)]);
}

#[test]
fn exits_wait_for_the_handler_but_not_for_mail() {
    let (mut runtime, pids) = runtime_with(2);
    let terminate = |pid, kind| Step::Terminate { pid, kind, because_of: None };
    runtime.send(pids[0], cast(1));
    assert!(runtime.exit(pids[0], ExitKind::Shutdown));
    let expected =
        [terminate(pids[0], ExitKind::Shutdown), Step::Dropped { pid: pids[0], mail: cast(1) }];
    assert_eq!(all(&mut runtime, 0.0), expected);
    runtime.send(pids[1], cast(2));
    round(&mut runtime, 0.0, 10);
    runtime.busy(pids[1]);
    runtime.exit(pids[1], ExitKind::Shutdown);
    assert_eq!(all(&mut runtime, 0.0), []);
    runtime.done(pids[1]);
    assert_eq!(all(&mut runtime, 0.0), [terminate(pids[1], ExitKind::Shutdown)]);
}

#[test]
fn to_kill_waits_for_nothing() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.send(pids[0], cast(1));
    round(&mut runtime, 0.0, 10);
    runtime.busy(pids[0]);
    runtime.exit(pids[0], ExitKind::Killed);
    let killed = Step::Terminate { pid: pids[0], kind: ExitKind::Killed, because_of: None };
    assert_eq!(all(&mut runtime, 0.0), [killed]);
}

#[test]
fn a_process_that_is_told_to_end_while_it_starts_does_so_once_it_has() {
    let mut runtime = Runtime::default();
    let pid = runtime.spawn(SpawnOptions::default()).expect("room");
    runtime.send(pid, cast(1));
    runtime.exit(pid, ExitKind::Shutdown);
    assert_eq!(all(&mut runtime, 0.0), []);
    runtime.started(pid);
    let terminate = Step::Terminate { pid, kind: ExitKind::Shutdown, because_of: None };
    let expected = [terminate, Step::Dropped { pid, mail: cast(1) }];
    assert_eq!(all(&mut runtime, 0.0), expected);
}

#[test]
fn links_end_with_a_failure_and_monitors_hear_of_every_end() {
    let mut runtime = Runtime::default();
    let trapping = SpawnOptions { trap_exit: true, ..SpawnOptions::default() };
    let pids: Vec<Pid> = [SpawnOptions::default(), SpawnOptions::default(), trapping]
        .into_iter()
        .map(|options| runtime.spawn(options).expect("room"))
        .collect();
    for pid in &pids {
        runtime.started(*pid);
    }
    let plain = runtime.link(pids[0], pids[1]).expect("alive");
    assert_eq!(runtime.link(pids[1], pids[0]), Some(plain), "once is enough");
    let trapped = runtime.link(pids[0], pids[2]).expect("alive");
    let monitor = runtime.monitor(pids[2], pids[0]);
    let ended = runtime.monitor(pids[2], pids[0]);
    assert!(runtime.demonitor(ended));
    runtime.stopping(pids[0]);
    runtime.exited(pids[0], ExitKind::Error);
    let expected = [
        Step::Terminate { pid: pids[1], kind: ExitKind::Error, because_of: Some(pids[0]) },
        Step::ExitSignal { pid: pids[2], link: trapped, ended: pids[0] },
        Step::Down { pid: pids[2], monitor, ended: pids[0] },
    ];
    assert_eq!(all(&mut runtime, 0.0), expected);
    assert_eq!(runtime.relation_counts(), (0, 0));
    let late = runtime.monitor(pids[2], pids[0]);
    let down = Step::Down { pid: pids[2], monitor: late, ended: pids[0] };
    assert_eq!(all(&mut runtime, 0.0), [down]);
}

#[test]
fn a_normal_end_leaves_linked_processes_alone() {
    let (mut runtime, pids) = runtime_with(2);
    runtime.link(pids[0], pids[1]);
    runtime.exited(pids[0], ExitKind::Normal);
    assert_eq!(all(&mut runtime, 0.0), []);
    assert_eq!(runtime.relation_counts(), (0, 0));
    assert!(runtime.link(pids[0], pids[1]).is_none());
}

#[test]
fn a_process_that_starts_over_keeps_its_mail() {
    let (mut runtime, pids) = runtime_with(1);
    runtime.send(pids[0], cast(1));
    assert!(runtime.restarting(pids[0]));
    runtime.send(pids[0], cast(2));
    assert_eq!(all(&mut runtime, 0.0), []);
    runtime.started(pids[0]);
    assert_eq!(all(&mut runtime, 0.0), [run(pids[0], 1), run(pids[0], 2)]);
}

#[test]
fn a_deep_mailbox_is_handed_back_in_bounded_rounds() {
    let (mut runtime, pids) = runtime_with(1);
    for slot in 0..10_000 {
        runtime.send(pids[0], cast(slot));
    }
    runtime.stopping(pids[0]);
    runtime.exited(pids[0], ExitKind::Normal);
    let mut rounds = 0;
    let mut back = 0;
    loop {
        let (steps, more) = round(&mut runtime, 0.0, 100);
        assert!(steps.len() <= 100);
        back += steps.len();
        rounds += 1;
        if !more {
            break;
        }
    }
    assert_eq!((back, rounds >= 100), (10_000, true));
}

#[test]
fn a_slot_that_is_in_use_was_released_or_is_not_the_next_one_is_refused() {
    let (mut runtime, pids) = runtime_with(1);
    assert!(!runtime.call(pids[0], SlotId::new(1, 1), None, 50.0), "not the next one");
    assert!(!runtime.call(pids[0], SlotId::new(0, 0), None, 50.0), "never a use");
    assert!(runtime.call(pids[0], at(0), None, 50.0));
    assert!(!runtime.call(pids[0], SlotId::new(0, 2), None, 50.0), "in use");
    assert!(!runtime.call_ended(SlotId::new(0, 2)), "another use");
    assert_eq!(runtime.open_calls(), 1);
    assert_eq!(all(&mut runtime, 0.0).len(), 1);
    assert!(!runtime.call_ended(at(0)));
    assert_eq!(runtime.open_calls(), 0);
    assert!(!runtime.call(pids[0], at(0), None, 50.0), "released");
    assert!(runtime.call(pids[0], SlotId::new(0, 2), None, 50.0));
    assert_eq!(all(&mut runtime, 100.0).len(), 1);
}

#[test]
fn a_call_that_was_never_opened_is_no_call() {
    let (mut runtime, pids) = runtime_with(1);
    let mail = Mail { kind: MailKind::Call, slot: SlotId::new(12_345_678, 9) };
    runtime.send(pids[0], mail);
    assert_eq!(all(&mut runtime, 0.0), [Step::Run { pid: pids[0], mail }]);
    assert!(!runtime.call_ended(mail.slot));
}

#[test]
fn a_process_keeps_its_slot_until_no_step_names_it() {
    let (mut runtime, pids) = runtime_with(2);
    runtime.link(pids[0], pids[1]).expect("alive");
    runtime.send(pids[1], cast(1));
    round(&mut runtime, 0.0, 10);
    runtime.busy(pids[1]);
    runtime.exited(pids[0], ExitKind::Error);
    let gone = |runtime: &mut Runtime| {
        let mut steps = Vec::new();
        while runtime.round(0.0, 10, |step| steps.push(step)) {}
        steps
    };
    assert_eq!(gone(&mut runtime), [], "it is why another one will end");
    let other = runtime.spawn(SpawnOptions::default()).expect("room");
    assert_ne!(other.slot(), pids[0].slot());
    assert_eq!(runtime.untold(), 1);
    runtime.done(pids[1]);
    let (pid, because_of) = (pids[1], Some(pids[0]));
    let terminate = Step::Terminate { pid, kind: ExitKind::Error, because_of };
    assert_eq!(gone(&mut runtime), [terminate, Step::Gone { pid: pids[0] }]);
    // The steps of that round may still be under way.
    let other = runtime.spawn(SpawnOptions::default()).expect("room");
    assert_ne!(other.slot(), pids[0].slot());
    assert_eq!(gone(&mut runtime), []);
    let successor = runtime.spawn(SpawnOptions::default()).expect("room");
    assert_eq!(successor.slot(), pids[0].slot());
    assert_ne!(successor, pids[0]);
}

#[test]
fn a_link_passes_a_kill_on_as_an_end_that_waits_for_the_handler() {
    let (mut runtime, pids) = runtime_with(2);
    runtime.link(pids[0], pids[1]).expect("alive");
    runtime.send(pids[1], cast(1));
    round(&mut runtime, 0.0, 10);
    runtime.busy(pids[1]);
    runtime.exited(pids[0], ExitKind::Killed);
    assert_eq!(all(&mut runtime, 0.0), []);
    runtime.done(pids[1]);
    let (pid, because_of) = (pids[1], Some(pids[0]));
    let terminate = Step::Terminate { pid, kind: ExitKind::Error, because_of };
    assert_eq!(all(&mut runtime, 0.0), [terminate]);
}

#[test]
fn a_request_to_stop_is_not_displaced_and_takes_no_room() {
    let mut runtime = Runtime::default();
    let overflow = MailboxOverflow::DropOldest;
    let options = SpawnOptions { max_mailbox: 1, overflow, ..SpawnOptions::default() };
    let pid = runtime.spawn(options).expect("room");
    let stop = Mail { kind: MailKind::Stop, slot: at(9) };
    assert_eq!(runtime.offer(pid, stop), Offer::Queued);
    assert_eq!(runtime.mailbox_len(pid), 0);
    assert_eq!(runtime.offer(pid, cast(1)), Offer::Queued);
    assert_eq!(runtime.offer(pid, cast(2)), Offer::Displaced);
    assert_eq!(all(&mut runtime, 0.0), [Step::Dropped { pid, mail: cast(2) }]);
    runtime.started(pid);
    assert_eq!(all(&mut runtime, 0.0), [Step::Run { pid, mail: stop }]);
}
