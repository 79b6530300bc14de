use super::*;
use proptest::prelude::*;

const PROCESSES: usize = 4;

/// The next step of a simulation.
#[derive(Debug, Clone)]
enum Act {
    Cast(usize),
    Busy(usize),
    Done(usize),
    Run(prop::sample::Index),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..PROCESSES).prop_map(Act::Cast),
        1 => (0..PROCESSES).prop_map(Act::Busy),
        1 => (0..PROCESSES).prop_map(Act::Done),
        4 => any::<prop::sample::Index>().prop_map(Act::Run),
    ]
}

fn spawned(runtime: &mut Runtime) -> Vec<Pid> {
    let spawn = |_| {
        let pid = runtime.spawn(SpawnOptions::default()).expect("there is room");
        runtime.started(pid);
        pid
    };
    (0..PROCESSES).map(spawn).collect()
}

fn cast(runtime: &mut Runtime, pid: Pid, place: u32) {
    runtime.send(pid, Mail { kind: MailKind::Cast, slot: SlotId::new(place, 1) });
}

proptest! {
    /// Whatever is picked, each process gets its messages in order, none twice and none lost, and none while a handler
    /// of it has not ended.
    #[test]
    fn any_order_of_processes_keeps_the_order_of_each(acts in prop::collection::vec(act(), 0..120)) {
        let mut runtime = Runtime::default();
        let pids = spawned(&mut runtime);
        let mut sent: Vec<Vec<u32>> = vec![Vec::new(); PROCESSES];
        let mut handled = sent.clone();
        let mut busy = [false; PROCESSES];
        let mut places = 0;
        let mut run = |runtime: &mut Runtime, pid: Pid, busy: &[bool; PROCESSES]| {
            let mut steps = Vec::new();
            runtime.run_one(pid, |step| steps.push(step));
            assert_eq!(steps.len(), 1, "one message at a time");
            let Step::Run { pid: ran, mail } = steps[0] else { panic!("{steps:?}") };
            assert_eq!(ran, pid);
            let which = pids.iter().position(|&each| each == pid).expect("known");
            assert!(!busy[which], "its handler has not ended");
            handled[which].push(mail.slot.place());
        };
        for act in acts {
            match act {
                Act::Cast(which) => {
                    cast(&mut runtime, pids[which], places);
                    sent[which].push(places);
                    places += 1;
                }
                Act::Busy(which) => {
                    busy[which] = true;
                    runtime.busy(pids[which]);
                }
                Act::Done(which) => {
                    busy[which] = false;
                    runtime.done(pids[which]);
                }
                Act::Run(index) => {
                    let ready = runtime.ready();
                    if !ready.is_empty() {
                        run(&mut runtime, ready[index.index(ready.len())], &busy);
                    }
                }
            }
            runtime.settle(0.0, 1024, |step| panic!("{step:?}"));
        }
        for (which, pid) in pids.iter().enumerate() {
            if busy[which] {
                runtime.done(*pid);
            }
        }
        busy = [false; PROCESSES];
        runtime.settle(0.0, 1024, |step| panic!("{step:?}"));
        while let Some(&pid) = runtime.ready().first() {
            run(&mut runtime, pid, &busy);
            runtime.settle(0.0, 1024, |step| panic!("{step:?}"));
        }
        prop_assert_eq!(handled, sent);
    }
}

/// Settles, and takes the first ready process, until nothing is left. Returns the processes that ran.
fn in_production_order(runtime: &mut Runtime) -> Vec<Pid> {
    let mut ran = Vec::new();
    loop {
        runtime.settle(0.0, 1024, |step| panic!("{step:?}"));
        let Some(&pid) = runtime.ready().first() else { return ran };
        runtime.run_one(pid, |_| ran.push(pid));
    }
}

#[test]
fn the_first_of_those_that_are_ready_is_the_one_that_production_runs() {
    let order = |drain: &dyn Fn(&mut Runtime) -> Vec<Pid>| {
        let mut runtime = Runtime::default();
        let pids = spawned(&mut runtime);
        for place in 0..300 {
            // The second one has more than a budget of messages.
            let which = [1, 1, 1, 0, 1, 2][place as usize % 6];
            cast(&mut runtime, pids[which], place);
        }
        drain(&mut runtime)
    };
    let production = order(&|runtime| {
        let mut ran = Vec::new();
        while runtime.round(0.0, 1024, |step| {
            if let Step::Run { pid, .. } = step {
                ran.push(pid);
            }
        }) {}
        ran
    });
    assert_eq!(production.len(), 300);
    assert_eq!(order(&in_production_order), production);
}

#[test]
fn links_and_monitors_are_told_in_the_order_in_which_they_were_made() {
    let mut runtime = Runtime::default();
    let trapping = SpawnOptions { trap_exit: true, ..SpawnOptions::default() };
    let watcher = runtime.spawn(trapping).expect("room");
    let subject = runtime.spawn(SpawnOptions::default()).expect("room");
    runtime.started(watcher);
    runtime.started(subject);
    let link = runtime.link(watcher, subject).expect("both live");
    let first = runtime.monitor(watcher, subject);
    let second = runtime.monitor(watcher, subject);
    runtime.exited(subject, ExitKind::Error);
    let mut steps = Vec::new();
    while runtime.settle(0.0, 1, |step| steps.push(step)) {}
    assert_eq!(
        steps,
        [
            Step::ExitSignal { pid: watcher, link, ended: subject },
            Step::Down { pid: watcher, monitor: first, ended: subject },
            Step::Down { pid: watcher, monitor: second, ended: subject },
            Step::Gone { pid: subject },
        ]
    );
}

#[test]
fn a_call_has_its_deadline_from_the_instant_in_which_it_was_made() {
    let mut runtime = Runtime::default();
    let pid = spawned(&mut runtime)[0];
    runtime.busy(pid);
    runtime.call(pid, SlotId::new(0, 1), None, 100.0);
    while runtime.settle(50.0, 1024, |step| panic!("{step:?}")) {}
    assert_eq!(runtime.next_deadline(), Some(150.0));
    let mut failed = Vec::new();
    while runtime.settle(150.0, 1024, |step| failed.push(step)) {}
    assert!(
        matches!(failed[0], Step::CallFailed { failure: CallFailure::Timeout, .. }),
        "{failed:?}"
    );
}
