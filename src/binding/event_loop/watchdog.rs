//! The native thread that notices stalls while they last, and the event loops that it watches.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::activity::{ActivityMemory, Handling, Texts};
use super::uv::IdleTime;
use crate::core::event_loop::{LoopMoment, LoopTimes, StallWatch};

/// Stalls that have ended and wait for JavaScript.
const ENDED: usize = 16;
/// The looks of the watchdog within the length of a stall.
const LOOKS: f64 = 8.0;

/// Returns monotonic time, in ms since the first call. The watchdog measures the host itself, so it has no clock of a
/// system.
#[expect(
    clippy::disallowed_methods,
    reason = "stalls of the host are real time, also under a controlled clock"
)]
pub(crate) fn monotonic_ms() -> f64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
}

/// An event loop that is watched.
pub(crate) struct Watched {
    /// The name of its thread.
    pub(crate) thread: String,
    pub(crate) times: LoopTimes,
    pub(super) texts: Mutex<Texts>,
    /// True if stalls are written to stderr while they last.
    pub(super) to_stderr: AtomicBool,
    /// `None` once the environment has ended.
    activity: Mutex<Option<ActivityMemory>>,
    /// `None` where the host does not count it, and once the environment has ended.
    idle: Mutex<Option<IdleTime>>,
    state: Mutex<StallState>,
    /// Called on the loop's thread when a stall has ended.
    on_end: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct StallState {
    watch: StallWatch,
    /// The message that was handled when the present stall was noticed.
    cause: Option<Handling>,
    ended: VecDeque<(f64, Option<Handling>)>,
}

impl Watched {
    pub(super) fn new(
        thread: String,
        stall_ms: f64,
        to_stderr: bool,
        activity: ActivityMemory,
        idle: Option<IdleTime>,
        on_end: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            thread,
            times: LoopTimes::new(stall_ms, monotonic_ms()),
            texts: Mutex::default(),
            to_stderr: AtomicBool::new(to_stderr),
            activity: Mutex::new(Some(activity)),
            idle: Mutex::new(idle),
            state: Mutex::default(),
            on_end,
        }
    }

    /// Returns the length of the stall that lasts, in ms, and its cause as far as it is known.
    pub(crate) fn stall(&self) -> Option<(f64, Option<Handling>)> {
        let length = self.times.run_ms(self.moment());
        (length >= self.times.stall_ms()).then(|| (length, self.handling()))
    }

    /// Returns the present moment of the loop.
    pub(crate) fn moment(&self) -> LoopMoment {
        let now = monotonic_ms();
        LoopMoment { now, idle: self.idle.lock().as_ref().and_then(IdleTime::ms) }
    }

    fn handling(&self) -> Option<Handling> {
        let activity = self.activity.lock();
        activity.as_ref()?.handling(&self.texts.lock())
    }

    /// Notes a stall that has ended. On the loop's thread.
    pub(super) fn stalled(&self, length: f64) {
        {
            let state = &mut *self.state.lock();
            if state.ended.len() == ENDED {
                state.ended.pop_front();
            }
            state.ended.push_back((length, state.cause.take()));
        }
        (self.on_end)();
    }

    pub(super) fn take_ended(&self) -> Vec<(f64, Option<Handling>)> {
        self.state.lock().ended.drain(..).collect()
    }

    fn look(&self) {
        let state = &mut *self.state.lock();
        let Some(length) = state.watch.look(&self.times, self.moment()) else { return };
        state.cause = self.handling();
        if self.to_stderr.load(Ordering::Relaxed) {
            self.report(length, state.cause.as_ref());
        }
    }

    /// Writes a line to stderr: JavaScript cannot.
    fn report(&self, length: f64, cause: Option<&Handling>) {
        let mut line = format!(
            "keelson: the event loop of {} has been blocked for {length:.0} ms",
            self.thread
        );
        if let Some(Handling { label, message, handler, .. }) = cause {
            let _ = write!(line, ", by {} in {handler}", label.as_deref().unwrap_or("a process"));
            if let Some(message) = message {
                let _ = write!(line, ", message '{message}'");
            }
        }
        line.push('\n');
        // Nobody is left to learn of a failure.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

#[derive(Default)]
struct WatchedLoops {
    loops: Vec<Arc<Watched>>,
    has_thread: bool,
}

static REGISTRY: Mutex<WatchedLoops> =
    Mutex::new(WatchedLoops { loops: Vec::new(), has_thread: false });
static CHANGED: Condvar = Condvar::new();

/// Returns the event loops that are watched, in the order in which their watches began.
pub(crate) fn watched() -> Vec<Arc<Watched>> {
    REGISTRY.lock().loops.clone()
}

/// Watches an event loop until [`forget`].
pub(super) fn watch(watched: &Arc<Watched>) {
    let mut registry = REGISTRY.lock();
    registry.loops.push(Arc::clone(watched));
    if !registry.has_thread {
        let thread = std::thread::Builder::new().name("keelson-watchdog".to_owned());
        // Without a thread stalls are still counted, and reported when they have ended.
        registry.has_thread = thread.spawn(run).is_ok();
    }
}

/// Lets the watchdog learn of other settings at once.
pub(super) fn changed() {
    CHANGED.notify_all();
}

/// Ends the watch of an event loop. Its memory is not read any more when this returns.
pub(super) fn forget(watched: &Arc<Watched>) {
    REGISTRY.lock().loops.retain(|it| !Arc::ptr_eq(it, watched));
    *watched.activity.lock() = None;
    *watched.idle.lock() = None;
    CHANGED.notify_all();
}

/// Looks at each loop a few times within the length of a stall, until there is none.
fn run() {
    let mut registry = REGISTRY.lock();
    while !registry.loops.is_empty() {
        let loops = registry.loops.clone();
        let shortest = loops.iter().map(|it| it.times.stall_ms()).fold(f64::INFINITY, f64::min);
        parking_lot::MutexGuard::unlocked(&mut registry, || {
            for each in &loops {
                each.look();
            }
        });
        let pause = Duration::from_secs_f64((shortest / LOOKS).clamp(5.0, 1000.0) / 1000.0);
        CHANGED.wait_for(&mut registry, pause);
    }
    registry.has_thread = false;
}
