//! A power cut at any moment of a compaction: every key keeps its last value, and a removed one stays removed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compaction::compact;
use super::config::JournalConfig;
use super::faulty::{EIO, Faulty};
use super::format::Draft;
use super::log::Log;
use super::queue::Durability;
use super::scan::{ScanStep, Scanner};
use super::writer::Writer;
use crate::core::random::Random;

fn config() -> JournalConfig {
    JournalConfig { segment_bytes: 4096, ..JournalConfig::default() }
}

/// Returns the last value of each key that is there.
fn state(log: &Log) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for segment in log.catalog.now().segments {
        let file = log.storage.open(&segment.name(), false).unwrap().expect("listed");
        let mut scanner = Scanner::whole(&*file, segment.header.base, segment.contents().bytes);
        while let ScanStep::Record(record, _) = scanner.step().unwrap() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            if record.is_tombstone() {
                state.remove(&text(record.key));
            } else if !record.control {
                state.insert(text(record.key), text(record.payload));
            }
        }
    }
    state
}

#[test]
fn a_crash_during_compaction_changes_no_key() {
    let mut expected = BTreeMap::new();
    let mut records = Vec::new();
    for value in 0..300 {
        let key = format!("key-{}", value % 9);
        let gone = value > 150 && value % 9 == 4;
        let payload =
            if gone { "null".to_owned() } else { format!("\"{value} {}\"", "x".repeat(80)) };
        if gone {
            expected.remove(&key);
        } else {
            expected.insert(key.clone(), payload.clone());
        }
        records.push((key, payload));
    }
    let mut completed = 0;
    for seed in 0..400 {
        let random = &mut Random::new(seed);
        let storage = Faulty::default();
        let writer = Writer::open(Arc::new(storage.clone()), config(), (0.0, 0.0)).expect("opens");
        let member = writer.queue.join(None).expect("open");
        for (key, payload) in &records {
            let draft = Draft { wall: 1.0, mono: 1.0, id: "", key, payload, ..Draft::default() };
            writer.queue.append(member, Durability::Sync, &[draft]).expect("accepted");
        }
        assert_eq!(writer.queue.wait(true).synced, 300);
        storage.fail_after(u32::try_from(random.below(160)).unwrap(), EIO, true);
        completed += u32::from(compact(&writer, seed % 2 == 0).is_ok());
        writer.queue.leave(member);
        writer.queue.wait_ended();
        storage.crash(random);
        let opened = Log::open(Arc::new(storage), config(), (0.0, 0.0));
        let (log, _) = opened.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(state(&log), expected, "seed {seed}");
        assert_eq!(log.next(), 300);
    }
    assert!((1..400).contains(&completed), "some were cut off and some were not: {completed}");
}
