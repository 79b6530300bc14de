//! Choices: what production leaves open, a simulation decides here, and can decide the same way again.
//!
//! A run of a simulation is one list of small integers. Each place where production leaves an order or an outcome open
//! asks the [`ChoiceSource`] a question: it names itself with a label and says how many answers there are. Answer 0 is what
//! production does. Who answers is set when a run begins:
//!
//! - **A schedule** draws the answers from a seed ([`Schedule`]). The same seed and the same questions give the same
//!   answers.
//! - **A list** of values gives them in order, for shrinking. A value that is too large for its question is lowered to
//!   the largest answer; after the end of the list each answer is 0.
//! - **A recording** gives them, and checks each question. The first one that differs is a [`Divergence`].
//!
//! A [`Shrinker`] looks for a shorter list that still fails. A [`Recording`] is the text of a file that repeats a run.
//! A digest over labels, answers, times and events tells whether two runs were the same.
//!
//! Everything here is a pure state machine: no clock, no I/O, no state outside of its values.

mod dfs;
mod digest;
mod entry;
mod labels;
mod measure;
mod pct;
mod recording;
mod schedule;
mod shrink;
#[cfg(all(test, not(loom)))]
mod shrink_test;
mod source;
#[cfg(all(test, not(loom)))]
mod source_test;

pub use digest::Digest;
pub use entry::{Choice, RunEntry};
pub use labels::{LabelId, Labels};
pub use recording::{FORMAT_VERSION, Failure, RecordedSettings, Recording, RecordingError};
pub use schedule::Schedule;
pub use shrink::Shrinker;
pub use source::{ChoiceSource, Difference, Divergence, Fault};
