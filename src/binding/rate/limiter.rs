//! The calls of one limiter.

use crate::binding::env::{Handles, Local};
use crate::binding::lane::NONE;
use crate::core::rate::{
    Algorithm, Field, Limiter, LimiterConfig, LimiterPace, LimiterTable, Reservoir, Verdict,
    WaitList,
};
use crate::protocol::{Code, Flag, Part, Record, lane_constants, lane_enum, lane_record};

/// The limiters of an environment, and those who wait for them.
#[derive(Default)]
pub(crate) struct Limiters {
    pub(super) open: OpenLimiters,
    pub(super) lists: Handles<WaitList>,
    /// The verdicts of the last call that asked several limiters.
    pub(super) verdicts: Vec<Verdict>,
}

/// The limiters, by their handles.
#[derive(Default)]
pub(crate) struct OpenLimiters(Handles<Limiter>);

impl LimiterTable for OpenLimiters {
    fn limiter(&mut self, number: u64) -> Option<&mut Limiter> {
        self.0.get(number as f64)
    }
}

lane_enum! {
    /// The algorithm that counts a quota.
    of Algorithm as AlgorithmCode, prefix "ALGORITHM_", texts ALGORITHMS => ALGORITHM {
        Window "sliding-window",
        Gcra "gcra",
        Log "sliding-log",
        Counter "sliding-counter",
    }
}

lane_enum! {
    /// The field of a configuration that is refused. It crosses as a negative number.
    of Field as FieldCode, prefix "FIELD_" => FIELD {
        Limit,
        Window,
        Burst,
        MaxKeys,
        Block,
        MinTime,
        ReservoirAmount,
        RefreshAmount,
        RefreshInterval,
        MaxWaiters,
    }
}

lane_record! {
    /// The verdict on a cost. Times are microseconds.
    pub(super) struct VerdictCells => VERDICT {
        allowed: Flag,
        /// The points that are left after it.
        remaining: f64,
        /// The points that were taken of the window.
        used: f64,
        /// The time until the cost is there.
        retry: f64,
        /// The time until the whole quota is there.
        reset: f64,
        /// The time for which the key stays blocked.
        blocked: f64,
    }
}

lane_record! {
    /// The number of keys that a call has forgotten; their slots follow.
    struct Forgotten at VerdictCells::CELLS => FORGOTTEN {
        count: f64,
    }
}

lane_constants! { SIZES {
    /// The place of the slots of keys that a call has forgotten.
    pub(super) const FORGOTTEN_SLOTS: usize = Forgotten::BASE + Forgotten::CELLS;
    /// The most of them that a call can list.
    const MOST_FORGOTTEN: usize = 48;
} }

lane_record! {
    /// The answer of a sweep, beside the number of forgotten keys.
    struct Swept => SWEPT {
        /// For how many ms no other key is idle, or -1 when there is no other.
        idle_in: f64,
    }
}

lane_record! {
    /// The content of a limiter, beside the number of its keys.
    struct StatsCells => STATS {
        /// Keys that were forgotten before they were idle.
        displaced: f64,
        bytes: f64,
        /// Costs that were taken since the limiter was made.
        admitted: f64,
        /// Costs that were asked for and not there.
        refused: f64,
    }
}

lane_record! {
    /// The options of a new limiter beside the arguments of its call. Times are milliseconds.
    struct PaceCells => PACE {
        min_time: f64,
        /// The points before the first refill; -1 for no reservoir.
        amount: f64,
        refresh_amount: f64,
        refresh_interval: f64,
        max_waiters: f64,
    }
}

/// The declarations of this file.
pub(super) const PARTS: [&[Part]; 3] =
    [&[ALGORITHM, FIELD, VERDICT, FORGOTTEN], SIZES, &[SWEPT, STATS, PACE]];

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and the core refuses what is out of range"
)]
pub(super) fn micros(millis: f64) -> u64 {
    (millis * 1000.0).round() as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates: no slot and no cost is as large"
)]
pub(super) fn whole(number: f64) -> u32 {
    number as u32
}

pub(super) fn slot_of(slot: f64) -> Option<u32> {
    (slot >= 0.0).then(|| whole(slot))
}

pub(super) fn with(
    environment: &Local<Limiters>,
    limiter: f64,
    body: impl FnOnce(&mut Limiter) -> f64,
) -> f64 {
    environment.table.borrow_mut().open.0.get(limiter).map_or(NONE, body)
}

