//! The ends of processes, as links and monitors tell them apart.

/// The ways in which a process ends, as far as others tell them apart. The reason itself is JavaScript's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitKind {
    /// It has done its work; links do not mind.
    Normal = 0,
    /// It was told to end; links end too.
    Shutdown = 1,
    /// It failed; links end too.
    Error = 2,
    /// It was ended without being asked.
    Killed = 3,
}

impl ExitKind {
    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Normal, Self::Shutdown, Self::Error, Self::Killed].into_iter().nth(number as usize)
    }
}
