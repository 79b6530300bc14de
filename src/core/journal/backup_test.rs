//! A backup beside appends, a compaction and retention holds what the journal held at one sequence.

use std::sync::Arc;

use super::backup::backup;
use super::compaction::compact;
use super::config::JournalConfig;
use super::error::JournalError;
use super::faulty::Faulty;
use super::format::Draft;
use super::log::Log;
use super::queue::Durability;
use super::reader::{PageLimits, Reader};
use super::storage::Storage;
use super::writer::Writer;
use crate::core::random::Random;

const ALL: PageLimits = PageLimits { records: usize::MAX, bytes: usize::MAX };

fn config() -> JournalConfig {
    JournalConfig { segment_bytes: 4096, ..JournalConfig::default() }
}

#[test]
fn a_backup_holds_all_entries_up_to_a_sequence() {
    for seed in 0..60 {
        let random = &mut Random::new(seed);
        let storage = Faulty::default();
        let writer = Writer::open(Arc::new(storage.clone()), config(), (0.0, 0.0)).expect("opens");
        let member = writer.queue.join(None).expect("open");
        let mut next = 0;
        for _ in 0..random.below(300) {
            let payload = format!("\"{next}\"");
            let key = format!("k{}", random.below(4));
            let draft = Draft { key: &key, payload: &payload, stream: "s", ..Draft::default() };
            writer.queue.append(member, Durability::Sync, &[draft]).expect("accepted");
            next += 1;
            if random.below(120) == 0 {
                writer.queue.wait(true);
                compact(&writer, false).expect("compacts");
            }
        }
        writer.queue.wait(true);
        let all = Reader::default()
            .read((&*writer.storage, &writer.catalog), (0, next), ALL, || Ok(()))
            .expect("reads");
        let target: Arc<dyn Storage> = Arc::new(Faulty::default());
        let source = (&*writer.storage, &*writer.catalog);
        let report = backup(source, &target, 0o600, (0.0, 0.0), || Ok(())).expect("copies");
        assert_eq!(report.next, next);
        let again = backup(source, &target, 0o600, (0.0, 0.0), || Ok(()));
        assert!(matches!(again, Err(JournalError::Invalid { field: "directory", .. })));
        let (log, report) = Log::open(target, config(), (0.0, 0.0)).expect("opens");
        assert!(report.clean && report.dropped.is_empty());
        let copied = Reader::default()
            .read((&*log.storage, &log.catalog), (0, next), ALL, || Ok(()))
            .expect("reads");
        assert_eq!((copied.text, copied.numbers), (all.text, all.numbers));
        writer.queue.leave(member);
        writer.queue.wait_ended();
    }
}
