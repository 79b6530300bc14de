//! Streams and groups: what is accepted, what is found again, and what a cut at any byte leaves.

use std::sync::Arc;

use super::config::{JournalConfig, JournalOverflow};
use super::error::JournalError;
use super::faulty::Faulty;
use super::format::{self, Draft, HEADER, Header};
use super::log::Log;
use super::queue::{Appended, Durability, MemberId};
use super::reader::{NUMBERS, Page, PageLimits, Reader};
use super::segment::{SEGMENT, name};
use super::stream_reader::{StreamReader, StreamTarget};
use super::streams::{Condition, ID_WINDOW, PLACE_BYTES, StreamRange, Streams};
use super::writer::Writer;

const ALL: PageLimits = PageLimits { records: usize::MAX, bytes: usize::MAX };
const EVERY: StreamRange =
    StreamRange { from: 0, to: u64::MAX, backwards: false, limit: usize::MAX };

pub(super) fn draft<'a>(stream: &'a str, id: &'a str, payload: &'a str) -> Draft<'a> {
    Draft { wall: 1.0, mono: 1.0, id, payload, stream, ..Draft::default() }
}

fn expect(version: u64) -> Condition {
    Condition { expected: Some(version), ..Condition::default() }
}

const UNIQUE: Condition = Condition { expected: None, origin: None, unique: true };

pub(super) fn config() -> JournalConfig {
    JournalConfig { segment_bytes: 4096, ..JournalConfig::default() }
}

pub(super) fn open(storage: &Faulty) -> (Arc<Writer>, MemberId) {
    let writer = Writer::open(Arc::new(storage.clone()), config(), (0.0, 0.0)).expect("opens");
    let member = writer.queue.join(None).expect("open");
    (writer, member)
}

pub(super) fn close((writer, member): (Arc<Writer>, MemberId)) {
    writer.queue.leave(member);
    writer.queue.wait_ended();
}

pub(super) fn read(writer: &Writer, stream: &str, range: StreamRange) -> Page {
    let target = StreamTarget {
        storage: &*writer.storage,
        catalog: &writer.catalog,
        streams: writer.queue.streams(),
        end: writer.queue.wait(true).synced,
    };
    StreamReader::default().read(target, stream, range, ALL, || Ok(())).expect("reads")
}

pub(super) fn column(page: &Page, number: usize) -> Vec<f64> {
    page.numbers.iter().skip(number).step_by(NUMBERS).copied().collect()
}

