//! Names of children, processes, requests, starts and timers.

pub use crate::core::actor::ids::Pid;

/// Names one child among those of its supervisor, for as long as its specification is there. The caller chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(pub u64);

/// The caller's own name for a start function and its arguments. Each start hands it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartToken(pub u64);

/// Names a request. The caller chooses it; exactly one reply carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names one attempt to start a child, so that a late result is not taken for a wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartId(pub(super) u64);

/// Names one timer of one supervisor; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey(pub(super) u64);

macro_rules! numbered {
    ($name:ident) => {
        impl $name {
            /// Returns the id as a number, for a driver that keeps it elsewhere.
            pub fn number(self) -> u64 {
                self.0
            }

            /// Returns the id of a result of [`number`](Self::number); any other number fits nothing.
            pub fn from_number(number: u64) -> Self {
                Self(number)
            }
        }
    };
}

numbered!(StartId);
numbered!(TimerKey);
