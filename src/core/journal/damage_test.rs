//! Truncation at every byte, every single flipped bit, and bytes at random: recovered or refused, never wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::config::JournalConfig;
use super::error::JournalError;
use super::faulty::Faulty;
use super::format::{self, Draft, HEADER};
use super::fuzz;
use super::log::Log;
use super::reader::{PageLimits, Reader};
use super::segment::{SEGMENT, name};
use super::storage::Storage;
use crate::core::random::Random;

const ALL: PageLimits = PageLimits { records: usize::MAX, bytes: usize::MAX };

fn payload(sequence: u64) -> String {
    format!(
        "{{\"entry\":{sequence},\"text\":\"{}\"}}",
        "ab".repeat(usize::try_from(sequence % 9).unwrap())
    )
}

/// Returns a segment of several batches, each synced, with the next sequence and the size after each.
fn segment(batches: u64, closed: bool) -> (Vec<u8>, Vec<(u64, usize)>) {
    let storage = Faulty::default();
    let (mut log, _) =
        Log::open(Arc::new(storage.clone()), JournalConfig::default(), (1.0, 1.0)).unwrap();
    let mut ends = vec![(0, HEADER)];
    for batch in 0..batches {
        let mut bytes = Vec::new();
        let mut next = log.next();
        for _ in 0..=batch % 3 {
            let payload = payload(next);
            let id = if next.is_multiple_of(2) { "an id" } else { "" };
            let draft =
                Draft { wall: 5.0, mono: 6.0, id, key: "k", payload: &payload, ..Draft::default() };
            format::push(&mut bytes, next, &draft);
            next += 1;
        }
        log.write(&mut bytes, 5.0).unwrap();
        log.sync().unwrap();
        ends.push((next, storage.contents(&name(0, SEGMENT)).unwrap().len()));
    }
    if closed {
        log.close().unwrap();
    }
    (storage.contents(&name(0, SEGMENT)).unwrap(), ends)
}

/// Opens what is left; the sequence after the last entry, all of which are checked.
fn open(bytes: &[u8]) -> Result<u64, JournalError> {
    let storage = Faulty::default();
    storage.put(&name(0, SEGMENT), bytes);
    let opened = Log::open(Arc::new(storage.clone()), JournalConfig::default(), (1.0, 1.0));
    let (log, report) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            assert_eq!(
                storage.contents(&name(0, SEGMENT)).unwrap(),
                bytes,
                "a refusal changes nothing"
            );
            return Err(error);
        }
    };
    let page = Reader::default()
        .read((&*log.storage, &log.catalog), (0, log.next()), ALL, || Ok(()))
        .unwrap();
    let all: Vec<String> = (0..log.next()).map(payload).collect();
    assert_eq!(page.text, format!("[{}]", all.join(",")));
    assert_eq!(report.entries, log.next());
    let dropped: u64 = report.dropped.iter().map(|loss| loss.bytes).sum();
    let kept = storage.contents(&name(0, SEGMENT)).unwrap().len() as u64;
    assert_eq!(kept + dropped, bytes.len() as u64, "what was cut is told");
    Ok(log.next())
}

