//! The sliding window against a list of all admissions.

use proptest::prelude::*;

use super::config::{Algorithm, LimiterConfig};
use super::limiter::Limiter;
use super::paced::LimiterPace;
use super::policy::RatePolicy;
use super::window::{SlidingWindow, WindowMarks};

/// Every admission: its time and its points.
#[derive(Debug, Clone, Default)]
struct Admissions(Vec<(u64, u32)>);

impl Admissions {
    /// Returns the points that were taken after `since`, up to `until`.
    fn between(&self, since: Option<u64>, until: u64) -> u64 {
        let taken = self.0.iter().filter(|(at, _)| since.is_none_or(|since| *at > since));
        taken.filter(|(at, _)| *at <= until).map(|(_, points)| u64::from(*points)).sum()
    }

    /// Gives points back, the last taken first.
    fn give(&mut self, mut points: u32) {
        while points > 0
            && let Some((_, last)) = self.0.last_mut()
        {
            let given = points.min(*last);
            *last -= given;
            points -= given;
            if *last == 0 {
                self.0.pop();
            }
        }
    }
}

/// Returns the beginning of what counts at `now`: the window, and `late` more.
fn since(now: u64, window: u64, late: u64) -> Option<u64> {
    now.checked_sub(window + late)
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    limit: u32,
    window: u64,
    exact: usize,
    parts: u64,
}

/// Runs takes of `(gap, cost)` and refunds of `(gap, -points)`; returns how many were allowed and how many were refused
/// later than an exact log would refuse them.
fn compare(shape: Shape, ops: &[(u64, i32)]) -> Result<(u32, u32), TestCaseError> {
    let Shape { limit, window, exact, parts } = shape;
    let rule = SlidingWindow::with_parts(limit, window, exact, parts);
    let (mut marks, mut list, mut now) = (WindowMarks::default(), Admissions::default(), 0);
    let (mut allowed, mut late) = (0, 0);
    for (gap, points) in ops {
        now += gap;
        let cost = points.unsigned_abs().clamp(1, limit);
        if *points < 0 {
            // Only what counts is given back: an exact list gives back what left the window too.
            let counted = u64::from(limit - rule.test(&mut marks, now, 1).remaining.min(limit));
            let cost = cost.min(u32::try_from(counted).expect("at most the limit"));
            rule.refund(&mut marks, now, cost);
            list.give(cost);
            continue;
        }
        let verdict = rule.test(&mut marks, now, cost);
        let exactly = list.between(since(now, window, 0), now);
        let at_latest = list.between(since(now, window, window / parts), now);
        let used = u64::from(verdict.used);
        prop_assert!(exactly <= used && used <= at_latest, "{exactly} {used} {at_latest} at {now}");
        prop_assert_eq!(verdict.used + verdict.remaining, limit);
        prop_assert_eq!(verdict.allowed, cost <= verdict.remaining);
        if verdict.allowed {
            prop_assert_eq!(verdict.retry_us, 0);
            rule.consume(&mut marks, now, cost);
            list.0.push((now, cost));
            prop_assert!(list.between(since(now, window, 0), now) <= u64::from(limit));
            allowed += 1;
        } else {
            // A refused cost would have been refused by the exact log, a part of the window earlier.
            prop_assert!(at_latest + u64::from(cost) > u64::from(limit));
            late += u32::from(exactly + u64::from(cost) <= u64::from(limit));
            let retry = verdict.retry_us;
            let then = |wait: u64| rule.test(&mut marks.clone(), now + wait, cost).allowed;
            prop_assert!(then(retry) && !then(retry - 1), "{verdict:?}");
        }
        let reset = rule.test(&mut marks, now, 1).reset_us;
        prop_assert_eq!(rule.test(&mut marks.clone(), now + reset, 1).remaining, limit);
        prop_assert!(
            reset == 0 || rule.test(&mut marks.clone(), now + reset - 1, 1).remaining < limit
        );
        let most = exact.max(usize::try_from(parts).expect("few") + 1);
        prop_assert!(SlidingWindow::heap_bytes(&marks) <= 16 * 2 * most.next_power_of_two());
    }
    Ok((allowed, late))
}

fn small() -> impl Strategy<Value = Shape> {
    (1..40_u32, 1..200_u64, 1..6_usize, 1..9_u64).prop_map(|(limit, window, exact, parts)| Shape {
        limit,
        window,
        exact,
        parts,
    })
}

fn ops(gap: u64, most: usize) -> impl Strategy<Value = Vec<(u64, i32)>> {
    let gap = prop_oneof![4 => 0..gap, 1 => 0..gap * 20, 1 => Just(0_u64)];
    let points = prop_oneof![6 => Just(1), 2 => 1..12, 1 => -12..0];
    prop::collection::vec((gap, points), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Checks with few marks and parts, so that edges are met often.
    #[test]
    fn rate_window_decides_as_a_list_of_admissions(shape in small(), ops in ops(12, 120)) {
        compare(shape, &ops)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Checks the sizes that users get: 128 marks, and 64 parts.
    #[test]
    fn rate_window_of_any_size_decides_as_a_list_of_admissions(
        limit in 100..1000_u32,
        window in 1..100_000_u64,
        ops in ops(200, 700),
    ) {
        compare(Shape { limit, window, exact: 128, parts: 64 }, &ops)?;
    }
}

#[test]
fn rate_window_is_exact_up_to_128_moments_and_late_beyond() {
    let shape = Shape { limit: 1000, window: 64_000, exact: 128, parts: 64 };
    let steady = |count: usize| vec![(10, 7); count];
    let (allowed, late) = compare(shape, &steady(128)).expect("agrees");
    assert_eq!((allowed, late), (128, 0));
    let (allowed, late) = compare(shape, &steady(20_000)).expect("agrees");
    assert!(allowed > 300 && late > 0, "{allowed} {late}");
}

#[test]
fn rate_window_takes_at_most_3_kib_a_key() {
    let config = LimiterConfig {
        algorithm: Algorithm::Window,
        limit: 1_000_000_000,
        burst: 1_000_000_000,
        window_us: 1_000_000,
        max_keys: 100,
        block_us: 0,
        pace: LimiterPace::default(),
        max_waiters: 100,
    };
    let mut limiter = Limiter::new(&config, 0.0).expect("valid");
    let slots: Vec<u32> =
        (0..100).map(|_| limiter.enter(1, 0.0, &mut |_| {}).expect("a cost").0).collect();
    let mut most = 0;
    // Three windows in steps of a microsecond up to hundreds, and a pause in which every key becomes exact again.
    for step in 0..3000_u32 {
        let now = f64::from(step) * if step % 7 == 0 { 1.0 } else { 1.001 };
        for slot in &slots {
            assert!(limiter.take(*slot, 1 + step % 5, now).expect("a key").allowed);
        }
        most = most.max(limiter.stats().bytes / slots.len());
    }
    assert!(most > 1024 && most <= 3 * 1024, "{most}");
}
