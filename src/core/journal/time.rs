//! The time of a journal, by which entries grow old.
//!
//! It begins at the wall time of the first opening and never runs backwards. While a journal is open it follows the
//! monotonic clocks of its users, so it takes no part in jumps of the wall clock. While it is closed only wall time is
//! known: what that moved forward since it was last heard of counts, and what it moved back does not.
//!
//! A segment's header holds this time, and so does the mark of a clean close; both say the time of the last entry
//! before. After a crash the time of later entries is made out from their clocks: between two of them, the smaller of
//! what the wall clock and the monotonic clock say.

use super::format::{Header, Record};

/// The readings of the clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClockReadings {
    /// Wall ms of the last reading.
    pub wall: f64,
    /// Monotonic ms of the same.
    pub mono: f64,
    /// The time of the journal.
    pub time: f64,
}

/// Follows the time of a journal from record to record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The time of the journal.
    pub time: f64,
    /// The last readings that callers passed in.
    heard: Option<ClockReadings>,
}

impl Pace {
    /// Creates the time at the beginning of a segment.
    pub fn new(header: &Header) -> Self {
        let time = header.created;
        let heard =
            header.begun.map(|begun| ClockReadings { wall: begun.wall, mono: begun.mono, time });
        Self { time, heard }
    }

    /// Takes in what a record says; the time of the journal then.
    pub fn hear(&mut self, record: &Record<'_>) -> f64 {
        let (wall, mut mono) = (record.wall, record.mono);
        if record.control {
            // Earlier versions wrote no times into a mark.
            let Some(mark) = record.mark() else { return self.time };
            self.time = mark.time;
            mono = f64::INFINITY;
        } else if let Some(heard) = self.heard {
            let passed = positive(wall - heard.wall);
            let ticked = mono - heard.mono;
            // Another thread's clock, or another process's, began at another time.
            self.time += if ticked >= 0.0 { passed.min(ticked) } else { passed };
        }
        self.heard = Some(ClockReadings { wall, mono, time: self.time });
        self.time
    }

    /// Moves the estimate by so much, which was early.
    pub fn shift(&mut self, ms: f64) {
        self.time += ms;
        if let Some(heard) = &mut self.heard {
            heard.time += ms;
        }
    }

    /// Goes on with what a later segment says, which knows better.
    pub fn follow(&mut self, later: &Self) {
        if later.heard.is_some() {
            *self = *later;
        } else {
            self.time = self.time.max(later.time);
        }
    }

    /// Returns the time of the journal when it is opened again.
    pub fn resume(&self, wall: f64) -> f64 {
        let since = |heard: ClockReadings| heard.time + positive(wall - heard.wall);
        self.heard.map_or(self.time, |heard| since(heard).max(self.time))
    }
}

/// Returns the time that passed; 0 for a clock that was set back.
fn positive(passed: f64) -> f64 {
    if passed.is_finite() { passed.max(0.0) } else { 0.0 }
}
