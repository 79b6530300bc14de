//! Random programs: what streams hold after appends, refusals, compactions, closes and power cuts.

use std::collections::BTreeMap;

use super::compaction::compact;
use super::error::JournalError;
use super::faulty::{EIO, Faulty};
use super::format::Draft;
use super::queue::{Durability, MemberId};
use super::streams::{Condition, ID_WINDOW, StreamRange};
use super::streams_test::{close, column, draft, open, read};
use super::writer::Writer;
use crate::core::random::Random;

/// An event that should be there.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    sequence: u64,
    stream: usize,
    position: u32,
    /// The sequence of the first event of its stream.
    origin: u64,
    id: String,
    key: String,
    payload: String,
    group: u64,
}

fn pick(random: &mut Random, bound: u64) -> usize {
    usize::try_from(random.below(bound)).unwrap()
}

const NAMES: [&str; 4] = ["a", "b", "cart-1", ""];

#[derive(Default)]
struct Model {
    events: Vec<Event>,
    next: u64,
    groups: u64,
    salt: u64,
}

impl Model {
    fn version(&self, stream: usize) -> u64 {
        let last = self.events.iter().rev().find(|event| event.stream == stream);
        last.map_or(0, |event| u64::from(event.position) + 1)
    }

    fn origin(&self, stream: usize) -> u64 {
        let last = self.events.iter().rev().find(|event| event.stream == stream);
        last.map_or(0, |event| event.origin)
    }

    /// Appends a group by the rules, and checks that the journal does the same.
    fn append(&mut self, writer: &Writer, member: MemberId, random: &mut Random) {
        let count = if random.below(2) == 0 { 1 } else { pick(random, 6) + 1 };
        let (mut texts, mut conditions) = (Vec::new(), Vec::new());
        for _ in 0..count {
            self.salt += 1;
            let stream = pick(random, 4);
            let id =
                if random.below(3) == 0 { format!("i{}", random.below(40)) } else { String::new() };
            let key =
                if random.below(3) == 0 { format!("k{}", random.below(5)) } else { String::new() };
            let payload = format!("\"{} {}\"", self.salt, "x".repeat(pick(random, 400)));
            let version = self.version(stream);
            let wrong = random.below(8) == 0;
            let expected = (stream < 3 && random.below(2) == 0)
                .then(|| if wrong { random.below(9) } else { version });
            let origin = (expected.is_some() && random.below(4) == 0).then(|| {
                if random.below(3) == 0 { random.below(self.next + 1) } else { self.origin(stream) }
            });
            conditions.push(Condition { expected, origin, unique: stream < 3 && !id.is_empty() });
            texts.push((stream, id, key, payload));
        }
        let drafts: Vec<Draft<'_>> = texts
            .iter()
            .map(|(stream, id, key, payload)| Draft { key, ..draft(NAMES[*stream], id, payload) })
            .collect();
        let result = writer.append(member, Durability::Sync, &drafts, &conditions);
        let earlier: Vec<u64> = texts
            .iter()
            .zip(&conditions)
            .filter(|(_, condition)| condition.unique)
            .filter_map(|((stream, id, ..), _)| {
                let of = self.events.iter().rev().filter(|event| event.stream == *stream);
                of.take(ID_WINDOW).find(|event| event.id == *id).map(|event| event.sequence)
            })
            .collect();
        if earlier.len() == drafts.len() {
            assert_eq!(result.expect("repeated").repeated, earlier);
            return;
        }
        let mut ids: Vec<_> =
            texts.iter().filter(|text| text.0 < 3 && !text.1.is_empty()).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).any(|pair| (pair[0].0, &pair[0].1) == (pair[1].0, &pair[1].1));
        if !earlier.is_empty() || twice {
            assert!(matches!(result, Err(JournalError::Invalid { field: "options.id", .. })));
            return;
        }
        for ((stream, ..), condition) in texts.iter().zip(&conditions) {
            let (Some(expected), actual) = (condition.expected, self.version(*stream)) else {
                continue;
            };
            let origin = (actual > 0).then(|| self.origin(*stream));
            if expected != actual || (condition.origin.is_some() && condition.origin != origin) {
                let stream = NAMES[*stream].into();
                assert_eq!(result, Err(JournalError::Conflict { stream, expected, actual }));
                return;
            }
        }
        let appended = result.expect("accepted");
        assert_eq!(appended.first, self.next);
        self.groups += 1;
        for (index, (stream, id, key, payload)) in texts.into_iter().enumerate() {
            let position = u32::try_from(self.version(stream)).unwrap();
            if stream < 3 {
                assert_eq!(appended.positions[index], position);
            }
            let (sequence, group) = (self.next, self.groups);
            let origin = if position == 0 { sequence } else { self.origin(stream) };
            self.next += 1;
            self.events.push(Event { sequence, stream, position, origin, id, key, payload, group });
        }
    }

    /// Drops what a compaction by key drops.
    fn compact(&mut self) {
        let (mut last, mut last_in) = (BTreeMap::new(), BTreeMap::new());
        for event in &self.events {
            last.insert(event.key.clone(), event.sequence);
            last_in.insert(event.stream, event.sequence);
        }
        self.events.retain(|event| {
            event.key.is_empty()
                || last[&event.key] == event.sequence
                || event.stream < 3 && last_in[&event.stream] == event.sequence
        });
    }

    fn check(&self, writer: &Writer, random: &mut Random, seed: u64) {
        for (stream, stream_name) in NAMES.iter().enumerate().take(3) {
            let (from, to) = (random.below(6), random.below(40));
            let backwards = random.below(2) == 0;
            let limit = if random.below(2) == 0 { usize::MAX } else { pick(random, 5) };
            let mut expected: Vec<&Event> = self
                .events
                .iter()
                .filter(|event| event.stream == stream)
                .filter(|event| (from..to).contains(&u64::from(event.position)))
                .collect();
            if backwards {
                expected.reverse();
            }
            expected.truncate(limit);
            let range = StreamRange { from, to, backwards, limit };
            let page = read(writer, stream_name, range);
            let payloads: Vec<&str> = expected.iter().map(|event| &*event.payload).collect();
            assert_eq!(page.text, format!("[{}]", payloads.join(",")), "seed {seed} {stream_name}");
            let sequences: Vec<f64> = expected.iter().map(|event| event.sequence as f64).collect();
            assert_eq!(column(&page, 0), sequences, "seed {seed}");
            let version = writer.queue.streams().version(stream_name, (0, u64::MAX));
            assert_eq!(version, self.version(stream), "seed {seed} {stream_name}");
        }
    }
}

