//! Takes from keys of several limiters at once: from all of them, or from none.

use super::{LimiterTable, Place};
use crate::core::rate::policy::Verdict;

/// Tests a cost on every key without taking it; a place without a slot is a new key. Returns a verdict for each, or
/// `None` when a limiter is closed or a cost can never be met.
pub fn check_all(
    table: &mut dyn LimiterTable,
    places: &[(u64, Option<u32>)],
    cost: u32,
    now_ms: f64,
) -> Option<Vec<Verdict>> {
    let check =
        |(limiter, slot): &(u64, Option<u32>)| table.limiter(*limiter)?.check(*slot, cost, now_ms);
    places.iter().map(check).collect()
}

/// Takes a cost of every key if all of them cover it, else of none. Limiters that refuse may block their key. Returns a
/// verdict for each, or `None` when a limiter is closed, a key is unknown or a cost can never be met.
pub fn take_all(
    table: &mut dyn LimiterTable,
    places: &[Place],
    cost: u32,
    now_ms: f64,
) -> Option<Vec<Verdict>> {
    let has_all = |place: &Place| {
        table.limiter(place.limiter).is_some_and(|limiter| limiter.can_meet(place.slot, cost))
    };
    if !places.iter().all(has_all) {
        return None;
    }
    let with_slots: Vec<_> = places.iter().map(|place| (place.limiter, Some(place.slot))).collect();
    let mut verdicts = check_all(table, &with_slots, cost, now_ms)?;
    let is_refused = verdicts.iter().any(|verdict| !verdict.allowed);
    for (place, verdict) in places.iter().zip(&mut verdicts) {
        // A limiter that refuses is asked as well: it may block the key.
        if !is_refused || !verdict.allowed {
            *verdict = table.limiter(place.limiter)?.take(place.slot, cost, now_ms)?;
        }
    }
    Some(verdicts)
}
