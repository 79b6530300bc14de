use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A frame from the service to the dashboard.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerFrame {
    /// Opens a session.
    Hello(Hello),
    /// The first answer of a watched table, or a part of it.
    Page(Page),
    /// What changed since the last frame.
    Update(Update),
    /// Everything about one row.
    Detail(Detail),
    /// The children of a process, or the roots.
    Tree(Tree),
    /// Entries of a journal, the newest first.
    Journal(JournalPage),
    /// An action was done.
    Done {
        /// The number of the request.
        #[serde(default)]
        id: u64,
    },
    /// A request was refused.
    Error {
        /// The number of the request.
        #[serde(default)]
        id: u64,
        /// The stable code.
        #[serde(default)]
        code: String,
        /// The reason, for people.
        #[serde(default)]
        message: String,
    },
    /// The server closes the session.
    Bye {
        /// The reason.
        #[serde(default)]
        reason: String,
    },
    /// A frame that this client does not know.
    #[serde(other)]
    Unknown,
}

/// The service and the kinds of rows that it has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The version of the protocol.
    pub v: u32,
    /// The version of keelson in the service.
    #[serde(default)]
    pub package: String,
    /// The process of the service.
    #[serde(default)]
    pub pid: u32,
    /// The version of Node.
    #[serde(default)]
    pub node: String,
    /// The title of the service.
    #[serde(default)]
    pub title: String,
    /// The start of the service, wall milliseconds.
    #[serde(default)]
    pub started_at: f64,
    /// The shortest time between two updates, milliseconds.
    #[serde(default)]
    pub refresh_ms: u32,
    /// Whether the service lets clients stop, kill and restart.
    #[serde(default)]
    pub actions: bool,
    /// The columns of each kind.
    #[serde(default)]
    pub kinds: BTreeMap<String, Vec<Column>>,
    /// The number of the session, which further requests over HTTP name.
    #[serde(default)]
    pub session: Option<String>,
}

/// A column of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type of its cells.
    #[serde(rename = "type")]
    pub of: ColumnType,
}

/// The type of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Words.
    Text,
    /// A number that goes up and down.
    Gauge,
    /// A number that only grows.
    Count,
    /// Milliseconds.
    Ms,
    /// Bytes.
    Bytes,
    /// Milliseconds since 1970.
    Wall,
    /// True or false.
    Flag,
    /// A type that this client does not know.
    #[serde(other)]
    Other,
}

/// A value in a table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// Words.
    Text(String),
    /// True or false.
    Flag(bool),
    /// Anything else; a missing value is `null`.
    Other(Value),
}

impl Cell {
    /// Returns the number; `None` for another value.
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// Returns the words; empty for another value.
    pub fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }
}

/// A row of a table: its key and its cells.
pub type Row = (String, Vec<Cell>);

/// The first answer of a watched table, or a part of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Page {
    /// The client's own name of the table.
    pub table: String,
    /// The kind of its rows.
    pub kind: String,
    /// The time of the answer, wall milliseconds.
    #[serde(default)]
    pub at: f64,
    /// The rows of the kind.
    #[serde(default)]
    pub total: usize,
    /// The rows that match the filter.
    #[serde(default)]
    pub matching: usize,
    /// The rows before the first one of the answer.
    #[serde(default)]
    pub offset: usize,
    /// The rows.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// Whether a further part follows.
    #[serde(default)]
    pub more: bool,
}

/// What changed since the last frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Update {
    /// The time of the update, wall milliseconds.
    #[serde(default)]
    pub at: f64,
    /// The watched tables that changed.
    #[serde(default)]
    pub tables: Vec<TableUpdate>,
    /// The event loops.
    #[serde(default)]
    pub loops: Vec<Loop>,
    /// The memory of the service.
    #[serde(default)]
    pub memory: Option<Memory>,
    /// Sums over the whole service.
    #[serde(default)]
    pub totals: Option<Totals>,
    /// New events, the oldest first.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Events that the server had no room for, since it began.
    #[serde(default)]
    pub dropped: u64,
}

