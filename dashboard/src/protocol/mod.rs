//! The frames of `keelson/observe`, version 1, as a client sends and reads them.
//!
//! Fields that a newer server adds are ignored, and a frame of an unknown type is [`ServerFrame::Unknown`].

mod client;
mod server;

pub use client::{ClientFrame, WatchedTable};
pub use server::{
    Blocked, Cell, Column, ColumnType, Crash, Detail, Entry, Event, Field, Hello, JournalPage,
    Loop, Memory, Page, Row, ServerFrame, TableUpdate, Totals, Tree, TreeRow, Update,
};

/// The version of the protocol that this client speaks.
pub const VERSION: u32 = 1;
/// The longest frame that a server sends, in bytes.
pub const LONGEST_FROM_SERVER: usize = 1024 * 1024;
/// The longest frame that a client may send, in bytes.
pub const LONGEST_FROM_CLIENT: usize = 64 * 1024;
/// The most rows that a client may watch.
pub const MOST_ROWS: usize = 500;
