//! The tables as a reader sees them, at one instant.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::columns::TableKind;
use super::value::CellValue;

/// A table at one instant. Rows have places, which may have gaps; cells are read one by one, so that a reader pays for
/// those that it looks at.
pub trait RowSource {
    /// Returns the number of places.
    fn places(&self) -> usize;

    /// Returns the number of rows.
    fn rows(&self) -> usize;

    /// Returns the rank of a row by creation; `None` for a gap. No two rows have the same.
    fn order(&self, place: usize) -> Option<u64>;

    /// Returns one cell of a row.
    fn cell(&self, place: usize, column: usize) -> CellValue<'_>;

    /// Returns the key of a row, which no other row of its kind has, now or later.
    fn key(&self, place: usize) -> Cow<'_, str>;

    /// Returns the place of the row with this key.
    fn find(&self, key: &str) -> Option<usize> {
        (0..self.places()).find(|&place| self.order(place).is_some() && self.key(place) == key)
    }
}

/// The handler that keeps an event loop from turning.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StalledLoop {
    /// The time since the loop last turned, ms.
    pub for_ms: f64,
    /// The key of the process whose handler runs; empty when none is known.
    pub key: String,
    /// Its name or id.
    pub name: String,
    /// The type of the message that it handles.
    pub message: String,
    /// The callback that runs.
    pub handler: String,
}

/// The counters of an event loop.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObservedLoop {
    /// The name of its thread.
    pub thread: String,
    /// Time in JavaScript, ms.
    pub running: f64,
    /// Time in which it waited for events, ms.
    pub idle: f64,
    /// Time beyond the bound of a stall, ms.
    pub blocked: f64,
    /// The longest stall, ms.
    pub longest: f64,
    /// The number of stalls.
    pub stalls: u64,
    /// The stall that lasts now.
    pub stalled: Option<StalledLoop>,
}

/// The memory of the process, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MemoryReading {
    /// What the system has given to the process.
    pub rss: f64,
    /// JavaScript's heap in use.
    pub heap_used: f64,
    /// JavaScript's heap.
    pub heap_total: f64,
    /// Buffers outside of it.
    pub external: f64,
}

/// Counts of everything observed, those of ended environments included. All but `processes` only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WorldTotals {
    /// Living processes.
    pub processes: u64,
    /// Messages that were handled.
    pub messages: u64,
    /// Restarts of children.
    pub restarts: u64,
    /// Crashes of processes.
    pub crashes: u64,
    /// Requests that were admitted.
    pub admitted: u64,
    /// Requests that were shed.
    pub shed: u64,
}

/// The processes in sums.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProcessSums {
    /// Their number by kind. Kinds beyond [`MOST_KINDS`] are `other`.
    pub kinds: BTreeMap<String, f64>,
    /// Messages that wait in their mailboxes.
    pub queued: f64,
    /// Messages in the fullest mailbox.
    pub longest: f64,
}

/// The most kinds of processes that are told apart.
pub const MOST_KINDS: usize = 100;

impl ProcessSums {
    /// Adds processes of a kind.
    pub fn add_kind(&mut self, kind: &str, count: f64) {
        if let Some(known) = self.kinds.get_mut(kind) {
            *known += count;
        } else {
            let name = if self.kinds.len() < MOST_KINDS { kind } else { "other" };
            *self.kinds.entry(name.to_owned()).or_default() += count;
        }
    }

    /// Adds the mailbox of a process.
    pub fn add_mailbox(&mut self, waiting: f64) {
        self.queued += waiting;
        self.longest = self.longest.max(waiting);
    }
}

/// Everything that is observed. The live one is in the binding.
pub trait ObservedWorld {
    /// Calls `read` once, with the table of a kind. The table does not change meanwhile.
    fn table(&self, kind: TableKind, read: &mut dyn FnMut(&dyn RowSource));

    /// Returns the readings of the event loops.
    fn loops(&self) -> Vec<ObservedLoop>;

    /// Returns the memory of the process.
    fn memory(&self) -> MemoryReading;

    /// Returns the totals.
    fn totals(&self) -> WorldTotals;

    /// Returns the keys of the processes that one is linked to, and of those that it monitors; `None` where that is not
    /// known.
    fn relations(&self, _key: &str) -> Option<(Vec<String>, Vec<String>)> {
        None
    }

    /// Returns the processes in sums.
    fn processes(&self) -> ProcessSums {
        let mut sums = ProcessSums::default();
        let column = |name| TableKind::Process.column(name).expect("a column");
        let (kind, mailbox) = (column("kind"), column("mailbox"));
        self.table(TableKind::Process, &mut |table| {
            for place in 0..table.places() {
                if table.order(place).is_none() {
                    continue;
                }
                if let CellValue::Text(name) = table.cell(place, kind) {
                    sums.add_kind(&name, 1.0);
                }
                if let CellValue::Number(waiting) = table.cell(place, mailbox) {
                    sums.add_mailbox(waiting);
                }
            }
        });
        sums
    }

    /// Returns the text of the metrics.
    fn metrics(&self) -> String;
}
