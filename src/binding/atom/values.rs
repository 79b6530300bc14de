//! Shared atoms, counters and flags.
//!
//! The static holds data only: the atoms that threads share by name. The holds of an environment lie in the
//! environment's table, so a terminated worker lets go of everything.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::local;
use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::atom::{
    At, AtomCell, AtomHold, AtomValue, Commit, Conflict, Count, NextCommit, SharedAtom, Store,
    Subscription,
};
use crate::protocol::{Flag, lane_constants, lane_record};

pub(crate) static STORE: LazyLock<Store> = LazyLock::new(Store::default);

/// The atoms that an environment has open.
pub(crate) type Atoms = Handles<OpenAtom>;

pub(crate) struct OpenAtom {
    hold: AtomHold,
    view: View,
}

/// The knowledge that an environment has of an open atom.
#[derive(Default)]
struct View {
    /// The commit whose numbers were last put into scratch, for its parts that are not numbers.
    last: Option<Arc<Commit>>,
    /// The reason of the next commit.
    cause: Option<Box<str>>,
    subscriptions: BTreeMap<u64, Subscription>,
}

impl OpenAtom {
    pub(crate) fn new(hold: AtomHold) -> Self {
        Self { hold, view: View::default() }
    }

    /// Returns the commit whose numbers were last put into scratch.
    pub(crate) fn last(&self) -> Option<&Commit> {
        self.view.last.as_deref()
    }

    pub(crate) fn cell(&self) -> Option<&Arc<AtomCell>> {
        let SharedAtom::Atom(cell) = self.hold.shared() else { return None };
        Some(cell)
    }

    pub(crate) fn count(&self) -> Option<&Count> {
        let (SharedAtom::Counter(count) | SharedAtom::Flag(count)) = self.hold.shared() else {
            return None;
        };
        Some(count)
    }
}

lane_constants! { RESULTS {
    /// `sharedSetNumber` and `sharedSetText`: another thread committed first; the current commit is in scratch.
    const CONFLICT: f64 = -2.0;
} }

lane_record! {
    /// A commit of a shared atom.
    struct Shown => SHOWN {
        version: f64,
        /// Set when the value is text: see `sharedText`.
        is_text: Flag,
        /// The value, otherwise.
        number: f64,
        /// When, in wall time.
        wall: f64,
        /// When, in the committer's monotonic time.
        mono: f64,
        /// Set when there is a cause: see `sharedCause`.
        has_cause: Flag,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "atom",
    doc: "The numbers in which JavaScript and atoms speak.",
    parts: &[RESULTS, &[SHOWN], local::PARTS[0], local::PARTS[1]],
};

pub(crate) const MODULE: Module = hot_lane! {
    Atoms;
    /// Returns the current version, or -1 for nothing open. Scratch: `Shown`.
    "sharedRead"(atom) => read;
    /// Commits a number over a version. Returns the new version, or `CONFLICT` with `Shown` of the current commit in
    /// scratch.
    "sharedSetNumber"(atom, expected, value, wall, mono) => set_number;
    /// Commits text, like `sharedSetNumber`.
    "sharedSetText"(str value, atom, expected, wall, mono) => set_text;
    /// Says why, for the next attempt to commit.
    "sharedCause"(str cause, atom) => set_cause;
    /// Subscribes the environment's inbox under a token. Returns the version since when, with `Shown` in scratch.
    "sharedWatch"(atom, token, newest_only) => watch;
    /// Ends the subscription of a token.
    "sharedUnwatch"(atom, token) => unwatch;
    /// Returns the version of the next commit of a subscription, with `Shown` in scratch, or -1.
    "sharedNext"(atom, token) => take_next;
    /// Lets go of an atom, counter or flag; a stale handle does nothing.
    "sharedClose"(shared) => close;
    /// Returns the number of names in use in the whole process.
    "sharedCount"() => count_names;
    /// Returns a number that no other call in the process gets: the name of a private namespace.
    "sharedNamespace"() => namespace;
};

/// Shows a commit to JavaScript; its version.
fn show(environment: &Local<Atoms>, view: &mut View, commit: Arc<Commit>) -> f64 {
    let (is_text, number) = match commit.value {
        AtomValue::Number(number) => (false, number),
        AtomValue::Text(_) => (true, 0.0),
    };
    let version = commit.version as f64;
    let At { wall, mono } = commit.at;
    let (is_text, has_cause) = (is_text.into(), commit.cause.is_some().into());
    environment.write(Shown { version, is_text, number, wall, mono, has_cause });
    view.last = Some(commit);
    version
}

fn read(environment: &Local<Atoms>, atom: f64) -> f64 {
    with_atom(environment, atom, |view, cell| show(environment, view, cell.current()))
}

fn set_number(
    environment: &Local<Atoms>,
    atom: f64,
    expected: f64,
    value: f64,
    wall: f64,
    mono: f64,
) -> f64 {
    commit(environment, atom, expected, AtomValue::Number(value), At { wall, mono })
}

fn set_text(
    environment: &Local<Atoms>,
    text: &str,
    atom: f64,
    expected: f64,
    wall: f64,
    mono: f64,
) -> f64 {
    commit(environment, atom, expected, AtomValue::Text(text.into()), At { wall, mono })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a version that JavaScript got from here; anything else conflicts"
)]
fn commit(environment: &Local<Atoms>, atom: f64, expected: f64, value: AtomValue, at: At) -> f64 {
    with_atom(environment, atom, |view, cell| {
        let next = NextCommit { value, at, cause: view.cause.take() };
        // As an integer, nonsense would become version 0.
        let expected = if expected >= 0.0 { expected as u64 } else { u64::MAX };
        match cell.compare_and_set(expected, next) {
            Ok(commit) => commit.version as f64,
            Err(Conflict(current)) => {
                show(environment, view, current);
                CONFLICT
            }
        }
    })
}

