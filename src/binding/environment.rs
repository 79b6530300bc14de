//! What belongs to one JavaScript environment; nothing in it outlives the environment or is seen by another.

use std::cell::{Cell, RefCell};

use napi::sys;

use super::actor::Actors;
use super::atom::Atoms;
use super::bell::Bell;
use super::bus::Buses;
use super::cache::Caches;
use super::cache_shared::OpenCaches;
use super::clock::Clocks;
use super::engine::Engines;
use super::journal::Journals;
use super::rate::Limiters;
use super::restart::RestartTable;
use super::shared_array::SharedArray;
use super::supervisor::Supervisors;
use super::system::Systems;
use crate::core::inbox::Inbox;
use crate::protocol::Record;

/// Numbers that a call can return beside its result.
pub(super) const SCRATCH_LEN: usize = 64;

/// The table of an environment, reached through the data pointer of each hot function.
pub(super) struct Environment {
    pub(super) actors: RefCell<Actors>,
    pub(super) caches: RefCell<Caches>,
    pub(super) shared_caches: RefCell<OpenCaches>,
    pub(super) clocks: RefCell<Clocks>,
    pub(super) supervisors: RefCell<Supervisors>,
    pub(super) systems: RefCell<Systems>,
    pub(super) engines: RefCell<Engines>,
    pub(super) atoms: RefCell<Atoms>,
    pub(super) journals: RefCell<Journals>,
    pub(super) restarts: RefCell<RestartTable>,
    pub(super) buses: RefCell<Buses>,
    pub(super) limiters: RefCell<Limiters>,
    pub(super) bell: Bell,
    /// What other threads have to tell this environment; rings `bell`.
    pub(super) inbox: Inbox,
    /// Makes the JavaScript error of a panic; null until TypeScript sets it.
    pub(super) panic_factory: Cell<sys::napi_ref>,
    /// Memory for the string of a hot call, kept from one to the next.
    pub(super) text: Cell<Vec<u8>>,
    /// Text of a batch that crosses in parts.
    pub(super) gathered: RefCell<String>,
    scratch: SharedArray,
}

impl Environment {
    pub(super) fn new(scratch: SharedArray) -> Self {
        let bell = Bell::default();
        Self {
            actors: RefCell::default(),
            caches: RefCell::default(),
            shared_caches: RefCell::default(),
            clocks: RefCell::default(),
            supervisors: RefCell::default(),
            systems: RefCell::default(),
            engines: RefCell::default(),
            atoms: RefCell::default(),
            journals: RefCell::default(),
            restarts: RefCell::default(),
            buses: RefCell::default(),
            limiters: RefCell::default(),
            inbox: Inbox::new(Box::new(bell.clone())),
            bell,
            panic_factory: Cell::new(std::ptr::null_mut()),
            text: Cell::default(),
            gathered: RefCell::default(),
            scratch,
        }
    }

    /// Writes numbers where JavaScript reads them after the call.
    pub(super) fn write<R: Record>(&self, record: R) {
        const { assert!(R::BASE + R::CELLS <= SCRATCH_LEN) };
        R::within(self.scratch.cells()).set(record);
    }

    /// Reads numbers that JavaScript wrote before the call.
    pub(super) fn read<R: Record>(&self) -> R {
        const { assert!(R::BASE + R::CELLS <= SCRATCH_LEN) };
        R::within(self.scratch.cells()).get()
    }

    /// The numbers themselves, for calls that take more of them than arguments, or give back a varying number.
    pub(super) fn numbers(&self) -> &[Cell<f64>] {
        self.scratch.cells()
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

/// Objects of one kind, addressed by a number of slot and generation; a stale one finds nothing, nor does nonsense.
pub(super) struct Handles<T> {
    entries: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

/// Bits of a handle that are the slot; the generation is above them.
const SLOT_BITS: u32 = 24;
const GENERATIONS: u32 = 1 << 28;

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Handles<T> {
    pub(super) fn open(&mut self, value: T) -> f64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push((0, None));
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^24 objects")
        });
        let (generation, entry) = &mut self.entries[slot as usize];
        *entry = Some(value);
        f64::from(*generation) * f64::from(1 << SLOT_BITS) + f64::from(slot)
    }

    pub(super) fn get(&mut self, handle: f64) -> Option<&mut T> {
        let (slot, generation) = Self::split(handle)?;
        let (current, entry) = self.entries.get_mut(slot)?;
        if *current == generation { entry.as_mut() } else { None }
    }

    pub(super) fn close(&mut self, handle: f64) {
        drop(self.take(handle));
    }

    /// Closes a handle; what it stood for.
    pub(super) fn take(&mut self, handle: f64) -> Option<T> {
        self.get(handle)?;
        let (slot, _) = Self::split(handle)?;
        let (generation, entry) = &mut self.entries[slot];
        let value = entry.take();
        *generation += 1;
        // A slot that was used up is retired, so that no handle ever names something else.
        if *generation < GENERATIONS
            && let Ok(slot) = u32::try_from(slot)
        {
            self.free.push(slot);
        }
        value
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, as checked"
    )]
    fn split(handle: f64) -> Option<(usize, u32)> {
        let limit = f64::from(GENERATIONS) * f64::from(1 << SLOT_BITS);
        if !(handle >= 0.0 && handle < limit) {
            return None;
        }
        let whole = handle as u64;
        Some(((whole & ((1 << SLOT_BITS) - 1)) as usize, (whole >> SLOT_BITS) as u32))
    }
}
