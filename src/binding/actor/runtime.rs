//! Actor runtimes: JavaScript submits operations and gets steps back, both through arrays that both sides see.

use std::cell::Cell;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Handles, Local, SharedArray};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::actor::{
    CallFailure, ExitKind, LinkId, Mail, MailKind, MailboxOverflow, MonitorId, Offer, Pid,
    ProcessReading, Runtime, SlotId, SpawnOptions, Step,
};
use crate::protocol::record::records;
use crate::protocol::{Code, Flag, Record, lane_constants, lane_enum, lane_record};

pub(crate) type Actors = Handles<Actor>;

pub(crate) struct Actor {
    pub(super) runtime: Runtime,
    submissions: SharedArray,
    pub(super) steps: SharedArray,
}

impl Actor {
    /// Returns the numbers of a process.
    pub(crate) fn reading(&self, pid: Pid) -> Option<ProcessReading> {
        self.runtime.reading(pid)
    }

    /// Returns the processes that one is linked to, and those that it monitors.
    pub(crate) fn related(&self, pid: Pid) -> (Vec<Pid>, Vec<Pid>) {
        self.runtime.related(pid)
    }

    /// Returns how many messages wait for each process.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = u32> {
        self.runtime.readings().map(|reading| reading.mailbox)
    }

    /// Returns how many messages its processes were handed, those that have ended included.
    pub(crate) fn handed(&self) -> u64 {
        self.runtime.handed()
    }

    pub(super) fn tail(&self) -> &Cell<Tail> {
        Tail::within(self.steps.cells())
    }
}

lane_constants! { SIZES {
    /// Submissions that fit before the core has to take them; also steps of a round.
    pub(super) const CAPACITY: usize = 1024;
    /// No bound for a mailbox.
    const UNBOUNDED: u32 = u32::MAX;
    /// The bits of a pid that are the slot of the process in the core.
    const PID_SLOT: u32 = (1 << 24) - 1;
} }

lane_record! {
    /// One thing that happened in JavaScript.
    struct Submission => SUBMISSION {
        /// The pid of the process it is about; for `CALL_ENDED`, nothing.
        process: f64,
        /// The operation that happened.
        operation: u32,
        /// The place of a message or a call; for `EXITED` and `EXIT` the kind of exit.
        place: u32,
        /// The generation of that place.
        usage: u32,
        /// For `CALL`: how long it may take, in ms.
        time: f64,
    }
}

lane_record! {
    /// One thing that JavaScript is to do.
    pub(super) struct StepCells => STEP {
        /// The pid of the process it is about, or -1.
        process: f64,
        /// The step to carry out: to handle a message of this kind, or another.
        operation: u32,
        /// The place of a message or a call; for `TERMINATE` the kind of exit.
        place: u32,
        /// The generation of that place.
        usage: u32,
        /// See the step.
        first: f64,
        /// See the step.
        second: f64,
    }
}

lane_record! {
    /// Stands behind the steps: numbers here cost less than arguments and results.
    pub(super) struct Tail at CAPACITY * StepCells::CELLS => TAIL {
        /// Input: the number of submissions.
        submitted: f64,
        /// Input: the time, in monotonic ms.
        now: f64,
        /// Answered: whether there is more to do.
        more: Flag,
        /// Answered: the next deadline of a call, or infinity.
        deadline: f64,
    }
}

lane_enum! {
    /// The operations that JavaScript submits. The first five are the kinds of messages, which a step can ask to
    /// handle. The first three of them are messages of users.
    enum Operation => OPERATION {
        /// A message without a caller that waits.
        Cast,
        /// A message whose caller waits for the answer.
        Call,
        /// A message from the runtime or a timer.
        Info,
        /// A request to stop, once everything before it was handled.
        Stop,
        /// The end of another process.
        System,
        /// The caller of the call that follows.
        Caller,
        /// A handler of the process takes longer.
        Busy,
        /// It has ended.
        Done,
        /// A call was answered, or its caller no longer waits.
        CallEnded,
        /// The process handles mail from now on.
        Started,
        /// It restarts in place.
        Restarting,
        /// It runs `terminate`.
        Stopping,
        /// It has ended.
        Exited,
        /// It is to end.
        Exit,
    }
}

