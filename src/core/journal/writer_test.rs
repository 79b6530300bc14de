//! The writing thread with everything around it, and recovery of many entries.

use std::sync::Arc;

use super::config::{JournalConfig, JournalOverflow};
use super::error::JournalError;
use super::faulty::{EIO, Faulty};
use super::format::{self, Draft, HEADER, Header};
use super::log::Log;
use super::queue::{Command, Durability};
use super::reader::{NUMBERS, PageLimits, Reader};
use super::segment::{SEGMENT, name};
use super::writer::Writer;
use crate::core::random::Random;

fn draft(payload: &str) -> Draft<'_> {
    Draft { wall: 1.0, mono: 1.0, id: "", key: "", payload, ..Draft::default() }
}

fn open(storage: &Faulty) -> Arc<Writer> {
    Writer::open(Arc::new(storage.clone()), JournalConfig::default(), (0.0, 0.0)).expect("opens")
}

#[test]
fn a_failure_acknowledges_nothing_more_and_frees_the_directory() {
    let storage = Faulty::default();
    let writer = open(&storage);
    let member = writer.queue.join(None).expect("open");
    for durability in [Durability::Sync, Durability::Flush] {
        writer.queue.append(member, durability, &[draft("1")]).expect("accepted");
    }
    assert_eq!(writer.queue.wait(true).synced, 2);
    storage.fail_after(1, EIO, false);
    let ticket = writer.queue.promise(member).expect("open");
    writer.queue.append(member, Durability::Sync, &[draft("2")]).expect("accepted");
    let progress = writer.queue.wait(true);
    assert_eq!((progress.synced, progress.open), (2, false));
    assert!(matches!(progress.ended, Some(Some(JournalError::Io(_)))));
    let refused = writer.queue.append(member, Durability::Sync, &[draft("3")]);
    assert_eq!(refused, Err(JournalError::Closed));
    // All tickets are settled.
    let settled = writer.queue.finished(member).expect("settled");
    assert!(settled.0 == ticket && settled.1.is_err());
    let again = open(&storage);
    assert!(again.queue.progress().next >= 2);
    let member = again.queue.join(None).expect("open");
    again.queue.leave(member);
    again.queue.wait_ended();
}

#[test]
fn a_limit_removes_a_file_only_once_the_entries_that_take_its_place_are_on_disk() {
    let config = JournalConfig {
        segment_bytes: 4096,
        max_entries: Some(4),
        overflow: JournalOverflow::DropOldest,
        ..JournalConfig::default()
    };
    let open = |storage: &Faulty| {
        Log::open(Arc::new(storage.clone()), config.clone(), (0.0, 0.0)).expect("opens").0
    };
    for seed in 0..100 {
        let storage = Faulty::default();
        let mut log = open(&storage);
        for index in 0..10 {
            let payload = format!("\"{}\"", "x".repeat(if index < 4 { 10 } else { 1500 }));
            let mut bytes = Vec::new();
            format::push(&mut bytes, log.next(), &draft(&payload));
            log.write(&mut bytes, 1.0).expect("writes");
            if index == 3 {
                log.sync().expect("syncs");
            }
            log.retain(0.0).expect("retains");
        }
        drop(log);
        storage.crash(&mut Random::new(seed));
        let log = open(&storage);
        assert!(log.next() >= 4, "seed {seed}: a synced entry is gone");
        assert_eq!(log.catalog.count(), 4, "seed {seed}: of {} entries", log.next());
    }
}

#[test]
fn one_writer_a_directory() {
    let storage = Faulty::default();
    let writer = open(&storage);
    let second = Writer::open(Arc::new(storage.clone()), JournalConfig::default(), (0.0, 0.0));
    assert!(matches!(second, Err(JournalError::Locked { .. })));
    let member = writer.queue.join(None).expect("open");
    assert_eq!(writer.queue.call(Command::Clear), Ok(0));
    writer.queue.leave(member);
    writer.queue.wait_ended();
    assert_eq!(writer.queue.join(None), None);
    open(&storage);
}

#[test]
fn a_million_entries_are_recovered_and_read() {
    let storage = Faulty::default();
    let mut bytes = Header { version: 1, base: 0, created: 0.0, begun: None, compacted: None }
        .encode()
        .to_vec();
    let seed = format::seed(0);
    for sequence in 0..1_000_000 {
        let start = bytes.len();
        format::push(&mut bytes, sequence, &draft("{\"kind\":\"order\",\"amount\":1234}"));
        format::seal(&mut bytes[start..], seed, u32::try_from(HEADER).unwrap());
    }
    storage.put(&name(0, SEGMENT), &bytes);
    let (log, report) =
        Log::open(Arc::new(storage), JournalConfig::default(), (0.0, 0.0)).expect("opens");
    assert_eq!(report.entries, 1_000_000);
    let mut reader = Reader::default();
    let (mut next, mut count) = (0, 0);
    while next < log.next() {
        let limits = PageLimits { records: 512, bytes: 1 << 20 };
        let target = (&*log.storage, &*log.catalog);
        let page = reader.read(target, (next, u64::MAX), limits, || Ok(())).expect("reads");
        count += page.numbers.len() / NUMBERS;
        next = page.next;
    }
    assert_eq!(count, 1_000_000);
}
