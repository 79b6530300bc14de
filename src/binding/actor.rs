//! Actor runtimes: what JavaScript submits, and the steps it gets back, both through arrays that both sides see.

use std::cell::Cell;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::environment::{Environment, Handles};
use super::hot::{Export, NONE, hot_lane};
use super::shared_array::SharedArray;
use crate::core::actor::{
    ExitKind, LinkId, Mail, MailKind, MailboxOverflow, MonitorId, Pid, Runtime, SlotId,
    SpawnOptions, Step,
};

pub(super) type Actors = Handles<Actor>;

pub(super) struct Actor {
    runtime: Runtime,
    submissions: SharedArray,
    steps: SharedArray,
}

impl Actor {
    fn tail(&self) -> &[Cell<f64>] {
        let cells = self.steps.cells();
        &cells[cells.len() - TAIL..]
    }
}

/// Numbers of one submission: process, operation, slot, time or kind. An operation, a kind and a slot are stored as two
/// 32-bit words in the bits of their number: a slot is a place and which use of it.
const SUBMISSION: usize = 4;
/// Numbers of one step: process, operation, slot, and two more.
const STEP: usize = 5;
/// Numbers behind the steps: submissions and time in, whether there is more and the next deadline out. They cost less
/// than arguments and results.
const TAIL: usize = 4;

pub(super) const EXPORTS: &[Export] = hot_lane! {
    /// Makes a process; its pid, or -1. `overflow`: 0 rejects, 1 drops the oldest, 2 drops the newest.
    "actorSpawn"(runtime, trap_exit, max_mailbox, overflow) => spawn;
    /// Takes submissions, then writes what comes next to the steps; how many. Behind the steps stand the number of submissions
    /// and the time, and then 1 when there is more, and the next deadline.
    "actorRound"(runtime) => round;
    /// Takes submissions and nothing else.
    "actorSubmit"(runtime, submitted) => submit;
    /// Queued user messages of a process.
    "actorMailbox"(runtime, pid) => mailbox;
    /// Processes and calls that are there, those included whose end not everybody was told of.
    "actorInUse"(runtime) => in_use;
    /// Links two processes; the link, or -1 unless both are alive.
    "actorLink"(runtime, one, other) => link;
    /// 1 if there was such a link.
    "actorUnlink"(runtime, link) => unlink;
    /// Monitors a process; the monitor.
    "actorMonitor"(runtime, watcher, subject) => monitor;
    /// 1 if there was such a monitor.
    "actorDemonitor"(runtime, monitor) => demonitor;
};

fn with(environment: &Environment, handle: f64, body: impl FnOnce(&mut Actor) -> f64) -> f64 {
    environment.actors.borrow_mut().get(handle).map_or(NONE, body)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes checked integers; an infinite bound saturates to none"
)]
fn spawn(
    environment: &Environment,
    handle: f64,
    trap_exit: f64,
    max_mailbox: f64,
    overflow: f64,
) -> f64 {
    let overflow = match overflow as u32 {
        1 => MailboxOverflow::DropOldest,
        2 => MailboxOverflow::DropNewest,
        _ => MailboxOverflow::Reject,
    };
    let options =
        SpawnOptions { trap_exit: trap_exit != 0.0, max_mailbox: max_mailbox as u32, overflow };
    with(environment, handle, |actor| actor.runtime.spawn(options).map_or(NONE, Pid::to_f64))
}

fn round(environment: &Environment, handle: f64) -> f64 {
    with(environment, handle, |actor| {
        let tail = actor.tail();
        let [submitted, now] = [0, 1].map(|index: usize| tail[index].get());
        take(actor, submitted);
        let cells = actor.steps.cells();
        let (cells, tail) = cells.split_at(cells.len() - TAIL);
        let mut chunks = cells.chunks_exact(STEP);
        let mut written = 0;
        let more = actor.runtime.round(now, cells.len() / STEP, |step| {
            if let Some(chunk) = chunks.next() {
                write(chunk, step);
                written += 1;
            }
        });
        tail[2].set(f64::from(u8::from(more)));
        tail[3].set(actor.runtime.next_deadline().unwrap_or(f64::INFINITY));
        f64::from(written)
    })
}

fn submit(environment: &Environment, handle: f64, submitted: f64) -> f64 {
    with(environment, handle, |actor| {
        take(actor, submitted);
        0.0
    })
}

/// Returns the two words that JavaScript's `Int32Array` sees in the bits of a number.
#[expect(clippy::cast_possible_truncation, reason = "each is half of the bits")]
fn words(cell: &Cell<f64>) -> [u32; 2] {
    let bits = cell.get().to_bits();
    let words = [bits as u32, (bits >> u32::BITS) as u32];
    if cfg!(target_endian = "little") { words } else { [words[1], words[0]] }
}

fn set_words(cell: &Cell<f64>, [first, second]: [u32; 2]) {
    let (low, high) =
        if cfg!(target_endian = "little") { (first, second) } else { (second, first) };
    cell.set(f64::from_bits((u64::from(high) << u32::BITS) | u64::from(low)));
}