/// What changed in a watched table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TableUpdate {
    /// The client's own name of the table.
    pub table: String,
    /// The rows of the kind.
    #[serde(default)]
    pub total: usize,
    /// The rows that match the filter.
    #[serde(default)]
    pub matching: usize,
    /// The keys in order, when order or membership changed.
    #[serde(default)]
    pub order: Option<Vec<String>>,
    /// The rows that changed.
    #[serde(default)]
    pub changed: Vec<Row>,
}

/// The event loop of a thread. Times are sums since the service began, milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Loop {
    /// The name of the thread.
    #[serde(default)]
    pub thread: String,
    /// The time with work.
    #[serde(default)]
    pub running: f64,
    /// The time without work.
    #[serde(default)]
    pub idle: f64,
    /// The time in stalls.
    #[serde(default)]
    pub blocked: f64,
    /// The longest stall.
    #[serde(default)]
    pub longest: f64,
    /// The number of stalls.
    #[serde(default)]
    pub stalls: u64,
    /// The stall that lasts.
    #[serde(default)]
    pub stalled: Option<Blocked>,
}

/// A stall that lasts: nothing else of the thread runs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// Its length so far, milliseconds.
    #[serde(default)]
    pub for_ms: f64,
    /// The process whose handler runs.
    #[serde(default)]
    pub key: Option<String>,
    /// The name of that process.
    #[serde(default)]
    pub name: Option<String>,
    /// The type of the message.
    #[serde(default)]
    pub message: Option<String>,
    /// The handler.
    #[serde(default)]
    pub handler: Option<String>,
}

/// The memory of the service, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// What the system gave to the service.
    #[serde(default)]
    pub rss: f64,
    /// What JavaScript uses.
    #[serde(default)]
    pub heap_used: f64,
    /// What JavaScript reserved.
    #[serde(default)]
    pub heap_total: f64,
    /// Buffers and addons.
    #[serde(default)]
    pub external: f64,
}

/// Sums over the whole service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Totals {
    /// Processes that live.
    #[serde(default)]
    pub processes: f64,
    /// Messages that were handled.
    #[serde(default)]
    pub messages: f64,
    /// Restarts by supervisors.
    #[serde(default)]
    pub restarts: f64,
    /// Processes that ended by a fault.
    #[serde(default)]
    pub crashes: f64,
    /// Requests that were admitted.
    #[serde(default)]
    pub admitted: f64,
    /// Requests that were shed.
    #[serde(default)]
    pub shed: f64,
}

/// Reads words that may be `null`.
fn words<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(from).map(Option::unwrap_or_default)
}

/// Something that happened in the service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Event {
    /// The number of the event.
    #[serde(default)]
    pub seq: u64,
    /// Its time, wall milliseconds.
    #[serde(default)]
    pub at: f64,
    /// Its name: `started`, `crashed` and so on.
    #[serde(default, deserialize_with = "words")]
    pub event: String,
    /// The kind of what it happened to.
    #[serde(default, deserialize_with = "words")]
    pub kind: String,
    /// The key of what it happened to.
    #[serde(default, deserialize_with = "words")]
    pub key: String,
    /// The name of what it happened to.
    #[serde(default, deserialize_with = "words")]
    pub name: String,
    /// More words about it.
    #[serde(default, deserialize_with = "words")]
    pub text: String,
}

/// A field of a detail: name, type and value.
pub type Field = (String, ColumnType, Cell);

/// Everything about one row.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Detail {
    /// The kind of the row.
    #[serde(default, deserialize_with = "words")]
    pub kind: String,
    /// The key of the row.
    #[serde(default, deserialize_with = "words")]
    pub key: String,
    /// Whether there is such a row.
    #[serde(default)]
    pub found: bool,
    /// The fields.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// The keys from the root to the row.
    #[serde(default)]
    pub path: Vec<String>,
    /// The number of children.
    #[serde(default)]
    pub children: u64,
    /// The keys of linked processes.
    #[serde(default)]
    pub links: Vec<String>,
    /// The keys of processes that monitor it, or that it monitors.
    #[serde(default)]
    pub monitors: Vec<String>,
    /// The last crashes.
    #[serde(default)]
    pub crashes: Vec<Crash>,
    /// The state, where the service allows it.
    #[serde(default)]
    pub state: Option<Value>,
}