fn set_cause(environment: &Local<Atoms>, cause: &str, atom: f64) -> f64 {
    with_atom(environment, atom, |view, _| {
        view.cause = Some(cause.into());
        0.0
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a token of js/inbox.ts, a positive integer"
)]
fn watch(environment: &Local<Atoms>, atom: f64, token: f64, newest_only: f64) -> f64 {
    with_atom(environment, atom, |view, cell| {
        let token = token as u64;
        let inbox = environment.inbox.clone();
        let subscription = Subscription::new(cell, inbox, token, newest_only == 1.0);
        let since = Arc::clone(subscription.since());
        view.subscriptions.insert(token, subscription);
        show(environment, view, since)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a token of js/inbox.ts, a positive integer"
)]
fn unwatch(environment: &Local<Atoms>, atom: f64, token: f64) -> f64 {
    with_atom(environment, atom, |view, _| {
        view.subscriptions.remove(&(token as u64));
        0.0
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a token of js/inbox.ts, a positive integer"
)]
fn take_next(environment: &Local<Atoms>, atom: f64, token: f64) -> f64 {
    with_atom(environment, atom, |view, _| {
        let subscription = view.subscriptions.get_mut(&(token as u64));
        match subscription.and_then(Subscription::take) {
            Some(commit) => show(environment, view, commit),
            None => NONE,
        }
    })
}

fn close(environment: &Local<Atoms>, shared: f64) -> f64 {
    environment.table.borrow_mut().close(shared);
    0.0
}

fn count_names(_: &Local<Atoms>) -> f64 {
    STORE.len() as f64
}

fn namespace(_: &Local<Atoms>) -> f64 {
    STORE.namespace() as f64
}

fn with_atom(
    environment: &Local<Atoms>,
    atom: f64,
    body: impl FnOnce(&mut View, &Arc<AtomCell>) -> f64,
) -> f64 {
    let mut atoms = environment.table.borrow_mut();
    let Some(OpenAtom { hold, view }) = atoms.get(atom) else { return NONE };
    // By reference: all threads would meet at the count of a clone.
    let SharedAtom::Atom(cell) = hold.shared() else { return NONE };
    body(view, cell)
}
