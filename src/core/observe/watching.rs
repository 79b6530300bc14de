//! A table as one client watches it: what was sent, and what must be sent next.

use std::collections::BTreeMap;

use super::columns::TableKind;
use super::outbox::Outbox;
use super::requests::{kind_of, refusal};
use super::select::{MOST_ROWS, TableQuery, select};
use super::settings::ObservedTime;
use super::tree::row_at;
use super::value::CellValue;
use super::wire::{FrameRefusal, ServerFrame, TableChange, TableRow, WatchedTable};
use super::world::ObservedWorld;

/// Bytes of rows in one page frame.
const PAGE_BYTES: usize = 384 * 1024;
/// The longest label and filter, in bytes.
const LONGEST_LABEL: usize = 64;
const LONGEST_FILTER: usize = 256;

/// A watched table.
#[derive(Debug)]
pub(crate) struct TableWatch {
    label: String,
    kind: TableKind,
    query: TableQuery,
    /// Whether the next frame must be a page.
    pub(crate) is_fresh: bool,
    sent: BTreeMap<String, Vec<CellValue<'static>>>,
    order: Vec<String>,
    total: usize,
    matching: usize,
}

struct TablePage {
    total: usize,
    matching: usize,
    rows: Vec<TableRow>,
}

impl TableWatch {
    /// Checks a client's wish.
    pub(crate) fn new(wish: WatchedTable) -> Result<Self, FrameRefusal> {
        let kind = kind_of(None, &wish.kind)?;
        let by = match wish.by.as_deref() {
            None => None,
            Some(name) => Some(kind.column(name).ok_or_else(|| {
                let name = super::value::shortened_to(name, 40);
                let message = format!("The kind {} has no column {name:?}.", kind.name());
                refusal(None, "KEELSON_OBSERVE_COLUMN", message)
            })?),
        };
        if wish.table.len() > LONGEST_LABEL || wish.filter.len() > LONGEST_FILTER {
            let message = format!(
                "A label has at most {LONGEST_LABEL} bytes, and a filter {LONGEST_FILTER}."
            );
            return Err(refusal(None, "KEELSON_OBSERVE_FRAME", message));
        }
        if wish.limit > MOST_ROWS {
            let message = format!("A page has at most {MOST_ROWS} rows.");
            return Err(refusal(None, "KEELSON_OBSERVE_LIMIT", message));
        }
        let WatchedTable { table: label, desc, offset, limit, filter, .. } = wish;
        let query = TableQuery { by, desc, offset, limit, filter };
        Ok(Self {
            label,
            kind,
            query,
            is_fresh: true,
            sent: BTreeMap::new(),
            order: Vec::new(),
            total: 0,
            matching: 0,
        })
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    fn read(&self, world: &dyn ObservedWorld) -> TablePage {
        let mut page = TablePage { total: 0, matching: 0, rows: Vec::new() };
        world.table(self.kind, &mut |table| {
            let selected = select(self.kind, table, &self.query);
            let rows = selected.places.iter().map(|&place| row_at(self.kind, table, place));
            page = TablePage {
                total: selected.total,
                matching: selected.matching,
                rows: rows.collect(),
            };
        });
        page
    }

    /// Sends the page whole, in as many frames as it takes.
    pub(crate) fn send_page(
        &mut self,
        world: &dyn ObservedWorld,
        now: ObservedTime,
        out: &mut Outbox,
    ) {
        let page = self.read(world);
        self.send_rows(&page, now, out);
        self.keep(page);
    }

    /// Returns the only frame of a page; rows that do not fit are left out, and `more` says so.
    pub(crate) fn single_page(&self, world: &dyn ObservedWorld, now: ObservedTime) -> Vec<u8> {
        let TablePage { total, matching, rows } = self.read(world);
        let fitting = rows_that_fit(&rows, PAGE_BYTES * 2);
        self.page_frame(&rows[..fitting], (total, matching), 0, fitting < rows.len(), now).to_json()
    }

    fn page_frame<'a>(
        &'a self,
        rows: &'a [TableRow],
        (total, matching): (usize, usize),
        before: usize,
        more: bool,
        now: ObservedTime,
    ) -> ServerFrame<'a> {
        let (kind, offset) = (self.kind, self.query.offset + before);
        let table = self.label.as_str().into();
        ServerFrame::Page { table, kind, at: now.wall, total, matching, offset, rows, more }
    }

    fn send_rows(&self, page: &TablePage, now: ObservedTime, out: &mut Outbox) {
        let TablePage { total, matching, ref rows } = *page;
        let mut before = 0;
        loop {
            let rest = &rows[before..];
            let (now_sent, later) = rest.split_at(rows_that_fit(rest, PAGE_BYTES));
            let more = !later.is_empty();
            out.push(&self.page_frame(now_sent, (total, matching), before, more, now));
            before += now_sent.len();
            if !more {
                return;
            }
        }
    }

    fn keep(&mut self, page: TablePage) {
        self.is_fresh = false;
        (self.total, self.matching) = (page.total, page.matching);
        self.order = page.rows.iter().map(|row| row.key.clone()).collect();
        self.sent = page.rows.into_iter().map(|row| (row.key, row.cells)).collect();
    }

    /// Returns what changed since the last frame. Sends a page where that would not fit in `room` bytes; takes the
    /// bytes of a change from `room`.
    pub(crate) fn change(
        &mut self,
        world: &dyn ObservedWorld,
        now: ObservedTime,
        out: &mut Outbox,
        room: &mut usize,
    ) -> Option<TableChange> {
        let page = self.read(world);
        let order: Vec<String> = page.rows.iter().map(|row| row.key.clone()).collect();
        let is_same = |row: &&TableRow| self.sent.get(&row.key) != Some(&row.cells);
        let changed: Vec<TableRow> = page.rows.iter().filter(is_same).cloned().collect();
        let order = (order != self.order).then_some(order);
        let same_counts = (page.total, page.matching) == (self.total, self.matching);
        if changed.is_empty() && order.is_none() && same_counts {
            return None;
        }
        let bytes = changed.iter().map(TableRow::bytes).sum::<usize>()
            + order.iter().flatten().map(|key| key.len() * 6 + 3).sum::<usize>();
        if bytes > *room {
            self.send_rows(&page, now, out);
            self.keep(page);
            return None;
        }
        *room -= bytes;
        let (total, matching) = (page.total, page.matching);
        self.keep(page);
        Some(TableChange { table: self.label.clone(), total, matching, order, changed })
    }
}

/// Returns how many of the rows fit: at least one, if there is one.
fn rows_that_fit(rows: &[TableRow], room: usize) -> usize {
    let mut bytes = 0;
    let beyond = rows.iter().position(|row| {
        bytes += row.bytes();
        bytes > room
    });
    beyond.unwrap_or(rows.len()).max(rows.len().min(1))
}
