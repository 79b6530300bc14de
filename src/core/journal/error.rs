//! The errors of a journal, as values; the binding turns them into codes and fields.

use std::fmt;

/// The operating system refused something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IoFault {
    /// The operation: `write`, `sync`, `create`.
    pub operation: &'static str,
    /// On which file or directory.
    pub path: String,
    /// The system's number of the error (`errno`), or 0 when it has none.
    pub os: i32,
}

/// The reasons why a journal refuses or fails. A refusal changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalError {
    /// The operating system refused. The journal is closed; entries that were acknowledged before are on disk.
    Io(IoFault),
    /// Data that had been acknowledged is damaged.
    Corrupt {
        /// The file.
        segment: String,
        /// Bytes from its beginning to the damage.
        offset: u64,
        /// The fault.
        reason: String,
    },
    /// Another process writes to the directory.
    Locked {
        /// The directory.
        path: String,
    },
    /// The directory is another program's, or of a newer version.
    Format {
        /// The directory or file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// A record is larger than the journal allows.
    TooLarge {
        /// Its size in bytes, encoded.
        bytes: u64,
        /// The largest size.
        limit: u64,
    },
    /// The journal holds as many entries as it may, and refuses more.
    Overflow {
        /// The most bytes.
        max: u64,
    },
    /// A stream has another version than an append expected, or this version of other events: it was begun anew.
    /// Nothing was appended.
    Conflict {
        /// The stream.
        stream: String,
        /// The version that the append expected.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// The journal was closed, or had failed, before the call.
    Closed,
    /// The journal is open already, with another value of an option that its users share.
    Differs {
        /// The option, as JavaScript spells it.
        option: &'static str,
        /// Its value there.
        value: String,
    },
    /// An option is refused.
    Invalid {
        /// The field, as JavaScript spells it.
        field: &'static str,
        /// The rule for its value.
        why: &'static str,
    },
}

impl From<IoFault> for JournalError {
    fn from(fault: IoFault) -> Self {
        Self::Io(fault)
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl std::error::Error for JournalError {}