lane_enum! {
    /// The steps beyond handling a message.
    enum StepKind => STEP_KIND {
        /// A call gets no reply. First: why; second: 1 when its place is kept until `FREE`.
        CallFailed = 5,
        /// The place of a call can be used again.
        Free = 6,
        /// A message will not be handled. First: its kind.
        Dropped = 7,
        /// `terminate` is to run. First: the pid of the process whose end did this, or -1.
        Terminate = 8,
        /// A process that was monitored has ended. First: the monitor; second: its pid.
        Down = 9,
        /// A process that was linked has ended. First: the link; second: its pid.
        ExitSignal = 10,
        /// No further step names the process.
        Gone = 11,
        /// JavaScript's own: it has taken the step back before its turn.
        TakenBack = 12,
    }
}

// Kinds of messages are operations, and no step has the number of one.
const _: () = {
    assert!(MailKind::Cast as u32 == Operation::Cast as u32);
    assert!(MailKind::Call as u32 == Operation::Call as u32);
    assert!(MailKind::Info as u32 == Operation::Info as u32);
    assert!(MailKind::Stop as u32 == Operation::Stop as u32);
    assert!(MailKind::System as u32 == Operation::System as u32);
    assert!((StepKind::CallFailed as u32) > Operation::System as u32);
};

lane_enum! {
    /// The reason why a call fails.
    of CallFailure as CallFailure => CALL_FAILURE {
        /// There is no such process, or none any more.
        NoProcess,
        /// Its deadline passed.
        Timeout as TIMED_OUT,
        /// It would wait for itself.
        Cycle,
        /// The mailbox is full.
        Full,
    }
}

lane_enum! {
    /// The kind of a process's end, as far as the core distinguishes ends.
    of ExitKind as ExitKind => EXIT_KIND {
        /// It has done its work.
        Normal,
        /// Another process or a caller asked it to end.
        Shutdown,
        /// It failed.
        Error as FAILED,
        /// It was killed.
        Killed,
    }
}

lane_enum! {
    /// The treatment of a message for a full mailbox.
    of MailboxOverflow as Overflow, prefix "OVERFLOW_", texts OVERFLOWS => OVERFLOW {
        /// The message is refused, and the sender learns it.
        Reject "reject",
        /// The oldest message is dropped.
        DropOldest "drop-oldest",
        /// The new message is dropped.
        DropNewest "drop-newest",
    }
}

lane_enum! {
    /// The outcome of an offered message.
    of Offer as Offer, prefix "OFFER_" => OFFER {
        /// It is queued.
        Queued,
        /// It is queued, and the oldest message went for it.
        Displaced,
        /// The mailbox is full.
        Full,
        /// There is no such process.
        NoProcess,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "actor",
    doc: "The numbers in which JavaScript and the actor runtime of the core speak.",
    parts: &[
        SIZES,
        &[SUBMISSION, STEP, TAIL, OPERATION, STEP_KIND, CALL_FAILURE, EXIT_KIND, OVERFLOW, OFFER],
    ],
};

pub(crate) const MODULE: Module = hot_lane! {
    Actors;
    /// Adds a process. Returns its pid, or -1. `overflow` is one of `Overflow`.
    "actorSpawn"(runtime, trap_exit, max_mailbox, overflow) => spawn;
    /// Takes submissions, then writes the next steps. Returns how many. `Tail` stands behind the steps.
    "actorRound"(runtime) => round;
    /// Takes submissions and nothing else.
    "actorSubmit"(runtime, submitted) => submit;
    /// Returns the number of queued user messages of a process.
    "actorMailbox"(runtime, pid) => mailbox;
    /// Returns the number of processes and calls, including those whose end has not been reported to all yet.
    "actorInUse"(runtime) => in_use;
    /// Links two processes. Returns the link, or -1 unless both are alive.
    "actorLink"(runtime, one, other) => link;
    /// Unlinks two processes. Returns 1 if there was such a link.
    "actorUnlink"(runtime, link) => unlink;
    /// Monitors a process. Returns the monitor.
    "actorMonitor"(runtime, watcher, subject) => monitor;
    /// Removes a monitor. Returns 1 if there was such a monitor.
    "actorDemonitor"(runtime, monitor) => demonitor;
};

pub(super) fn with(
    environment: &Local<Actors>,
    handle: f64,
    body: impl FnOnce(&mut Actor) -> f64,
) -> f64 {
    environment.table.borrow_mut().get(handle).map_or(NONE, body)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes checked integers; an infinite bound saturates to none"
)]
fn spawn(
    environment: &Local<Actors>,
    handle: f64,
    trap_exit: f64,
    max_mailbox: f64,
    overflow: f64,
) -> f64 {
    let overflow = MailboxOverflow::from_f64(overflow).unwrap_or(MailboxOverflow::Reject);
    let options =
        SpawnOptions { trap_exit: trap_exit != 0.0, max_mailbox: max_mailbox as u32, overflow };
    with(environment, handle, |actor| actor.runtime.spawn(options).map_or(NONE, Pid::to_f64))
}

