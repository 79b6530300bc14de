//! The timer structures against a sorted list.

use proptest::prelude::*;

use super::{Controlled, ControlledStep, TimerId, Timers, Track};

#[derive(Debug, Clone)]
enum Op {
    Mono(f64),
    Wall(f64),
    Cancel(usize),
    Advance(f64),
    Jump(f64),
}

fn op() -> impl Strategy<Value = Op> {
    // Quarter milliseconds make ties common and fractions exact.
    let time = |range: std::ops::Range<i32>| range.prop_map(|quarters| f64::from(quarters) / 4.0);
    prop_oneof![
        4 => time(0..4_000).prop_map(Op::Mono),
        2 => time(-400..4_000).prop_map(Op::Wall),
        2 => any::<usize>().prop_map(Op::Cancel),
        2 => time(0..2_000).prop_map(Op::Advance),
        1 => time(-2_000..2_000).prop_map(Op::Jump),
    ]
}

/// The specification: a list, searched in full each time.
#[derive(Default)]
struct Model {
    pending: Vec<(Track, f64, TimerId)>,
    mono: f64,
    wall: f64,
}

impl Model {
    fn due(&self, (track, deadline, _): (Track, f64, TimerId)) -> f64 {
        match track {
            Track::Mono => deadline,
            Track::Wall => deadline - (self.wall - self.mono),
        }
    }

    /// Fires the due timers, earliest first; `min_by` keeps the first inserted of equals.
    fn advance(&mut self, target: f64) -> Vec<(TimerId, f64)> {
        let mut fired = Vec::new();
        loop {
            let first = (0..self.pending.len())
                .filter(|&index| self.due(self.pending[index]) <= target)
                .min_by(|&a, &b| self.due(self.pending[a]).total_cmp(&self.due(self.pending[b])));
            let Some(index) = first else { break };
            let at = self.due(self.pending[index]).max(self.mono);
            self.wall += at - self.mono;
            self.mono = at;
            fired.push((self.pending.remove(index).2, at));
        }
        self.wall += (target - self.mono).max(0.0);
        self.mono = self.mono.max(target);
        fired
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_controlled_clock_is_a_sorted_list(ops in prop::collection::vec(op(), 1..120)) {
        let mut clock = Controlled::new(0.0, 10_000);
        let mut model = Model::default();
        for op in ops {
            match op {
                Op::Mono(delay) => {
                    let id = clock.after(delay);
                    model.pending.push((Track::Mono, model.mono + delay, id));
                }
                Op::Wall(delay) => {
                    let target = model.wall + delay;
                    let id = clock.at_wall(target);
                    model.pending.push((Track::Wall, target, id));
                }
                Op::Cancel(pick) if !model.pending.is_empty() => {
                    let (.., id) = model.pending.remove(pick % model.pending.len());
                    prop_assert!(clock.cancel(id));
                    prop_assert!(!clock.cancel(id));
                }
                Op::Cancel(_) => {}
                Op::Jump(by) => {
                    model.wall += by;
                    clock.jump_wall(model.wall);
                }
                Op::Advance(by) => {
                    let target = model.mono + by;
                    let expected = model.advance(target);
                    let mut fired = Vec::new();
                    while let ControlledStep::Fired(due) = clock.step(target) {
                        fired.push((due.id, clock.mono()));
                    }
                    prop_assert_eq!(fired, expected);
                }
            }
            prop_assert_eq!(clock.mono(), model.mono);
            prop_assert_eq!(clock.wall(), model.wall);
            prop_assert_eq!(clock.timers().len(), model.pending.len());
        }
    }

    #[test]
    fn arbitrary_floats_fire_in_order(delays in prop::collection::vec(0.0_f64..1e12, 1..400)) {
        let mut timers = Timers::default();
        for &delay in &delays {
            timers.schedule(Track::Mono, delay, 0.0);
        }
        let mut sorted: Vec<_> = delays.iter().copied().enumerate().collect();
        sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(f64::MAX, 0.0))
            .map(|due| (due.id.slot as usize, due.at))
            .collect();
        prop_assert_eq!(fired, sorted);
    }
}

