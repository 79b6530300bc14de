//! The costs of a hundred thousand children. Were one event O(n), these tests would take minutes.

use super::*;

const MANY: u64 = 100_000;

fn crash_all(desk: &mut Desk) {
    for id in 0..MANY {
        desk.crash(id);
        assert!(desk.actions.len() <= 4, "{:?}", desk.actions);
        desk.started();
    }
}

fn roomy(config: SupervisorConfig) -> SupervisorConfig {
    SupervisorConfig { max_restarts: u32::MAX, within_ms: 1.0, ..config }
}

#[test]
fn a_crash_among_many_costs_no_more_than_among_few() {
    let mut desk = Desk::up(roomy(config(Strategy::OneForOne, (0..MANY).map(child).collect())));
    crash_all(&mut desk);
    assert_eq!(desk.machine.counts().active, 100_000);
}

#[test]
fn many_children_of_a_template_start_crash_and_stop() {
    let mut desk = Desk::up(roomy(simple(|policy| policy.shutdown = Shutdown::After(10.0))));
    for id in 0..MANY {
        let (child, token) = (ChildId(id), StartToken(id));
        desk.request(|request| Event::StartDynamic { request, child, token });
        desk.started();
    }
    crash_all(&mut desk);
    desk.stop();
    let pids = desk.signalled();
    assert_eq!(pids.len(), 100_000);
    for pid in pids {
        desk.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
    }
    assert!(desk.machine.is_stopped());
}

#[test]
fn a_group_of_many_that_all_died_is_walked_without_recursion() {
    let mut desk = Desk::up(roomy(config(Strategy::OneForAll, (0..MANY).map(child).collect())));
    let pids: Vec<Pid> = (0..MANY).map(|id| desk.pid(id)).collect();
    desk.crash(MANY - 1);
    // The awaited one reports last.
    for &pid in &pids[..pids.len() - 1] {
        desk.tell(Event::ChildExited { pid, reason: BOOM });
    }
    let mut started = 0;
    while desk.asked().is_some() {
        desk.started();
        started += 1;
    }
    assert_eq!(started, MANY);
    assert!(desk.machine.is_idle(), "the deaths that were seen in the stop are not counted again");
}

#[test]
fn many_are_stopped_one_after_the_other() {
    let mut desk = Desk::up(roomy(config(Strategy::OneForOne, (0..MANY).map(child).collect())));
    desk.stop();
    let mut stopped = 0;
    while let Some(&pid) = desk.signalled().first() {
        desk.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
        stopped += 1;
    }
    assert_eq!(stopped, MANY);
    assert!(desk.why().is_some());
}
