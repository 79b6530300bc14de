//! The one thread of the process that serves all clients. It asks JavaScript for nothing that it needs to answer.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use mio::{Events, Poll, Token, Waker};
use parking_lot::Mutex;

use super::environments;
use super::instance::{Instance, InstanceParts, Tokens};
use crate::binding::event_loop::monotonic_ms;
use crate::core::observe::{JsAnswer, ObservedEvent, ObservedTime};

/// Messages that wait for the thread. What does not fit is dropped, and counted where it is an event.
const QUEUE: usize = 1024;

/// The token of the waker. Tokens of sockets come after it.
const WAKE: Token = Token(0);

/// The time that a server that ends has for its last bytes, ms.
const LINGER: f64 = 200.0;

/// What other threads tell the thread.
pub(super) enum ThreadMessage {
    Open(Box<InstanceParts>),
    /// Ends a server. The sender hears when its sockets are closed.
    Close(u32, Sender<()>),
    Answer {
        server: u32,
        number: u64,
        answer: JsAnswer,
    },
    Events(Vec<ObservedEvent>),
}

/// The way to the thread.
struct ThreadLink {
    queue: Sender<ThreadMessage>,
    waker: Arc<Waker>,
}

static LINK: Mutex<Option<ThreadLink>> = Mutex::new(None);
/// Whether any client watches tables.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Returns whether any client watches tables.
pub(super) fn is_watched() -> bool {
    WATCHED.load(Ordering::Relaxed)
}

/// Opens a server. Starts the thread for the first.
pub(super) fn open(parts: InstanceParts) -> io::Result<()> {
    let mut link = LINK.lock();
    if link.is_none() {
        *link = Some(start()?);
    }
    if let Some(ThreadLink { queue, waker }) = link.as_ref() {
        // It waits for room: a server must not be lost.
        let sent = queue.send(ThreadMessage::Open(Box::new(parts)));
        sent.map_err(|_| io::Error::other("the thread has just ended: try again"))?;
        waker.wake()?;
    }
    Ok(())
}

/// Ends a server. Returns once its sockets are closed.
pub(super) fn close(server: u32) {
    let (done, ended) = crossbeam_channel::bounded(1);
    {
        let link = LINK.lock();
        let Some(ThreadLink { queue, waker }) = link.as_ref() else { return };
        let _ = queue.send(ThreadMessage::Close(server, done));
        let _ = waker.wake();
    }
    // The thread drops the other end at the latest.
    let _ = ended.recv();
}

/// Tells the thread something, if there is room.
pub(super) fn tell(message: ThreadMessage) {
    let link = LINK.lock();
    let Some(ThreadLink { queue, waker }) = link.as_ref() else { return };
    match queue.try_send(message) {
        Ok(()) => {
            let _ = waker.wake();
        }
        Err(TrySendError::Full(ThreadMessage::Events(events))) => {
            environments::lose_events(events.len() as u64);
        }
        Err(_) => {}
    }
}

fn start() -> io::Result<ThreadLink> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
    let (queue, messages) = crossbeam_channel::bounded(QUEUE);
    let thread = std::thread::Builder::new().name("keelson-observe".to_owned());
    thread.spawn(move || {
        let ended = catch_unwind(AssertUnwindSafe(|| run(poll, &messages)));
        if ended.is_err() {
            // A bug of ours ends its servers and nothing else; a server that is opened next gets a thread of its own.
            WATCHED.store(false, Ordering::Relaxed);
            *LINK.lock() = None;
        }
    })?;
    Ok(ThreadLink { queue, waker })
}

#[expect(
    clippy::disallowed_methods,
    reason = "clients see the host's time, also under a controlled clock"
)]
fn now() -> ObservedTime {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ObservedTime { mono: monotonic_ms(), wall: (wall.as_secs_f64() * 1000.0).floor() }
}

/// The servers, and those that end.
struct Serving {
    poll: Poll,
    tokens: Tokens,
    instances: Vec<Instance>,
    ending: Vec<(f64, Instance)>,
}

/// Serves until the last server has ended.
fn run(poll: Poll, messages: &Receiver<ThreadMessage>) {
    let tokens = Tokens(WAKE.0);
    let mut serving = Serving { poll, tokens, instances: Vec::new(), ending: Vec::new() };
    let mut events = Events::with_capacity(256);
    loop {
        let timeout = serving.timeout(now().mono);
        if let Err(error) = serving.poll.poll(&mut events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            break;
        }
        let now = now();
        for message in messages.try_iter() {
            serving.take(message, now);
        }
        for event in &events {
            serving.ready(event, now);
        }
        serving.turn(now);
        if serving.instances.is_empty() && serving.ending.is_empty() {
            // Under the lock: a server that is opened now finds no thread and starts one. Whoever has the lock wakes
            // this thread next.
            if let Some(mut link) = LINK.try_lock()
                && messages.is_empty()
            {
                *link = None;
                break;
            }
        }
    }
    WATCHED.store(false, Ordering::Relaxed);
}

impl Serving {
    fn timeout(&mut self, now: f64) -> Option<Duration> {
        let mut due = f64::INFINITY;
        for instance in &mut self.instances {
            due = due.min(instance.server().next_due());
        }
        for (by, _) in &self.ending {
            due = due.min(*by);
        }
        // A fraction more, so that it is due by then.
        due.is_finite().then(|| Duration::from_secs_f64((due - now + 0.1).clamp(0.0, 1e6) / 1000.0))
    }

    fn take(&mut self, message: ThreadMessage, now: ObservedTime) {
        match message {
            ThreadMessage::Open(parts) => {
                let registry = self.poll.registry();
                if let Ok(instance) = Instance::open(*parts, &mut self.tokens, registry) {
                    self.instances.push(instance);
                }
            }
            ThreadMessage::Close(number, done) => {
                let Some(at) = self.instances.iter().position(|it| it.number == number) else {
                    return;
                };
                let mut instance = self.instances.swap_remove(at);
                instance.end(now, self.poll.registry());
                self.ending.push((now.mono + LINGER, instance));
                let _ = done.send(());
            }
            ThreadMessage::Answer { server, number, answer } => {
                if let Some(instance) = self.instances.iter_mut().find(|it| it.number == server) {
                    instance.answer(number, &answer, now);
                }
            }
            ThreadMessage::Events(events) => {
                for instance in &mut self.instances {
                    for event in &events {
                        instance.server().note(event);
                    }
                }
            }
        }
    }

    fn ready(&mut self, event: &mio::event::Event, now: ObservedTime) {
        let is_readable = event.is_readable() || event.is_read_closed() || event.is_error();
        let Self { poll, tokens, instances, ending } = self;
        let all = instances.iter_mut().chain(ending.iter_mut().map(|(_, instance)| instance));
        for instance in all {
            instance.ready(event.token(), is_readable, now, tokens, poll.registry());
        }
    }

    fn turn(&mut self, now: ObservedTime) {
        let lost = environments::take_lost_events();
        let mut is_watched = false;
        for instance in &mut self.instances {
            instance.server().lose_events(lost);
            instance.turn(now, self.poll.registry());
            is_watched |= instance.server().is_watched();
        }
        for (_, instance) in &mut self.ending {
            instance.turn(now, self.poll.registry());
        }
        self.ending
            .retain_mut(|(by, instance)| now.mono < *by && !instance.server().peers().is_empty());
        if WATCHED.swap(is_watched, Ordering::Relaxed) != is_watched {
            for environment in environments::all() {
                environment.wake();
            }
        }
    }
}
