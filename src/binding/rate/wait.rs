//! Several limiters at once, and those who wait: numbers in the scratch memory.

use super::limiter::{
    FORGOTTEN_SLOTS, Limiters, OpenLimiters, VerdictCells, micros, slot_of, whole, with,
    write_verdict,
};
use crate::binding::env::{Handles, Local};
use crate::binding::lane::NONE;
use crate::core::rate::{self, Joined, Place, Verdict, WaitList, WaitOutcome};
use crate::protocol::{Code, Flag, Part, lane_constants, lane_enum, lane_record};

lane_enum! {
    /// The answer for one who wants to wait.
    pub(super) enum JoinCode, prefix "JOIN_" => JOIN {
        /// A key is unknown, or the cost can never be met.
        Never,
        /// It need not wait: its cost was taken.
        Admitted,
        /// It waits.
        Waits,
        /// It would be admitted too late. Nothing was taken.
        Late,
        /// As many wait for one of the keys as may.
        Full,
    }
}

lane_record! {
    /// What a `JoinCode` does not say.
    struct JoinedCells at VerdictCells::CELLS => JOINED {
        /// The number of one who waits.
        id: f64,
        /// Microseconds until one who is late would be admitted.
        retry: f64,
        /// A bit for each key that alone would be too late.
        late: f64,
    }
}

lane_record! {
    /// How a wait has ended, beside the number of the one who waited.
    struct EndedCells at VerdictCells::CELLS => ENDED {
        admitted: Flag,
        /// For one who was not admitted in time: microseconds until it would be.
        retry: f64,
    }
}

lane_constants! { PLACES {
    /// The places of a call: pairs of a limiter's handle and a slot.
    const PLACE_CELLS: usize = FORGOTTEN_SLOTS;
    /// The most of them.
    const MOST_PLACES: usize = 16;
} }

/// The declarations of this file.
pub(super) const PARTS: [&[Part]; 2] = [&[JOIN, JOINED, ENDED], PLACES];

/// Reads the places of a call. Anything beyond the most is left out.
fn pairs(environment: &Local<Limiters>, count: f64) -> Vec<(u64, f64)> {
    let cells = &environment.numbers()[PLACE_CELLS..];
    let pairs = (0..(whole(count) as usize).min(MOST_PLACES)).map(|index| {
        let handle = cells[2 * index].get();
        (handle_number(handle), cells[2 * index + 1].get())
    });
    pairs.collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a handle is a whole number below 2^52; nonsense saturates and finds nothing"
)]
fn handle_number(handle: f64) -> u64 {
    if handle >= 0.0 { handle as u64 } else { u64::MAX }
}

fn places(environment: &Local<Limiters>, count: f64) -> Vec<Place> {
    let place = |(limiter, slot)| Place { limiter, slot: whole(slot) };
    pairs(environment, count).into_iter().map(place).collect()
}

/// Keeps verdicts for `rateVerdict`. Returns 1 when all of them allow.
fn keep(table: &mut Limiters, verdicts: Option<Vec<Verdict>>) -> f64 {
    table.verdicts = verdicts.unwrap_or_default();
    if table.verdicts.is_empty() {
        return NONE;
    }
    f64::from(u8::from(table.verdicts.iter().all(|verdict| verdict.allowed)))
}

pub(super) fn verdict(environment: &Local<Limiters>, index: f64) -> f64 {
    let verdict = environment.table.borrow_mut().verdicts.get(whole(index) as usize).copied();
    verdict.map_or(0.0, |verdict| {
        write_verdict(environment, &verdict);
        1.0
    })
}

pub(super) fn check_all(environment: &Local<Limiters>, count: f64, cost: f64, now: f64) -> f64 {
    let places = pairs(environment, count);
    let places: Vec<_> =
        places.into_iter().map(|(limiter, slot)| (limiter, slot_of(slot))).collect();
    let table = &mut *environment.table.borrow_mut();
    let verdicts = rate::check_all(&mut table.open, &places, whole(cost), now);
    keep(table, verdicts)
}

