//! A monotone priority queue: first in, first out among equal keys.

use std::collections::VecDeque;

/// Bits of a key that one level decides.
const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 1 << DIGIT_BITS;
// `position` masks a digit with a literal.
const _: () = assert!(DIGITS == 0x3f + 1);
const LEVELS: usize = 64_usize.div_ceil(DIGIT_BITS as usize);
/// A drained bucket keeps at most this many entries of capacity, so that one burst does not pin its memory.
const KEEP_CAPACITY: usize = 1 << 12;

/// One queued item: a key and the slot (with its generation) that owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RadixEntry {
    /// Position in time, see the crate's `order` module.
    pub key: u64,
    /// The owner's slot.
    pub slot: u32,
    /// The owner's generation; an entry whose slot has moved on is dead.
    pub generation: u32,
}

#[derive(Debug, Default)]
struct Bucket {
    entries: Vec<RadixEntry>,
    /// The smallest key, or `None` when a cancellation may have removed it.
    min: Option<u64>,
}

/// A radix heap with 6-bit digits: `push` and `pop` are amortised O(1) in the number of entries, because an
/// entry only ever moves to a lower level and memory is walked in sequence.
///
/// It is *monotone*: a pushed key must not be below the last popped one, which holds for timers, since time
/// does not run backwards (Ahuja, Mehlhorn, Orlin, Tarjan, "Faster algorithms for the shortest path problem",
/// J. ACM 37(2), 1990). Smaller keys are lifted to the last popped key. Equal keys always share a bucket and
/// keep their order, so the queue is stable without a sequence number.
///
/// Removal is lazy: the owner says which entries are alive, each dead one is asked about once and dropped, and
/// the owner calls [`compact`](Self::compact) before they dominate.
#[derive(Debug)]
pub struct RadixQueue {
    /// Level 0: one deque a digit, each holding a single key.
    exact: [VecDeque<RadixEntry>; DIGITS],
    /// Levels 1 and up, allocated when first used.
    levels: [Option<Box<[Bucket; DIGITS]>>; LEVELS],
    /// Bit `d` of `occupied[l]` is set when bucket `d` of level `l` has entries.
    occupied: [u64; LEVELS],
    /// Bit `l` is set when level `l` has entries.
    used_levels: u16,
    last: u64,
}

impl Default for RadixQueue {
    fn default() -> Self {
        Self {
            exact: std::array::from_fn(|_| VecDeque::new()),
            levels: std::array::from_fn(|_| None),
            occupied: [0; LEVELS],
            used_levels: 0,
            last: 0,
        }
    }
}

impl RadixQueue {
    /// Adds an entry; a key below the last popped one counts as equal to it. Returns the key it got.
    pub fn push(&mut self, mut entry: RadixEntry) -> u64 {
        entry.key = entry.key.max(self.last);
        self.place(entry);
        entry.key
    }

    /// Returns the smallest living key, without removing it. `alive` is asked about each entry met.
    pub fn peek(&mut self, mut alive: impl FnMut(&RadixEntry) -> bool) -> Option<u64> {
        while self.used_levels != 0 {
            let level = self.used_levels.trailing_zeros() as usize;
            let digit = self.occupied[level].trailing_zeros() as usize;
            if level == 0 {
                let deque = &mut self.exact[digit];
                while deque.front().is_some_and(|entry| !alive(entry)) {
                    deque.pop_front();
                }
                if let Some(entry) = deque.front() {
                    return Some(entry.key);
                }
            } else if let Some(bucket) = self.bucket(level, digit) {
                if bucket.min.is_none() {
                    bucket.entries.retain(&mut alive);
                    bucket.min = bucket.entries.iter().map(|entry| entry.key).min();
                }
                if bucket.min.is_some() {
                    return bucket.min;
                }
            }
            self.vacate(level, digit);
        }
        None
    }

    /// Returns the first living entry whose key is at most `limit`, without removing it. The caller must be about to
    /// reach that key: smaller ones can no longer be pushed.
    pub fn front_until(
        &mut self,
        limit: u64,
        mut alive: impl FnMut(&RadixEntry) -> bool,
    ) -> Option<RadixEntry> {
        loop {
            let key = self.peek(&mut alive)?;
            if key > limit {
                return None;
            }
            let level = self.used_levels.trailing_zeros() as usize;
            let digit = self.occupied[level].trailing_zeros() as usize;
            self.last = key;
            if level == 0 {
                return self.exact[digit].front().copied();
            }
            self.spread(level, digit, &mut alive);
        }
    }

    /// Returns all living entries of the first key, if that is at most `limit`, in order. The caller must be about to
    /// reach that key: smaller ones can no longer be pushed.
    pub fn front_group(
        &mut self,
        limit: u64,
        mut alive: impl FnMut(&RadixEntry) -> bool,
    ) -> impl Iterator<Item = RadixEntry> {
        let found = self.front_until(limit, &mut alive).is_some();
        let digit = self.occupied[0].trailing_zeros() as usize;
        if found {
            self.exact[digit].retain(&mut alive);
        }
        let front = if found { Some(&self.exact[digit]) } else { None };
        front.into_iter().flatten().copied()
    }

