//! Clocks: controlled ones, and the deadline table behind the system clock.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Handles, Local, SCRATCH_LEN};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::clock::{Controlled, ControlledStep, Simulated, TimerId, Timers, Track};
use crate::protocol::record::numbers;
use crate::protocol::{Flag, lane_constants, lane_record};

pub(crate) type Clocks = Handles<Clock>;

pub(crate) enum Clock {
    Controlled(Controlled),
    Host(Timers),
    Simulated(Simulated),
}

lane_constants! { RESULTS {
    /// `controlledStep`: timers loop at one instant.
    const LOOPING: f64 = -2.0;
    /// The most slots that `controlledUpcoming` writes at once.
    const UPCOMING: usize = 32;
} }

lane_record! {
    /// The times after `controlledStep`.
    struct Stepped => STEPPED {
        mono: f64,
        wall: f64,
        /// The slot of the timer that loops, or -1.
        looping_slot: f64,
    }
}

lane_record! {
    /// The next timer of `controlledNext` and `hostNext`.
    struct NextTimer => NEXT_TIMER {
        /// The time at which it is due (mono ms); infinite when there is none.
        due: f64,
    }
}

lane_record! {
    /// A timer in the numbers of `pendingTimers`.
    struct PendingTimer => PENDING_TIMER {
        slot: f64,
        /// Set when the deadline is one of wall time.
        is_wall: Flag,
        deadline: f64,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "clock",
    doc: "The numbers in which JavaScript and a clock of the core speak.",
    parts: &[RESULTS, &[STEPPED, NEXT_TIMER, PENDING_TIMER]],
};

pub(crate) const MODULE: Module = hot_lane! {
    Clocks;
    /// Opens a controlled clock that stands at `initial` ms. Returns its handle.
    "controlledOpen"(initial, loop_limit) => controlled_open;
    /// Schedules a timer `delay` ms from now. Returns its id.
    "controlledAfter"(clock, delay) => controlled_after;
    /// Schedules a timer for a wall time. Returns its id.
    "controlledAtWall"(clock, target) => controlled_at_wall;
    /// Moves to the next timer due by `target` and returns its id, or moves to `target` and returns -1, or returns
    /// `LOOPING`. Scratch: `Stepped`.
    "controlledStep"(clock, target) => controlled_step;
    /// Writes up to `UPCOMING` slots that are likely to fire next to scratch. Returns how many.
    "controlledUpcoming"(clock) => controlled_upcoming;
    /// Returns the number of pending timers. Scratch: `NextTimer`.
    "controlledNext"(clock) => controlled_next;
    /// Sets wall time alone.
    "controlledJump"(clock, wall) => controlled_jump;
    /// Opens the deadline table of a system clock. Returns its handle.
    "hostOpen"() => host_open;
    /// Schedules a timer for monotonic time `deadline`. Returns its id.
    "hostAfter"(clock, deadline, now) => host_after;
    /// Schedules a timer for wall time `target`. Returns its id.
    "hostAtWall"(clock, target, now) => host_at_wall;
    /// Fires the first timer due at mono time `now` where wall is `offset` ahead. Returns its id, or -1.
    "hostPop"(clock, now, offset) => host_pop;
    /// Returns the number of pending timers. Scratch: `NextTimer`.
    "hostNext"(clock, offset) => host_next;
    /// Opens a clock that a simulation moves. Returns its handle.
    "simulatedOpen"(mono, wall) => simulated_open;
    /// Schedules a timer `delay` ms from now. Returns its id.
    "simulatedAfter"(clock, delay) => simulated_after;
    /// Schedules a timer for a wall time. Returns its id.
    "simulatedAtWall"(clock, target) => simulated_at_wall;
    /// Moves to a monotonic time and fires nothing. Scratch: `Stepped`.
    "simulatedMove"(clock, mono) => simulated_move;
    /// Sets wall time alone.
    "simulatedJump"(clock, wall) => simulated_jump;
    /// Returns the number of pending timers. Scratch: `NextTimer`.
    "simulatedNext"(clock) => simulated_next;
    /// Returns how many timers are due and may fire next. Scratch: their ids, that of production first.
    "simulatedDue"(clock) => simulated_due;
    /// Takes a timer as fired. Returns 1 if it was pending.
    "simulatedFire"(clock, id) => simulated_fire;
    /// Cancels a timer. Returns 1 if it was pending.
    "timerCancel"(clock, id) => timer_cancel;
    /// Returns the number of pending timers.
    "timerCount"(clock) => timer_count;
    /// Returns the number of timers that have fired.
    "timerFired"(clock) => timer_fired;
    /// Forgets a clock and its timers; a stale handle does nothing.
    "clockClose"(clock) => clock_close;
};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a positive 32-bit integer"
)]
fn controlled_open(environment: &Local<Clocks>, initial: f64, loop_limit: f64) -> f64 {
    let clock = Clock::Controlled(Controlled::new(initial, loop_limit as u32));
    environment.table.borrow_mut().open(clock)
}