#[test]
fn cancelled_timers_are_gone() {
    let mut timers = Timers::default();
    for round in 0..100_000_u32 {
        let id = timers.schedule(Track::Mono, f64::from(round) + 1e6, 0.0);
        assert!(timers.cancel(id));
    }
    assert!(timers.is_empty());
    assert!(timers.held() <= 65, "{} entries held", timers.held());
}

#[test]
fn a_year_is_a_year() {
    let year = 365.0 * 86_400_000.0;
    let mut clock = Controlled::new(0.0, 10);
    clock.after(year);
    assert_eq!(clock.step(year - 0.5), ControlledStep::Arrived);
    assert!(matches!(clock.step(year), ControlledStep::Fired(due) if due.at == year));
}

#[test]
fn a_forward_wall_jump_makes_wall_deadlines_due_and_a_backward_one_delays_them() {
    let mut clock = Controlled::new(0.0, 10);
    let id = clock.at_wall(1_000.0);
    clock.jump_wall(-500.0);
    assert_eq!(clock.step(1_400.0), ControlledStep::Arrived);
    clock.jump_wall(1_000.0);
    assert!(matches!(clock.step(1_400.0), ControlledStep::Fired(due) if due.id == id));
    assert_eq!(clock.mono(), 1_400.0);
}

#[test]
fn timers_that_reschedule_for_the_same_instant_are_named_and_stay() {
    let mut clock = Controlled::new(0.0, 100);
    clock.after(5.0);
    let mut steps = 0;
    let looping = loop {
        match clock.step(10.0) {
            ControlledStep::Fired(_) => {
                steps += 1;
                clock.after(0.0);
            }
            ControlledStep::Looping(id) => break id,
            ControlledStep::Arrived => panic!("arrived"),
        }
    };
    assert_eq!(steps, 101);
    assert!(clock.cancel(looping));
    assert_eq!(clock.step(10.0), ControlledStep::Arrived);
}

#[test]
fn packed_ids_survive_a_javascript_number() {
    let id = TimerId { slot: u32::MAX, generation: (1 << 21) - 1 };
    assert!(id.pack() < 9_007_199_254_740_992.0);
    assert_eq!(TimerId::unpack(id.pack()), id);
    let mut timers = Timers::default();
    let first = timers.schedule(Track::Mono, 1.0, 0.0);
    assert_eq!(first.pack(), 0.0);
    for nonsense in [f64::NAN, -1.0, 1e300, f64::INFINITY, 4_294_967_296.0, 1.0] {
        assert!(!timers.cancel(TimerId::unpack(nonsense)), "{nonsense}");
    }
    assert!(timers.cancel(TimerId::unpack(0.0)));
    assert!(!timers.cancel(TimerId::unpack(0.0)));
}

#[test]
fn many_timers_of_one_instant_are_no_loop_and_moving_time_ends_a_chain() {
    let mut clock = Controlled::new(0.0, 100);
    for _ in 0..5_000 {
        clock.after(0.0);
    }
    let mut fired = 0;
    while let ControlledStep::Fired(_) = clock.step(0.0) {
        fired += 1;
    }
    assert_eq!(fired, 5_000);
    for round in 1..=500 {
        clock.after(0.0);
        assert!(matches!(clock.step(f64::from(round)), ControlledStep::Fired(_)));
        assert_eq!(clock.step(f64::from(round)), ControlledStep::Arrived);
    }
}

#[test]
fn a_wall_deadline_is_met_at_its_wall_time_whatever_the_rounding() {
    for tenths in 1..200 {
        let mut clock = Controlled::new(0.0, 10);
        clock.jump_wall(1.7e12 + 0.3);
        let by = f64::from(tenths) / 10.0;
        clock.at_wall(clock.wall() + by);
        assert!(matches!(clock.step(by), ControlledStep::Fired(_)), "{by}");
        assert_eq!(clock.step(by), ControlledStep::Arrived);
    }
}

#[test]
fn a_slot_is_retired_before_its_ids_repeat() {
    let mut timers = Timers::default();
    let first = timers.schedule(Track::Mono, 1e12, 0.0);
    timers.cancel(first);
    for _ in 0..(1 << 20) {
        let id = timers.schedule(Track::Mono, 1.0, 0.0);
        assert_ne!(id, first);
        timers.cancel(id);
    }
    assert!(!timers.cancel(first));
}
