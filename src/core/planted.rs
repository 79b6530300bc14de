//! Faults that tests plant on purpose: a simulation must find each of them.
//!
//! Only the feature `test-hooks` has them. Without it [`is_planted`] is a constant, and the compiler leaves out what
//! stands behind it.

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PlantedFault {
    /// A message that comes while a handler of its process takes longer does not wake the process when it ends.
    LostWakeUp = 0,
    /// A child that waits for its restart is started again although it was stopped meanwhile.
    RestartAfterStop = 1,
    /// A monitor of a process that runs `terminate` is never told of its end.
    LostDown = 2,
    /// A timer that is due, and that the timer before it cancels, fires all the same.
    CancelledTimerFires = 3,
    /// A handler whose call timed out still counts as waiting for it.
    EndlessWait = 4,
}

#[cfg(feature = "test-hooks")]
mod switch {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::PlantedFault;

    static PLANTED: AtomicU32 = AtomicU32::new(0);

    /// Plants the faults of these bits, and no others.
    pub fn plant(faults: u32) {
        PLANTED.store(faults, Ordering::Relaxed);
    }

    /// Returns whether a fault is planted.
    pub(crate) fn is_planted(fault: PlantedFault) -> bool {
        PLANTED.load(Ordering::Relaxed) >> fault as u32 & 1 == 1
    }
}

#[cfg(feature = "test-hooks")]
pub(crate) use switch::is_planted;
#[cfg(feature = "test-hooks")]
pub use switch::plant;

/// Returns whether a fault is planted: never.
#[cfg(not(feature = "test-hooks"))]
pub(crate) const fn is_planted(_: PlantedFault) -> bool {
    false
}