/// A crash of a process.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Crash {
    /// Its time, wall milliseconds.
    #[serde(default)]
    pub at: f64,
    /// The error.
    #[serde(default, deserialize_with = "words")]
    pub error: String,
    /// The stack of the error.
    #[serde(default)]
    pub stack: Option<String>,
    /// The type of the message that the process handled.
    #[serde(default)]
    pub message: Option<String>,
}

/// The children of a process, or the roots.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tree {
    /// The key of the parent; `None` for the roots.
    #[serde(default)]
    pub key: Option<String>,
    /// The number of children.
    #[serde(default)]
    pub total: usize,
    /// The children before the first one of the answer.
    #[serde(default)]
    pub offset: usize,
    /// The children.
    #[serde(default)]
    pub rows: Vec<TreeRow>,
}

/// A child in the tree: key, cells of the kind `process`, number of children.
pub type TreeRow = (String, Vec<Cell>, usize);

/// Entries of a journal, the newest first.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JournalPage {
    /// The key of the journal.
    #[serde(default, deserialize_with = "words")]
    pub key: String,
    /// The sequence of the oldest entry.
    #[serde(default)]
    pub first: u64,
    /// The sequence of the next entry.
    #[serde(default)]
    pub next: u64,
    /// The entries.
    #[serde(default)]
    pub entries: Vec<Entry>,
}

/// An entry of a journal.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Entry {
    /// Its sequence.
    #[serde(default)]
    pub seq: u64,
    /// Its time, wall milliseconds.
    #[serde(default)]
    pub at: f64,
    /// Its words.
    #[serde(default, deserialize_with = "words")]
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ServerFrame {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_hello_of_a_newer_server_is_read() {
        let frame = read(
            r#"{"type":"hello","v":1,"package":"0.1.0","pid":7,"node":"20.20.2","title":"shop","startedAt":5,
            "refreshMs":250,"actions":false,"later":{},"kinds":{"process":[{"name":"id","type":"text"},
            {"name":"odd","type":"later"}]}}"#,
        );
        let ServerFrame::Hello(hello) = frame else { panic!("{frame:?}") };
        assert_eq!((hello.pid, hello.title.as_str(), hello.refresh_ms), (7, "shop", 250));
        assert_eq!(hello.kinds["process"][1].of, ColumnType::Other);
    }

    #[test]
    fn cells_of_every_type_are_read() {
        let frame = read(
            r#"{"type":"page","table":"a","kind":"process","at":1,"total":9,"matching":9,"offset":0,
            "rows":[["k",["id",3,true,null,1.5]]],"more":false}"#,
        );
        let ServerFrame::Page(page) = frame else { panic!("{frame:?}") };
        let (key, cells) = &page.rows[0];
        assert_eq!(key, "k");
        assert_eq!(cells[0].text(), "id");
        assert_eq!(cells[1].number(), Some(3.0));
        assert_eq!(cells[2], Cell::Flag(true));
        assert_eq!(cells[3], Cell::Other(Value::Null));
    }

    #[test]
    fn an_update_may_leave_out_everything() {
        let ServerFrame::Update(update) = read(r#"{"type":"update","at":4}"#) else { panic!() };
        assert!(update.tables.is_empty() && update.totals.is_none());
        assert_eq!(read(r#"{"type":"later","x":1}"#), ServerFrame::Unknown);
    }

    #[test]
    fn a_stall_has_its_process_and_message() {
        let ServerFrame::Update(update) = read(
            r#"{"type":"update","at":4,"loops":[{"thread":"main","running":1,"idle":2,"blocked":3,"longest":4,
            "stalls":1,"stalled":{"forMs":1234,"key":"k","name":"cart","message":"add","handler":"handleCast"}}]}"#,
        ) else {
            panic!()
        };
        let stalled = update.loops[0].stalled.as_ref().unwrap();
        assert_eq!((stalled.for_ms, stalled.name.as_deref()), (1234.0, Some("cart")));
    }
}
