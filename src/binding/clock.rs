//! Clocks: controlled ones, and the deadline table behind the system clock.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::environment::{Environment, Handles};
use super::hot::{Export, NONE, hot_lane};
use crate::core::clock::{Controlled, ControlledStep, TimerId, Timers, Track};

pub(super) type Clocks = Handles<Clock>;

pub(super) enum Clock {
    Controlled(Controlled),
    Host(Timers),
}

/// `controlledStep`: this timer would loop at one instant; scratch 2 names it.
const LOOPING: f64 = -2.0;

/// Slots that `controlledUpcoming` gives at once.
const UPCOMING: usize = 32;

pub(super) const EXPORTS: &[Export] = hot_lane! {
    /// Opens a controlled clock that stands at `initial` ms; its handle.
    "controlledOpen"(initial, loop_limit) => controlled_open;
    /// Schedules a timer `delay` ms from now; its id.
    "controlledAfter"(clock, delay) => controlled_after;
    /// Schedules a timer for a wall time; its id.
    "controlledAtWall"(clock, target) => controlled_at_wall;
    /// Moves to the next timer due by `target` and returns its id, or moves to `target` and returns -1, or
    /// returns -2 when timers loop at one instant. Scratch: mono, wall, id of the looping timer.
    "controlledStep"(clock, target) => controlled_step;
    /// Up to 32 slots that are likely to fire next, in scratch; how many.
    "controlledUpcoming"(clock) => controlled_upcoming;
    /// When the next timer is due (mono ms), or -1 when there is none, in scratch 0; the count is returned.
    "controlledNext"(clock) => controlled_next;
    /// Sets wall time alone.
    "controlledJump"(clock, wall) => controlled_jump;
    /// Opens the deadline table of a system clock; its handle.
    "hostOpen"() => host_open;
    /// Schedules for monotonic time `deadline`; the timer's id.
    "hostAfter"(clock, deadline, now) => host_after;
    /// Schedules for wall time `target`; the timer's id.
    "hostAtWall"(clock, target, now) => host_at_wall;
    /// Fires the first timer due at mono time `now` where wall is `offset` ahead; its id or -1. Scratch: due time.
    "hostPop"(clock, now, offset) => host_pop;
    /// When the next timer is due (mono ms) in scratch 0; the count of pending timers is returned.
    "hostNext"(clock, offset) => host_next;
    /// Cancels a timer; 1 if it was pending.
    "timerCancel"(clock, id) => timer_cancel;
    /// Pending timers.
    "timerCount"(clock) => timer_count;
    /// Forgets a clock and its timers; a stale handle does nothing.
    "clockClose"(clock) => clock_close;
};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a positive 32-bit integer"
)]
fn controlled_open(environment: &Environment, initial: f64, loop_limit: f64) -> f64 {
    let clock = Clock::Controlled(Controlled::new(initial, loop_limit as u32));
    environment.clocks.borrow_mut().open(clock)
}

fn controlled_after(environment: &Environment, clock: f64, delay: f64) -> f64 {
    controlled(environment, clock, |clock| clock.after(delay).pack())
}

fn controlled_at_wall(environment: &Environment, clock: f64, target: f64) -> f64 {
    controlled(environment, clock, |clock| clock.at_wall(target).pack())
}

fn controlled_step(environment: &Environment, clock: f64, target: f64) -> f64 {
    controlled(environment, clock, |clock| {
        let step = clock.step(target);
        let looping = if let ControlledStep::Looping(id) = step { id.pack() } else { NONE };
        environment.put([clock.mono(), clock.wall(), looping]);
        match step {
            ControlledStep::Fired(due) => due.id.pack(),
            ControlledStep::Arrived => NONE,
            ControlledStep::Looping(_) => LOOPING,
        }
    })
}

fn controlled_upcoming(environment: &Environment, clock: f64) -> f64 {
    controlled(environment, clock, |clock| {
        let mut slots = [0; UPCOMING];
        let found = clock.timers().upcoming(&mut slots);
        environment.put(slots.map(f64::from));
        found as f64
    })
}

fn controlled_next(environment: &Environment, clock: f64) -> f64 {
    controlled(environment, clock, |clock| {
        environment.put([clock.next_due().unwrap_or(f64::INFINITY)]);
        clock.timers().len() as f64
    })
}

fn controlled_jump(environment: &Environment, clock: f64, wall: f64) -> f64 {
    controlled(environment, clock, |clock| {
        clock.jump_wall(wall);
        0.0
    })
}

fn host_open(environment: &Environment) -> f64 {
    environment.clocks.borrow_mut().open(Clock::Host(Timers::default()))
}

fn host_after(environment: &Environment, clock: f64, deadline: f64, now: f64) -> f64 {
    host(environment, clock, |timers| timers.schedule(Track::Mono, deadline, now).pack())
}

fn host_at_wall(environment: &Environment, clock: f64, target: f64, now: f64) -> f64 {
    host(environment, clock, |timers| timers.schedule(Track::Wall, target, now).pack())
}

fn host_pop(environment: &Environment, clock: f64, now: f64, offset: f64) -> f64 {
    host(environment, clock, |timers| {
        let Some(due) = timers.pop_due(now, offset) else { return NONE };
        environment.put([due.at]);
        due.id.pack()
    })
}

fn host_next(environment: &Environment, clock: f64, offset: f64) -> f64 {
    host(environment, clock, |timers| {
        environment.put([timers.next_due(offset).unwrap_or(f64::INFINITY)]);
        timers.len() as f64
    })
}

fn timer_cancel(environment: &Environment, clock: f64, id: f64) -> f64 {
    let id = TimerId::unpack(id);
    let cancelled = match environment.clocks.borrow_mut().get(clock) {
        Some(Clock::Controlled(clock)) => clock.cancel(id),
        Some(Clock::Host(timers)) => timers.cancel(id),
        None => false,
    };
    f64::from(u8::from(cancelled))
}

fn timer_count(environment: &Environment, clock: f64) -> f64 {
    environment.clocks.borrow_mut().get(clock).map_or(0.0, |clock| timers(clock).len() as f64)
}

fn clock_close(environment: &Environment, clock: f64) -> f64 {
    environment.clocks.borrow_mut().close(clock);
    0.0
}

fn controlled(
    environment: &Environment,
    clock: f64,
    body: impl FnOnce(&mut Controlled) -> f64,
) -> f64 {
    match environment.clocks.borrow_mut().get(clock) {
        Some(Clock::Controlled(clock)) => body(clock),
        _ => NONE,
    }
}

fn host(environment: &Environment, clock: f64, body: impl FnOnce(&mut Timers) -> f64) -> f64 {
    match environment.clocks.borrow_mut().get(clock) {
        Some(Clock::Host(timers)) => body(timers),
        _ => NONE,
    }
}

fn timers(clock: &Clock) -> &Timers {
    match clock {
        Clock::Controlled(clock) => clock.timers(),
        Clock::Host(timers) => timers,
    }
}

/// Pending timers of a clock in order of insertion, three numbers each: slot, 1 for a wall deadline, deadline.
#[napi(catch_unwind)]
pub fn native_pending_timers(env: Env, clock: f64) -> Result<Vec<f64>> {
    let environment = Environment::of(&env)?;
    let mut clocks = environment.clocks.borrow_mut();
    let pending = clocks.get(clock).map(|clock| timers(clock).pending()).unwrap_or_default();
    Ok(pending
        .into_iter()
        .flat_map(|(id, track, deadline)| {
            [f64::from(id.slot), f64::from(u8::from(track == Track::Wall)), deadline]
        })
        .collect())
}
