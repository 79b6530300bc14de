//! Slots by hash. Nothing ever walks the table, so its order shows nowhere.

/// Open addressing with linear probing; a cell is a slot plus one, or 0. The hash of a slot is kept by the owner.
#[derive(Debug, Default)]
pub(super) struct Table {
    cells: Vec<u32>,
    len: usize,
}

const SMALLEST: usize = 16;

impl Table {
    /// The slot of a hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.cells.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        while self.cells[at] != 0 {
            let slot = self.cells[at] - 1;
            if is_it(slot) {
                return Some(slot);
            }
            at = self.after(at);
        }
        None
    }

    pub(super) fn insert(&mut self, hash: u32, slot: u32, hash_of: impl Fn(u32) -> u32) {
        // At most half full, so that probes stay short.
        if (self.len + 1) * 2 > self.cells.len() {
            let size = (self.cells.len() * 2).max(SMALLEST);
            let old = std::mem::replace(&mut self.cells, vec![0; size]);
            for cell in old {
                if cell != 0 {
                    self.place(hash_of(cell - 1), cell);
                }
            }
        }
        self.place(hash, slot + 1);
        self.len += 1;
    }

    /// Removes a slot that is there.
    pub(super) fn remove(&mut self, hash: u32, slot: u32, hash_of: impl Fn(u32) -> u32) {
        let mut hole = self.home(hash);
        while self.cells[hole] != slot + 1 {
            hole = self.after(hole);
        }
        // What probed past the hole moves into it.
        let mut at = self.after(hole);
        while self.cells[at] != 0 {
            let home = self.home(hash_of(self.cells[at] - 1));
            let mask = self.cells.len() - 1;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.cells[hole] = self.cells[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.cells[hole] = 0;
        self.len -= 1;
    }

    fn place(&mut self, hash: u32, cell: u32) {
        let mut at = self.home(hash);
        while self.cells[at] != 0 {
            at = self.after(at);
        }
        self.cells[at] = cell;
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.cells.len() - 1)
    }

    /// Spread again, by the high bits of a product: a caller's hash may be weak in any of its bits.
    fn home(&self, hash: u32) -> usize {
        let spread = u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        #[expect(clippy::cast_possible_truncation, reason = "fewer bits than a usize has")]
        let home = (spread >> (64 - self.cells.len().trailing_zeros())) as usize;
        home
    }
}