    /// Removes and returns the first living entry whose key is at most `limit`.
    pub fn pop_until(
        &mut self,
        limit: u64,
        mut alive: impl FnMut(&RadixEntry) -> bool,
    ) -> Option<RadixEntry> {
        loop {
            let key = self.peek(&mut alive)?;
            if key > limit {
                return None;
            }
            let level = self.used_levels.trailing_zeros() as usize;
            let digit = self.occupied[level].trailing_zeros() as usize;
            self.last = key;
            if level == 0 {
                let entry = self.exact[digit].pop_front();
                if self.exact[digit].is_empty() {
                    self.exact[digit].shrink_to(KEEP_CAPACITY);
                    self.vacate(0, digit);
                }
                return entry;
            }
            // Alone in its bucket, which is the rule for distinct keys: no need to go down level by level.
            if let Some(bucket) = self.bucket(level, digit)
                && bucket.entries.len() == 1
            {
                bucket.min = None;
                let entry = bucket.entries.pop();
                self.vacate(level, digit);
                return entry;
            }
            self.spread(level, digit, &mut alive);
        }
    }

    /// Puts the slots of some entries that come next into `slots`, in no exact order and dead ones included, and
    /// returns how many: a hint what to fetch into the cache before it is needed.
    pub fn upcoming(&self, slots: &mut [u32]) -> usize {
        let mut found = 0;
        for level in 0..LEVELS {
            let mut digits = self.occupied[level];
            while digits != 0 {
                let digit = digits.trailing_zeros() as usize;
                digits &= digits - 1;
                let (exact, rest) = match &self.levels[level] {
                    Some(buckets) => (None, buckets[digit].entries.as_slice()),
                    None => (Some(&self.exact[digit]), [].as_slice()),
                };
                for entry in exact.into_iter().flatten().chain(rest) {
                    if found == slots.len() {
                        return found;
                    }
                    slots[found] = entry.slot;
                    found += 1;
                }
            }
        }
        found
    }

    /// Tells the queue that an entry with this key died, so that a cached minimum is not trusted.
    pub fn forget(&mut self, key: u64) {
        let (level, digit) = self.position(key);
        if let Some(bucket) = self.bucket(level, digit)
            && bucket.min == Some(key)
        {
            bucket.min = None;
        }
    }

    /// Drops every dead entry now.
    pub fn compact(&mut self, mut alive: impl FnMut(&RadixEntry) -> bool) {
        for digit in 0..DIGITS {
            self.exact[digit].retain(&mut alive);
            if self.exact[digit].is_empty() {
                self.vacate(0, digit);
            }
        }
        for level in 1..LEVELS {
            for digit in 0..DIGITS {
                let Some(bucket) = self.bucket(level, digit) else { continue };
                bucket.entries.retain(&mut alive);
                bucket.min = bucket.entries.iter().map(|entry| entry.key).min();
                if bucket.entries.is_empty() {
                    self.vacate(level, digit);
                }
            }
        }
    }

    /// Returns the number of entries, dead ones included.
    pub fn held(&self) -> usize {
        let exact: usize = self.exact.iter().map(VecDeque::len).sum();
        let rest: usize = self
            .levels
            .iter()
            .flatten()
            .flat_map(|level| level.iter())
            .map(|b| b.entries.len())
            .sum();
        exact + rest
    }

    /// Returns the bucket of a key: the highest digit in which it differs from the last popped key.
    fn position(&self, key: u64) -> (usize, usize) {
        let differing = key ^ self.last;
        let level = (differing | 1).ilog2() / DIGIT_BITS;
        let digit = ((key >> (level * DIGIT_BITS)) & 0x3f) as usize;
        (level as usize, digit)
    }

    fn bucket(&mut self, level: usize, digit: usize) -> Option<&mut Bucket> {
        self.levels[level].as_mut().map(|level| &mut level[digit])
    }

    fn place(&mut self, entry: RadixEntry) {
        let (level, digit) = self.position(entry.key);
        if level == 0 {
            self.exact[digit].push_back(entry);
        } else {
            let buckets = self.levels[level]
                .get_or_insert_with(|| Box::new(std::array::from_fn(|_| Bucket::default())));
            let bucket = &mut buckets[digit];
            bucket.min = match bucket.min {
                _ if bucket.entries.is_empty() => Some(entry.key),
                Some(min) => Some(min.min(entry.key)),
                None => None,
            };
            bucket.entries.push(entry);
        }
        self.occupied[level] |= 1 << digit;
        self.used_levels |= 1 << level;
    }

    /// Moves a bucket's living entries to lower levels, in order, now that `last` lies inside it.
    fn spread(&mut self, level: usize, digit: usize, alive: &mut impl FnMut(&RadixEntry) -> bool) {
        let Some(bucket) = self.bucket(level, digit) else { return };
        let mut entries = std::mem::take(&mut bucket.entries);
        bucket.min = None;
        self.vacate(level, digit);
        for entry in entries.drain(..) {
            if alive(&entry) {
                self.place(entry);
            }
        }
        entries.shrink_to(KEEP_CAPACITY);
        if let Some(bucket) = self.bucket(level, digit) {
            bucket.entries = entries;
        }
    }

    fn vacate(&mut self, level: usize, digit: usize) {
        self.occupied[level] &= !(1 << digit);
        if self.occupied[level] == 0 {
            self.used_levels &= !(1 << level);
        }
    }
}
