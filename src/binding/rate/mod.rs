//! Rate limiters: keys are slots, times milliseconds, and a verdict is six numbers in the scratch memory.

use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::rate::{
    Algorithm, Field, Limiter, LimiterConfig, LimiterTable, Pace, Reservoir, Verdict, WaitList,
};
use crate::protocol::{Code, Flag, Record, lane_constants, lane_enum, lane_record};

mod wait;

/// The limiters of an environment, and those who wait for them.
#[derive(Default)]
pub(crate) struct Limiters {
    open: Opened,
    lists: Handles<WaitList>,
    /// The verdicts of the last call that asked several limiters.
    verdicts: Vec<Verdict>,
}

/// The limiters, by their handles.
#[derive(Default)]
struct Opened(Handles<Limiter>);

impl LimiterTable for Opened {
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
    struct VerdictCells => VERDICT {
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
    const FORGOTTEN_SLOTS: usize = Forgotten::BASE + Forgotten::CELLS;
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

pub(crate) const PROTOCOL: Area = Area {
    name: "rate",
    doc: "The numbers in which JavaScript and a rate limiter of the core speak.",
    parts: &[
        &[ALGORITHM, FIELD, VERDICT, FORGOTTEN],
        SIZES,
        &[SWEPT, STATS, PACE],
        wait::PARTS[0],
        wait::PARTS[1],
    ],
};

pub(crate) const MODULE: Module = hot_lane! {
    Limiters;
    /// Opens a limiter. Returns its handle, or minus the `FieldCode` that is refused. The algorithm is an
    /// `AlgorithmCode`. Reads `PaceCells`.
    "rateOpen"(algorithm, limit, window, burst, max_keys, block, now) => open;
    /// Forgets a limiter; a stale handle does nothing.
    "rateClose"(limiter) => close;
    /// Returns 1 when a cost is there, 0 when it is not, -1 when it never is. A slot of -1 is a new key. Scratch:
    /// `VerdictCells`.
    "rateCheck"(limiter, slot, cost, now) => check;
    /// Takes a cost if it is there. Returns 1, 0, or -1 for a cost that never is. Scratch as above.
    "rateTake"(limiter, slot, cost, now) => take;
    /// Adds a key and takes a cost. Returns its slot, or -1 for a cost that never is there. Scratch as above, and
    /// `Forgotten`.
    "rateEnter"(limiter, cost, now) => enter;
    /// Adds a key. Returns its slot. Scratch: `Forgotten`.
    "rateAdd"(limiter, now) => add;
    /// Takes points, there or not. Returns 1, or 0 for no key.
    "ratePenalty"(limiter, slot, points, now) => penalty;
    /// Gives points back. Returns 1, or 0 for no key.
    "rateReward"(limiter, slot, points, now) => reward;
    /// Blocks a key for so many milliseconds; 0 ends a block. Returns 1, or 0 for no key.
    "rateBlock"(limiter, slot, time, now) => block;
    /// Forgets a key. Returns 1, or 0 for no key.
    "rateForget"(limiter, slot) => forget;
    /// Forgets idle keys, at most as many as a call can list. Returns how many. Scratch: `Swept`, and `Forgotten`.
    "rateSweep"(limiter, now) => sweep;
    /// Returns the number of keys. Scratch: `Stats`.
    "rateStats"(limiter) => stats;
    /// Writes a verdict of the last call that asked several limiters, by its place there. Returns 1, or 0 for none.
    "rateVerdict"(index) => wait::verdict;
    /// Tests a cost of several keys without taking it. Returns 1, 0, or -1 for a cost that never is there. Reads
    /// `count` places from the scratch memory; a slot of -1 is a new key. Then `rateVerdict`.
    "rateCheckAll"(count, cost, now) => wait::check_all;
    /// Takes a cost of all of several keys, or of none. As above, but each key has a slot.
    "rateTakeAll"(count, cost, now) => wait::take_all;
    /// Opens a list of those who wait for limiters of one clock. Returns its handle.
    "rateWaitOpen"() => wait::open;
    /// Closes a list. Nobody waits in it any more.
    "rateWaitClose"(list) => wait::close;
    /// Takes a cost of several keys, or waits for it, at most so many ms. Reads places as above. Returns a `JoinCode`.
    /// Scratch: `JoinedCells`; after an admission `rateVerdict`.
    "rateWaitJoin"(list, count, cost, max_wait, now) => wait::join;
    /// Lets one leave. Returns 1, or 0 when it does not wait.
    "rateWaitCancel"(list, id, now) => wait::cancel;
    /// Ends one wait that ends now. Returns its number, or -1 for none: then the verdicts of keys that others wait for
    /// are exact. Scratch: `EndedCells`; after an admission `rateVerdict`.
    "rateWaitServe"(list, now) => wait::serve;
    /// Returns for how many ms from the last call no wait ends, or -1 when nobody waits.
    "rateWaitNext"(list) => wait::next;
    /// Takes into account that the quota of a key was changed.
    "rateWaitRecheck"(list, limiter, slot, now) => wait::recheck;
    /// Returns 1 when others wait for a key, else 0.
    "rateIsAwaited"(limiter, slot) => wait::is_awaited;
};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and the core refuses what is out of range"
)]
fn micros(millis: f64) -> u64 {
    (millis * 1000.0).round() as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates: no slot and no cost is as large"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

fn slot_of(slot: f64) -> Option<u32> {
    (slot >= 0.0).then(|| whole(slot))
}

fn with(
    environment: &Local<Limiters>,
    limiter: f64,
    body: impl FnOnce(&mut Limiter) -> f64,
) -> f64 {
    environment.table.borrow_mut().open.0.get(limiter).map_or(NONE, body)
}

#[expect(clippy::too_many_arguments, reason = "one number a place, as the lane has them")]
fn open(
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
        pace: Pace { min_time_us: micros(pace.min_time), reservoir },
        max_waiters: whole(pace.max_waiters),
    };
    match Limiter::new(&config, now) {
        Ok(limiter) => environment.table.borrow_mut().open.0.open(limiter),
        Err(field) => -field.to_f64(),
    }
}

