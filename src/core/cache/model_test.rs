//! The index against lists that are searched in full.

use std::cell::Cell;

use proptest::prelude::*;

use super::{CacheLimits, EvictionIndex, EvictionPolicy, HOT, New, RemovalReason};

#[derive(Debug, Clone)]
enum Op {
    Insert { hash: u32, bytes: u64, ttl: Option<u32> },
    Update { which: usize, bytes: u64, ttl: Option<u32> },
    Touch { which: usize },
    Postpone { which: usize, ttl: Option<u32> },
    Remove { which: usize },
    Pass { by: u32 },
    Sweep,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let ttl = || proptest::option::of(1..40_u32);
    prop_oneof![
        12 => (0..24_u32, 0..12_u64, ttl()).prop_map(|(hash, bytes, ttl)| Op::Insert { hash, bytes, ttl }),
        2 => (any::<usize>(), 0..12_u64, ttl()).prop_map(|(which, bytes, ttl)| Op::Update { which, bytes, ttl }),
        10 => any::<usize>().prop_map(|which| Op::Touch { which }),
        4 => (any::<usize>(), ttl()).prop_map(|(which, ttl)| Op::Postpone { which, ttl }),
        2 => any::<usize>().prop_map(|which| Op::Remove { which }),
        3 => (1..15_u32).prop_map(|by| Op::Pass { by }),
        1 => Just(Op::Sweep),
        1 => (0..20_u32).prop_map(|n| if n == 0 { Op::Clear } else { Op::Sweep }),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    slot: u32,
    hash: u32,
    bytes: u64,
    until: f64,
    /// Counts deadlines: of entries that expire at the same time the first goes first.
    order: u64,
    heat: u8,
    small: bool,
}

/// The specification: first of each list goes first.
struct Model {
    limits: CacheLimits,
    policy: EvictionPolicy,
    small: Vec<Entry>,
    main: Vec<Entry>,
    small_ghosts: Vec<u32>,
    main_ghosts: Vec<u32>,
    share: f64,
    order: u64,
    gone: Vec<(u32, RemovalReason)>,
}

fn take(ghosts: &mut Vec<u32>, hash: u32) -> bool {
    let found = ghosts.iter().position(|&ghost| ghost == hash);
    found.map(|index| ghosts.remove(index)).is_some()
}

impl Model {
    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.small.iter().chain(&self.main)
    }

    fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    fn bytes(&self) -> u64 {
        self.all().map(|entry| entry.bytes).sum()
    }

    fn entry(&mut self, slot: u32) -> &mut Entry {
        let all = self.small.iter_mut().chain(&mut self.main);
        all.into_iter().find(|entry| entry.slot == slot).expect("a slot in use")
    }

    fn remove(&mut self, slot: u32) {
        self.small.retain(|entry| entry.slot != slot);
        self.main.retain(|entry| entry.slot != slot);
    }

    fn expire_one(&mut self, now: f64) -> bool {
        let over = self.all().filter(|entry| entry.until <= now);
        let first = over.min_by(|a, b| a.until.total_cmp(&b.until).then(a.order.cmp(&b.order)));
        let Some(slot) = first.map(|entry| entry.slot) else { return false };
        self.remove(slot);
        self.gone.push((slot, RemovalReason::Expired));
        true
    }

    fn evict_one(&mut self, spared: Option<u32>) {
        loop {
            let bytes: u64 = self.small.iter().map(|entry| entry.bytes).sum();
            let is_full = self.small.len() as f64 >= self.share * self.limits.entries as f64
                || (bytes > 0 && bytes as f64 >= self.share * self.limits.bytes as f64);
            let from_small = !self.small.is_empty()
                && (is_full || self.main.iter().all(|entry| Some(entry.slot) == spared));
            let mut entry = if from_small { self.small.remove(0) } else { self.main.remove(0) };
            let is_used = entry.heat > 0 && self.policy == EvictionPolicy::S3Fifo;
            if !is_used && spared != Some(entry.slot) || self.policy == EvictionPolicy::Lru {
                self.gone.push((entry.slot, RemovalReason::Evicted));
                if self.policy == EvictionPolicy::S3Fifo {
                    let most = self.len() / 2;
                    take(&mut self.small_ghosts, entry.hash);
                    take(&mut self.main_ghosts, entry.hash);
                    let ghosts =
                        if from_small { &mut self.small_ghosts } else { &mut self.main_ghosts };
                    ghosts.push(entry.hash);
                    while ghosts.len() > most {
                        ghosts.remove(0);
                    }
                }
                return;
            }
            entry.heat = if from_small { 0 } else { entry.heat.saturating_sub(1) };
            entry.small = false;
            self.main.push(entry);
        }
    }

    fn make_room(&mut self, entries: usize, bytes: u64, spared: Option<u32>, now: f64) {
        while self.len() + entries > self.limits.entries || self.bytes() + bytes > self.limits.bytes
        {
            if !self.expire_one(now) {
                self.evict_one(spared);
            }
        }
    }

