//! A clock that moves only when told to.

use super::timers::{Due, TimerId, Timers, Track};

/// What one step of a controlled clock did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// A timer fired and both tracks stand at its due time.
    Fired(Due),
    /// Nothing more is due; the clock stands at the target.
    Arrived,
    /// This timer would be one more than `loop_limit` in a row that were scheduled for the very instant in
    /// which they were scheduled: time would never move on. It stays pending.
    Looping(TimerId),
}

/// Time under control: monotonic time never goes back, wall time also jumps, and each timer fires at exactly
/// its own deadline.
///
/// The caller drives it a [`step`](Self::step) at a time and runs the callbacks between steps, so a callback
/// may schedule, cancel or advance again; what it schedules counts from the instant in which it runs.
#[derive(Debug)]
pub struct Controlled {
    mono: f64,
    wall: f64,
    timers: Timers,
    loop_limit: u32,
    same_instant: u32,
}

impl Controlled {
    /// A clock whose tracks both stand at `initial` milliseconds.
    pub fn new(initial: f64, loop_limit: u32) -> Self {
        Self {
            mono: initial,
            wall: initial,
            timers: Timers::default(),
            loop_limit,
            same_instant: 0,
        }
    }

    /// Monotonic time.
    pub fn mono(&self) -> f64 {
        self.mono
    }

    /// Wall time.
    pub fn wall(&self) -> f64 {
        self.wall
    }

    /// The pending timers.
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Schedules `delay` milliseconds from now on the monotonic track.
    pub fn after(&mut self, delay: f64) -> TimerId {
        self.timers.schedule(Track::Mono, self.mono + delay, self.mono)
    }

    /// Schedules for a wall time; one in the past is due at once.
    pub fn at_wall(&mut self, target: f64) -> TimerId {
        self.timers.schedule(Track::Wall, target, self.wall)
    }

    /// Cancels a timer; whether it was pending.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        self.timers.cancel(id)
    }

    /// When the next timer is due in monotonic time, never before now.
    pub fn next_due(&mut self) -> Option<f64> {
        let offset = self.offset();
        let mono = self.mono;
        self.timers.next_due(offset).map(|at| at.max(mono))
    }

    /// Moves to the first timer due at or before `target` and fires it, or else to the target itself. A target
    /// in the past fires only what is overdue.
    pub fn step(&mut self, target: f64) -> Step {
        let offset = self.offset();
        let target = target.max(self.mono);
        if self.same_instant >= self.loop_limit
            && let Some(id) = self.timers.first_due_now(self.mono, offset)
        {
            self.same_instant = 0;
            return Step::Looping(id);
        }
        let Some(fired) = self.timers.pop_due(target, offset) else {
            self.move_to(target);
            return Step::Arrived;
        };
        if fired.at > self.mono || !fired.immediate {
            self.same_instant = 0;
        } else {
            self.same_instant += 1;
        }
        self.move_to(fired.at);
        // A wall deadline that is reached is reached exactly: no rounding of the offset may show.
        if let Some(wall) = fired.wall.filter(|wall| (wall - self.wall).abs() < 1e-3) {
            self.wall = wall;
        }
        Step::Fired(fired)
    }

    /// Sets wall time without moving monotonic time. Wall deadlines that are now in the past are due at once.
    pub fn jump_wall(&mut self, wall: f64) {
        self.wall = wall;
    }

    fn offset(&self) -> f64 {
        self.wall - self.mono
    }

    fn move_to(&mut self, mono: f64) {
        if mono > self.mono {
            self.wall += mono - self.mono;
            self.mono = mono;
        }
    }
}
