//! Slots by hash. Nothing ever walks the table, so its order shows nowhere.

const EMPTY: u32 = u32::MAX;

/// A hash and its slot, side by side, so that a comparison reads no other memory.
#[derive(Debug, Clone, Copy)]
struct HashSlot {
    hash: u32,
    slot: u32,
}

/// Open addressing with linear probing, at most half full.
#[derive(Debug)]
pub(super) struct HashTable {
    cells: Vec<HashSlot>,
    len: usize,
    /// Odd; decides which hashes meet. Clients may choose keys, and are not to know.
    spread: u64,
}

const SMALLEST: usize = 16;

impl HashTable {
    /// Creates an empty table.
    pub(super) fn new(seed: u64) -> Self {
        // The seed may be small: each of its bits changes about half of these (the finaliser of MurmurHash3).
        let mut spread = seed ^ 0x9e37_79b9_7f4a_7c15;
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53_u64] {
            spread = (spread ^ (spread >> 33)).wrapping_mul(factor);
        }
        Self { cells: Vec::new(), len: 0, spread: (spread ^ (spread >> 33)) | 1 }
    }

    /// Returns the slot of a hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.cells.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            let cell = self.cells[at];
            if cell.slot == EMPTY {
                return None;
            }
            if cell.hash == hash && is_it(cell.slot) {
                return Some(cell.slot);
            }
            at = self.after(at);
        }
    }

    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        if (self.len + 1) * 2 > self.cells.len() {
            let size = (self.cells.len() * 2).max(SMALLEST);
            let empty = HashSlot { hash: 0, slot: EMPTY };
            for cell in std::mem::replace(&mut self.cells, vec![empty; size]) {
                if cell.slot != EMPTY {
                    self.place(cell);
                }
            }
        }
        self.place(HashSlot { hash, slot });
        self.len += 1;
    }

    /// Removes a slot that is there.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let mut gap = self.home(hash);
        while self.cells[gap].slot != slot {
            gap = self.after(gap);
        }
        // What probed past the gap moves into it.
        let mask = self.cells.len() - 1;
        let mut at = self.after(gap);
        while self.cells[at].slot != EMPTY {
            let home = self.home(self.cells[at].hash);
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.cells[gap] = self.cells[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.cells[gap].slot = EMPTY;
        self.len -= 1;
    }

    fn place(&mut self, cell: HashSlot) {
        let mut at = self.home(cell.hash);
        while self.cells[at].slot != EMPTY {
            at = self.after(at);
        }
        self.cells[at] = cell;
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    /// Spreads a hash by the high bits of a product with a secret number. So any two hashes meet as rarely as any
    /// others.
    fn home(&self, hash: u32) -> usize {
        let spread = u64::from(hash).wrapping_mul(self.spread);
        #[expect(clippy::cast_possible_truncation, reason = "fewer bits than a usize has")]
        let home = (spread >> (64 - self.cells.len().trailing_zeros())) as usize;
        home
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells that are looked at to find each of these once.
    fn looks(seed: u64, hashes: &[u32]) -> usize {
        let mut table = HashTable::new(seed);
        for (slot, &hash) in (0..).zip(hashes) {
            table.insert(hash, slot);
        }
        let far = |&hash: &u32| {
            let mut at = table.home(hash);
            let mut count = 1;
            while table.cells[at].hash != hash {
                at = table.after(at);
                count += 1;
            }
            count
        };
        hashes.iter().map(far).sum()
    }

    #[test]
    fn hashes_that_meet_under_one_seed_do_not_under_another() {
        let size = 1 << 15;
        let table =
            HashTable { cells: vec![HashSlot { hash: 0, slot: EMPTY }; size], ..HashTable::new(1) };
        let flood: Vec<u32> = (0..).filter(|&hash| table.home(hash) < 8).take(4000).collect();
        assert!(looks(1, &flood) > 1000 * flood.len());
        for seed in 2..50 {
            let seen = looks(seed, &flood);
            assert!(seen < 40 * flood.len(), "seed {seed}: {seen} looks for {}", flood.len());
        }
    }
}
