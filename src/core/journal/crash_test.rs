//! Power cuts, kills and faults at random moments: acknowledged entries are there, and nothing was invented.

use std::sync::Arc;

use super::config::{JournalConfig, JournalOverflow};
use super::faulty::{EIO, ENOSPC, Faulty};
use super::format::{self, Draft};
use super::log::Log;
use super::reader::{PageLimits, Reader};
use crate::core::random::Random;

const ALL: PageLimits = PageLimits { records: usize::MAX, bytes: usize::MAX };

/// The entries that should be in the journal.
struct Model {
    payloads: Vec<String>,
    /// Below this, everything was acknowledged.
    acknowledged: u64,
    /// Below this, entries may be dropped on purpose.
    floor: u64,
    salt: u64,
}

fn pick(random: &mut Random, bound: u64) -> usize {
    usize::try_from(random.below(bound)).unwrap()
}

fn append(log: &mut Log, model: &mut Model, random: &mut Random) -> Result<(), String> {
    let mut bytes = Vec::new();
    let first = log.next();
    for next in first..=first + random.below(4) {
        model.salt += 1;
        let filler = "x".repeat(pick(random, 700));
        let payload = format!("\"{}-{filler}\"", model.salt);
        let draft =
            Draft { wall: 1.0, mono: 1.0, id: "", key: "", payload: &payload, ..Draft::default() };
        format::push(&mut bytes, next, &draft);
        model.payloads.push(payload);
    }
    log.write(&mut bytes, 1.0).map_err(|error| error.to_string())
}

fn check(log: &Log, model: &mut Model, seed: u64) {
    let mut reader = Reader::default();
    let listing = log.catalog.now();
    let next = log.next();
    assert!(next >= model.acknowledged, "seed {seed}: {next} < {}", model.acknowledged);
    assert!(listing.start <= model.floor, "seed {seed}: begins at {}", listing.start);
    let page =
        reader.read((&*log.storage, &log.catalog), (0, next), ALL, || Ok(())).expect("readable");
    let start = usize::try_from(listing.start).unwrap();
    let end = usize::try_from(next).unwrap();
    assert!(end <= model.payloads.len(), "seed {seed}: invented entries");
    assert_eq!(page.text, format!("[{}]", model.payloads[start..end].join(",")), "seed {seed}");
    // What is served after an opening is acknowledged; what was lost is replaced by what comes.
    model.payloads.truncate(end);
    model.acknowledged = next;
}

fn run(seed: u64) {
    let random = &mut Random::new(seed);
    let storage = Faulty::default();
    let limited = random.below(3) == 0;
    let config = JournalConfig {
        segment_bytes: 4096,
        max_entries: limited.then_some(20),
        overflow: if limited { JournalOverflow::DropOldest } else { JournalOverflow::Ignore },
        ..JournalConfig::default()
    };
    let mut model = Model { payloads: Vec::new(), acknowledged: 0, floor: 0, salt: 0 };
    for _ in 0..4 {
        if random.below(4) == 0 {
            storage.fail_after(u32::try_from(random.below(30)).unwrap(), EIO, true);
        }
        let Ok((mut log, _)) = Log::open(Arc::new(storage.clone()), config.clone(), (0.0, 0.0))
        else {
            storage.crash(random);
            let opened = Log::open(Arc::new(storage.clone()), config.clone(), (0.0, 0.0));
            let (log, _) = opened.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            relax(&mut model, &config, log.next());
            check(&log, &mut model, seed);
            continue;
        };
        storage.disarm();
        relax(&mut model, &config, log.next());
        check(&log, &mut model, seed);
        if random.below(2) == 0 {
            let os = if random.below(2) == 0 { EIO } else { ENOSPC };
            storage.fail_after(u32::try_from(random.below(40)).unwrap(), os, random.below(2) == 0);
        }
        let _ = live(&mut log, &mut model, &config, random);
        drop(log);
        if random.below(3) == 0 { storage.kill() } else { storage.crash(random) }
    }
    let opened = Log::open(Arc::new(storage), config.clone(), (0.0, 0.0));
    let (log, _) = opened.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    relax(&mut model, &config, log.next());
    check(&log, &mut model, seed);
}

/// Drops entries from the model that retention by count may have dropped.
fn relax(model: &mut Model, config: &JournalConfig, next: u64) {
    if let Some(kept) = config.kept() {
        model.floor = model.floor.max(next.saturating_sub(kept));
    }
}

fn live(
    log: &mut Log,
    model: &mut Model,
    config: &JournalConfig,
    random: &mut Random,
) -> Result<(), String> {
    for _ in 0..random.below(20) {
        append(log, model, random)?;
        match random.below(12) {
            0..6 => {
                log.sync().map_err(|error| error.to_string())?;
                model.acknowledged = log.next();
            }
            6 => log.rotate().map_err(|error| error.to_string())?,
            7 => {
                // Until it is done, anything below may be gone.
                model.floor = log.next();
                log.clear().map_err(|error| error.to_string())?;
            }
            8 => {
                log.close().map_err(|error| error.to_string())?;
                model.acknowledged = log.next();
            }
            _ => {}
        }
        relax(model, config, log.next());
        log.retain(0.0).map_err(|error| error.to_string())?;
    }
    if random.below(4) == 0 {
        log.close().map_err(|error| error.to_string())?;
        model.acknowledged = log.next();
    }
    Ok(())
}

#[test]
fn acknowledged_entries_survive_ten_thousand_crashes() {
    // Each run crashes up to five times.
    for seed in 0..5000 {
        run(seed);
    }
}
