//! Converts between JavaScript and a session; decides nothing.

#![expect(unreachable_pub, reason = "napi-derive requires exported items to be `pub`")]
#![expect(clippy::needless_pass_by_value, reason = "napi passes owned values")]

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use napi::bindgen_prelude::{Function, Uint8Array};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, Result};
use napi_derive::napi;

use crate::app::{Layout, Settings};
use crate::client::Target;
use crate::session::{Control, End, Options, Session};
use crate::terminal;
use crate::view::theme;

/// A dashboard, and the thread of JavaScript that started it.
struct Owned {
    session: Session,
    owner: ThreadId,
}

/// The dashboard of this process: a terminal has one.
static SESSION: Mutex<Option<Owned>> = Mutex::new(None);

thread_local! {
    /// Whether the end of this thread's environment ends its dashboard.
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

fn session() -> MutexGuard<'static, Option<Owned>> {
    SESSION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls a function with the dashboard that runs.
fn running<T>(call: impl FnOnce(&Session) -> T) -> Option<T> {
    session().as_ref().map(|owned| &owned.session).filter(|session| session.is_running()).map(call)
}

/// What a dashboard shows, and how.
#[napi(object)]
pub struct NativeDashboardOptions {
    /// The path of a socket, or an address of HTTP.
    pub target: String,
    /// The time between two updates, milliseconds.
    pub refresh_ms: u32,
    /// The events that are kept.
    pub max_events: u32,
    /// `dark` or `light`.
    pub theme: String,
    /// `full`, `compact` or `minimal`.
    pub layout: String,
    /// Whether the dashboard runs in the service itself, and shows what it writes.
    pub is_inside: bool,
    /// Whether the process lives as long as the dashboard.
    pub keeps_alive: bool,
}

/// How a dashboard ended.
#[napi(object)]
pub struct NativeDashboardEnd {
    /// `quit`, `interrupted`, `stopped`, `signal`, `refused`, `no-terminal` or `panicked`.
    pub how: String,
    /// More words about it; empty where there are none.
    pub reason: String,
    /// The last layout.
    pub layout: String,
}

fn end_of(end: End, layout: Layout) -> NativeDashboardEnd {
    let (how, reason) = match end {
        End::Quit => ("quit", String::new()),
        End::Interrupted => ("interrupted", String::new()),
        End::Stopped => ("stopped", String::new()),
        End::Signal => ("signal", String::new()),
        End::Refused(reason) => ("refused", reason),
        End::NoTerminal(reason) => ("no-terminal", reason),
        End::Panicked(reason) => ("panicked", reason),
    };
    NativeDashboardEnd { how: how.into(), reason, layout: layout.name().into() }
}

/// Returns the version of the package that the addon was built for.
#[napi(catch_unwind)]
pub fn addon_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Returns why there is no terminal to draw on; `null` when there is one.
#[napi(catch_unwind)]
pub fn terminal_problem() -> Option<String> {
    terminal::problem().map(|problem| problem.0)
}

/// Returns why a target cannot be used; `null` when it may.
#[napi(catch_unwind)]
pub fn target_problem(target: String) -> Option<String> {
    Target::read(&target).err().map(|problem| problem.0)
}

/// Starts a dashboard. Calls the listener once it has ended. Returns whether it started: not where one runs.
#[napi(catch_unwind)]
pub fn start(
    env: Env,
    options: NativeDashboardOptions,
    on_end: Function<NativeDashboardEnd, ()>,
) -> Result<bool> {
    let mut place = session();
    if place.as_ref().is_some_and(|owned| owned.session.is_running()) {
        return Ok(false);
    }
    let settings = Settings {
        refresh_ms: options.refresh_ms,
        max_events: options.max_events as usize,
        layout: Layout::named(&options.layout).unwrap_or_default(),
        utc_offset_minutes: crate::host::utc_offset_minutes(),
        is_inside: options.is_inside,
    };
    let whole = Options {
        target: Target::read(&options.target)
            .map_err(|problem| napi::Error::from_reason(problem.0))?,
        settings,
        theme: theme::Theme::named(&options.theme).unwrap_or(theme::DARK),
    };
    let mode = ThreadsafeFunctionCallMode::NonBlocking;
    let started = if options.keeps_alive {
        let told = on_end.build_threadsafe_function().build()?;
        Session::start(whole, move |end, layout| {
            let _ = told.call(end_of(end, layout), mode);
        })
    } else {
        let told = on_end.build_threadsafe_function().weak::<true>().build()?;
        Session::start(whole, move |end, layout| {
            let _ = told.call(end_of(end, layout), mode);
        })
    };
    let session = started.map_err(|error| napi::Error::from_reason(error.to_string()))?;
    let owner = thread::current().id();
    *place = Some(Owned { session, owner });
    if !IS_WATCHED.replace(true) {
        // A worker may end at any time, and its process without a word to JavaScript.
        env.add_env_cleanup_hook(owner, stop_of)?;
    }
    Ok(true)
}

/// Ends the dashboard, and waits until the terminal is as it was. Does nothing when none runs.
#[napi(catch_unwind)]
pub fn stop() {
    let taken = session().take();
    if let Some(owned) = taken {
        owned.session.stop();
    }
}

/// Ends the dashboard of a thread.
fn stop_of(owner: ThreadId) {
    let taken = session().take_if(|owned| owned.owner == owner);
    if let Some(owned) = taken {
        owned.session.stop();
    }
}

fn control(control: Control) -> bool {
    running(|session| session.control(control)).unwrap_or_default()
}

/// Asks the service for everything again.
#[napi(catch_unwind)]
pub fn refresh() -> bool {
    control(Control::Refresh)
}

/// Changes the arrangement: `full`, `compact` or `minimal`.
#[napi(catch_unwind)]
pub fn switch_layout(name: String) -> bool {
    Layout::named(&name).is_some_and(|layout| control(Control::Layout(layout)))
}

/// Shows the detail of a process.
#[napi(catch_unwind)]
pub fn inspect(key: String, name: String) -> bool {
    control(Control::Inspect { kind: "process".into(), key, name })
}

/// Returns the arrangement; `null` when no dashboard runs.
#[napi(catch_unwind)]
pub fn layout() -> Option<String> {
    running(|session| session.layout().name().to_owned())
}

/// Takes bytes that the program wrote. Returns false when no dashboard has the terminal.
#[napi(catch_unwind)]
pub fn take_output(bytes: Uint8Array) -> bool {
    running(|session| session.take_output(&bytes)).unwrap_or_default()
}
