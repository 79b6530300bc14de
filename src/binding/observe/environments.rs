//! The environments that are observed, and the sums of those that have ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

use super::feed::{ProcessFeed, Publication};
use crate::binding::env::TableReader;
use crate::core::inbox::Inbox;
use crate::core::observe::{JsQuestion, WorldTotals};

/// Questions that wait for one environment. More are answered by the deadline of their requests.
const MOST_QUESTIONS: usize = 256;

/// A question on its way to JavaScript.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Asked {
    pub(super) server: u32,
    pub(super) number: u64,
    #[serde(flatten)]
    pub(super) question: JsQuestion,
}

/// One environment that is observed.
pub(crate) struct ObservedEnvironment {
    /// Its number, which begins its keys.
    pub(super) number: u32,
    /// The name of its thread.
    pub(super) thread: String,
    pub(super) reader: TableReader,
    pub(super) feed: Mutex<ProcessFeed>,
    pub(super) published: Mutex<Publication>,
    pub(super) questions: Mutex<VecDeque<Asked>>,
    pub(super) inbox: Inbox,
    pub(super) token: u64,
}

impl ObservedEnvironment {
    /// Makes JavaScript look for questions, and for whether it is watched.
    pub(super) fn wake(&self) {
        self.inbox.post(self.token);
    }

    /// Passes a question on. Returns whether there was room.
    pub(super) fn ask(&self, asked: Asked) -> bool {
        let mut questions = self.questions.lock();
        if questions.len() >= MOST_QUESTIONS {
            return false;
        }
        questions.push_back(asked);
        drop(questions);
        self.wake();
        true
    }
}

static ALL: Mutex<Vec<Arc<ObservedEnvironment>>> = Mutex::new(Vec::new());
static NEXT: AtomicU32 = AtomicU32::new(0);
static ENDED: Mutex<WorldTotals> = Mutex::new(WorldTotals {
    processes: 0,
    messages: 0,
    restarts: 0,
    crashes: 0,
    admitted: 0,
    shed: 0,
});
/// Events that did not fit into the queue to the thread.
static LOST_EVENTS: AtomicU64 = AtomicU64::new(0);

/// Returns the environments that are observed, in the order in which that began.
pub(super) fn all() -> Vec<Arc<ObservedEnvironment>> {
    ALL.lock().clone()
}

pub(super) fn add(make: impl FnOnce(u32) -> ObservedEnvironment) -> Arc<ObservedEnvironment> {
    let environment = Arc::new(make(NEXT.fetch_add(1, Ordering::Relaxed)));
    ALL.lock().push(Arc::clone(&environment));
    environment
}

/// Forgets an environment, and keeps its counts.
pub(super) fn remove(environment: &Arc<ObservedEnvironment>, counts: WorldTotals) {
    let mut all = ALL.lock();
    all.retain(|it| !Arc::ptr_eq(it, environment));
    let mut ended = ENDED.lock();
    ended.messages += counts.messages;
    ended.restarts += counts.restarts;
    ended.crashes += counts.crashes;
    ended.admitted += counts.admitted;
    ended.shed += counts.shed;
}

/// Returns the sums of the environments that have ended.
pub(super) fn ended() -> WorldTotals {
    *ENDED.lock()
}

/// Returns the environment of a key, which begins with its number.
pub(super) fn of_key(key: &str) -> Option<Arc<ObservedEnvironment>> {
    let digits = key.split(|character: char| !character.is_ascii_digit()).next()?;
    let number: u32 = digits.parse().ok()?;
    ALL.lock().iter().find(|it| it.number == number).cloned()
}

pub(super) fn lose_events(count: u64) {
    LOST_EVENTS.fetch_add(count, Ordering::Relaxed);
}

/// Takes the count of lost events.
pub(super) fn take_lost_events() -> u64 {
    LOST_EVENTS.swap(0, Ordering::Relaxed)
}
