//! Local atoms: JavaScript writes its commits to shared memory, and one call carries out many of them.

use std::cell::Cell;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Handles, Local, SharedArray};
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::core::atom::{At, LIMIT, LocalAtomId, LocalAtoms, LocalChange, LocalCommit};
use crate::protocol::record::{numbers, records};
use crate::protocol::{Part, Record, lane_constants, lane_record};

/// The local atoms of one copy of the JavaScript module.
pub(crate) struct Ring {
    atoms: LocalAtoms,
    commits: SharedArray,
    /// The time of the commits that follow.
    now: At,
}

pub(crate) type Rings = Handles<Ring>;

lane_constants! { SIZES {
    /// Records of commits after which the core has to carry them out. There is room for two more.
    const COMMITS: usize = 512;
    /// In place of an atom: the version is the wall time of the commits that follow.
    const COMMIT_AT_WALL: f64 = -1.0;
    /// In place of an atom: the version is the monotonic time of the commits that follow.
    const COMMIT_AT_MONO: f64 = -2.0;
} }

lane_record! {
    /// A commit of a local atom.
    struct CommitCells => COMMIT {
        /// The atom.
        atom: f64,
        /// The version of the commit.
        version: f64,
    }
}

lane_record! {
    /// A commit in the history of a local atom.
    struct KeptCells => KEPT {
        /// Its version.
        version: f64,
        /// When, in wall time.
        wall: f64,
        /// When, in monotonic time.
        mono: f64,
    }
}

pub(crate) const PARTS: &[&[Part]] = &[SIZES, &[COMMIT, KEPT]];

pub(crate) const MODULE: Module = hot_lane! {
    Rings;
    /// Opens a local atom with its current commit and the number of commits that it keeps. Returns the atom, or -1 when
    /// no more fit.
    "localOpen"(ring, version, wall, mono, history) => open;
    /// Carries out the commits of so many records. Returns 1 if all were in order; another one has no effect.
    "localCommit"(ring, records) => commit;
    /// Carries out the commits of so many records as one transaction, all or none. Returns 1 if it did.
    "localTransact"(ring, records) => transact;
    /// Forgets all commits of an atom but the current one.
    "localForget"(ring, atom) => forget;
    /// Closes an atom; a stale handle does nothing.
    "localClose"(ring, atom) => close;
    /// Returns the number of open atoms.
    "localCount"(ring) => count;
};

fn with(environment: &Local<Rings>, ring: f64, body: impl FnOnce(&mut Ring) -> f64) -> f64 {
    environment.table.borrow_mut().get(ring).map_or(NONE, body)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a version as TypeScript has it, a safe integer from 0; nonsense saturates"
)]
fn version_of(version: f64) -> u64 {
    // Signed, as the processor converts signed integers in one instruction.
    (version as i64).clamp(0, LIMIT) as u64
}

/// Returns the commits of so many records.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count saturates, and is bounded by the memory"
)]
fn changes<'a>(
    commits: &'a SharedArray,
    now: &'a mut At,
    count: f64,
) -> impl Iterator<Item = LocalChange> + 'a {
    let commits: &[Cell<CommitCells>] = records(commits.cells());
    commits.iter().take(count as usize).filter_map(|cells| {
        let CommitCells { atom, version } = cells.get();
        if atom >= 0.0 {
            let commit = LocalCommit { version: version_of(version), at: *now };
            return Some(LocalChange { atom: LocalAtomId::from_f64(atom), commit });
        }
        if atom == COMMIT_AT_WALL {
            now.wall = version;
        } else {
            now.mono = version;
        }
        None
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a checked integer; nonsense saturates"
)]
fn open(
    environment: &Local<Rings>,
    ring: f64,
    version: f64,
    wall: f64,
    mono: f64,
    history: f64,
) -> f64 {
    let initial = LocalCommit { version: version_of(version), at: At { wall, mono } };
    with(environment, ring, |ring| {
        ring.atoms.open(initial, history as usize).map_or(NONE, LocalAtomId::to_f64)
    })
}

fn commit(environment: &Local<Rings>, ring: f64, records: f64) -> f64 {
    with(environment, ring, |Ring { atoms, commits, now }| {
        f64::from(u8::from(atoms.commit(changes(commits, now, records)).is_ok()))
    })
}

fn transact(environment: &Local<Rings>, ring: f64, records: f64) -> f64 {
    with(environment, ring, |Ring { atoms, commits, now }| {
        let changes: Vec<LocalChange> = changes(commits, now, records).collect();
        f64::from(u8::from(atoms.transact(&changes).is_ok()))
    })
}

fn forget(environment: &Local<Rings>, ring: f64, atom: f64) -> f64 {
    with(environment, ring, |ring| {
        ring.atoms.forget(LocalAtomId::from_f64(atom));
        0.0
    })
}

fn close(environment: &Local<Rings>, ring: f64, atom: f64) -> f64 {
    with(environment, ring, |ring| {
        ring.atoms.close(LocalAtomId::from_f64(atom));
        0.0
    })
}

fn count(environment: &Local<Rings>, ring: f64) -> f64 {
    with(environment, ring, |ring| ring.atoms.len() as f64)
}

/// A ring of commits, and the memory through which it is spoken to.
#[napi(object)]
pub struct NativeRing<'env> {
    /// Its handle.
    pub handle: f64,
    /// A `Commit` after the other.
    #[napi(ts_type = "Float64Array")]
    pub commits: Unknown<'env>,
}

/// Opens a ring of commits.
#[napi(catch_unwind)]
pub fn local_ring(env: &Env) -> Result<NativeRing<'_>> {
    // Two more records for a time that changes.
    let (commits, array) = SharedArray::create(env, (COMMITS + 2) * CommitCells::CELLS)?;
    let ring = Ring { atoms: LocalAtoms::default(), commits, now: At::default() };
    let handle = Local::<Rings>::of(env)?.table.borrow_mut().open(ring);
    Ok(NativeRing { handle, commits: array })
}

/// Returns the commits that a local atom keeps, oldest first: a `Kept` after the other.
#[napi(catch_unwind)]
pub fn local_history(env: Env, ring: f64, atom: f64) -> Result<Vec<f64>> {
    let mut rings = Local::<Rings>::of(&env)?.table.borrow_mut();
    let Some(ring) = rings.get(ring) else { return Ok(Vec::new()) };
    let kept = ring.atoms.history(LocalAtomId::from_f64(atom));
    Ok(numbers(kept.map(|LocalCommit { version, at: At { wall, mono } }| KeptCells {
        version: version as f64,
        wall,
        mono,
    })))
}