fn run(seed: u64) {
    let random = &mut Random::new(seed);
    let storage = Faulty::default();
    let mut model = Model::default();
    for _ in 0..3 {
        let (writer, member) = open(&storage);
        model.check(&writer, random, seed);
        for _ in 0..random.below(25) {
            match random.below(12) {
                0 => {
                    writer.queue.wait(true);
                    compact(&writer, false).expect("compacts");
                    model.compact();
                }
                1 => model.check(&writer, random, seed),
                _ => model.append(&writer, member, random),
            }
        }
        if random.below(2) == 0 {
            close((writer, member));
            continue;
        }
        // A fault in the middle of a last batch, and then the power goes.
        writer.queue.wait(true);
        let acknowledged = model.next;
        storage.fail_after(u32::try_from(random.below(8)).unwrap(), EIO, true);
        for _ in 0..random.below(6) {
            if writer.queue.progress().open {
                let drafts = [draft("a", "", "1"), draft("b", "", "2"), draft("", "", "3")];
                let count = pick(random, 3) + 1;
                let Ok(appended) = writer.append(member, Durability::Sync, &drafts[..count], &[])
                else {
                    break;
                };
                model.groups += 1;
                for (index, draft) in drafts[..count].iter().enumerate() {
                    let stream = [0, 1, 3][index];
                    let position = if stream == 3 { 0 } else { appended.positions[index] };
                    let event = Event {
                        sequence: model.next,
                        stream,
                        position,
                        origin: if position == 0 { model.next } else { model.origin(stream) },
                        id: String::new(),
                        key: String::new(),
                        payload: draft.payload.into(),
                        group: model.groups,
                    };
                    model.next += 1;
                    model.events.push(event);
                }
            }
        }
        writer.queue.leave(member);
        writer.queue.wait_ended();
        drop(writer);
        storage.crash(random);
        let (writer, member) = open(&storage);
        let next = writer.queue.progress().next;
        assert!(next >= acknowledged, "seed {seed}: {next} < {acknowledged}");
        let split =
            model.events.iter().find(|event| event.sequence >= next).map(|event| event.group);
        model.events.retain(|event| event.sequence < next);
        let last = model.events.last().map(|event| event.group);
        assert!(split.is_none() || split != last, "seed {seed}: a group was torn");
        model.next = next;
        model.check(&writer, random, seed);
        close((writer, member));
    }
}

#[test]
fn streams_hold_what_was_appended_whatever_happens() {
    let programs = std::env::var("KEELSON_PROGRAMS").ok().and_then(|text| text.parse().ok());
    for seed in 0..programs.unwrap_or(1000) {
        run(seed);
    }
}
