//! The hit ratios of the policies, from fixed seeds.

use std::cell::Cell;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::{CacheLimits, EvictionIndex, EvictionPolicy, New};

const CAPACITY: usize = 2_000;
const ACCESSES: usize = 200_000;
const KEYS: usize = 20_000;

/// Draws ranks with probability proportional to 1 / rank^0.99.
struct Zipf {
    sums: Vec<f64>,
    random: Xoshiro256PlusPlus,
}

impl Zipf {
    fn new(seed: u64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=KEYS).map(|rank| {
            sum += (rank as f64).powf(-0.99);
            sum
        });
        Self { sums: sums.collect(), random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    fn unit(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn rank(&mut self) -> usize {
        let drawn = self.unit() * self.sums[KEYS - 1];
        self.sums.partition_point(|&sum| sum < drawn)
    }
}

/// Returns the hits of a trace, in percent.
fn hits(policy: EvictionPolicy, trace: &[usize]) -> f64 {
    let mut index =
        EvictionIndex::new(CacheLimits { entries: CAPACITY, bytes: u64::MAX }, policy, 1);
    let heat: Vec<Cell<u8>> = (0..CAPACITY).map(|_| Cell::new(0)).collect();
    let mut slots = vec![None; trace.iter().max().map_or(0, |key| key + 1)];
    let mut keys = vec![0; CAPACITY];
    let mut hits = 0;
    for &key in trace {
        if let Some(slot) = slots[key] {
            hits += 1;
            index.touch(slot, &heat);
            continue;
        }
        let hash = u32::try_from(key).expect("a small number");
        let new = New { hash, bytes: 1, until: f64::INFINITY };
        let slot = index.insert(new, 0.0, &heat).expect("it fits");
        for (gone, _) in index.take_gone(usize::MAX) {
            slots[keys[gone as usize]] = None;
        }
        keys[slot as usize] = key;
        slots[key] = Some(slot);
    }
    100.0 * f64::from(hits) / trace.len() as f64
}

fn gain(mut key: impl FnMut(usize, &mut Zipf) -> usize) -> f64 {
    let mut zipf = Zipf::new(1);
    let trace: Vec<_> = (0..ACCESSES).map(|at| key(at, &mut zipf)).collect();
    hits(EvictionPolicy::S3Fifo, &trace) - hits(EvictionPolicy::Lru, &trace)
}

#[test]
fn s3_fifo_gains_four_points_on_zipf() {
    let gain = gain(|_, zipf| zipf.rank());
    assert!(gain >= 4.0, "{gain}");
}

#[test]
fn s3_fifo_gains_on_scans() {
    let mixed = gain(|at, zipf| if zipf.unit() < 0.3 { KEYS + at } else { zipf.rank() });
    let bursts = gain(|at, zipf| if at % 10_000 < 4_000 { KEYS + at } else { zipf.rank() });
    assert!(mixed >= 4.0 && bursts >= 2.0, "{mixed} {bursts}");
}

#[test]
fn s3_fifo_loses_less_than_three_points_when_popularity_drifts() {
    let jumps = gain(|at, zipf| (zipf.rank() + at / 20_000 * 7_777) % KEYS);
    let fresh = gain(|at, zipf| zipf.rank() + at / 20_000 * KEYS);
    let slides = gain(|at, zipf| (zipf.rank() + at / 200 * 20) % KEYS);
    let newest = gain(|at, zipf| KEYS + at / 5 - zipf.rank());
    for gain in [jumps, fresh, slides, newest] {
        assert!(gain > -3.0, "{jumps} {fresh} {slides} {newest}");
    }
}

#[test]
fn no_policy_helps_a_loop_that_is_too_long() {
    let gain = gain(|at, _| at % (CAPACITY * 3 / 2));
    assert!(gain >= 0.0, "{gain}");
}
