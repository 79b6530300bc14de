//! The only place that reads a clock of the machine.

use std::time::{Duration, Instant};

/// A time to count from.
#[derive(Debug, Clone, Copy)]
pub struct Since(Instant);

impl Since {
    /// Returns the present time.
    #[expect(
        clippy::disallowed_methods,
        reason = "the dashboard runs beside the program, on the time of the machine"
    )]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// Returns how long ago it was.
    pub fn elapsed(self) -> Duration {
        Self::now().0.duration_since(self.0)
    }
}

/// Returns the minutes that the local time is ahead of UTC.
#[cfg(unix)]
pub fn utc_offset_minutes() -> i32 {
    let mut local = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: `time` takes no pointer, `localtime_r` reads the one and fills the other; all zeros are a `tm` too.
    let local = unsafe {
        let now = libc::time(std::ptr::null_mut());
        libc::localtime_r(&raw const now, local.as_mut_ptr());
        local.assume_init()
    };
    i32::try_from(local.tm_gmtoff / 60).unwrap_or_default()
}

/// Returns zero: times are those of UTC here.
#[cfg(not(unix))]
pub fn utc_offset_minutes() -> i32 {
    0
}
