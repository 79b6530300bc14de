//! Serves what is observed, from a native thread: also while JavaScript is blocked.
//!
//! JavaScript tells which processes there are ([`feed`]), publishes the tables that only it has, and answers questions.
//! The thread reads the core's tables itself.

#![expect(clippy::needless_pass_by_value, reason = "Node-API hands texts over by value")]

mod environments;
mod feed;
mod instance;
mod live;
mod metrics;
mod page;
mod sockets;
mod thread;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use napi::bindgen_prelude::*;
use napi_derive::napi;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::binding::env::{Environment, Local};
use crate::binding::event_loop::monotonic_ms;
use crate::core::observe::{Introduction, JsAnswer, ObserveServer, ObservedEvent, ServerSettings};
use environments::{Asked, ObservedEnvironment};
use feed::{ProcessFeed, Publication};
use instance::{InstanceParts, Listener};
use thread::ThreadMessage;

/// The environment's own place among the observed ones, while it is observed.
#[derive(Default)]
pub(crate) struct Attachment {
    observed: Option<Arc<ObservedEnvironment>>,
    has_hook: bool,
}

fn with<R>(env: Env, body: impl FnOnce(&Arc<ObservedEnvironment>) -> R) -> Result<Option<R>> {
    let local = Local::<Attachment>::of(&env)?;
    let observed = local.table.borrow_mut().observed.clone();
    Ok(observed.as_ref().map(body))
}

/// Returns a whole number that JavaScript got from here, or from `js/internal/inbox.ts`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole and not negative; nonsense saturates and names nothing"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

/// Lets the native thread read this environment from now on. Returns its number, which begins its keys.
#[napi(catch_unwind)]
pub fn observe_attach(env: Env, thread: String, token: f64) -> Result<u32> {
    let local = Local::<Attachment>::of(&env)?;
    if let Some(known) = &local.table.borrow_mut().observed {
        return Ok(known.number);
    }
    let environment = Environment::of(&env)?;
    let reader = environment.begin_observation();
    let observed = environments::add(|number| ObservedEnvironment {
        number,
        thread,
        reader,
        feed: Mutex::default(),
        published: Mutex::default(),
        questions: Mutex::default(),
        inbox: environment.inbox.clone(),
        token: whole(token),
    });
    let number = observed.number;
    let mut attachment = local.table.borrow_mut();
    attachment.observed = Some(observed);
    if !std::mem::replace(&mut attachment.has_hook, true) {
        drop(attachment);
        // A worker that is terminated calls nothing: its counts are read in the last moment of its tables.
        env.add_env_cleanup_hook((), move |()| {
            let _ = detach(env);
        })?;
    }
    Ok(number)
}

/// Ends what `observeAttach` began. Counts of this environment stay in the sums.
#[napi(catch_unwind)]
pub fn observe_detach(env: Env) -> Result<()> {
    detach(env)
}

fn detach(env: Env) -> Result<()> {
    let observed = Local::<Attachment>::of(&env)?.table.borrow_mut().observed.take();
    if let Some(observed) = observed {
        live::retire(&observed);
        Environment::of(&env)?.end_observation();
    }
    Ok(())
}

/// Settings of a server, as JavaScript writes them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenSettings {
    introduction: Introduction,
    refresh_ms: f64,
    actions: bool,
    token: String,
    hosts: Vec<String>,
    origins: Vec<String>,
    /// An address with a port, which may be 0.
    http: Option<String>,
    socket: Option<String>,
}

/// A server that was opened, or the reason why it was not.
#[derive(Debug, Default, Serialize)]
struct OpenedServer {
    id: u32,
    port: Option<u16>,
    /// Which of the two addresses was refused.
    field: Option<&'static str>,
    reason: Option<&'static str>,
    message: String,
}

static NEXT_SERVER: AtomicU32 = AtomicU32::new(1);

/// Opens a server. Takes settings as JSON, and returns `{ id, port }`, or `{ field, reason, message }`, as JSON.
#[napi(catch_unwind)]
pub fn observe_open(settings: String) -> Result<String> {
    let settings: WrittenSettings =
        serde_json::from_str(&settings).map_err(|error| Error::from_reason(error.to_string()))?;
    let opened = open(settings);
    serde_json::to_string(&opened).map_err(|error| Error::from_reason(error.to_string()))
}

