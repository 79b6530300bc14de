//! The parts of a commit.

use super::versions::Versioned;
use crate::core::sync::Arc;

/// A value as threads share it: nothing in it belongs to one of them.
#[derive(Debug, Clone, PartialEq)]
pub enum AtomValue {
    /// A number, inline: the usual content of a contended atom needs no encoding.
    Number(f64),
    /// Everything else: self-describing text, which only JavaScript reads.
    Text(Box<str>),
}

/// The time of an event by the clock of its thread, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct At {
    /// Wall time, comparable between threads.
    pub wall: f64,
    /// Monotonic time; each thread counts from its own start.
    pub mono: f64,
}

/// The value that a committer wants to become current.
#[derive(Debug, Clone, PartialEq)]
pub struct NextCommit {
    /// The new value.
    pub value: AtomValue,
    /// The time of the commit.
    pub at: At,
    /// The cause, as text that only JavaScript reads.
    pub cause: Option<Box<str>>,
}

/// A value that was current, or is: immutable, and shared by all that read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// 0 for the initial value, one more for each commit.
    pub version: u64,
    /// The value.
    pub value: AtomValue,
    /// The time of the commit.
    pub at: At,
    /// The cause, if the committer passed one.
    pub cause: Option<Box<str>>,
}

impl Commit {
    pub(super) fn new(version: u64, NextCommit { value, at, cause }: NextCommit) -> Self {
        Self { version, value, at, cause }
    }
}

impl Versioned for Arc<Commit> {
    fn version(&self) -> u64 {
        self.version
    }
}
