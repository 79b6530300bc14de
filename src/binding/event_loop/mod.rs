//! Watches the event loop of an environment: its times, and stalls with the process and the message that cause them.
//!
//! A native thread notices a stall while it lasts, and asks nobody. JavaScript writes what it handles to shared memory;
//! names of processes and types of messages are numbers there, and their texts are known in advance.

mod activity;
mod uv;
mod watchdog;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Local, SharedArray};
use crate::protocol::Record;
use activity::{ActivityCells, ActivityMemory, Texts};
pub(crate) use activity::{Handling, PROTOCOL};
use uv::{IdleTime, LoopHandles, Turns};
pub(crate) use watchdog::{Watched, monotonic_ms, watched};

/// The watch of an environment, while there is one.
#[derive(Default)]
pub(crate) struct EventLoop(Option<Watch>);

struct Watch {
    watched: Arc<Watched>,
    handles: LoopHandles<LoopTurns>,
    activity: SharedArray,
}

/// What libuv calls.
struct LoopTurns(Arc<Watched>);

impl Turns for LoopTurns {
    fn runs(&self) {
        self.0.times.runs(self.0.moment());
    }

    fn waits(&self) {
        if let Some(length) = self.0.times.waits(self.0.moment()) {
            self.0.stalled(length);
        }
    }

    fn ends(&self) {
        watchdog::forget(&self.0);
    }
}

/// Settings of a watch.
#[napi(object)]
pub struct NativeLoopWatch {
    /// The name of the thread in reports.
    pub thread: String,
    /// The length of a run that is a stall, in ms.
    pub stall_ms: f64,
    /// True if stalls are written to stderr while they last.
    pub to_stderr: bool,
    /// The token that the environment's inbox gets when a stall has ended.
    pub token: f64,
}

/// Watches the event loop of this environment, in place of an earlier watch. Returns the memory in which JavaScript
/// says what it handles, or nothing where the host has no libuv.
#[napi(catch_unwind, ts_return_type = "Float64Array | null")]
pub fn loop_watch_open(env: &Env, settings: NativeLoopWatch) -> Result<Option<Unknown<'_>>> {
    let local = Local::<EventLoop>::of(env)?;
    close(local, *env);
    let (activity, array) = SharedArray::create(env, ActivityCells::CELLS)?;
    ActivityCells::within(activity.cells()).set(ActivityCells::NOTHING);
    let inbox = local.inbox.clone();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a token of js/internal/inbox.ts, a positive integer"
    )]
    let token = settings.token as u64;
    let watched = Arc::new(Watched::new(
        settings.thread,
        settings.stall_ms,
        settings.to_stderr,
        ActivityMemory::new(&activity),
        IdleTime::of(*env),
        Box::new(move || inbox.post(token)),
    ));
    let Some(handles) = LoopHandles::open(env, LoopTurns(Arc::clone(&watched))) else {
        activity.release(*env);
        return Ok(None);
    };
    watchdog::watch(&watched);
    local.table.borrow_mut().0 = Some(Watch { watched, handles, activity });
    Ok(Some(array))
}

/// Gives the watch of this environment other settings. Its times go on.
#[napi(catch_unwind)]
pub fn loop_watch_change(env: Env, stall_ms: f64, to_stderr: bool) -> Result<()> {
    with(env, |watched| {
        watched.times.set_stall_ms(stall_ms);
        watched.to_stderr.store(to_stderr, Ordering::Relaxed);
        watchdog::changed();
    })?;
    Ok(())
}

/// Ends the watch of this environment, if there is one.
#[napi(catch_unwind)]
pub fn loop_watch_close(env: Env) -> Result<()> {
    close(Local::<EventLoop>::of(&env)?, env);
    Ok(())
}

fn close(local: &Local<EventLoop>, env: Env) {
    let Some(Watch { watched, handles, activity }) = local.table.borrow_mut().0.take() else {
        return;
    };
    watchdog::forget(&watched);
    handles.close();
    activity.release(env);
}

fn with<R>(env: Env, body: impl FnOnce(&Watched) -> R) -> Result<Option<R>> {
    let local = Local::<EventLoop>::of(&env)?;
    Ok(local.table.borrow_mut().0.as_ref().map(|watch| body(&watch.watched)))
}

fn with_texts<R>(env: Env, body: impl FnOnce(&mut Texts) -> R) -> Result<Option<R>> {
    with(env, |watched| body(&mut watched.texts.lock()))
}

/// Gives a process a label in reports: its name, or its id.
#[napi(catch_unwind)]
pub fn loop_watch_label(env: Env, runtime: f64, pid: f64, label: String) -> Result<()> {
    with_texts(env, |texts| texts.label(runtime, pid, label))?;
    Ok(())
}

/// Forgets the label of a process that has ended.
#[napi(catch_unwind)]
pub fn loop_watch_forget(env: Env, runtime: f64, pid: f64) -> Result<()> {
    with_texts(env, |texts| texts.forget(runtime, pid))?;
    Ok(())
}

/// Returns the number of a new type of messages, or -1 without a watch.
#[napi(catch_unwind)]
pub fn loop_watch_type(env: Env, text: String) -> Result<f64> {
    Ok(with_texts(env, |texts| texts.type_of(text))?.unwrap_or(-1.0))
}

/// A stall that has ended.
#[napi(object)]
pub struct NativeStall {
    /// How long the loop was blocked, in ms.
    pub length: f64,
    /// The handle of the runtime of the process whose handler ran, or -1.
    pub runtime: f64,
    /// Its pid, or -1.
    pub pid: f64,
    /// Its label.
    pub label: Option<String>,
    /// The type of the message that it handled.
    pub message: Option<String>,
    /// The callback that ran.
    pub handler: Option<String>,
}

/// Takes the stalls that have ended since the last time, the oldest first. Keeps sixteen.
#[napi(catch_unwind)]
pub fn loop_watch_take(env: Env) -> Result<Vec<NativeStall>> {
    let ended = with(env, Watched::take_ended)?.unwrap_or_default();
    let native = |(length, handling): (f64, Option<Handling>)| {
        let known = handling.as_ref();
        NativeStall {
            length,
            runtime: known.map_or(-1.0, |it| it.runtime),
            pid: known.map_or(-1.0, |it| it.pid),
            label: known.and_then(|it| it.label.clone()),
            message: known.and_then(|it| it.message.clone()),
            handler: known.map(|it| it.handler.to_owned()),
        }
    };
    Ok(ended.into_iter().map(native).collect())
}

/// The times of an event loop, in ms.
#[napi(object)]
pub struct NativeLoopTimes {
    /// The time spent running.
    pub running: f64,
    /// The time spent waiting.
    pub waiting: f64,
    /// The time spent in runs of at least 50 ms.
    pub blocked: f64,
    /// The longest run.
    pub longest: f64,
    /// The number of stalls.
    pub stalls: f64,
}

/// Returns the times of this environment's loop since its watch began, or nothing without one.
#[napi(catch_unwind)]
pub fn loop_watch_times(env: Env) -> Result<Option<NativeLoopTimes>> {
    with(env, |watched| {
        let reading = watched.times.reading(watched.moment());
        NativeLoopTimes {
            running: reading.running_ms,
            waiting: reading.waiting_ms,
            blocked: reading.blocked_ms,
            longest: reading.longest_ms,
            stalls: reading.stalls,
        }
    })
}
