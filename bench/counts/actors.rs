//! Messages, calls, and processes that start and end.

use keelson::core::actor::{ExitKind, Mail, MailKind, Pid, Runtime, SlotId, SpawnOptions, Step};

use crate::Loop;
use crate::inputs::{Inputs, index};

const PROCESSES: u32 = 100;
/// Messages a round.
const BATCH: u32 = 1000;
const TIMEOUT_MS: f64 = 5000.0;

pub const LOOPS: &[Loop] = &[
    Loop { name: "mailbox-round", operation: "send a message and hand it out", body: casts },
    Loop { name: "call", operation: "call, hand out and answer", body: calls },
    Loop { name: "call-alone", operation: "the same, a round for each", body: calls_alone },
    Loop { name: "spawn-exit", operation: "start a process and end it", body: spawns },
];

fn running(runtime: &mut Runtime, count: u32) -> Vec<Pid> {
    let spawn = |_| {
        let pid = runtime.spawn(SpawnOptions::default()).expect("there is room");
        runtime.started(pid);
        pid
    };
    (0..count).map(spawn).collect()
}

/// Rounds until there is nothing left to do.
fn drain(runtime: &mut Runtime, now: f64, mut take: impl FnMut(Step)) {
    while runtime.round(now, 1024, &mut take) {}
}

fn casts(operations: u32) -> u32 {
    let mut runtime = Runtime::default();
    let processes = running(&mut runtime, PROCESSES);
    let mut targets = Inputs::new(3, |random| index(random, PROCESSES));
    let (mut handled, mut now) = (0, 0.0);
    for _ in 0..operations / BATCH {
        for place in 0..BATCH {
            let pid = processes[targets.take() as usize];
            runtime.send(pid, Mail { kind: MailKind::Cast, slot: SlotId::new(place, 1) });
        }
        drain(&mut runtime, now, |step| {
            handled += u32::from(matches!(step, Step::Run { .. }));
        });
        now += 0.1;
    }
    handled
}

fn calls(operations: u32) -> u32 {
    calls_in_batches(operations, BATCH)
}

fn calls_alone(operations: u32) -> u32 {
    calls_in_batches(operations, 1)
}

fn calls_in_batches(operations: u32, batch: u32) -> u32 {
    let mut runtime = Runtime::default();
    let processes = running(&mut runtime, PROCESSES);
    let mut targets = Inputs::new(4, |random| index(random, PROCESSES));
    let mut answers = Vec::new();
    let (mut answered, mut now) = (0, 0.0);
    for generation in 1..=operations / batch {
        for place in 0..batch {
            let pid = processes[targets.take() as usize];
            runtime.call(pid, SlotId::new(place, generation), None, TIMEOUT_MS);
        }
        drain(&mut runtime, now, |step| {
            if let Step::Run { mail, .. } = step {
                answers.push(mail.slot);
            }
        });
        answered += u32::try_from(answers.len()).expect("few");
        for slot in answers.drain(..) {
            runtime.call_ended(slot);
        }
        now += 0.1;
    }
    assert_eq!(runtime.open_calls(), 0);
    answered
}

fn spawns(operations: u32) -> u32 {
    let mut runtime = Runtime::default();
    running(&mut runtime, PROCESSES);
    let (mut gone, mut now) = (0, 0.0);
    for _ in 0..operations {
        let pid = runtime.spawn(SpawnOptions::default()).expect("there is room");
        runtime.started(pid);
        runtime.stopping(pid);
        runtime.exited(pid, ExitKind::Normal);
        drain(&mut runtime, now, |step| gone += u32::from(step == Step::Gone { pid }));
        now += 0.1;
    }
    assert_eq!(runtime.len(), PROCESSES as usize);
    gone
}
