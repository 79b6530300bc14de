//! Slots by hash. Nothing ever walks the table, so its order shows nowhere.

const EMPTY: u32 = u32::MAX;

/// A hash and its slot, side by side: what is compared lies where it was found.
#[derive(Debug, Clone, Copy)]
struct Cell {
    hash: u32,
    slot: u32,
}

/// Open addressing with linear probing, at most half full.
#[derive(Debug, Default)]
pub(super) struct Table {
    cells: Vec<Cell>,
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
            let empty = Cell { hash: 0, slot: EMPTY };
            for cell in std::mem::replace(&mut self.cells, vec![empty; size]) {
                if cell.slot != EMPTY {
                    self.place(cell);
                }
            }
        }
        self.place(Cell { hash, slot });
        self.len += 1;
    }

    /// Removes a slot that is there.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let mut hole = self.home(hash);
        while self.cells[hole].slot != slot {
            hole = self.after(hole);
        }
        // What probed past the hole moves into it.
        let mask = self.cells.len() - 1;
        let mut at = self.after(hole);
        while self.cells[at].slot != EMPTY {
            let home = self.home(self.cells[at].hash);
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.cells[hole] = self.cells[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.cells[hole].slot = EMPTY;
        self.len -= 1;
    }

    fn place(&mut self, cell: Cell) {
        let mut at = self.home(cell.hash);
        while self.cells[at].slot != EMPTY {
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