pub(super) fn take_all(environment: &Local<Limiters>, count: f64, cost: f64, now: f64) -> f64 {
    let places = places(environment, count);
    let table = &mut *environment.table.borrow_mut();
    let verdicts = rate::take_all(&mut table.open, &places, whole(cost), now);
    keep(table, verdicts)
}

pub(super) fn open(environment: &Local<Limiters>) -> f64 {
    environment.table.borrow_mut().lists.open(WaitList::default())
}

pub(super) fn close(environment: &Local<Limiters>, list: f64) -> f64 {
    environment.table.borrow_mut().lists.close(list);
    0.0
}

fn with_list<T>(
    environment: &Local<Limiters>,
    list: f64,
    body: impl FnOnce(&mut WaitList, &mut OpenLimiters) -> T,
) -> Option<T> {
    let table = &mut *environment.table.borrow_mut();
    let lists: &mut Handles<WaitList> = &mut table.lists;
    lists.get(list).map(|list| body(list, &mut table.open))
}

pub(super) fn join(
    environment: &Local<Limiters>,
    list: f64,
    count: f64,
    cost: f64,
    max_wait: f64,
    now: f64,
) -> f64 {
    let places = places(environment, count);
    let max_wait_us = if max_wait.is_finite() { micros(max_wait) } else { u64::MAX };
    let joined = with_list(environment, list, |list, table| {
        list.join(table, &places, whole(cost), max_wait_us, now)
    });
    let (code, cells) = match joined.unwrap_or(Joined::Never) {
        Joined::Admitted(verdicts) => {
            environment.table.borrow_mut().verdicts = verdicts;
            (JoinCode::Admitted, (0, 0, 0))
        }
        Joined::Waits(id) => (JoinCode::Waits, (id, 0, 0)),
        Joined::Late { retry_us, late } => (JoinCode::Late, (0, retry_us, late)),
        Joined::Full => (JoinCode::Full, (0, 0, 0)),
        Joined::Never => (JoinCode::Never, (0, 0, 0)),
    };
    let (id, retry, late) = cells;
    environment.write(JoinedCells { id: id as f64, retry: retry as f64, late: f64::from(late) });
    code.to_f64()
}

pub(super) fn cancel(environment: &Local<Limiters>, list: f64, id: f64, now: f64) -> f64 {
    let left =
        with_list(environment, list, |list, table| list.cancel(table, handle_number(id), now));
    f64::from(u8::from(left.unwrap_or(false)))
}

pub(super) fn serve(environment: &Local<Limiters>, list: f64, now: f64) -> f64 {
    let outcome = with_list(environment, list, |list, table| list.serve(table, now)).flatten();
    match outcome {
        Some(WaitOutcome::Admitted { id, verdicts }) => {
            environment.table.borrow_mut().verdicts = verdicts;
            environment.write(EndedCells { admitted: true.into(), retry: 0.0 });
            id as f64
        }
        Some(WaitOutcome::Late { id, retry_us }) => {
            environment.write(EndedCells { admitted: false.into(), retry: retry_us as f64 });
            id as f64
        }
        None => NONE,
    }
}

pub(super) fn next(environment: &Local<Limiters>, list: f64) -> f64 {
    with_list(environment, list, |list, _| list.next_in_ms()).flatten().unwrap_or(NONE)
}

pub(super) fn recheck(
    environment: &Local<Limiters>,
    list: f64,
    limiter: f64,
    slot: f64,
    now: f64,
) -> f64 {
    let place = Place { limiter: handle_number(limiter), slot: whole(slot) };
    with_list(environment, list, |list, table| list.recheck(table, place, now));
    0.0
}

pub(super) fn is_awaited(environment: &Local<Limiters>, limiter: f64, slot: f64) -> f64 {
    with(environment, limiter, |limiter| f64::from(u8::from(limiter.is_awaited(whole(slot)))))
}
