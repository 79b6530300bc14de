//! Loops of what is found by key: caches, limiters, and the subscriptions of a bus.

use std::cell::Cell;

use keelson::core::bus::Subscriptions;
use keelson::core::cache::shared::{CacheKey, CacheValue, Lookup, SharedCaches};
use keelson::core::cache::{CacheLimits, EvictionIndex, EvictionPolicy, New};
use keelson::core::rate::{Algorithm, Limiter, LimiterConfig, LimiterPace};

use crate::Loop;
use crate::inputs::{Inputs, index};

const ENTRIES: u32 = 10_000;
/// Keys of which a third fits.
const KEYS: u32 = 3 * ENTRIES;
const TTL_MS: f64 = 50.0;
const SUBSCRIPTIONS: u32 = 1000;

pub const LOOPS: &[Loop] = &[
    Loop { name: "cache-hit", operation: "use an entry (LRU)", body: hit },
    Loop { name: "cache-miss", operation: "store an entry, evict one (S3-FIFO)", body: miss },
    Loop { name: "cache-miss-ttl", operation: "the same, entries expire", body: miss_ttl },
    Loop { name: "shared-cache-hit", operation: "look up a key", body: shared_hit },
    Loop {
        name: "limiter-window",
        operation: "take of one of 10 000 keys (window)",
        body: take_window,
    },
    Loop { name: "limiter-take", operation: "take of one of 10 000 keys (GCRA)", body: take },
    Loop { name: "limiter-log", operation: "the same (log)", body: take_log },
    Loop { name: "limiter-counter", operation: "the same (counter)", body: take_counter },
    Loop { name: "limiter-reject", operation: "refuse one of 10 000 keys (GCRA)", body: reject },
    Loop { name: "limiter-enter", operation: "add a key, forget one", body: enter },
    Loop { name: "bus-match", operation: "match a topic against 1000 patterns", body: matches },
];

fn heat() -> Vec<Cell<u8>> {
    vec![Cell::new(0); ENTRIES as usize + 1]
}

fn full(policy: EvictionPolicy, heat: &[Cell<u8>]) -> EvictionIndex {
    let limits = CacheLimits { entries: ENTRIES as usize, bytes: u64::MAX };
    let mut index = EvictionIndex::new(limits, policy, 8);
    for hash in 0..ENTRIES {
        let new = New { hash, bytes: 100, until: f64::INFINITY };
        index.insert(new, 0.0, heat).expect("it fits");
    }
    index
}

fn hit(operations: u32) -> u32 {
    let heat = heat();
    let mut cache = full(EvictionPolicy::Lru, &heat);
    let mut slots = Inputs::new(8, |random| index(random, ENTRIES));
    let mut used = 0;
    for _ in 0..operations {
        let slot = slots.take();
        cache.touch(slot, &heat);
        used += u32::from(cache.until(slot).is_some());
    }
    used
}

fn miss(operations: u32) -> u32 {
    misses(operations, f64::INFINITY)
}

fn miss_ttl(operations: u32) -> u32 {
    misses(operations, TTL_MS)
}

fn misses(operations: u32, ttl: f64) -> u32 {
    let heat = heat();
    let mut cache = full(EvictionPolicy::S3Fifo, &heat);
    let mut hashes = Inputs::new(9, |random| index(random, KEYS));
    let mut used = Inputs::new(10, |random| index(random, ENTRIES));
    let (mut gone, mut now) = (0, 0.0);
    for _ in 0..operations {
        now += 0.01;
        heat[used.take() as usize].set(1);
        let new = New { hash: hashes.take(), bytes: 100, until: now + ttl };
        cache.insert(new, now, &heat).expect("it fits");
        gone += u32::try_from(cache.take_gone(16).len()).expect("few");
    }
    assert_eq!(cache.len(), ENTRIES as usize);
    gone
}

