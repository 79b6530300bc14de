//! Priorities with a few points of change.

use std::collections::BTreeMap;

use crate::core::random::Random;

/// The steps that a first run is thought to have.
const FIRST_GUESS: u64 = 64;

/// The priorities of one run. See [`Schedule::Pct`](super::Schedule::Pct).
#[derive(Debug, Default)]
pub(super) struct Pct {
    depth: u32,
    /// The steps of the longest run so far, among which the points of change are drawn.
    longest: u64,
    steps: u64,
    changes: Vec<u64>,
    priorities: BTreeMap<u64, u64>,
}

impl Pct {
    pub(super) fn new(depth: u32) -> Self {
        Self { depth, longest: FIRST_GUESS, ..Self::default() }
    }

    pub(super) fn begin(&mut self, random: &mut Random, first: bool) {
        self.longest = if first { FIRST_GUESS } else { self.longest.max(self.steps) };
        self.steps = 0;
        self.priorities.clear();
        self.changes.clear();
        for _ in 1..self.depth {
            self.changes.push(1 + random.below(self.longest));
        }
    }

    /// Returns the place of the key with the highest priority. There must be a key.
    pub(super) fn pick(&mut self, keys: &[u64], random: &mut Random) -> u32 {
        self.steps += 1;
        let depth = u64::from(self.depth);
        for key in keys {
            // Above the priorities of points of change.
            self.priorities.entry(*key).or_insert_with(|| depth + (random.bits() >> 8));
        }
        if let Some(change) = self.changes.iter().position(|&at| at == self.steps)
            && let Some(&key) = keys.get(self.highest(keys))
        {
            self.priorities.insert(key, change as u64);
        }
        u32::try_from(self.highest(keys)).unwrap_or(0)
    }

    fn highest(&self, keys: &[u64]) -> usize {
        let priority = |key: &u64| self.priorities.get(key).copied().unwrap_or_default();
        // The first of equals.
        (0..keys.len()).rev().max_by_key(|&place| priority(&keys[place])).unwrap_or(0)
    }
}