fn round(environment: &Local<Actors>, handle: f64) -> f64 {
    with(environment, handle, |actor| {
        let Tail { submitted, now, .. } = actor.tail().get();
        take(actor, submitted);
        let steps: &[Cell<StepCells>] = records(&actor.steps.cells()[..Tail::BASE]);
        let mut places = steps.iter();
        let mut written = 0;
        let more = actor.runtime.round(now, steps.len(), |step| {
            if let Some(place) = places.next() {
                place.set(cells(step));
                written += 1;
            }
        });
        let deadline = actor.runtime.next_deadline().unwrap_or(f64::INFINITY);
        actor.tail().set(Tail { submitted, now, more: more.into(), deadline });
        f64::from(written)
    })
}

fn submit(environment: &Local<Actors>, handle: f64, submitted: f64) -> f64 {
    with(environment, handle, |actor| {
        take(actor, submitted);
        0.0
    })
}

/// Carries out what JavaScript has written since the last time, in order. Skips what names nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count saturates, and is bounded by the array"
)]
pub(super) fn take(actor: &mut Actor, submitted: f64) {
    let Actor { runtime, submissions, .. } = actor;
    let mut caller = None;
    let submissions: &[Cell<Submission>] = records(submissions.cells());
    for submission in submissions.iter().take(submitted as usize) {
        let Submission { process, operation, place, usage, time } = submission.get();
        let Some(operation) = Operation::from_code(operation) else { continue };
        let (pid, slot) = (Pid::from_f64(process), SlotId::new(place, usage));
        // Where the place is a kind.
        let exit_kind = || ExitKind::from_code(place).unwrap_or(ExitKind::Error);
        match operation {
            Operation::Cast => runtime.send(pid, Mail { kind: MailKind::Cast, slot }),
            Operation::Call => {
                runtime.call(pid, slot, caller.take(), time);
            }
            Operation::Info => runtime.send(pid, Mail { kind: MailKind::Info, slot }),
            Operation::Stop => runtime.send(pid, Mail { kind: MailKind::Stop, slot }),
            Operation::System => runtime.send_system(pid, Mail { kind: MailKind::System, slot }),
            Operation::Caller => caller = Some(pid),
            Operation::Busy => runtime.busy(pid),
            Operation::Done => runtime.done(pid),
            Operation::CallEnded => {
                runtime.call_ended(slot);
            }
            Operation::Started => runtime.started(pid),
            Operation::Restarting => {
                runtime.restarting(pid);
            }
            Operation::Stopping => {
                runtime.stopping(pid);
            }
            Operation::Exited => {
                runtime.exited(pid, exit_kind());
            }
            Operation::Exit => {
                runtime.exit(pid, exit_kind());
            }
        }
    }
}

/// Returns a step as JavaScript reads it.
pub(super) fn cells(step: Step) -> StepCells {
    let none =
        StepCells { process: NONE, operation: 0, place: 0, usage: 0, first: 0.0, second: 0.0 };
    let of = |kind: StepKind| StepCells { operation: kind.code(), ..none };
    let about = |pid: Pid, kind: StepKind| StepCells { process: pid.to_f64(), ..of(kind) };
    let at = |slot: SlotId, cells: StepCells| StepCells {
        place: slot.place(),
        usage: slot.generation(),
        ..cells
    };
    match step {
        Step::Run { pid, mail } => {
            let run = StepCells { process: pid.to_f64(), operation: mail.kind as u32, ..none };
            at(mail.slot, run)
        }
        Step::CallFailed { slot, failure, held } => {
            let second = f64::from(u8::from(held));
            at(slot, StepCells { first: failure.to_f64(), second, ..of(StepKind::CallFailed) })
        }
        Step::Free { slot } => at(slot, of(StepKind::Free)),
        Step::Dropped { pid, mail } => {
            let first = f64::from(mail.kind as u8);
            at(mail.slot, StepCells { first, ..about(pid, StepKind::Dropped) })
        }
        Step::Terminate { pid, kind, because_of } => StepCells {
            place: kind.code(),
            first: because_of.map_or(NONE, Pid::to_f64),
            ..about(pid, StepKind::Terminate)
        },
        Step::Down { pid, monitor, ended } => StepCells {
            first: monitor.0 as f64,
            second: ended.to_f64(),
            ..about(pid, StepKind::Down)
        },
        Step::ExitSignal { pid, link, ended } => StepCells {
            first: link.0 as f64,
            second: ended.to_f64(),
            ..about(pid, StepKind::ExitSignal)
        },
        Step::Gone { pid } => about(pid, StepKind::Gone),
    }
}