fn controlled_after(environment: &Local<Clocks>, clock: f64, delay: f64) -> f64 {
    controlled(environment, clock, |clock| clock.after(delay).pack())
}

fn controlled_at_wall(environment: &Local<Clocks>, clock: f64, target: f64) -> f64 {
    controlled(environment, clock, |clock| clock.at_wall(target).pack())
}

fn controlled_step(environment: &Local<Clocks>, clock: f64, target: f64) -> f64 {
    controlled(environment, clock, |clock| {
        let step = clock.step(target);
        let looping_slot =
            if let ControlledStep::Looping(id) = step { f64::from(id.slot) } else { NONE };
        environment.write(Stepped { mono: clock.mono(), wall: clock.wall(), looping_slot });
        match step {
            ControlledStep::Fired(due) => due.id.pack(),
            ControlledStep::Arrived => NONE,
            ControlledStep::Looping(_) => LOOPING,
        }
    })
}

fn controlled_upcoming(environment: &Local<Clocks>, clock: f64) -> f64 {
    controlled(environment, clock, |clock| {
        let mut slots = [0; UPCOMING];
        let found = clock.timers().upcoming(&mut slots);
        for (cell, slot) in environment.numbers().iter().zip(slots) {
            cell.set(f64::from(slot));
        }
        found as f64
    })
}

fn controlled_next(environment: &Local<Clocks>, clock: f64) -> f64 {
    controlled(environment, clock, |clock| {
        environment.write(NextTimer { due: clock.next_due().unwrap_or(f64::INFINITY) });
        clock.timers().len() as f64
    })
}

fn controlled_jump(environment: &Local<Clocks>, clock: f64, wall: f64) -> f64 {
    controlled(environment, clock, |clock| {
        clock.jump_wall(wall);
        0.0
    })
}

fn host_open(environment: &Local<Clocks>) -> f64 {
    environment.table.borrow_mut().open(Clock::Host(Timers::default()))
}

fn host_after(environment: &Local<Clocks>, clock: f64, deadline: f64, now: f64) -> f64 {
    host(environment, clock, |timers| timers.schedule(Track::Mono, deadline, now).pack())
}

fn host_at_wall(environment: &Local<Clocks>, clock: f64, target: f64, now: f64) -> f64 {
    host(environment, clock, |timers| timers.schedule(Track::Wall, target, now).pack())
}

fn host_pop(environment: &Local<Clocks>, clock: f64, now: f64, offset: f64) -> f64 {
    host(environment, clock, |timers| timers.pop_due(now, offset).map_or(NONE, |due| due.id.pack()))
}

fn host_next(environment: &Local<Clocks>, clock: f64, offset: f64) -> f64 {
    host(environment, clock, |timers| {
        environment.write(NextTimer { due: timers.next_due(offset).unwrap_or(f64::INFINITY) });
        timers.len() as f64
    })
}

fn simulated(
    environment: &Local<Clocks>,
    clock: f64,
    body: impl FnOnce(&mut Simulated) -> f64,
) -> f64 {
    match environment.table.borrow_mut().get(clock) {
        Some(Clock::Simulated(clock)) => body(clock),
        _ => NONE,
    }
}

fn simulated_open(environment: &Local<Clocks>, mono: f64, wall: f64) -> f64 {
    environment.table.borrow_mut().open(Clock::Simulated(Simulated::new(mono, wall)))
}

