//! Everything that belongs to one JavaScript environment. Nothing in it outlives the environment or is seen by another.

use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

use napi::sys;

use super::observation::{Entry, Observation, Observer};
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
    observation: Observation<Self>,
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.observation.close();
    }
}

/// A module's own table in one environment, with everything that modules share: the data of its hot functions.
pub(crate) struct Local<T> {
    pub(crate) table: Table<T>,
}

impl<T> Deref for Local<T> {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        self.table.environment()
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
            observation: Observation::default(),
        }
    }

    /// Returns the table of this type, empty when it is asked for first.
    pub(crate) fn local<T: Default + 'static>(&self) -> &Local<T> {
        let _entry = self.observation.enter();
        if let Some(local) = self.known() {
            return local;
        }
        let local = Box::new(Local {
            table: Table { cell: RefCell::default(), environment: NonNull::from(self) },
        });
        let place = NonNull::from(&*local);
        self.locals.borrow_mut().push(local);
        // SAFETY: a box stays in place when the list grows, and lives as long as the environment.
        unsafe { place.as_ref() }
    }

    /// Returns the table of this type, if a call has used it. On another thread, only under the lock.
    fn known<T: 'static>(&self) -> Option<&Local<T>> {
        let locals = self.locals.borrow();
        let place =
            locals.iter().find_map(|local| local.downcast_ref::<Local<T>>()).map(NonNull::from)?;
        // SAFETY: as for `local`.
        Some(unsafe { place.as_ref() })
    }

    /// Lets other threads read the tables from now on. Each call needs one of `end_observation`.
    pub(crate) fn begin_observation(&self) -> TableReader {
        TableReader(self.observation.begin(self))
    }

    /// Undoes one `begin_observation`.
    pub(crate) fn end_observation(&self) {
        self.observation.end();
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

/// A table of an environment: a `RefCell` behind the environment's lock.
pub(crate) struct Table<T> {
    cell: RefCell<T>,
    environment: NonNull<Environment>,
}

impl<T> Table<T> {
    fn environment(&self) -> &Environment {
        // SAFETY: the environment owns the table, which is dropped with it and never before.
        unsafe { self.environment.as_ref() }
    }

    /// Borrows the table.
    #[inline]
    pub(crate) fn borrow_mut(&self) -> TableMut<'_, T> {
        let entry = self.environment().observation.enter();
        TableMut { table: self.cell.borrow_mut(), _entry: entry }
    }
}

/// A borrowed table. The borrow ends before the lock is released.
pub(crate) struct TableMut<'env, T> {
    table: RefMut<'env, T>,
    _entry: Entry<'env, Environment>,
}

impl<T> Deref for TableMut<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.table
    }
}

impl<T> DerefMut for TableMut<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.table
    }
}

/// Reads the tables of an environment from any thread.
#[derive(Clone)]
pub(crate) struct TableReader(Observer<Environment>);

impl TableReader {
    /// Reads tables, all at one instant. Returns `None` when the environment has ended or is not observed any more.
    pub(crate) fn read<R>(&self, body: impl FnOnce(&Tables<'_>) -> R) -> Option<R> {
        self.0.read(|environment| body(&Tables(environment)))
    }
}

/// The tables of an environment, on a thread that holds its lock.
///
/// A reader must not clone an `Rc` of a table, and must not touch JavaScript's values or memory.
pub(crate) struct Tables<'env>(&'env Environment);

impl Tables<'_> {
    /// Reads a table. Returns `None` when the environment has none of this type.
    pub(crate) fn with<T: 'static, R>(&self, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        // The reader has the lock, which is not the owner's to enter here.
        Some(body(&mut self.0.known::<T>()?.table.cell.borrow_mut()))
    }
}
