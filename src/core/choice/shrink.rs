//! A shorter list of answers that still fails.

use super::measure::{Size, trimmed};

/// The largest chunk of answers that is deleted at once.
const LARGEST_DELETED: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Sets `size` deviations to 0, from the deviation `at` on. A deviation is an answer that is not 0.
    Zero {
        size: usize,
        at: usize,
    },
    /// Deletes `size` answers, up to the deviation `at`, which is deleted if `with` is true.
    Delete {
        size: usize,
        at: usize,
        with: bool,
    },
    /// Lowers the deviation `at`: to 1, to its half, or by 1.
    Lower {
        at: usize,
        way: u32,
    },
    Done,
}

/// Looks for a shorter list of answers: deletes chunks, sets answers to 0, lowers them.
///
/// Call [`candidate`](Self::candidate), run it, [`report`](Self::report) whether it failed in the same way, and go on
/// until there is no candidate. The result is *1-minimal*: no answer that is not 0 can be set to 0, lowered by 1 or
/// deleted, or the run does not fail in that way any more.
///
/// ```
/// use keelson::core::choice::Shrinker;
///
/// let fails = |values: &[u32]| values.iter().filter(|&&value| value >= 2).count() >= 2;
/// let mut shrinker = Shrinker::new(vec![5, 0, 1, 7, 3, 0, 9], 1000);
/// while let Some(candidate) = shrinker.candidate() {
///     let failed = fails(&candidate).then_some(candidate);
///     shrinker.report(failed);
/// }
/// assert_eq!(shrinker.best(), [2, 2]);
/// ```
#[derive(Debug)]
pub struct Shrinker {
    best: Vec<u32>,
    pass: Pass,
    /// True if a candidate of this cycle of passes was taken.
    improved: bool,
    runs_left: u32,
}

impl Shrinker {
    /// Begins with a list that fails. At most `runs` candidates are made.
    pub fn new(values: Vec<u32>, runs: u32) -> Self {
        let best = trimmed(values);
        let mut shrinker = Self { best, pass: Pass::Done, improved: false, runs_left: runs };
        shrinker.pass = shrinker.first_pass();
        shrinker
    }

    /// Returns the shortest list that failed so far.
    pub fn best(&self) -> &[u32] {
        &self.best
    }

    /// Returns whether the result is 1-minimal: the search has not run out of runs.
    pub fn is_minimal(&self) -> bool {
        self.pass == Pass::Done
    }

    /// Returns the next list to try, or `None` at the end.
    pub fn candidate(&mut self) -> Option<Vec<u32>> {
        while self.pass != Pass::Done && self.runs_left > 0 {
            if let Some(candidate) = self.propose() {
                self.runs_left -= 1;
                return Some(candidate);
            }
            self.step();
        }
        None
    }

    /// Takes the result of the last candidate: the answers that its run really had, if it failed in the same way.
    pub fn report(&mut self, failed: Option<Vec<u32>>) {
        let taken = failed.filter(|values| Size::of(values) < Size::of(&self.best));
        match taken {
            Some(values) => {
                self.best = trimmed(values);
                self.improved = true;
                // The same place now has the answers that were behind it.
                if let Pass::Lower { at, .. } = self.pass {
                    self.pass = Pass::Lower { at, way: 0 };
                }
            }
            None => self.step(),
        }
    }

    /// Returns the lists to try next to one that fails, in their order, if none of them fails. For a caller that begins
    /// anew with each one that fails.
    pub fn candidates(values: Vec<u32>) -> Vec<Vec<u32>> {
        let mut shrinker = Self::new(values, u32::MAX);
        let mut all = Vec::new();
        while let Some(candidate) = shrinker.candidate() {
            all.push(candidate);
            shrinker.report(None);
        }
        all
    }

    fn deviations(&self) -> Vec<usize> {
        (0..self.best.len()).filter(|&place| self.best[place] != 0).collect()
    }

    fn first_pass(&self) -> Pass {
        match self.deviations().len() {
            0 => Pass::Done,
            size => Pass::Zero { size, at: 0 },
        }
    }

    /// Returns the candidate of the present step, unless it is no smaller than the best.
    fn propose(&self) -> Option<Vec<u32>> {
        let deviations = self.deviations();
        let mut values = self.best.clone();
        match self.pass {
            Pass::Zero { size, at } => {
                for &place in deviations.iter().skip(at).take(size) {
                    values[place] = 0;
                }
            }
            Pass::Delete { size, at, with } => {
                let end = deviations.get(at)? + usize::from(with);
                values.drain(end.checked_sub(size)?..end);
            }
            Pass::Lower { at, way } => {
                let place = *deviations.get(at)?;
                let value = values[place];
                values[place] = match way {
                    0 => 1,
                    1 => value / 2,
                    _ => value - 1,
                };
                if values[place] == 0 || values[place] >= value {
                    return None;
                }
            }
            Pass::Done => return None,
        }
        (Size::of(&values) < Size::of(&self.best)).then(|| trimmed(values))
    }

    /// Goes on to the next step.
    fn step(&mut self) {
        let count = self.deviations().len();
        self.pass = match self.pass {
            Pass::Zero { size, at } if at + size < count => Pass::Zero { size, at: at + size },
            Pass::Zero { size, .. } if size > 1 => {
                Pass::Zero { size: (size / 2).min(count.max(1)), at: 0 }
            }
            Pass::Zero { .. } => Pass::Delete { size: LARGEST_DELETED, at: 0, with: true },
            Pass::Delete { size, at, with: true } => Pass::Delete { size, at, with: false },
            Pass::Delete { size, at, .. } if at + 1 < count => {
                Pass::Delete { size, at: at + 1, with: true }
            }
            Pass::Delete { size, .. } if size > 1 => {
                Pass::Delete { size: size / 2, at: 0, with: true }
            }
            Pass::Delete { .. } => Pass::Lower { at: 0, way: 0 },
            Pass::Lower { at, way } if way < 2 && at < count => Pass::Lower { at, way: way + 1 },
            Pass::Lower { at, .. } if at + 1 < count => Pass::Lower { at: at + 1, way: 0 },
            Pass::Lower { .. } if self.improved => {
                self.improved = false;
                self.first_pass()
            }
            Pass::Lower { .. } | Pass::Done => Pass::Done,
        };
    }
}