/// What JavaScript has written since the last time, in order. What names nothing is passed over.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count saturates, and is bounded by the array"
)]
fn take(actor: &mut Actor, submitted: f64) {
    let Actor { runtime, submissions, .. } = actor;
    let mut caller = None;
    for chunk in submissions.cells().chunks_exact(SUBMISSION).take(submitted as usize) {
        let [pid, extra] = [0, 3].map(|index: usize| chunk[index].get());
        let pid = Pid::from_f64(pid);
        let ([operation, _], [place, generation]) = (words(&chunk[1]), words(&chunk[2]));
        let slot = SlotId::new(place, generation);
        // Where the slot is a kind.
        let kind = || ExitKind::from_number(place);
        match operation {
            0 => runtime.send(pid, Mail { kind: MailKind::Cast, slot }),
            1 => {
                runtime.call(pid, slot, caller.take(), extra);
            }
            2 => runtime.send(pid, Mail { kind: MailKind::Info, slot }),
            3 => runtime.send(pid, Mail { kind: MailKind::Stop, slot }),
            4 => runtime.send_system(pid, Mail { kind: MailKind::System, slot }),
            5 => caller = Some(pid),
            6 => runtime.busy(pid),
            7 => runtime.done(pid),
            8 => {
                runtime.call_ended(slot);
            }
            9 => runtime.started(pid),
            10 => {
                runtime.restarting(pid);
            }
            11 => {
                runtime.stopping(pid);
            }
            12 => {
                runtime.exited(pid, kind().unwrap_or(ExitKind::Error));
            }
            13 => {
                runtime.exit(pid, kind().unwrap_or(ExitKind::Error));
            }
            _ => {}
        }
    }
}

fn write(chunk: &[Cell<f64>], step: Step) {
    let set = |pid: f64, operation: u32, place: [u32; 2], first: f64, second: f64| {
        chunk[0].set(pid);
        set_words(&chunk[1], [operation, 0]);
        set_words(&chunk[2], place);
        chunk[3].set(first);
        chunk[4].set(second);
    };
    let number = |pid: Option<Pid>| pid.map_or(NONE, Pid::to_f64);
    let place = |slot: SlotId| [slot.place(), slot.generation()];
    match step {
        Step::Run { pid, mail } => {
            // The usual case by far: what is behind these is not read.
            chunk[0].set(pid.to_f64());
            set_words(&chunk[1], [mail.kind as u32, 0]);
            set_words(&chunk[2], place(mail.slot));
        }
        Step::CallFailed { slot, failure, held } => {
            let held = f64::from(u8::from(held));
            set(NONE, 5, place(slot), f64::from(failure as u8), held);
        }
        Step::Free { slot } => set(NONE, 6, place(slot), 0.0, 0.0),
        Step::Dropped { pid, mail } => {
            set(pid.to_f64(), 7, place(mail.slot), f64::from(mail.kind as u8), 0.0);
        }
        Step::Terminate { pid, kind, because_of } => {
            set(pid.to_f64(), 8, [kind as u32, 0], number(because_of), 0.0);
        }
        Step::Down { pid, monitor, ended } => {
            set(pid.to_f64(), 9, [0; 2], monitor.0 as f64, ended.to_f64());
        }
        Step::ExitSignal { pid, link, ended } => {
            set(pid.to_f64(), 10, [0; 2], link.0 as f64, ended.to_f64());
        }
        Step::Gone { pid } => set(pid.to_f64(), 11, [0; 2], 0.0, 0.0),
    }
}

fn mailbox(environment: &Environment, handle: f64, pid: f64) -> f64 {
    with(environment, handle, |actor| f64::from(actor.runtime.mailbox_len(Pid::from_f64(pid))))
}

fn in_use(environment: &Environment, handle: f64) -> f64 {
    with(environment, handle, |actor| {
        let Actor { runtime, .. } = actor;
        (runtime.len() + runtime.untold() + runtime.open_calls()) as f64
    })
}

fn link(environment: &Environment, handle: f64, one: f64, other: f64) -> f64 {
    with(environment, handle, |actor| {
        let link = actor.runtime.link(Pid::from_f64(one), Pid::from_f64(other));
        link.map_or(NONE, |LinkId(link)| link as f64)
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a link's number")]
fn unlink(environment: &Environment, handle: f64, link: f64) -> f64 {
    with(environment, handle, |actor| {
        f64::from(u8::from(actor.runtime.unlink(LinkId(link as u64))))
    })
}

fn monitor(environment: &Environment, handle: f64, watcher: f64, subject: f64) -> f64 {
    with(environment, handle, |actor| {
        actor.runtime.monitor(Pid::from_f64(watcher), Pid::from_f64(subject)).0 as f64
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a monitor's number")]
fn demonitor(environment: &Environment, handle: f64, monitor: f64) -> f64 {
    with(environment, handle, |actor| {
        f64::from(u8::from(actor.runtime.demonitor(MonitorId(monitor as u64))))
    })
}

/// A runtime and the arrays through which it is spoken to.
#[napi(object)]
pub struct NativeActors<'env> {
    /// Its handle.
    pub handle: f64,
    /// Four numbers a submission.
    #[napi(ts_type = "Float64Array")]
    pub submissions: Unknown<'env>,
    /// Five numbers a step, and four behind them.
    #[napi(ts_type = "Float64Array")]
    pub steps: Unknown<'env>,
}

/// Opens a runtime with room for so many submissions, and so many steps a round.
#[napi(catch_unwind)]
pub fn native_actors_open(env: &Env, capacity: u32) -> Result<NativeActors<'_>> {
    let environment = Environment::of(env)?;
    let (submissions, submissions_array) =
        SharedArray::create(env, capacity as usize * SUBMISSION)?;
    let (steps, steps_array) = SharedArray::create(env, capacity as usize * STEP + TAIL)?;
    let actor = Actor { runtime: Runtime::default(), submissions, steps };
    let handle = environment.actors.borrow_mut().open(actor);
    Ok(NativeActors { handle, submissions: submissions_array, steps: steps_array })
}

/// Forgets a runtime; a stale handle does nothing.
#[napi(catch_unwind)]
pub fn native_actors_close(env: Env, handle: f64) -> Result<()> {
    let environment = Environment::of(&env)?;
    if let Some(actor) = environment.actors.borrow_mut().take(handle) {
        actor.submissions.release(env);
        actor.steps.release(env);
    }
    Ok(())
}
