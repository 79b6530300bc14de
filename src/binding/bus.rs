//! The subscriptions of event buses: patterns and topics in, slots out.

use crate::binding::env::{Handles, Local, SCRATCH_LEN};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::bus::{Refused, SubscriptionId, Subscriptions};
use crate::protocol::{lane_constants, lane_record};

pub(crate) type Buses = Handles<Subscriptions>;

lane_constants! { RESULTS {
    /// A pattern or topic has more than `MAX_BYTES`.
    const TOO_LONG: f64 = -2.0;
    /// It has more than `MAX_SEGMENTS`.
    const TOO_MANY_SEGMENTS: f64 = -3.0;
    /// There is no room for one more subscription.
    const FULL: f64 = -4.0;
    /// Bytes of a pattern or topic, as UTF-8.
    const MAX_BYTES: usize = crate::core::bus::MAX_BYTES;
    /// Segments of a pattern or topic.
    const MAX_SEGMENTS: usize = crate::core::bus::MAX_SEGMENTS;
} }

lane_record! {
    /// The answer of `busSubscribe` beside the id.
    struct Subscribed => SUBSCRIBED {
        slot: f64,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "bus",
    doc: "The numbers in which JavaScript and the subscriptions of an event bus speak.",
    parts: &[RESULTS, &[SUBSCRIBED]],
};

pub(crate) const MODULE: Module = hot_lane! {
    Buses;
    /// Opens the subscriptions of a bus. Returns their handle.
    "busOpen"() => open;
    /// Forgets them; a stale handle does nothing.
    "busClose"(bus) => close;
    /// Adds a subscription. Returns its id, -1 for no bus, `TOO_LONG`, `TOO_MANY_SEGMENTS` or `FULL`. Scratch:
    /// `Subscribed`.
    "busSubscribe"(str pattern, bus) => subscribe;
    /// Ends a subscription. Returns 1 if there was one.
    "busUnsubscribe"(bus, id) => unsubscribe;
    /// Returns the number of subscriptions that match a topic, or an error as `busSubscribe`. Scratch: the first of
    /// their slots, in order, as many as fit.
    "busMatch"(str topic, bus) => matches;
    /// Writes slots of the last match to scratch, from an index on, as many as fit. Returns how many.
    "busFound"(bus, from) => found;
};

fn with(environment: &Local<Buses>, bus: f64, body: impl FnOnce(&mut Subscriptions) -> f64) -> f64 {
    environment.table.borrow_mut().get(bus).map_or(NONE, body)
}

fn code(refused: Refused) -> f64 {
    match refused {
        Refused::TooLong => TOO_LONG,
        Refused::TooManySegments => TOO_MANY_SEGMENTS,
        Refused::Full => FULL,
    }
}

fn open(environment: &Local<Buses>) -> f64 {
    environment.table.borrow_mut().open(Subscriptions::default())
}

fn close(environment: &Local<Buses>, bus: f64) -> f64 {
    environment.table.borrow_mut().close(bus);
    0.0
}

fn subscribe(environment: &Local<Buses>, pattern: &str, bus: f64) -> f64 {
    with(environment, bus, |bus| match bus.subscribe(pattern) {
        Ok(id) => {
            environment.write(Subscribed { slot: f64::from(id.slot()) });
            id.to_f64()
        }
        Err(refused) => code(refused),
    })
}

fn unsubscribe(environment: &Local<Buses>, bus: f64, id: f64) -> f64 {
    with(environment, bus, |bus| f64::from(u8::from(bus.unsubscribe(SubscriptionId::from_f64(id)))))
}

fn matches(environment: &Local<Buses>, topic: &str, bus: f64) -> f64 {
    with(environment, bus, |bus| match bus.matches(topic) {
        Ok(found) => {
            let count = found.len();
            write(environment, found);
            count as f64
        }
        Err(refused) => code(refused),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index, which saturates"
)]
fn found(environment: &Local<Buses>, bus: f64, from: f64) -> f64 {
    with(environment, bus, |bus| write(environment, bus.found().skip(from as usize)) as f64)
}

/// Writes slots where JavaScript reads them; how many there was room for.
fn write(environment: &Local<Buses>, slots: impl Iterator<Item = u32>) -> usize {
    let mut written = 0;
    for (cell, slot) in environment.numbers().iter().zip(slots.take(SCRATCH_LEN)) {
        cell.set(f64::from(slot));
        written += 1;
    }
    written
}