fn close(environment: &Local<Limiters>, limiter: f64) -> f64 {
    environment.table.borrow_mut().open.0.close(limiter);
    0.0
}

fn write_verdict(environment: &Local<Limiters>, verdict: &Verdict) -> f64 {
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

fn check(environment: &Local<Limiters>, limiter: f64, slot: f64, cost: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        let verdict = limiter.check(slot_of(slot), whole(cost), now);
        verdict.map_or(NONE, |verdict| write_verdict(environment, &verdict))
    })
}

fn take(environment: &Local<Limiters>, limiter: f64, slot: f64, cost: f64, now: f64) -> f64 {
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

fn enter(environment: &Local<Limiters>, limiter: f64, cost: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        let entered = telling(environment, |told| limiter.enter(whole(cost), now, told));
        entered.map_or(NONE, |(slot, verdict)| {
            write_verdict(environment, &verdict);
            f64::from(slot)
        })
    })
}

fn add(environment: &Local<Limiters>, limiter: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(telling(environment, |told| limiter.add(now, told)))
    })
}

fn penalty(environment: &Local<Limiters>, limiter: f64, slot: f64, points: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(u8::from(limiter.penalty(whole(slot), whole(points), now)))
    })
}

fn reward(environment: &Local<Limiters>, limiter: f64, slot: f64, points: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(u8::from(limiter.reward(whole(slot), whole(points), now)))
    })
}

fn block(environment: &Local<Limiters>, limiter: f64, slot: f64, time: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        f64::from(u8::from(limiter.block(whole(slot), micros(time), now)))
    })
}

fn forget(environment: &Local<Limiters>, limiter: f64, slot: f64) -> f64 {
    with(environment, limiter, |limiter| f64::from(u8::from(limiter.forget(whole(slot)))))
}

fn sweep(environment: &Local<Limiters>, limiter: f64, now: f64) -> f64 {
    with(environment, limiter, |limiter| {
        let swept = telling(environment, |told| limiter.sweep(now, MOST_FORGOTTEN, told));
        environment.write(Swept { idle_in: limiter.idle_in_ms().unwrap_or(NONE) });
        swept as f64
    })
}

fn stats(environment: &Local<Limiters>, limiter: f64) -> f64 {
    with(environment, limiter, |limiter| {
        let stats = limiter.stats();
        environment
            .write(StatsCells { displaced: stats.displaced as f64, bytes: stats.bytes as f64 });
        stats.keys as f64
    })
}
