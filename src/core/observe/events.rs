//! The events of what is observed, in a ring of fixed size.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::value::{shortened, shortened_to};

/// The longest text of an event, in characters.
const TEXT: usize = 512;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedEvent {
    /// Its number; it grows by one.
    pub seq: u64,
    /// Wall time, ms.
    pub at: f64,
    /// Its name: `started`, `terminated`, `crashed`, `restarted`, `circuit` …
    pub event: String,
    /// The kind of table that it is about.
    pub kind: String,
    /// The key of the row that it is about.
    pub key: String,
    /// The name of that.
    pub name: String,
    /// A sentence for people.
    pub text: String,
}

/// The last events. Those that it had to forget are counted by who reads too late.
#[derive(Debug)]
pub struct EventLog {
    events: VecDeque<ObservedEvent>,
    capacity: usize,
    next: u64,
    /// Events that never came in.
    lost: u64,
}

impl EventLog {
    /// Creates an empty log for so many events.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { events: VecDeque::new(), capacity: capacity.max(1), next: 0, lost: 0 }
    }

    /// Adds an event, and gives it its number. The oldest goes when there is no room.
    pub fn push(&mut self, event: &ObservedEvent) {
        let event = ObservedEvent {
            seq: self.next,
            at: event.at,
            event: shortened(&event.event).into_owned(),
            kind: shortened(&event.kind).into_owned(),
            key: shortened(&event.key).into_owned(),
            name: shortened(&event.name).into_owned(),
            text: shortened_to(&event.text, TEXT).into_owned(),
        };
        self.next += 1;
        if self.events.len() == self.capacity {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Counts events that did not reach the log.
    pub fn lose(&mut self, events: u64) {
        self.lost += events;
    }

    /// Returns the number of events that never reached the log.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns the number of the next event.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Returns the events from a number on, and how many of those the log has forgotten.
    pub fn since(&self, seq: u64) -> (impl Iterator<Item = &ObservedEvent>, u64) {
        let first = self.next - self.events.len() as u64;
        let missed = first.saturating_sub(seq);
        let skip = usize::try_from(seq.saturating_sub(first)).unwrap_or(usize::MAX);
        (self.events.iter().skip(skip), missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_last_events_and_says_how_many_a_late_reader_missed() {
        let mut log = EventLog::new(3);
        for number in 0..5 {
            log.push(&ObservedEvent { name: number.to_string(), ..ObservedEvent::default() });
        }
        let (events, missed) = log.since(1);
        assert_eq!(events.map(|event| event.seq).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(missed, 1);
        let (events, missed) = log.since(4);
        assert_eq!((events.count(), missed), (1, 0));
        assert_eq!(log.since(5).0.count(), 0);
    }

    #[test]
    fn texts_of_events_have_a_bound() {
        let mut log = EventLog::new(1);
        log.push(&ObservedEvent { text: "é".repeat(100_000), ..ObservedEvent::default() });
        let (mut events, _) = log.since(0);
        assert_eq!(events.next().map(|event| event.text.chars().count()), Some(TEXT));
    }
}