#[test]
fn an_expected_version_is_compared_in_the_order_of_appends() {
    let storage = Faulty::default();
    let (writer, member) = open(&storage);
    let append = |stream, version| {
        writer.append(member, Durability::Sync, &[draft(stream, "", "1")], &[expect(version)])
    };
    // None of these is written when the next is accepted.
    for version in 0..3 {
        let Appended { positions, .. } = append("a", version).expect("accepted");
        assert_eq!(positions, [u32::try_from(version).unwrap()]);
    }
    let conflict = |stream: &str, expected, actual| {
        Err(JournalError::Conflict { stream: stream.into(), expected, actual })
    };
    assert_eq!(append("a", 2), conflict("a", 2, 3));
    assert_eq!(append("b", 1), conflict("b", 1, 0));
    let both = [draft("a", "", "2"), draft("b", "", "2")];
    let refused = writer.append(member, Durability::Sync, &both, &[expect(3), expect(1)]);
    assert_eq!(refused, conflict("b", 1, 0));
    assert_eq!(writer.queue.progress().next, 3, "a refusal appends nothing");
    let accepted = writer.append(member, Durability::Sync, &both, &[expect(3), expect(0)]);
    assert_eq!(accepted.expect("accepted").positions, [3, 0]);
    writer.queue.wait(true);
    assert_eq!(column(&read(&writer, "a", EVERY), 4), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(column(&read(&writer, "b", EVERY), 0), [4.0]);
    close((writer, member));
    let (writer, member) = open(&storage);
    let refused = writer.append(member, Durability::Sync, &[draft("a", "", "1")], &[expect(3)]);
    assert_eq!(refused, conflict("a", 3, 4));
    close((writer, member));
}

#[test]
fn an_expected_origin_tells_a_stream_from_one_that_was_begun_anew() {
    let storage = Faulty::default();
    let (writer, member) = open(&storage);
    let append =
        |condition| writer.append(member, Durability::Sync, &[draft("a", "", "1")], &[condition]);
    let of = |origin| Condition { expected: Some(1), origin: Some(origin), unique: false };
    let first = append(Condition { origin: None, ..expect(0) }).expect("accepted").first;
    // In flight, and then on disk.
    for _ in 0..2 {
        let conflict = JournalError::Conflict { stream: "a".into(), expected: 1, actual: 1 };
        assert_eq!(append(of(first + 1)), Err(conflict));
        writer.queue.wait(true);
    }
    assert_eq!(append(of(first)).expect("accepted").positions, [1]);
    close((writer, member));
}

#[test]
fn a_repeated_id_answers_the_earlier_event_and_writes_nothing() {
    let storage = Faulty::default();
    let (writer, member) = open(&storage);
    let append = |drafts: &[Draft<'_>], conditions: &[Condition]| {
        writer.append(member, Durability::Sync, drafts, conditions)
    };
    let one = draft("a", "x", "1");
    assert_eq!(append(&[one], &[UNIQUE]).expect("accepted").first, 0);
    let stale = Condition { expected: Some(0), ..UNIQUE };
    for _ in 0..2 {
        // In flight, and then on disk; a stale version does not matter then.
        assert_eq!(append(&[one], &[stale]).expect("repeated").repeated, [0]);
        writer.queue.wait(true);
    }
    let other = draft("b", "x", "1");
    assert_eq!(append(&[other], &[UNIQUE]).expect("another stream").first, 1);
    assert_eq!(append(&[one, other], &[UNIQUE, UNIQUE]).expect("repeated").repeated, [0, 1]);
    let fresh = draft("a", "y", "1");
    for batch in [[one, fresh], [fresh, fresh]] {
        let refused = append(&batch, &[UNIQUE, UNIQUE]);
        assert!(matches!(refused, Err(JournalError::Invalid { field: "options.id", .. })));
    }
    for _ in 0..ID_WINDOW - 1 {
        append(&[draft("a", "", "1")], &[]).expect("accepted");
    }
    assert_eq!(append(&[one], &[UNIQUE]).expect("repeated").repeated, [0]);
    append(&[draft("a", "", "1")], &[]).expect("accepted");
    assert!(append(&[one], &[UNIQUE]).expect("forgotten").repeated.is_empty());
    close((writer, member));
}

/// Returns a segment of single records and groups, with the next sequence and the size after each.
fn groups(closed: bool) -> (Vec<u8>, Vec<(u64, usize)>) {
    let storage = Faulty::default();
    let (mut log, _) =
        Log::open(Arc::new(storage.clone()), JournalConfig::default(), (1.0, 1.0)).unwrap();
    let mut ends = vec![(0, HEADER)];
    for batch in 0..6_u32 {
        let mut bytes = Vec::new();
        let mut next = log.next();
        let count = 1 + batch % 4;
        for place in 0..count {
            let stream = ["a", "b", ""][usize::try_from(place % 3).unwrap()];
            let continues = place + 1 < count;
            let draft = Draft {
                position: u32::try_from(next).unwrap(),
                continues,
                ..draft(stream, "i", "{\"n\":1}")
            };
            format::push(&mut bytes, next, &draft);
            next += 1;
        }
        log.write(&mut bytes, 5.0).unwrap();
        if batch % 2 == 0 {
            log.sync().unwrap();
        }
        ends.push((next, storage.contents(&name(0, SEGMENT)).unwrap().len()));
    }
    log.sync().unwrap();
    if closed {
        log.close().unwrap();
    }
    (storage.contents(&name(0, SEGMENT)).unwrap(), ends)
}

#[test]
fn a_group_is_all_there_or_not_at_all_at_every_torn_byte() {
    let (bytes, ends) = groups(false);
    for length in HEADER..=bytes.len() {
        let storage = Faulty::default();
        storage.put(&name(0, SEGMENT), &bytes[..length]);
        let opened = Log::open(Arc::new(storage.clone()), config(), (1.0, 1.0));
        let (log, report) = opened.unwrap_or_else(|error| panic!("cut at {length}: {error}"));
        let whole = ends.iter().rev().find(|&&(_, end)| end <= length).unwrap();
        assert_eq!((log.next(), report.entries), (whole.0, whole.0), "cut at {length}");
        let dropped: u64 = report.dropped.iter().map(|loss| loss.bytes).sum();
        assert_eq!(dropped, (length - whole.1) as u64);
        let (_, events, _) = log.streams.usage();
        let page = Reader::default()
            .read((&*log.storage, &log.catalog), (0, log.next()), ALL, || Ok(()))
            .unwrap();
        let streamed = page.streams.iter().filter(|stream| !stream.is_empty()).count();
        assert_eq!(events, streamed as u64, "cut at {length}");
    }
}

#[test]
fn a_flipped_bit_in_a_group_is_refused_or_costs_that_group() {
    for closed in [false, true] {
        let (mut bytes, ends) = groups(closed);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let storage = Faulty::default();
            storage.put(&name(0, SEGMENT), &bytes);
            match Log::open(Arc::new(storage.clone()), config(), (1.0, 1.0)) {
                Ok((log, _)) => {
                    assert!(ends.iter().any(|&(next, _)| next == log.next()), "bit {bit}");
                    assert!(!closed || log.next() == ends[ends.len() - 1].0, "bit {bit}");
                }
                Err(JournalError::Corrupt { offset, .. }) => assert!(offset <= bit as u64 / 8),
                Err(error) => panic!("bit {bit}: {error}"),
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_segment_of_version_1_takes_no_record_that_version_1_cannot_read() {
    for entries in [0, 2] {
        let storage = Faulty::default();
        let header = Header { version: 1, base: 0, created: 0.0, begun: None, compacted: None };
        let mut bytes = header.encode().to_vec();
        for sequence in 0..entries {
            let start = bytes.len();
            format::push(&mut bytes, sequence, &draft("", "", "1"));
            format::seal(&mut bytes[start..], format::seed(0), 64);
        }
        storage.put(&name(0, SEGMENT), &bytes);
        let (writer, member) = open(&storage);
        writer.queue.append(member, Durability::Sync, &[draft("", "", "2")]).expect("accepted");
        writer.queue.wait(true);
        let segments = writer.catalog.now().segments;
        assert_eq!((segments.len(), segments[0].header.version), (1, 1));
        writer.queue.append(member, Durability::Sync, &[draft("a", "", "3")]).expect("accepted");
        writer.queue.wait(true);
        close((writer, member));
        let (writer, member) = open(&storage);
        let segments = writer.catalog.now().segments;
        let versions: Vec<u32> = segments.iter().map(|segment| segment.header.version).collect();
        assert_eq!(versions, [1, 2]);
        assert_eq!(read(&writer, "a", EVERY).text, "[3]");
        assert_eq!(writer.catalog.count(), entries + 2);
        close((writer, member));
    }
    // An empty segment of version 1 gives its name to one of version 2.
    let storage = Faulty::default();
    let header = Header { version: 1, base: 0, created: 0.0, begun: None, compacted: None };
    storage.put(&name(0, SEGMENT), &header.encode());
    let (writer, member) = open(&storage);
    writer.queue.append(member, Durability::Sync, &[draft("a", "", "3")]).expect("accepted");
    writer.queue.wait(true);
    let segments = writer.catalog.now().segments;
    assert_eq!((segments.len(), segments[0].header.version), (1, 2));
    close((writer, member));
}

#[test]
fn a_stream_is_read_in_both_directions_and_in_parts() {
    let storage = Faulty::default();
    let (writer, member) = open(&storage);
    for number in 0..200 {
        let stream = ["a", "b"][number % 2];
        let payload = format!("{number}");
        let draft = draft(stream, "", &payload);
        writer.queue.append(member, Durability::Flush, &[draft]).expect("accepted");
    }
    let range = StreamRange { from: 10, to: 14, ..EVERY };
    assert_eq!(read(&writer, "a", range).text, "[20,22,24,26]");
    let back = StreamRange { backwards: true, limit: 2, ..range };
    let page = read(&writer, "a", back);
    assert_eq!((&*page.text, page.next), ("[26,24]", 12));
    assert_eq!(read(&writer, "c", EVERY).text, "[]");
    let streams = writer.queue.streams();
    assert_eq!(streams.version("b", (0, u64::MAX)), 100);
    assert_eq!(streams.version("b", (0, 3)), 1);
    let (names, more) = streams.names((0, u64::MAX), "", "", 1);
    assert_eq!((&*names[0], more.as_deref()), ("a", Some("a")));
    assert_eq!(&*streams.names((0, u64::MAX), "", "a", 10).0[0], "b");
    assert!(streams.names((0, u64::MAX), "c", "", 10).0.is_empty());
    close((writer, member));
}

#[test]
fn a_stream_ends_with_its_last_event_and_the_index_forgets_it() {
    let storage = Faulty::default();
    let limits =
        JournalConfig { max_entries: Some(10), overflow: JournalOverflow::DropOldest, ..config() };
    let writer = Writer::open(Arc::new(storage), limits, (0.0, 0.0)).expect("opens");
    let member = writer.queue.join(None).expect("open");
    for number in 0..20_000 {
        let stream = format!("s{number}");
        let draft = draft(&stream, "", "1");
        writer.queue.append(member, Durability::Flush, &[draft]).expect("accepted");
        if number % 500 == 0 {
            writer.queue.wait(false);
        }
    }
    writer.queue.wait(true);
    let (streams, events, bytes) = writer.queue.streams().usage();
    assert!(streams < 10_000 && events < 10_000, "{streams} streams, {events} events");
    assert!(bytes < 10_000 * 300, "{bytes} bytes");
    let refused = writer.append(member, Durability::Sync, &[draft("s5", "", "1")], &[expect(1)]);
    assert!(matches!(refused, Err(JournalError::Conflict { actual: 0, .. })));
    close((writer, member));
    assert_eq!(PLACE_BYTES, 20);
}

#[test]
fn a_name_is_claimed_by_one_user() {
    let streams = Streams::default();
    assert!(streams.claim("a", 1) && !streams.claim("a", 2) && !streams.claim("a", 1));
    streams.release("a", 2);
    assert!(!streams.claim("a", 2));
    streams.release("a", 1);
    assert!(streams.claim("a", 2) && streams.claim("b", 2));
    streams.release_all(2);
    assert!(streams.claim("a", 1) && streams.claim("b", 1));
}