fn mailbox(environment: &Local<Actors>, handle: f64, pid: f64) -> f64 {
    with(environment, handle, |actor| f64::from(actor.runtime.mailbox_len(Pid::from_f64(pid))))
}

fn in_use(environment: &Local<Actors>, handle: f64) -> f64 {
    with(environment, handle, |actor| {
        let Actor { runtime, .. } = actor;
        (runtime.len() + runtime.untold() + runtime.open_calls()) as f64
    })
}

fn link(environment: &Local<Actors>, handle: f64, one: f64, other: f64) -> f64 {
    with(environment, handle, |actor| {
        let link = actor.runtime.link(Pid::from_f64(one), Pid::from_f64(other));
        link.map_or(NONE, |LinkId(link)| link as f64)
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a link's number")]
fn unlink(environment: &Local<Actors>, handle: f64, link: f64) -> f64 {
    with(environment, handle, |actor| {
        f64::from(u8::from(actor.runtime.unlink(LinkId(link as u64))))
    })
}

fn monitor(environment: &Local<Actors>, handle: f64, watcher: f64, subject: f64) -> f64 {
    with(environment, handle, |actor| {
        actor.runtime.monitor(Pid::from_f64(watcher), Pid::from_f64(subject)).0 as f64
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a monitor's number")]
fn demonitor(environment: &Local<Actors>, handle: f64, monitor: f64) -> f64 {
    with(environment, handle, |actor| {
        f64::from(u8::from(actor.runtime.demonitor(MonitorId(monitor as u64))))
    })
}

/// A runtime and the arrays through which it is spoken to.
#[napi(object)]
pub struct NativeActors<'env> {
    /// Its handle.
    pub handle: f64,
    /// A `Submission` after the other.
    #[napi(ts_type = "Float64Array")]
    pub submissions: Unknown<'env>,
    /// A `Step` after the other, and `Tail` behind them.
    #[napi(ts_type = "Float64Array")]
    pub steps: Unknown<'env>,
}

/// Opens a runtime.
#[napi(catch_unwind)]
pub fn actors_open(env: &Env) -> Result<NativeActors<'_>> {
    let environment = Local::<Actors>::of(env)?;
    let (submissions, submissions_array) = SharedArray::create(env, CAPACITY * Submission::CELLS)?;
    let (steps, steps_array) = SharedArray::create(env, Tail::BASE + Tail::CELLS)?;
    let actor = Actor { runtime: Runtime::default(), submissions, steps };
    let handle = environment.table.borrow_mut().open(actor);
    Ok(NativeActors { handle, submissions: submissions_array, steps: steps_array })
}

/// Returns how many user messages each process has queued in the core, by the slot of its pid.
#[napi(catch_unwind)]
pub fn actors_mailboxes(env: Env, handle: f64) -> Result<Uint32Array> {
    let environment = Local::<Actors>::of(&env)?;
    let mut actors = environment.table.borrow_mut();
    let sizes = actors.get(handle).map(|actor| actor.runtime.mailboxes());
    Ok(Uint32Array::new(sizes.unwrap_or_default()))
}

/// Forgets a runtime; a stale handle does nothing.
#[napi(catch_unwind)]
pub fn actors_close(env: Env, handle: f64) -> Result<()> {
    let environment = Local::<Actors>::of(&env)?;
    if let Some(actor) = environment.table.borrow_mut().take(handle) {
        actor.submissions.release(env);
        actor.steps.release(env);
    }
    Ok(())
}
