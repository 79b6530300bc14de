//! The subscriptions of event buses: patterns and topics in, slots out.

use super::environment::{Environment, Handles, SCRATCH_LEN};
use super::hot::{Export, NONE, hot_lane};
use crate::core::bus::{Refused, SubscriptionId, Subscriptions};

pub(super) type Buses = Handles<Subscriptions>;

pub(super) const EXPORTS: &[Export] = hot_lane! {
    /// Opens the subscriptions of a bus; their handle.
    "busOpen"() => open;
    /// Forgets them; a stale handle does nothing.
    "busClose"(bus) => close;
    /// Adds a subscription; its id, or -1 for no bus, -2 too long, -3 too many segments, -4 no room. Scratch 0: its slot.
    "busSubscribe"(str pattern, bus) => subscribe;
    /// Ends a subscription; 1 if there was one.
    "busUnsubscribe"(bus, id) => unsubscribe;
    /// How many subscriptions want a topic, or as `busSubscribe`. Scratch: the slots of the first 64, in order.
    "busMatch"(str topic, bus) => matches;
    /// Up to 64 slots of what was found last, from an index on, in scratch; how many.
    "busFound"(bus, from) => found;
};

fn with(environment: &Environment, bus: f64, body: impl FnOnce(&mut Subscriptions) -> f64) -> f64 {
    environment.buses.borrow_mut().get(bus).map_or(NONE, body)
}

fn code(refused: Refused) -> f64 {
    match refused {
        Refused::TooLong => -2.0,
        Refused::TooManySegments => -3.0,
        Refused::Full => -4.0,
    }
}

fn open(environment: &Environment) -> f64 {
    environment.buses.borrow_mut().open(Subscriptions::default())
}

fn close(environment: &Environment, bus: f64) -> f64 {
    environment.buses.borrow_mut().close(bus);
    0.0
}

fn subscribe(environment: &Environment, pattern: &str, bus: f64) -> f64 {
    with(environment, bus, |bus| match bus.subscribe(pattern) {
        Ok(id) => {
            environment.put([f64::from(id.slot())]);
            id.to_f64()
        }
        Err(refused) => code(refused),
    })
}

fn unsubscribe(environment: &Environment, bus: f64, id: f64) -> f64 {
    with(environment, bus, |bus| f64::from(u8::from(bus.unsubscribe(SubscriptionId::from_f64(id)))))
}

fn matches(environment: &Environment, topic: &str, bus: f64) -> f64 {
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
fn found(environment: &Environment, bus: f64, from: f64) -> f64 {
    with(environment, bus, |bus| write(environment, bus.found().skip(from as usize)) as f64)
}

/// Writes slots where JavaScript reads them; how many there was room for.
fn write(environment: &Environment, slots: impl Iterator<Item = u32>) -> usize {
    let mut written = 0;
    for (cell, slot) in environment.numbers().iter().zip(slots.take(SCRATCH_LEN)) {
        cell.set(f64::from(slot));
        written += 1;
    }
    written
}