fn simulated_after(environment: &Local<Clocks>, clock: f64, delay: f64) -> f64 {
    simulated(environment, clock, |clock| clock.after(delay).pack())
}

fn simulated_at_wall(environment: &Local<Clocks>, clock: f64, target: f64) -> f64 {
    simulated(environment, clock, |clock| clock.at_wall(target).pack())
}

fn simulated_move(environment: &Local<Clocks>, clock: f64, mono: f64) -> f64 {
    simulated(environment, clock, |clock| {
        clock.move_to(mono);
        environment.write(Stepped { mono: clock.mono(), wall: clock.wall(), looping_slot: NONE });
        0.0
    })
}

fn simulated_jump(environment: &Local<Clocks>, clock: f64, wall: f64) -> f64 {
    simulated(environment, clock, |clock| {
        clock.jump_wall(wall);
        0.0
    })
}

fn simulated_next(environment: &Local<Clocks>, clock: f64) -> f64 {
    simulated(environment, clock, |clock| {
        environment.write(NextTimer { due: clock.next_due().unwrap_or(f64::INFINITY) });
        clock.controlled().timers().len() as f64
    })
}

fn simulated_due(environment: &Local<Clocks>, clock: f64) -> f64 {
    simulated(environment, clock, |clock| {
        let due = clock.due();
        for (cell, id) in environment.numbers().iter().zip(&due) {
            cell.set(id.pack());
        }
        due.len().min(SCRATCH_LEN) as f64
    })
}

fn simulated_fire(environment: &Local<Clocks>, clock: f64, id: f64) -> f64 {
    simulated(environment, clock, |clock| f64::from(u8::from(clock.fire(TimerId::unpack(id)))))
}

fn timer_cancel(environment: &Local<Clocks>, clock: f64, id: f64) -> f64 {
    let id = TimerId::unpack(id);
    let cancelled = match environment.table.borrow_mut().get(clock) {
        Some(Clock::Controlled(clock)) => clock.cancel(id),
        Some(Clock::Host(timers)) => timers.cancel(id),
        Some(Clock::Simulated(clock)) => clock.cancel(id),
        None => false,
    };
    f64::from(u8::from(cancelled))
}

fn timer_count(environment: &Local<Clocks>, clock: f64) -> f64 {
    environment.table.borrow_mut().get(clock).map_or(0.0, |clock| timers(clock).len() as f64)
}

fn timer_fired(environment: &Local<Clocks>, clock: f64) -> f64 {
    environment.table.borrow_mut().get(clock).map_or(0.0, |clock| timers(clock).fired() as f64)
}

fn clock_close(environment: &Local<Clocks>, clock: f64) -> f64 {
    environment.table.borrow_mut().close(clock);
    0.0
}

fn controlled(
    environment: &Local<Clocks>,
    clock: f64,
    body: impl FnOnce(&mut Controlled) -> f64,
) -> f64 {
    match environment.table.borrow_mut().get(clock) {
        Some(Clock::Controlled(clock)) => body(clock),
        _ => NONE,
    }
}

fn host(environment: &Local<Clocks>, clock: f64, body: impl FnOnce(&mut Timers) -> f64) -> f64 {
    match environment.table.borrow_mut().get(clock) {
        Some(Clock::Host(timers)) => body(timers),
        _ => NONE,
    }
}

fn timers(clock: &Clock) -> &Timers {
    match clock {
        Clock::Controlled(clock) => clock.timers(),
        Clock::Host(timers) => timers,
        Clock::Simulated(clock) => clock.controlled().timers(),
    }
}

/// Returns the pending timers of a clock in order of insertion, a `PendingTimer` each.
#[napi(catch_unwind)]
pub fn pending_timers(env: Env, clock: f64) -> Result<Vec<f64>> {
    let environment = Local::<Clocks>::of(&env)?;
    let mut clocks = environment.table.borrow_mut();
    let pending = clocks.get(clock).map(|clock| timers(clock).pending()).unwrap_or_default();
    Ok(numbers(pending.into_iter().map(|(id, track, deadline)| PendingTimer {
        slot: f64::from(id.slot),
        is_wall: (track == Track::Wall).into(),
        deadline,
    })))
}
