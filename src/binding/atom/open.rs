//! The rare calls on a shared atom, counter or flag, and the parts of a commit that are not numbers.

use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::values::{Atoms, OpenAtom, STORE};
use crate::binding::env::Local;
use crate::binding::lane::NONE;
use crate::core::atom::{At, AtomHold, AtomKind, AtomValue, Commit, OtherKind, WORD_BYTES};

/// The atom to open, and its value if it is new.
#[napi(object)]
pub struct NativeSharedRequest {
    /// The namespace: the same name in the same one means the same atom.
    pub namespace: String,
    /// Its name in the namespace.
    pub name: String,
    /// `atom`, `counter` or `flag`.
    pub kind: String,
    /// The value as a number.
    pub number: Option<f64>,
    /// The value as text, instead.
    pub text: Option<String>,
    /// The number of commits that an atom remembers.
    pub history: u32,
    /// When, in wall time.
    pub wall: f64,
    /// When, in the thread's monotonic time.
    pub mono: f64,
}

/// The opened atom, or the reason why there is none.
#[napi(object)]
pub struct NativeSharedOpened {
    /// The handle, or -1.
    pub handle: f64,
    /// The kind of the existing atom of that name, when it is another kind.
    pub other: Option<String>,
    /// The chunk of memory in which its word lies.
    pub chunk: u32,
    /// The offset in the chunk, in bytes.
    pub offset: u32,
}

#[expect(clippy::cast_possible_truncation, reason = "TypeScript passes a safe integer")]
fn open_shared(request: NativeSharedRequest) -> std::result::Result<AtomHold, OtherKind> {
    let NativeSharedRequest { namespace, name, kind, number, text, history, wall, mono } = request;
    let number = number.unwrap_or_default();
    match kind.as_str() {
        "counter" => STORE.counter(&namespace, &name, number as i64),
        "flag" => STORE.flag(&namespace, &name, number == 1.0),
        _ => {
            let value = text.map_or(AtomValue::Number(number), |text| AtomValue::Text(text.into()));
            STORE.atom(&namespace, &name, value, At { wall, mono }, history as usize)
        }
    }
}

fn kind_name(kind: AtomKind) -> &'static str {
    match kind {
        AtomKind::Atom => "atom",
        AtomKind::Counter => "counter",
        AtomKind::Flag => "flag",
    }
}

/// Opens an atom, counter or flag of the process by its name.
#[napi(catch_unwind)]
pub fn shared_open(env: Env, request: NativeSharedRequest) -> Result<NativeSharedOpened> {
    let environment = Local::<Atoms>::of(&env)?;
    let hold = match open_shared(request) {
        Ok(hold) => hold,
        Err(OtherKind(kind)) => {
            let other = Some(kind_name(kind).to_owned());
            return Ok(NativeSharedOpened { handle: NONE, other, chunk: 0, offset: 0 });
        }
    };
    let place = hold.shared().place();
    Ok(NativeSharedOpened {
        handle: environment.table.borrow_mut().open(OpenAtom::new(hold)),
        other: None,
        chunk: place.chunk,
        offset: place.index * u32::try_from(WORD_BYTES).expect("a small number"),
    })
}

fn last<T>(env: Env, atom: f64, body: impl FnOnce(&Commit) -> Option<T>) -> Result<Option<T>> {
    let mut atoms = Local::<Atoms>::of(&env)?.table.borrow_mut();
    Ok(atoms.get(atom).and_then(|open| open.last()).and_then(body))
}

/// Returns the text of the commit that scratch was last filled from.
#[napi(catch_unwind)]
pub fn shared_text(env: Env, atom: f64) -> Result<Option<String>> {
    last(env, atom, |commit| match &commit.value {
        AtomValue::Text(text) => Some(text.to_string()),
        AtomValue::Number(_) => None,
    })
}

/// Returns the cause of the commit that scratch was last filled from.
#[napi(catch_unwind)]
pub fn shared_cause(env: Env, atom: f64) -> Result<Option<String>> {
    last(env, atom, |commit| commit.cause.as_deref().map(str::to_owned))
}

/// A commit, for calls that are rare.
#[napi(object)]
pub struct NativeCommit {
    /// Its version.
    pub version: f64,
    /// The value, when it is a number.
    pub number: Option<f64>,
    /// The value as text, otherwise.
    pub text: Option<String>,
    /// When, in wall time.
    pub wall: f64,
    /// When, in the committer's monotonic time.
    pub mono: f64,
}

/// Returns the commits that an atom remembers, oldest first.
#[napi(catch_unwind)]
pub fn shared_history(env: Env, atom: f64) -> Result<Vec<NativeCommit>> {
    let mut atoms = Local::<Atoms>::of(&env)?.table.borrow_mut();
    let history = atoms.get(atom).and_then(|open| open.cell().map(|cell| cell.history()));
    let show = |commit: Arc<Commit>| {
        let (number, text) = match &commit.value {
            AtomValue::Number(number) => (Some(*number), None),
            AtomValue::Text(text) => (None, Some(text.to_string())),
        };
        let At { wall, mono } = commit.at;
        NativeCommit { version: commit.version as f64, number, text, wall, mono }
    };
    Ok(history.unwrap_or_default().into_iter().map(show).collect())
}
