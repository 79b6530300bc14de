//! Timers that fire, and timers that are cancelled, among ten thousand that wait.

use keelson::core::clock::{Timers, Track};
use keelson::core::random::Random;

use crate::Loop;
use crate::inputs::Inputs;

const PENDING: u32 = 10_000;
const LONGEST_MS: f64 = 1000.0;

pub const LOOPS: &[Loop] = &[
    Loop { name: "timer-fire", operation: "fire a timer and schedule one", body: fire },
    Loop { name: "timer-cancel", operation: "schedule a timer and cancel one", body: cancel },
    Loop { name: "timer-wall", operation: "fire a wall timer and schedule one", body: wall },
];

fn delay(random: &mut Random) -> f64 {
    random.unit() * LONGEST_MS
}

fn pending(delays: &mut Inputs<f64>, track: Track) -> Timers {
    let mut timers = Timers::default();
    for _ in 0..PENDING {
        timers.schedule(track, delays.take(), 0.0);
    }
    timers
}

fn fire(operations: u32) -> u32 {
    fire_on(Track::Mono, operations)
}

fn wall(operations: u32) -> u32 {
    fire_on(Track::Wall, operations)
}

fn fire_on(track: Track, operations: u32) -> u32 {
    let mut delays = Inputs::new(1, delay);
    let mut timers = pending(&mut delays, track);
    let mut fired = 0;
    for _ in 0..operations {
        if let Some(due) = timers.pop_due(f64::MAX, 0.0) {
            let now = due.wall.unwrap_or(due.at);
            timers.schedule(track, now + delays.take(), now);
            fired += 1;
        }
    }
    assert_eq!(timers.len(), PENDING as usize);
    fired
}

fn cancel(operations: u32) -> u32 {
    let mut delays = Inputs::new(2, delay);
    let mut timers = pending(&mut delays, Track::Mono);
    let mut last = timers.schedule(Track::Mono, LONGEST_MS, 0.0);
    let mut cancelled = 0;
    for _ in 0..operations {
        let id = timers.schedule(Track::Mono, delays.take(), 0.0);
        cancelled += u32::from(timers.cancel(last));
        last = id;
    }
    assert_eq!(timers.len(), PENDING as usize + 1);
    cancelled
}
