//! Questions of a simulation.

use keelson::core::choice::{ChoiceSource, Schedule};

use crate::Loop;

/// Questions of a run.
const BATCH: u32 = 1000;
const SEED: u64 = 1;

pub const LOOPS: &[Loop] = &[
    Loop { name: "choose", operation: "ask a question, and note an event", body: choose },
    Loop { name: "choose-pct", operation: "ask among four processes, by priorities", body: pct },
];

fn choose(operations: u32) -> u32 {
    ask(Schedule::Random, operations)
}

fn pct(operations: u32) -> u32 {
    ask(Schedule::Pct { depth: 2 }, operations)
}

fn ask(schedule: Schedule, operations: u32) -> u32 {
    let mut source = ChoiceSource::new(SEED, schedule);
    let question = source.labels.intern("next");
    let event = source.labels.intern("a runs counter");
    let mut answered = 0;
    for run in 0..operations / BATCH {
        source.begin(u64::from(run));
        for step in 0..BATCH {
            let at = f64::from(step);
            let answer = source.next(question, 4, |place| place as u64, at);
            answered += u32::from(answer < 4);
            source.event(event, at);
        }
    }
    answered
}