fn refused(field: &'static str, fault: &sockets::ListenFault) -> OpenedServer {
    let (reason, message) = fault.words();
    OpenedServer { field: Some(field), reason: Some(reason), message, ..OpenedServer::default() }
}

fn open(settings: WrittenSettings) -> OpenedServer {
    let mut listeners = Vec::new();
    let mut port = None;
    if let Some(address) = &settings.http {
        let bound = address
            .parse::<SocketAddr>()
            .map_err(|error| std::io::Error::other(error.to_string()).into())
            .and_then(sockets::listen_tcp);
        match bound {
            Ok((listener, found)) => {
                port = Some(found);
                listeners.push(Listener::Tcp(listener));
            }
            Err(fault) => return refused("http", &fault),
        }
    }
    #[cfg(unix)]
    let mut file = None;
    if let Some(path) = settings.socket.map(PathBuf::from) {
        #[cfg(unix)]
        match sockets::listen_unix(&path) {
            Ok((listener, found)) => {
                file = Some(found);
                listeners.push(Listener::Unix(listener));
            }
            Err(fault) => return refused("socket", &fault),
        }
        #[cfg(not(unix))]
        {
            drop(path);
            return refused("socket", &sockets::ListenFault::Unsupported);
        }
    }
    let number = NEXT_SERVER.fetch_add(1, Ordering::Relaxed);
    let server = ObserveServer::new(ServerSettings {
        of: settings.introduction,
        refresh_ms: settings.refresh_ms,
        actions: settings.actions,
        token: settings.token,
        // Cookies know no ports, so that two servers on one host need two names.
        cookie: format!("keelson-observe-{}", port.unwrap_or(0)),
        hosts: settings.hosts,
        origins: settings.origins,
        assets: page::PAGE,
    });
    let parts = InstanceParts {
        number,
        server,
        listeners,
        #[cfg(unix)]
        file,
    };
    match thread::open(parts) {
        Ok(()) => OpenedServer { id: number, port, ..OpenedServer::default() },
        Err(error) => refused("thread", &error.into()),
    }
}

/// Ends a server. Its sockets are closed when this returns.
#[napi(catch_unwind)]
pub fn observe_close(id: u32) {
    thread::close(id);
}

/// Takes what changed among the processes of this environment, as JSON. Returns whether it was understood.
#[napi(catch_unwind)]
pub fn observe_feed(env: Env, change: String) -> Result<bool> {
    let Some(change) = ProcessFeed::read(&change) else { return Ok(false) };
    let events = with(env, |observed| observed.feed.lock().apply(change))?;
    if let Some(events) = events.filter(|events| !events.is_empty()) {
        thread::tell(ThreadMessage::Events(events));
    }
    Ok(true)
}

/// Takes tables of this environment, as JSON, in place of the ones of before. Returns whether they were understood.
#[napi(catch_unwind)]
pub fn observe_publish(env: Env, tables: String) -> Result<bool> {
    let Some(publication) = Publication::read(&tables, monotonic_ms()) else { return Ok(false) };
    with(env, |observed| *observed.published.lock() = publication)?;
    Ok(true)
}

/// Takes an event, as JSON.
#[napi(catch_unwind)]
pub fn observe_event(event: String) {
    if let Ok(event) = serde_json::from_str::<ObservedEvent>(&event) {
        thread::tell(ThreadMessage::Events(vec![event]));
    }
}

/// What the thread wants of this environment.
#[derive(Serialize)]
struct Wanted {
    watched: bool,
    questions: Vec<Asked>,
}

/// Returns whether clients watch, and the questions that wait for this environment, as JSON.
#[napi(catch_unwind)]
pub fn observe_take(env: Env) -> Result<String> {
    let questions = with(env, |observed| observed.questions.lock().drain(..).collect())?;
    let watched = thread::is_watched();
    let wanted = Wanted { watched, questions: questions.unwrap_or_default() };
    serde_json::to_string(&wanted).map_err(|error| Error::from_reason(error.to_string()))
}

/// Answers a question: with a JSON object, or with a code and a message.
#[napi(catch_unwind)]
pub fn observe_answer(server: u32, number: f64, answer: String, code: Option<String>) {
    let answer = match code {
        None => JsAnswer::Object(answer),
        Some(code) => JsAnswer::Failed { code, message: answer },
    };
    thread::tell(ThreadMessage::Answer { server, number: whole(number), answer });
}