fn shared_hit(operations: u32) -> u32 {
    let limits = CacheLimits { entries: ENTRIES as usize, bytes: u64::MAX };
    let hold = SharedCaches::default().open("", "users", limits, EvictionPolicy::S3Fifo, 11);
    let hold = hold.expect("a new name");
    let (cache, mut gone) = (hold.cache(), Vec::new());
    let names: Vec<Box<str>> = (0..ENTRIES).map(|each| format!("user:{each}").into()).collect();
    for name in &names {
        let key = CacheKey { number: false, text: name.clone() };
        let value = CacheValue {
            text: "{\"id\":7}".into(),
            bytes: None,
            fresh: f64::INFINITY,
            until: f64::INFINITY,
            sliding: 0.0,
            tags: Box::default(),
        };
        cache.store(&key, value, 0.0, &mut gone).expect("it fits");
    }
    let mut slots = Inputs::new(11, |random| index(random, ENTRIES));
    let mut found = 0;
    for _ in 0..operations {
        let name = &names[slots.take() as usize];
        let hit = cache.find(false, name, 1.0, Lookup::Counted(0.0), &mut gone);
        found += u32::from(hit.is_some());
    }
    found
}

fn limiter(algorithm: Algorithm, limit: u32, max_keys: u32) -> Limiter {
    let config = LimiterConfig {
        algorithm,
        limit,
        window_us: 1_000_000,
        burst: limit,
        max_keys: max_keys as usize,
        block_us: 0,
        pace: LimiterPace::default(),
        max_waiters: 1,
    };
    Limiter::new(&config, 0.0).expect("valid options")
}

/// Takes one point of a key at a time. Returns how many times the answer was this one.
fn takes(operations: u32, algorithm: Algorithm, limit: u32, wanted: bool) -> u32 {
    let mut limiter = limiter(algorithm, limit, ENTRIES);
    let cost = if wanted { 1 } else { limit };
    for _ in 0..ENTRIES {
        limiter.enter(cost, 0.0, &mut |_| {}).expect("a cost that can be there");
    }
    let mut slots = Inputs::new(12, |random| index(random, ENTRIES));
    let (mut answers, mut now) = (0, 0.0);
    for _ in 0..operations {
        // Ten thousand keys take turns: each is asked for about every hundred milliseconds, or ten times in one.
        now += if wanted { 0.01 } else { 0.0001 };
        let verdict = limiter.take(slots.take(), 1, now).expect("a key");
        answers += u32::from(verdict.allowed == wanted);
    }
    answers
}

fn take(operations: u32) -> u32 {
    takes(operations, Algorithm::Gcra, 1000, true)
}

fn take_window(operations: u32) -> u32 {
    takes(operations, Algorithm::Window, 1000, true)
}

fn take_log(operations: u32) -> u32 {
    takes(operations, Algorithm::Log, 1000, true)
}

fn take_counter(operations: u32) -> u32 {
    takes(operations, Algorithm::Counter, 1000, true)
}

fn reject(operations: u32) -> u32 {
    takes(operations, Algorithm::Gcra, 1, false)
}

fn enter(operations: u32) -> u32 {
    const LIMIT: u32 = 1000;
    let mut limiter = limiter(Algorithm::Gcra, LIMIT, ENTRIES);
    for _ in 0..ENTRIES {
        limiter.enter(LIMIT, 0.0, &mut |_| {}).expect("a cost that can be there");
    }
    let (mut forgotten, mut now) = (0, 0.0);
    for _ in 0..operations {
        // No key is idle before a second has passed, so that one that is not makes room.
        now += 0.001;
        limiter.enter(LIMIT, now, &mut |_| forgotten += 1).expect("a cost that can be there");
    }
    forgotten
}

fn matches(operations: u32) -> u32 {
    let mut subscriptions = Subscriptions::default();
    for each in 0..SUBSCRIPTIONS {
        let pattern = match each % 4 {
            0 => format!("orders.{}.*", each / 4),
            1 => format!("orders.*.{}", each / 4),
            2 => format!("orders.{}.paid", each / 4),
            _ => format!("users.**.{}", each / 4),
        };
        subscriptions.subscribe(&pattern).expect("a pattern within the limits");
    }
    let topics: Vec<_> = (0..SUBSCRIPTIONS / 4).map(|each| format!("orders.{each}.paid")).collect();
    let mut chosen = Inputs::new(13, |random| index(random, SUBSCRIPTIONS / 4));
    let mut matched = 0;
    for _ in 0..operations {
        let topic = &topics[chosen.take() as usize];
        let found = subscriptions.matches(topic).expect("a topic within the limits");
        matched += u32::from(found.len() == 2);
    }
    matched
}