    /// Inserts before the index does: the model learns the slot from it.
    fn insert(&mut self, hash: u32, bytes: u64, now: f64) -> bool {
        self.make_room(1, bytes, None, now);
        if self.policy == EvictionPolicy::Lru {
            return true;
        }
        let one = 1.0 / self.len().max(1) as f64;
        if take(&mut self.small_ghosts, hash) {
            self.share = (self.share + one).min(0.9);
            return true;
        }
        if take(&mut self.main_ghosts, hash) {
            self.share = (self.share - one).max(0.05);
            return true;
        }
        false
    }

    fn touch(&mut self, slot: u32) {
        if self.policy == EvictionPolicy::Lru {
            let index = self.main.iter().position(|entry| entry.slot == slot).expect("in use");
            let entry = self.main.remove(index);
            self.main.push(entry);
        } else {
            let entry = self.entry(slot);
            entry.heat = (entry.heat + 1).min(HOT);
        }
    }
}

fn check(policy: EvictionPolicy, limits: CacheLimits, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let mut index = EvictionIndex::new(limits, policy, 1);
    let heat: Vec<Cell<u8>> = (0..64).map(|_| Cell::new(0)).collect();
    let mut model = Model {
        limits,
        policy,
        small: Vec::new(),
        main: Vec::new(),
        small_ghosts: Vec::new(),
        main_ghosts: Vec::new(),
        share: 0.1,
        order: 0,
        gone: Vec::new(),
    };
    let mut now = 0.0;
    for op in ops {
        let pick = |which: usize| {
            let slots: Vec<_> = index.slots().collect();
            slots.get(which % slots.len().max(1)).copied()
        };
        let until = |ttl: Option<u32>| ttl.map_or(f64::INFINITY, |ttl| now + f64::from(ttl));
        model.order += 1;
        match op {
            Op::Insert { hash, bytes, ttl } => {
                let new = New { hash, bytes, until: until(ttl) };
                let slot = index.insert(new, now, &heat);
                prop_assert_eq!(slot.is_some(), bytes <= limits.bytes);
                if let Some(slot) = slot {
                    let small = !model.insert(hash, bytes, now);
                    prop_assert!(model.all().all(|entry| entry.slot != slot));
                    let (until, order) = (new.until, model.order);
                    let entry = Entry { slot, hash, bytes, until, order, heat: 0, small };
                    if small { model.small.push(entry) } else { model.main.push(entry) }
                }
            }
            Op::Update { which, bytes, ttl } => {
                let Some(slot) = pick(which) else { continue };
                let until = until(ttl);
                let kept = index.update(slot, bytes, until, now, &heat);
                prop_assert_eq!(kept, bytes <= limits.bytes);
                if kept {
                    let order = model.order;
                    let entry = model.entry(slot);
                    (entry.bytes, entry.until, entry.order) = (bytes, until, order);
                    model.touch(slot);
                    model.make_room(0, 0, Some(slot), now);
                } else {
                    model.remove(slot);
                }
            }
            Op::Touch { which } => {
                let Some(slot) = pick(which) else { continue };
                index.touch(slot, &heat);
                model.touch(slot);
            }
            Op::Postpone { which, ttl } => {
                let Some(slot) = pick(which) else { continue };
                let until = until(ttl);
                index.postpone(slot, until);
                let order = model.order;
                let entry = model.entry(slot);
                (entry.until, entry.order) = (until, order);
            }
            Op::Remove { which } => {
                let Some(slot) = pick(which) else { continue };
                prop_assert!(index.remove(slot));
                prop_assert!(!index.remove(slot));
                model.remove(slot);
            }
            Op::Pass { by } => now += f64::from(by),
            Op::Sweep => {
                index.sweep(now);
                while model.expire_one(now) {}
            }
            Op::Clear => {
                index.clear();
                (model.small, model.main) = (Vec::new(), Vec::new());
                (model.small_ghosts, model.main_ghosts) = (Vec::new(), Vec::new());
                model.share = 0.1;
            }
        }
        let gone: Vec<_> = index.take_gone(usize::MAX).collect();
        prop_assert_eq!(gone, std::mem::take(&mut model.gone));
        let slots: Vec<_> = index.slots().collect();
        prop_assert_eq!(slots, model.all().map(|entry| entry.slot).collect::<Vec<_>>());
        prop_assert_eq!(index.len(), model.len());
        prop_assert_eq!(index.bytes(), model.bytes());
        prop_assert!(index.len() <= limits.entries && index.bytes() <= limits.bytes);
        prop_assert_eq!(index.share(), model.share);
        for entry in model.all() {
            prop_assert_eq!(index.until(entry.slot), Some(entry.until));
        }
    }
    Ok(())
}

fn limits() -> impl Strategy<Value = CacheLimits> {
    (1..20_usize, prop_oneof![Just(u64::MAX), 4..60_u64])
        .prop_map(|(entries, bytes)| CacheLimits { entries, bytes })
}

proptest! {
    // Some 300,000 operations of either policy.
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn lru_is_what_the_lists_say(limits in limits(), ops in proptest::collection::vec(op(), 1..300)) {
        check(EvictionPolicy::Lru, limits, ops)?;
    }

    #[test]
    fn s3_fifo_is_what_the_lists_say(limits in limits(), ops in proptest::collection::vec(op(), 1..300)) {
        check(EvictionPolicy::S3Fifo, limits, ops)?;
    }
}
