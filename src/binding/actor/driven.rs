//! An actor runtime whose processes a simulation picks, a message at a time.

use std::cell::Cell;

use super::runtime::{Actors, CAPACITY, StepCells, Tail, cells, take, with};
use crate::binding::env::{Local, SharedArray};
use crate::binding::lane::{Module, hot_lane};
use crate::core::actor::{Pid, Step};
use crate::protocol::Record;
use crate::protocol::record::records;

pub(crate) const MODULE: Module = hot_lane! {
    Actors;
    /// Takes submissions, then writes the next steps that are no messages, for a simulation. Returns how many. `Tail`
    /// stands behind the steps.
    "actorSettle"(runtime) => settle;
    /// Writes the pids of the processes that have a message to handle, one a cell of the steps, that of production
    /// first. Returns how many.
    "actorReady"(runtime) => ready;
    /// Writes the step of one message of a process that is ready. Returns how many steps there are.
    "actorRunOne"(runtime, pid) => run_one;
};

fn settle(environment: &Local<Actors>, handle: f64) -> f64 {
    with(environment, handle, |actor| {
        let Tail { submitted, now, .. } = actor.tail().get();
        take(actor, submitted);
        let super::runtime::Actor { runtime, steps, .. } = actor;
        let mut writer = StepWriter::new(steps);
        let more = runtime.settle(now, CAPACITY, |step| writer.write(step));
        let written = writer.written;
        let deadline = runtime.next_deadline().unwrap_or(f64::INFINITY);
        actor.tail().set(Tail { submitted, now, more: more.into(), deadline });
        f64::from(written)
    })
}

fn ready(environment: &Local<Actors>, handle: f64) -> f64 {
    with(environment, handle, |super::runtime::Actor { runtime, steps, .. }| {
        let ready = runtime.ready();
        for (cell, pid) in steps.cells()[..Tail::BASE].iter().zip(&ready) {
            cell.set(pid.to_f64());
        }
        ready.len().min(Tail::BASE) as f64
    })
}

fn run_one(environment: &Local<Actors>, handle: f64, pid: f64) -> f64 {
    with(environment, handle, |super::runtime::Actor { runtime, steps, .. }| {
        let mut writer = StepWriter::new(steps);
        runtime.run_one(Pid::from_f64(pid), |step| writer.write(step));
        f64::from(writer.written)
    })
}

/// Writes steps where JavaScript reads them, one after the other.
struct StepWriter<'steps> {
    places: std::slice::Iter<'steps, Cell<StepCells>>,
    written: u32,
}

impl<'steps> StepWriter<'steps> {
    fn new(steps: &'steps SharedArray) -> Self {
        Self { places: records(&steps.cells()[..Tail::BASE]).iter(), written: 0 }
    }

    fn write(&mut self, step: Step) {
        if let Some(place) = self.places.next() {
            place.set(cells(step));
            self.written += 1;
        }
    }
}
