//! The ends of processes, as links and monitors distinguish them.

/// The ways in which a process ends, as far as others distinguish them. The reason itself is JavaScript's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitKind {
    /// It has done its work; links do not mind.
    Normal = 0,
    /// It was asked to end; links end too.
    Shutdown = 1,
    /// It failed; links end too.
    Error = 2,
    /// It was killed.
    Killed = 3,
}

impl ExitKind {
    /// Returns the kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Normal, Self::Shutdown, Self::Error, Self::Killed].into_iter().nth(number as usize)
    }
}
