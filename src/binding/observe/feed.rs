//! What JavaScript tells about its environment: processes by name as they come and go, and whole tables each refresh.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::core::observe::{CellValue, MemoryReading, ObservedEvent, RowSource, TableKind};

/// A cell as JavaScript writes it. An unknown number is `null`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenCell {
    Number(f64),
    Flag(bool),
    Text(String),
    Unknown(()),
}

impl From<WrittenCell> for CellValue<'static> {
    fn from(cell: WrittenCell) -> Self {
        match cell {
            WrittenCell::Number(number) => Self::Number(number),
            WrittenCell::Flag(flag) => Self::Flag(flag),
            WrittenCell::Text(text) => Self::Text(Cow::Owned(text)),
            WrittenCell::Unknown(()) => Self::Unknown,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct WrittenTable {
    total: usize,
    rows: Vec<(String, Vec<WrittenCell>)>,
}

/// An admission engine, and its clock at the time of writing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EngineNote {
    pub(super) handle: f64,
    /// The beginning of the keys of its routes.
    pub(super) prefix: String,
    pub(super) system: String,
    pub(super) now: f64,
    /// Whether its clock goes on by itself.
    pub(super) runs: bool,
}

/// Tables that JavaScript publishes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WrittenTables {
    tables: BTreeMap<String, WrittenTable>,
    memory: Option<MemoryReading>,
    engines: Vec<EngineNote>,
}

/// A table as JavaScript published it.
#[derive(Debug, Default)]
pub(crate) struct PublishedTable {
    /// Rows that there are; those beyond a bound were not published.
    total: usize,
    rows: Vec<(String, Vec<CellValue<'static>>)>,
}

impl RowSource for PublishedTable {
    fn places(&self) -> usize {
        self.rows.len()
    }

    fn rows(&self) -> usize {
        self.total.max(self.rows.len())
    }

    fn order(&self, place: usize) -> Option<u64> {
        Some(place as u64)
    }

    fn cell(&self, place: usize, column: usize) -> CellValue<'_> {
        match self.rows[place].1.get(column) {
            None | Some(CellValue::Unknown) => CellValue::Unknown,
            Some(CellValue::Number(number)) => CellValue::Number(*number),
            Some(CellValue::Flag(flag)) => CellValue::Flag(*flag),
            Some(CellValue::Text(text)) => CellValue::text(text),
        }
    }

    fn key(&self, place: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.rows[place].0)
    }
}

impl PublishedTable {
    /// Puts the rows of another table behind these.
    pub(super) fn append(&mut self, other: &Self) {
        self.total += other.rows();
        self.rows.extend(other.rows.iter().cloned());
    }
}

/// Tables by kind, with what stands beside them.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    pub(super) tables: BTreeMap<TableKind, PublishedTable>,
    pub(super) memory: MemoryReading,
    pub(super) engines: Vec<EngineNote>,
    /// The time of the host at which it was read, ms.
    pub(super) at: f64,
}

impl Publication {
    /// Reads what JavaScript wrote; nothing for what is no publication.
    pub(super) fn read(json: &str, at: f64) -> Option<Self> {
        let written: WrittenTables = serde_json::from_str(json).ok()?;
        let table = |(name, table): (String, WrittenTable)| {
            let rows = table
                .rows
                .into_iter()
                .map(|(key, cells)| (key, cells.into_iter().map(CellValue::from).collect()));
            let table = PublishedTable { total: table.total, rows: rows.collect() };
            Some((TableKind::from_name(&name)?, table))
        };
        Some(Self {
            tables: written.tables.into_iter().filter_map(table).collect(),
            memory: written.memory.unwrap_or_default(),
            engines: written.engines,
            at,
        })
    }
}

/// A process as JavaScript describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcessNote {
    pub(super) runtime: f64,
    pub(super) pid: f64,
    pub(super) key: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) parent: String,
    pub(super) started_at: f64,
    pub(super) restarts: f64,
    pub(super) crashes: f64,
    pub(super) system: String,
}

/// What changed among the processes of an environment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FeedChange {
    changed: Vec<ProcessNote>,
    gone: Vec<(f64, f64)>,
    restarts: u64,
    crashes: u64,
    pub(super) events: Vec<ObservedEvent>,
}

/// The processes of an environment by name.
#[derive(Debug, Default)]
pub(super) struct ProcessFeed {
    /// Gaps are used again.
    pub(super) rows: Vec<Option<ProcessNote>>,
    /// Runtime, pid and rank of each row: a reader of many rows must not touch the rest. A gap has no number for a pid.
    pub(super) ids: Vec<(f64, f64, u64)>,
    places: BTreeMap<(u64, u64), usize>,
    free: Vec<usize>,
    next: u64,
    pub(super) restarts: u64,
    pub(super) crashes: u64,
}

impl ProcessFeed {
    /// Reads a change that JavaScript wrote.
    pub(super) fn read(json: &str) -> Option<FeedChange> {
        serde_json::from_str(json).ok()
    }

    pub(super) fn apply(&mut self, change: FeedChange) -> Vec<ObservedEvent> {
        for note in change.changed {
            let id = (note.runtime.to_bits(), note.pid.to_bits());
            if let Some(&place) = self.places.get(&id) {
                self.rows[place] = Some(note);
                continue;
            }
            let place = self.free.pop().unwrap_or_else(|| {
                self.rows.push(None);
                self.ids.push((f64::NAN, f64::NAN, 0));
                self.rows.len() - 1
            });
            self.ids[place] = (note.runtime, note.pid, self.next);
            self.rows[place] = Some(note);
            self.places.insert(id, place);
            self.next += 1;
        }
        for (runtime, pid) in change.gone {
            if let Some(place) = self.places.remove(&(runtime.to_bits(), pid.to_bits())) {
                self.rows[place] = None;
                self.ids[place] = (f64::NAN, f64::NAN, 0);
                self.free.push(place);
            }
        }
        self.restarts = change.restarts;
        self.crashes = change.crashes;
        change.events
    }

    /// Returns the number of processes.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns runtime and pid of a key.
    pub(super) fn find(&self, key: &str) -> Option<(f64, f64)> {
        let note = self.rows.iter().flatten().find(|note| note.key == key)?;
        Some((note.runtime, note.pid))
    }

    /// Returns the name, or else the id, and the key of a process.
    pub(super) fn describe(&self, runtime: f64, pid: f64) -> Option<(String, String)> {
        let place = *self.places.get(&(runtime.to_bits(), pid.to_bits()))?;
        let note = self.rows[place].as_ref()?;
        let name = if note.name.is_empty() { &note.id } else { &note.name };
        Some((note.key.clone(), name.clone()))
    }
}
