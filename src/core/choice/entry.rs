//! The record of a run, in order.

use super::labels::LabelId;

/// One question with its answer, or one event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunEntry {
    /// The name of the question or the event.
    pub label: LabelId,
    /// The number of answers; 0 for an event.
    pub of: u32,
    /// The answer, below `of`.
    pub value: u32,
    /// The virtual time, in ms.
    pub at: f64,
}

impl RunEntry {
    /// Returns whether it is a question with its answer.
    pub fn is_choice(&self) -> bool {
        self.of > 0
    }
}

/// A question with its answer, as a file and a report have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The name of the question.
    pub label: String,
    /// The number of answers, at least 2.
    pub of: u32,
    /// The answer, below `of`.
    pub value: u32,
    /// The virtual time, in ms.
    pub at: f64,
}
