//! Rate limiters: keys are slots, times milliseconds, and a verdict is six numbers in the scratch memory.

mod limiter;
mod wait;

use crate::binding::lane::{Area, Module, hot_lane};
use limiter::Limiters;

pub(crate) const PROTOCOL: Area = Area {
    name: "rate",
    doc: "The numbers in which JavaScript and a rate limiter of the core speak.",
    parts: &[
        limiter::PARTS[0],
        limiter::PARTS[1],
        limiter::PARTS[2],
        wait::PARTS[0],
        wait::PARTS[1],
    ],
};

pub(crate) const MODULE: Module = hot_lane! {
    Limiters;
    /// Opens a limiter. Returns its handle, or minus the `FieldCode` that is refused. The algorithm is an
    /// `AlgorithmCode`. Reads `PaceCells`.
    "rateOpen"(algorithm, limit, window, burst, max_keys, block, now) => limiter::open;
    /// Forgets a limiter; a stale handle does nothing.
    "rateClose"(limiter) => limiter::close;
    /// Returns 1 when a cost is there, 0 when it is not, -1 when it never is. A slot of -1 is a new key. Scratch:
    /// `VerdictCells`.
    "rateCheck"(limiter, slot, cost, now) => limiter::check;
    /// Takes a cost if it is there. Returns 1, 0, or -1 for a cost that never is. Scratch as above.
    "rateTake"(limiter, slot, cost, now) => limiter::take;
    /// Adds a key and takes a cost. Returns its slot, or -1 for a cost that never is there. Scratch as above, and
    /// `Forgotten`.
    "rateEnter"(limiter, cost, now) => limiter::enter;
    /// Adds a key. Returns its slot. Scratch: `Forgotten`.
    "rateAdd"(limiter, now) => limiter::add;
    /// Takes points, there or not. Returns 1, or 0 for no key.
    "ratePenalty"(limiter, slot, points, now) => limiter::penalty;
    /// Gives points back. Returns 1, or 0 for no key.
    "rateReward"(limiter, slot, points, now) => limiter::reward;
    /// Blocks a key for so many milliseconds; 0 ends a block. Returns 1, or 0 for no key.
    "rateBlock"(limiter, slot, time, now) => limiter::block;
    /// Forgets a key. Returns 1, or 0 for no key.
    "rateForget"(limiter, slot) => limiter::forget;
    /// Forgets idle keys, at most as many as a call can list. Returns how many. Scratch: `Swept`, and `Forgotten`.
    "rateSweep"(limiter, now) => limiter::sweep;
    /// Returns the number of keys. Scratch: `Stats`.
    "rateStats"(limiter) => limiter::stats;
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
