//! The frames of the protocol, version 1: JSON objects whose `type` says what they are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

use super::columns::{Column, ColumnType, TableKind};
use super::events::ObservedEvent;
use super::value::CellValue;
use super::world::{MemoryReading, ObservedLoop, WorldTotals};

/// The version of the protocol.
pub const VERSION: u32 = 1;
/// The longest frame of a client, bytes.
pub const CLIENT_FRAME: usize = 64 * 1024;
/// The longest frame of the server, bytes.
pub const SERVER_FRAME: usize = 1024 * 1024;

/// A frame of a client.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientFrame {
    /// The first one.
    Hello {
        /// The version that the client speaks.
        v: u32,
    },
    /// The tables that the client wants to see from now on.
    Watch(WatchFrame),
    /// Everything about one row.
    Detail {
        /// The client's number for the answer.
        #[serde(default)]
        id: u64,
        /// The kind of its table.
        kind: String,
        /// Its key.
        key: String,
        /// Whether to ask for its state.
        #[serde(default)]
        state: bool,
    },
    /// The children of a process.
    Tree {
        /// The client's number for the answer.
        #[serde(default)]
        id: u64,
        /// The parent; `None` for those without one.
        #[serde(default)]
        key: Option<String>,
        /// Children before the page.
        #[serde(default)]
        offset: usize,
        /// The most children of the page.
        #[serde(default = "tree_limit")]
        limit: usize,
    },
    /// Entries of a journal, the newest first.
    Journal {
        /// The client's number for the answer.
        #[serde(default)]
        id: u64,
        /// The journal.
        key: String,
        /// Only entries before this number; `None` for the newest.
        #[serde(default)]
        before: Option<f64>,
        /// The most entries.
        #[serde(default = "journal_limit")]
        limit: usize,
    },
    /// A change.
    Action {
        /// The client's number for the answer.
        #[serde(default)]
        id: u64,
        /// The change.
        action: ActionName,
        /// The key of the process that it is about.
        key: String,
    },
    /// No updates until `resume`.
    Pause,
    /// Updates again, from a fresh page on.
    Resume,
}

const fn tree_limit() -> usize {
    200
}

const fn journal_limit() -> usize {
    50
}

const fn table_limit() -> usize {
    50
}

/// A change of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionName {
    /// It ends after the messages that it has.
    Stop,
    /// It ends at once.
    Kill,
    /// Its supervisor starts it anew.
    Restart,
}

/// The tables that a client wants to see.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchFrame {
    /// The time between two updates, ms. The server has a least one.
    #[serde(default)]
    pub refresh_ms: Option<f64>,
    /// The tables.
    #[serde(default)]
    pub tables: Vec<WatchedTable>,
}

/// A page of a table that a client watches.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WatchedTable {
    /// The client's name for it.
    pub table: String,
    /// Its kind.
    pub kind: String,
    /// The column that orders it.
    #[serde(default)]
    pub by: Option<String>,
    /// Whether the greatest comes first.
    #[serde(default)]
    pub desc: bool,
    /// Rows before the page.
    #[serde(default)]
    pub offset: usize,
    /// The most rows of the page.
    #[serde(default = "table_limit")]
    pub limit: usize,
    /// A text that rows must contain.
    #[serde(default)]
    pub filter: String,
}

/// The columns of every kind, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindColumns;

impl Serialize for KindColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(TableKind::ALL.len()))?;
        for kind in TableKind::ALL {
            map.serialize_entry(kind.name(), kind.columns())?;
        }
        map.end()
    }
}

/// The process as the server introduces it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Introduction {
    /// The version of the package.
    pub package: String,
    /// The number of the process.
    pub pid: u32,
    /// The version of Node.
    pub node: String,
    /// The title of the process.
    pub title: String,
    /// The wall time at which it started, ms.
    pub started_at: f64,
}

/// A row of a page: its key and its cells.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// The key.
    pub key: String,
    /// The cells.
    pub cells: Vec<CellValue<'static>>,
}

impl TableRow {
    /// Returns a bound of the bytes that it takes in a frame.
    pub(super) fn bytes(&self) -> usize {
        let cells = self.cells.iter().map(|cell| match cell {
            // A control character takes six.
            CellValue::Text(text) => text.len() * 6 + 3,
            _ => 32,
        });
        self.key.len() * 6 + 8 + cells.sum::<usize>()
    }
}

impl Serialize for TableRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.key, &self.cells).serialize(serializer)
    }
}

/// A child in a tree: its key, its cells, the number of its own children.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeRow {
    /// The row.
    pub row: TableRow,
    /// The number of its children.
    pub children: usize,
}

impl Serialize for TreeRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.row.key, &self.row.cells, self.children).serialize(serializer)
    }
}

/// The cells of a row with the names and types of their columns.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedFields {
    /// The columns.
    pub columns: &'static [Column],
    /// The cells.
    pub cells: Vec<CellValue<'static>>,
}

