//! All answers in turn.

/// The position of a search, depth first, through all answers to the first questions of a run.
#[derive(Debug, Default)]
pub(super) struct Dfs {
    bound: usize,
    /// The answers of this run, with the number of answers that the question had.
    path: Vec<(u32, u32)>,
    at: usize,
}

impl Dfs {
    pub(super) fn new(bound: u32) -> Self {
        Self { bound: bound as usize, ..Self::default() }
    }

    /// Begins the first run.
    pub(super) fn restart(&mut self) {
        self.path.clear();
        self.at = 0;
    }

    /// Begins the next run. Returns false when there is none: all answers have been tried.
    pub(super) fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((value, of)) = self.path.pop() {
            if value + 1 < of {
                self.path.push((value + 1, of));
                return true;
            }
        }
        false
    }

    pub(super) fn answer(&mut self, of: u32) -> u32 {
        let at = self.at;
        self.at += 1;
        if at >= self.bound {
            return 0;
        }
        if let Some(&(value, _)) = self.path.get(at) {
            // A question with fewer answers than before: the program is not the same in each run.
            return value.min(of - 1);
        }
        self.path.push((0, of));
        0
    }
}
