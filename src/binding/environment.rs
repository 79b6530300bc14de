//! What belongs to one JavaScript environment; nothing in it outlives the environment or is seen by another.

use std::cell::{Cell, RefCell};

use napi::sys;

use super::clock::Clocks;
use super::engine::Engines;
use super::system::Systems;

/// Numbers that a call can return beside its result.
pub(super) const SCRATCH_LEN: usize = 64;

/// The table of an environment, reached through the data pointer of each hot function.
pub(super) struct Environment {
    pub(super) clocks: RefCell<Clocks>,
    pub(super) systems: RefCell<Systems>,
    pub(super) engines: RefCell<Engines>,
    /// Makes the JavaScript error of a panic; null until TypeScript sets it.
    pub(super) panic_factory: Cell<sys::napi_ref>,
    scratch: Scratch,
}

impl Environment {
    pub(super) fn new(scratch: Scratch) -> Self {
        Self {
            clocks: RefCell::default(),
            systems: RefCell::default(),
            engines: RefCell::default(),
            panic_factory: Cell::new(std::ptr::null_mut()),
            scratch,
        }
    }

    /// Writes numbers where JavaScript reads them after the call.
    pub(super) fn put<const N: usize>(&self, values: [f64; N]) {
        const { assert!(N <= SCRATCH_LEN) };
        for (cell, value) in self.scratch.cells().iter().zip(values) {
            cell.set(value);
        }
    }

    /// The table of the environment in which an ordinary `#[napi]` function runs.
    pub(super) fn of(env: &napi::Env) -> napi::Result<&Self> {
        let mut data = std::ptr::null_mut();
        // SAFETY: `env` is the live environment of the call; registration set its instance data to a
        // `Box<Environment>` that is freed when the environment ends, so the reference outlives the call.
        unsafe {
            let status = sys::napi_get_instance_data(env.raw(), &raw mut data);
            debug_assert_eq!(status, sys::Status::napi_ok);
            data.cast::<Self>().as_ref()
        }
        .ok_or_else(|| napi::Error::from_reason("keelson: environment table is gone"))
    }
}

/// The memory of a `Float64Array` that JavaScript and Rust both see.
pub(super) struct Scratch(*const Cell<f64>);

impl Scratch {
    /// # Safety
    ///
    /// `memory` points to [`SCRATCH_LEN`] doubles that stay valid and in place until the environment ends, and
    /// only the environment's own thread touches them.
    pub(super) unsafe fn new(memory: *mut f64) -> Self {
        Self(memory.cast())
    }

    fn cells(&self) -> &[Cell<f64>] {
        // SAFETY: `new` requires the memory to be valid for this length while `self` lives; `Cell<f64>` has the
        // layout of `f64`, and one thread means no data race.
        unsafe { std::slice::from_raw_parts(self.0, SCRATCH_LEN) }
    }
}

/// Objects of one kind, addressed by small integers; a stale handle finds nothing.
pub(super) struct Handles<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Handles<T> {
    pub(super) fn open(&mut self, value: T) -> f64 {
        let index = self.free.pop().unwrap_or(self.entries.len());
        if index == self.entries.len() {
            self.entries.push(Some(value));
        } else {
            self.entries[index] = Some(value);
        }
        index as f64
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a handle is an index this table gave out; anything else saturates past the end"
    )]
    pub(super) fn get(&mut self, handle: f64) -> Option<&mut T> {
        self.entries.get_mut(handle as usize)?.as_mut()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as in `get`")]
    pub(super) fn close(&mut self, handle: f64) {
        if self.get(handle).is_some() {
            self.entries[handle as usize] = None;
            self.free.push(handle as usize);
        }
    }
}
