//! Everything observed, for clients: tables, sessions, HTTP and metrics, without I/O and without a clock.
//!
//! - [`ObservedWorld`] gives tables at one instant. A page of a table is selected by a heap of its own size, so that
//!   the cost of memory does not grow with the table ([`select`]).
//! - [`ObserveServer`] holds the connections. Bytes go in, bytes come out; it has a bound for each of them, and says
//!   when it wants to be called next. It never asks a process for anything: what only JavaScript knows becomes a
//!   [`NumberedQuestion`], and a client gets its answer without it when JavaScript is blocked.
//! - State lies in counters that are read whole. Events are hints: those that do not fit are counted and dropped.

mod columns;
mod events;
mod framing;
mod http;
mod metrics;
mod outbox;
mod requests;
mod select;
mod server;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod top;
mod tree;
mod value;
mod watching;
mod wire;
mod world;

pub use columns::{Column, ColumnType, TableKind};
pub use events::{EventLog, ObservedEvent};
pub use framing::{FrameReader, TooLong};
pub use metrics::{FamilyType, MOST_SERIES, MetricsBook, MetricsText};
pub use outbox::{FrameForm, HIGH_WATER, OUTBOX_BOUND, Outbox};
pub use requests::{JS_DEADLINE, JsAnswer, JsQuestion, PUBLISH_DEADLINE};
pub use select::{MOST_ROWS, RowSelection, TableQuery, select};
pub use server::{LOGGED_EVENTS, MOST_PEERS, ObserveServer, PeerForm, PeerId};
pub use session::{FRAME_LIMIT, HELLO_LIMIT, NumberedQuestion, SLOW_LIMIT};
pub use settings::{ObservedTime, PageAsset, ServerSettings};
pub use top::{top_numbers, top_texts};
pub use value::{CellValue, TEXT_LIMIT, number_to, shortened, shortened_to};
pub use wire::*;
pub use world::{
    MOST_KINDS, MemoryReading, ObservedLoop, ObservedWorld, ProcessSums, RowSource, StalledLoop,
    WorldTotals,
};
