//! A clock whose owner picks which of several timers of one instant fires next: that of a simulation.

use super::controlled::Controlled;
use super::timers::TimerId;

/// A clock that a simulation moves. Unlike [`Controlled`], it leaves the order of timers open where production does.
///
/// Timers that are due at one instant and were made at different ones can fire in any order: in production their
/// deadlines differ by what the machine took. Timers that were made at the same instant fire in the order in which they
/// were made, as keelson promises.
///
/// ```
/// use keelson::core::clock::Simulated;
///
/// let mut clock = Simulated::new(0.0, 0.0);
/// let early = clock.after(10.0);
/// clock.move_to(4.0);
/// let late = clock.after(6.0);
/// let second_late = clock.after(6.0);
/// clock.move_to(10.0);
/// assert_eq!(clock.due(), [early, late]);
/// assert!(clock.fire(late));
/// assert_eq!(clock.due(), [early, second_late]);
/// ```
#[derive(Debug)]
pub struct Simulated {
    clock: Controlled,
    /// The monotonic time at which the timer of a slot was made.
    made_at: Vec<f64>,
}

impl Simulated {
    /// Creates a clock with its monotonic and its wall time.
    pub fn new(mono: f64, wall: f64) -> Self {
        let mut clock = Controlled::new(mono, u32::MAX);
        clock.jump_wall(wall);
        Self { clock, made_at: Vec::new() }
    }

    /// Returns monotonic time.
    pub fn mono(&self) -> f64 {
        self.clock.mono()
    }

    /// Returns wall time.
    pub fn wall(&self) -> f64 {
        self.clock.wall()
    }

    /// Returns the clock that holds the timers.
    pub fn controlled(&self) -> &Controlled {
        &self.clock
    }

    /// Schedules `delay` milliseconds from now on the monotonic track.
    pub fn after(&mut self, delay: f64) -> TimerId {
        let id = self.clock.after(delay);
        self.note(id)
    }

    /// Schedules for a wall time; one in the past is due at once.
    pub fn at_wall(&mut self, target: f64) -> TimerId {
        let id = self.clock.at_wall(target);
        self.note(id)
    }

    fn note(&mut self, id: TimerId) -> TimerId {
        let slot = id.slot as usize;
        let now = self.clock.mono();
        if slot >= self.made_at.len() {
            self.made_at.resize(slot + 1, now);
        }
        self.made_at[slot] = now;
        id
    }

    /// Cancels a timer. Returns whether it was pending.
    pub fn cancel(&mut self, id: TimerId) -> bool {
        self.clock.cancel(id)
    }

    /// Sets wall time without moving monotonic time. Wall deadlines that are now in the past are due at once.
    pub fn jump_wall(&mut self, wall: f64) {
        self.clock.jump_wall(wall);
    }

    /// Returns when the next timer is due in monotonic time, never before now.
    pub fn next_due(&mut self) -> Option<f64> {
        self.clock.next_due()
    }

    /// Moves both tracks, and fires nothing. A time in the past does nothing.
    pub fn move_to(&mut self, mono: f64) {
        self.clock.move_to(mono);
    }

    /// Returns the timers that are due and may fire next; the first one is that of production.
    pub fn due(&mut self) -> Vec<TimerId> {
        let mut seen: Vec<f64> = Vec::new();
        let mut due = self.clock.due_first();
        due.retain(|id| {
            let made_at = self.made_at.get(id.slot as usize).copied().unwrap_or_default();
            let is_first = !seen.contains(&made_at);
            if is_first {
                seen.push(made_at);
            }
            is_first
        });
        due
    }

    /// Takes a timer that is [`due`](Self::due). Returns whether it was pending.
    pub fn fire(&mut self, id: TimerId) -> bool {
        self.clock.take(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is picked: each timer fires once, at its time, and those that were made at one instant for one
        /// instant fire in order.
        #[test]
        fn timers_fire_at_their_times_in_an_order_that_production_could_have(
            program in prop::collection::vec((0_u32..4, 0_u32..6, any::<prop::sample::Index>()), 1..60),
        ) {
            let mut clock = Simulated::new(0.0, 1000.0);
            let mut pending: Vec<(TimerId, f64, f64)> = Vec::new();
            let (mut made, mut fired) = (0_usize, 0_usize);
            for (ahead, delay, index) in program {
                let deadline = clock.mono() + f64::from(delay);
                let id = if delay % 2 == 0 {
                    clock.after(f64::from(delay))
                } else {
                    clock.at_wall(deadline + 1000.0)
                };
                pending.push((id, deadline, clock.mono()));
                made += 1;
                for _ in 0..ahead {
                    let Some(next) = clock.next_due() else { break };
                    clock.move_to(next);
                    let due = clock.due();
                    prop_assert!(!due.is_empty());
                    let picked = due[index.index(due.len())];
                    prop_assert!(clock.fire(picked));
                    prop_assert!(!clock.fire(picked), "once");
                    let place = pending.iter().position(|(id, ..)| *id == picked).expect("pending");
                    let (_, at, made_at) = pending[place];
                    prop_assert_eq!(at, clock.mono());
                    prop_assert!(pending.iter().all(|(_, other, _)| *other >= at));
                    let earlier = &pending[..place];
                    prop_assert!(!earlier.iter().any(|(_, other, made)| *other == at && *made == made_at));
                    pending.remove(place);
                    fired += 1;
                }
            }
            prop_assert_eq!(clock.controlled().timers().len(), made - fired);
            prop_assert_eq!(clock.controlled().timers().fired(), fired as u64);
        }
    }

    #[test]
    fn a_jump_of_wall_time_makes_deadlines_due_and_leaves_the_other_track_alone() {
        let mut clock = Simulated::new(0.0, 0.0);
        let wall = clock.at_wall(3_600_000.0);
        clock.after(10.0);
        clock.jump_wall(3_600_000.0);
        assert_eq!(clock.next_due(), Some(0.0));
        assert_eq!(clock.due(), [wall]);
        assert!(clock.fire(wall));
        assert_eq!(clock.next_due(), Some(10.0));
        assert_eq!(clock.mono(), 0.0);
    }

    #[test]
    fn after_a_pause_the_earliest_timers_come_first() {
        let mut clock = Simulated::new(0.0, 0.0);
        let first = clock.after(1.0);
        let second = clock.after(2.0);
        clock.move_to(50.0);
        assert_eq!(clock.due(), [first]);
        assert!(clock.fire(first));
        assert_eq!(clock.due(), [second]);
    }
}
