//! Everything that belongs to one JavaScript environment. Nothing in it outlives the environment or is seen by another.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::ptr::{self, NonNull};

use napi::sys;

use super::shared_array::SharedArray;
use super::waker::Waker;
use crate::core::inbox::Inbox;
use crate::protocol::Record;

/// Numbers that a call can return beside its result.
pub(crate) const SCRATCH_LEN: usize = 64;

/// The parts of an environment that all modules share, and the tables that each of them keeps there.
pub(crate) struct Environment {
    /// A [`Local`] for each type of table that a call has used. None is removed before the environment ends.
    locals: RefCell<Vec<Box<dyn Any>>>,
    pub(crate) waker: Waker,
    /// Notifications from other threads to this environment.
    pub(crate) inbox: Inbox,
    /// Makes the JavaScript error of a panic; null until TypeScript sets it.
    pub(crate) panic_factory: Cell<sys::napi_ref>,
    /// Memory for the string of a hot call, kept from one to the next.
    pub(crate) text: Cell<Vec<u8>>,
    /// Text of a batch that crosses in parts.
    pub(crate) gathered: RefCell<String>,
    scratch: SharedArray,
}

/// A module's own table in one environment, with everything that modules share: the data of its hot functions.
pub(crate) struct Local<T> {
    pub(crate) table: RefCell<T>,
    environment: NonNull<Environment>,
}

impl<T> Deref for Local<T> {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        // SAFETY: the environment owns this value, which is dropped with it and never before.
        unsafe { self.environment.as_ref() }
    }
}

impl<T: Default + 'static> Local<T> {
    /// Returns the table of the environment in which an ordinary `#[napi]` function runs.
    pub(crate) fn of(env: &napi::Env) -> napi::Result<&Self> {
        Environment::of(env).map(Environment::local)
    }
}

impl Environment {
    pub(crate) fn new(scratch: SharedArray) -> Self {
        let waker = Waker::default();
        Self {
            locals: RefCell::default(),
            inbox: Inbox::new(Box::new(waker.clone())),
            waker,
            panic_factory: Cell::new(ptr::null_mut()),
            text: Cell::default(),
            gathered: RefCell::default(),
            scratch,
        }
    }

    /// Returns the table of this type, empty when it is asked for first.
    pub(crate) fn local<T: Default + 'static>(&self) -> &Local<T> {
        let mut locals = self.locals.borrow_mut();
        let known =
            locals.iter().find_map(|local| local.downcast_ref::<Local<T>>()).map(NonNull::from);
        let local = known.unwrap_or_else(|| {
            let local =
                Local { table: RefCell::new(T::default()), environment: NonNull::from(self) };
            let local: Box<Local<T>> = Box::new(local);
            let place = NonNull::from(&*local);
            locals.push(local);
            place
        });
        // SAFETY: a box stays in place when the list grows, and lives as long as the environment.
        unsafe { local.as_ref() }
    }

    /// Writes numbers where JavaScript reads them after the call.
    pub(crate) fn write<R: Record>(&self, record: R) {
        const { assert!(R::BASE + R::CELLS <= SCRATCH_LEN) };
        R::within(self.scratch.cells()).set(record);
    }

    /// Reads numbers that JavaScript wrote before the call.
    pub(crate) fn read<R: Record>(&self) -> R {
        const { assert!(R::BASE + R::CELLS <= SCRATCH_LEN) };
        R::within(self.scratch.cells()).get()
    }

    /// Returns the cells of the scratch memory, for calls that take more of them than arguments, or give back a varying
    /// number.
    pub(crate) fn numbers(&self) -> &[Cell<f64>] {
        self.scratch.cells()
    }

    /// Returns the environment in which an ordinary `#[napi]` function runs.
    pub(crate) fn of(env: &napi::Env) -> napi::Result<&Self> {
        let mut data = ptr::null_mut();
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