#[test]
fn a_segment_cut_anywhere_gives_back_what_was_whole_before() {
    let (bytes, ends) = segment(6, true);
    for length in 0..=bytes.len() {
        match open(&bytes[..length]) {
            Ok(next) => {
                let whole = ends.iter().rev().find(|&&(_, end)| end <= length).unwrap();
                assert!(next >= whole.0, "cut at {length}: {next} of {}", whole.0);
            }
            // A header is written before the file has its name, so none is ever torn.
            Err(error) => assert!(length < HEADER, "cut at {length}: {error}"),
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_or_costs_only_the_last_batch() {
    for closed in [false, true] {
        let (mut bytes, ends) = segment(5, closed);
        let last_batch = ends[ends.len() - 2];
        let end = ends[ends.len() - 1];
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            match open(&bytes) {
                Ok(next) => {
                    assert!(bit / 8 >= last_batch.1, "bit {bit} went unseen");
                    // After a close, only the mark itself can go unnoticed.
                    let least = if closed { end.0 } else { last_batch.0 };
                    assert!(next >= least, "bit {bit}: {next} of {least}");
                }
                Err(JournalError::Corrupt { segment, offset, .. }) => {
                    assert_eq!(segment, name(0, SEGMENT));
                    assert!(offset <= bit as u64 / 8, "bit {bit} is told at {offset}");
                }
                Err(error) => panic!("bit {bit}: {error}"),
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_segment_that_is_not_the_last_is_whole_or_refused() {
    let (first, ends) = segment(4, false);
    let storage = Faulty::default();
    let next = ends[ends.len() - 1].0;
    let header =
        format::Header { version: 1, base: next, created: 1.0, begun: None, compacted: None };
    for length in 0..=first.len() {
        storage.put(&name(0, SEGMENT), &first[..length]);
        storage.put(&name(next, SEGMENT), &header.encode());
        let opened = Log::open(Arc::new(storage.clone()), JournalConfig::default(), (1.0, 1.0));
        assert_eq!(opened.is_ok(), length == first.len(), "cut at {length}");
    }
}

#[test]
fn salvage_keeps_every_entry_that_is_not_damaged() {
    let (bytes, ends) = segment(6, false);
    let count = ends[ends.len() - 1].0;
    let random = &mut Random::new(7);
    for at in HEADER..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << random.below(8);
        let storage = Faulty::default();
        storage.put(&name(0, SEGMENT), &damaged);
        let config = JournalConfig { salvage: true, ..JournalConfig::default() };
        let (log, report) = Log::open(Arc::new(storage.clone()), config, (1.0, 1.0)).unwrap();
        assert_eq!(report.entries, count - 1, "byte {at}");
        assert_eq!(report.dropped.len(), 1);
        assert_eq!(log.next(), if report.dropped[0].bytes > 0 { log.next() } else { count });
        assert!(storage.names().iter().any(|name| name.ends_with(".damaged")));
    }
}

/// Changes bytes so that they still look like records: copied, cut, repeated, flipped, sometimes with valid checksums.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let pick = |random: &mut Random, bound: usize| {
        usize::try_from(random.below(bound as u64 + 1)).unwrap()
    };
    for _ in 0..=random.below(4) {
        let length = bytes.len();
        match random.below(7) {
            0 => bytes.truncate(pick(random, length)),
            1 if length > 0 => bytes[pick(random, length - 1)] ^= 1 << random.below(8),
            2 if length > 0 => {
                bytes[pick(random, length - 1)] = u8::try_from(random.below(256)).unwrap();
            }
            3 => bytes.extend_from_within(pick(random, length)..),
            4 => {
                let at = pick(random, length);
                bytes.splice(at..at, std::iter::repeat_n(0, pick(random, 100)));
            }
            5 => {
                let at = pick(random, length);
                bytes.drain(at..(at + pick(random, 60)).min(length));
            }
            _ => fix(bytes, random),
        }
    }
}

/// Changes a field of a record and makes its checksum right.
fn fix(bytes: &mut [u8], random: &mut Random) {
    let mut at = HEADER;
    while at + format::FRAME <= bytes.len() {
        let size = format::size_of_pushed(&bytes[at..]);
        if size < format::FRAME || at + size > bytes.len() {
            return;
        }
        if random.below(4) == 0 {
            let field = at + 8 + usize::try_from(random.below((size - 8) as u64)).unwrap();
            bytes[field] ^= 1 << random.below(8);
            let synced = format::u32_at(bytes, at + 32);
            format::seal(&mut bytes[at..at + size], format::seed(0), synced);
        }
        at += size;
    }
}

#[test]
fn bytes_at_random_are_opened_or_refused_without_a_panic() {
    let (bytes, _) = segment(6, true);
    for seed in 0..4000 {
        let random = &mut Random::new(seed);
        let mut bytes = bytes.clone();
        mutate(&mut bytes, random);
        let storage = Faulty::default();
        storage.put(&name(0, SEGMENT), &bytes);
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let work = AssertUnwindSafe(|| fuzz::decode(&storage, bytes.len()));
        let result = catch_unwind(work);
        assert!(result.is_ok(), "seed {seed}");
    }
}