#[expect(clippy::too_many_arguments, reason = "one number a place, as the lane has them")]
pub(super) fn open(
    environment: &Local<Limiters>,
    algorithm: f64,
    limit: f64,
    window: f64,
    burst: f64,
    max_keys: f64,
    block: f64,
    now: f64,
) -> f64 {
    let pace: PaceCells = environment.read();
    let reservoir = (pace.amount >= 0.0).then(|| Reservoir {
        amount: whole(pace.amount),
        refresh_amount: whole(pace.refresh_amount),
        refresh_us: micros(pace.refresh_interval),
    });
    let config = LimiterConfig {
        algorithm: Algorithm::from_f64(algorithm).unwrap_or(Algorithm::Window),
        limit: whole(limit),
        window_us: micros(window),
        burst: whole(burst),
        max_keys: whole(max_keys) as usize,
        block_us: micros(block),
        pace: LimiterPace { min_time_us: micros(pace.min_time), reservoir },
        max_waiters: whole(pace.max_waiters),
    };
    match Limiter::new(&config, now) {
        Ok(limiter) => environment.table.borrow_mut().open.0.open(limiter),
        Err(field) => -field.to_f64(),
    }
}

pub(super) fn close(environment: &Local<Limiters>, limiter: f64) -> f64 {
    environment.table.borrow_mut().open.0.close(limiter);
    0.0
}

pub(super) fn write_verdict(environment: &Local<Limiters>, verdict: &Verdict) -> f64 {
    environment.write(VerdictCells {
        allowed: verdict.allowed.into(),
        remaining: f64::from(verdict.remaining),
        used: f64::from(verdict.used),
        retry: verdict.retry_us as f64,
        reset: verdict.reset_us as f64,
        blocked: verdict.blocked_us as f64,
    });
    f64::from(u8::from(verdict.allowed))
}

pub(super) fn check(
    environment: &Local<Limiters>,
    limiter: f64,
    slot: f64,
    cost: f64,
    now: f64,
) -> f64 {
    with(environment, limiter, |limiter| {
        let verdict = limiter.check(slot_of(slot), whole(cost), now);
        verdict.map_or(NONE, |verdict| write_verdict(environment, &verdict))
    })
}

pub(super) fn take(
    environment: &Local<Limiters>,
    limiter: f64,
    slot: f64,
    cost: f64,
    now: f64,
) -> f64 {
    with(environment, limiter, |limiter| {
        let verdict = limiter.take(whole(slot), whole(cost), now);
        verdict.map_or(NONE, |verdict| write_verdict(environment, &verdict))
    })
}

/// Runs what may forget keys, and writes down which it forgot.
fn telling<T>(environment: &Local<Limiters>, body: impl FnOnce(&mut dyn FnMut(u32)) -> T) -> T {
    let cells = &environment.numbers()[FORGOTTEN_SLOTS..];
    let mut count = 0;
    let result = body(&mut |slot| {
        cells[count].set(f64::from(slot));
        count += 1;
    });
    environment.write(Forgotten { count: count as f64 });
    result
}

pub(super) fn enter(environment: &Local<Limiters>, limiter: f64, cost: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        let entered = telling(environment, |told| limiter.enter(whole(cost), now, told));
        entered.map_or(NONE, |(slot, verdict)| {
            write_verdict(environment, &verdict);
            f64::from(slot)
        })
    })
}

pub(super) fn add(environment: &Local<Limiters>, limiter: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(telling(environment, |told| limiter.add(now, told)))
    })
}

pub(super) fn penalty(
    environment: &Local<Limiters>,
    limiter: f64,
    slot: f64,
    points: f64,
    now: f64,
) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(u8::from(limiter.penalty(whole(slot), whole(points), now)))
    })
}

pub(super) fn reward(
    environment: &Local<Limiters>,
    limiter: f64,
    slot: f64,
    points: f64,
    now: f64,
) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(u8::from(limiter.reward(whole(slot), whole(points), now)))
    })
}

pub(super) fn block(
    environment: &Local<Limiters>,
    limiter: f64,
    slot: f64,
    time: f64,
    now: f64,
) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(u8::from(limiter.block(whole(slot), micros(time), now)))
    })
}

pub(super) fn forget(environment: &Local<Limiters>, limiter: f64, slot: f64) -> f64 {
    with(environment, limiter, |limiter| f64::from(u8::from(limiter.forget(whole(slot)))))
}

pub(super) fn sweep(environment: &Local<Limiters>, limiter: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        let swept = telling(environment, |told| limiter.sweep(now, MOST_FORGOTTEN, told));
        environment.write(Swept { idle_in: limiter.idle_in_ms().unwrap_or(NONE) });
        swept as f64
    })
}

pub(super) fn stats(environment: &Local<Limiters>, limiter: f64) -> f64 {
    with(environment, limiter, |limiter| {
        let stats = limiter.stats();
        environment.write(StatsCells {
            displaced: stats.displaced as f64,
            bytes: stats.bytes as f64,
            admitted: stats.admitted as f64,
            refused: stats.refused as f64,
        });
        stats.keys as f64
    })
}
