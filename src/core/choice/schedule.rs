//! The ways to draw the answers of a run.

/// A way to draw the answers of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Each answer is drawn alike. In some runs, which a seed picks, the process that ran goes on more often.
    Random,
    /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatti, 2010): each process has a
    /// random priority, the highest one runs, and `depth - 1` times in a run it becomes the lowest. A race that needs
    /// `depth` ordered events is found with a known probability.
    Pct {
        /// The depth of the races that are looked for, 1 to 3.
        depth: u32,
    },
    /// All answers in turn, depth first, for the first `bound` questions of a run; answers after them are 0.
    Dfs {
        /// The number of questions whose answers are varied.
        bound: u32,
    },
    /// Each answer is 0, as in production.
    Fifo,
}