impl Serialize for NamedFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.cells.len()))?;
        for (Column { name, of }, cell) in self.columns.iter().zip(&self.cells) {
            let of: &ColumnType = of;
            list.serialize_element(&(name, of, cell))?;
        }
        list.end()
    }
}

/// The answer about one row. What JavaScript adds is in `more`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowDetail {
    /// The client's number.
    pub id: u64,
    /// The kind of its table.
    pub kind: TableKind,
    /// Its key.
    pub key: String,
    /// Whether there is such a row.
    pub found: bool,
    /// Its cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<NamedFields>,
    /// The keys from the root to its parent.
    pub path: Vec<String>,
    /// The number of its children.
    pub children: usize,
    /// The reason why JavaScript added nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
    /// Links, monitors, crashes, and the state where it was asked for.
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

/// The change of one watched table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableChange {
    /// The client's name for it.
    pub table: String,
    /// Its rows.
    pub total: usize,
    /// Those that match.
    pub matching: usize,
    /// The keys of the page in order, where that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<String>>,
    /// The rows that are new or changed.
    pub changed: Vec<TableRow>,
}

/// The reason of the server for ending a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByeReason {
    /// The client does not read.
    Slow,
    /// The client does not speak the protocol.
    Garbage,
    /// A frame is longer than frames may be.
    TooLong,
    /// The client is late with a frame.
    Timeout,
    /// The server ends.
    Closing,
}

/// A frame of the server.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame<'a> {
    /// The first one.
    #[serde(rename_all = "camelCase")]
    Hello {
        /// The version of the protocol.
        v: u32,
        /// The process.
        #[serde(flatten)]
        of: Cow<'a, Introduction>,
        /// The least time between updates, ms.
        #[serde(serialize_with = "number")]
        refresh_ms: f64,
        /// Whether actions are allowed.
        actions: bool,
        /// The columns of each kind.
        kinds: KindColumns,
        /// The name of the session, where one can be steered by other requests.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
    /// Rows of a table that is watched from now on.
    Page {
        /// The client's name for it.
        table: Cow<'a, str>,
        /// Its kind.
        kind: TableKind,
        /// Wall time, ms.
        #[serde(serialize_with = "number")]
        at: f64,
        /// Its rows.
        total: usize,
        /// Those that match.
        matching: usize,
        /// Rows before these.
        offset: usize,
        /// The rows.
        rows: &'a [TableRow],
        /// Whether the page goes on in the next frame.
        more: bool,
    },
    /// What changed since the last frame.
    Update {
        /// Wall time, ms.
        #[serde(serialize_with = "number")]
        at: f64,
        /// Tables that changed.
        tables: Vec<TableChange>,
        /// Event loops.
        loops: Vec<ObservedLoop>,
        /// Memory.
        memory: MemoryReading,
        /// Totals.
        totals: WorldTotals,
        /// New events.
        events: Vec<&'a ObservedEvent>,
        /// Events that did not fit, ever.
        dropped: u64,
    },
    /// Everything about a row.
    Detail(Box<RowDetail>),
    /// Children.
    Tree {
        /// The client's number.
        id: u64,
        /// The parent.
        key: Option<String>,
        /// The keys from the root to the parent.
        path: Vec<String>,
        /// The number of children.
        total: usize,
        /// Children before these.
        offset: usize,
        /// Children.
        rows: Vec<TreeRow>,
    },
    /// Entries of a journal.
    Journal {
        /// The client's number.
        id: u64,
        /// The journal.
        key: String,
        /// What JavaScript answered: `first`, `next`, `entries`.
        #[serde(flatten)]
        of: BTreeMap<String, serde_json::Value>,
    },
    /// An action was carried out.
    Done {
        /// The client's number.
        id: u64,
    },
    /// A request was refused, or failed.
    Error {
        /// The client's number, if there was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// A stable code.
        code: Cow<'a, str>,
        /// A sentence for people.
        message: Cow<'a, str>,
    },
    /// The last one.
    Bye {
        /// Why.
        reason: ByeReason,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    super::value::number_to(*number, serializer)
}

impl ServerFrame<'_> {
    /// Returns the frame as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("frames are maps with texts as keys")
    }
}

/// A refusal of a frame, with a stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameRefusal {
    /// The client's number, if it gave one.
    pub id: Option<u64>,
    /// The code.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// The failure to read a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameFault {
    /// No JSON object with a `type`.
    Garbage,
    /// An object that is no frame of this version.
    Refused(FrameRefusal),
}

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// [`FrameFault`]; a field that is missing or of another type is a refusal.
    pub fn read(bytes: &[u8]) -> Result<Self, FrameFault> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|_| FrameFault::Garbage)?;
        if !value.get("type").is_some_and(serde_json::Value::is_string) {
            return Err(FrameFault::Garbage);
        }
        let id = value.get("id").and_then(serde_json::Value::as_u64);
        serde_json::from_value(value).map_err(|error| {
            let message = super::value::shortened(&error.to_string()).into_owned();
            FrameFault::Refused(FrameRefusal { id, code: "KEELSON_OBSERVE_FRAME", message })
        })
    }
}
