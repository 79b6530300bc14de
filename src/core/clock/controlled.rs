//! A clock that moves only when its owner moves it.

use super::timers::{Due, TimerId, Timers, Track};

/// The result of one step of a controlled clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ControlledStep {
    /// A timer fired and both tracks stand at its due time.
    Fired(Due),
    /// Nothing more is due; the clock stands at the target.
    Arrived,
    /// This timer ends a chain of `loop_limit` timers, each scheduled by the one before for the instant in which
    /// it ran (or one of very many such timers): time would never move on. It stays pending.
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
    instant: Instant,
}

/// The wave of the instant, counted while time does not move.
#[derive(Debug, Default)]
struct Instant {
    /// Fired timers that were scheduled for the instant of their scheduling.
    fired: u64,
    /// The depth of their chain: the timers of a wave were scheduled by the wave before.
    waves: u32,
    /// The insertion order at which the next wave begins.
    wave_ends: u64,
}

/// Timers of one instant, for each of `loop_limit`, beyond which even a shallow chain counts as a loop.
const WIDTH: u64 = 100;

impl Controlled {
    /// Creates a clock whose tracks both stand at `initial` milliseconds.
    pub fn new(initial: f64, loop_limit: u32) -> Self {
        Self {
            mono: initial,
            wall: initial,
            timers: Timers::default(),
            loop_limit,
            instant: Instant::default(),
        }
    }

    /// Returns monotonic time.
    pub fn mono(&self) -> f64 {
        self.mono
    }

    /// Returns wall time.
    pub fn wall(&self) -> f64 {
        self.wall
    }

    /// Returns the pending timers.
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

    /// Cancels a timer. Returns whether it was pending.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        self.timers.cancel(id)
    }

    /// Returns when the next timer is due in monotonic time, never before now.
    pub fn next_due(&mut self) -> Option<f64> {
        let offset = self.offset();
        let mono = self.mono;
        self.timers.next_due(offset).map(|at| at.max(mono))
    }

    /// Moves to the first timer due at or before `target` and fires it, or else to the target itself. A target
    /// in the past fires only what is overdue.
    pub fn step(&mut self, target: f64) -> ControlledStep {
        let offset = self.offset();
        let target = target.max(self.mono);
        let limit = self.loop_limit;
        if (self.instant.waves >= limit || self.instant.fired >= WIDTH * u64::from(limit))
            && let Some(id) = self.timers.first_due_now(self.mono, offset)
        {
            self.instant = Instant::default();
            return ControlledStep::Looping(id);
        }
        let Some(fired) = self.timers.pop_due(target, offset) else {
            self.move_to(target);
            return ControlledStep::Arrived;
        };
        match fired.immediate {
            Some(order) if fired.at <= self.mono => {
                self.instant.fired += 1;
                if order >= self.instant.wave_ends {
                    self.instant.waves += 1;
                    self.instant.wave_ends = self.timers.inserted();
                }
            }
            _ => self.instant = Instant::default(),
        }
        self.move_to(fired.at);
        // A wall deadline that is reached is reached exactly: no rounding of the offset may show.
        if let Some(wall) = fired.wall.filter(|wall| (wall - self.wall).abs() < 1e-3) {
            self.wall = wall;
        }
        ControlledStep::Fired(fired)
    }

    /// Sets wall time without moving monotonic time. Wall deadlines that are now in the past are due at once.
    pub fn jump_wall(&mut self, wall: f64) {
        self.wall = wall;
    }

    fn offset(&self) -> f64 {
        self.wall - self.mono
    }

    /// Returns the timers of the earliest instant that has been reached, in the order of [`step`](Self::step).
    pub(super) fn due_first(&mut self) -> Vec<TimerId> {
        let offset = self.offset();
        self.timers.due_first(self.mono, offset)
    }

    /// Takes a timer as fired. Returns whether it was pending.
    pub(super) fn take(&mut self, id: TimerId) -> bool {
        self.timers.take(id)
    }

    pub(super) fn move_to(&mut self, mono: f64) {
        if mono > self.mono {
            self.wall += mono - self.mono;
            self.mono = mono;
            self.instant = Instant::default();
        }
    }
}
