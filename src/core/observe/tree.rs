//! The tree of processes, read a page at a time: children of a key, and the way from the root to it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::columns::TableKind;
use super::select::{TableQuery, select_by};
use super::value::CellValue;
use super::wire::{NamedFields, TableRow, TreeRow};
use super::world::RowSource;

/// The longest way to a root; a longer one is a loop of stale keys.
const DEEPEST: usize = 64;

/// Returns a row with texts of its own.
pub(crate) fn row_at(kind: TableKind, table: &dyn RowSource, place: usize) -> TableRow {
    let cells = (0..kind.columns().len()).map(|column| table.cell(place, column).into_owned());
    TableRow { key: table.key(place).into_owned(), cells: cells.collect() }
}

/// Returns a row with the names of its columns.
pub(crate) fn fields_at(kind: TableKind, table: &dyn RowSource, place: usize) -> NamedFields {
    NamedFields { columns: kind.columns(), cells: row_at(kind, table, place).cells }
}

/// A page of children.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ChildPage {
    pub(crate) path: Vec<String>,
    pub(crate) total: usize,
    pub(crate) rows: Vec<TreeRow>,
}

/// Reads children in a table of processes.
pub(crate) struct TreeReader<'a> {
    table: &'a dyn RowSource,
    parent: usize,
}

impl<'a> TreeReader<'a> {
    pub(crate) fn new(table: &'a dyn RowSource) -> Self {
        let parent = TableKind::Process.column("parent").expect("processes have parents");
        Self { table, parent }
    }

    fn parent_of(&self, place: usize) -> Cow<'_, str> {
        match self.table.cell(place, self.parent) {
            CellValue::Text(key) => key,
            _ => Cow::Borrowed(""),
        }
    }

    /// Returns the keys from the root to the parent of a row.
    pub(crate) fn path_to(&self, place: usize) -> Vec<String> {
        let mut path = Vec::new();
        let mut key = self.parent_of(place).into_owned();
        while !key.is_empty() && path.len() < DEEPEST && !path.contains(&key) {
            let above = self.table.find(&key);
            path.push(key);
            key = above.map_or_else(String::new, |place| self.parent_of(place).into_owned());
        }
        path.reverse();
        path
    }

    /// Returns how many children each of the keys has.
    pub(crate) fn count_children(
        &self,
        keys: impl Iterator<Item = String>,
    ) -> BTreeMap<String, usize> {
        let mut counts: BTreeMap<String, usize> = keys.map(|key| (key, 0)).collect();
        for place in 0..self.table.places() {
            if self.table.order(place).is_some()
                && let Some(count) = counts.get_mut(self.parent_of(place).as_ref())
            {
                *count += 1;
            }
        }
        counts
    }

    /// Returns a page of the children of a key, or of the roots. `None` when there is no such process.
    pub(crate) fn children(
        &self,
        key: Option<&str>,
        offset: usize,
        limit: usize,
    ) -> Option<ChildPage> {
        let path = match key {
            None => Vec::new(),
            Some(key) => {
                let place = self.table.find(key)?;
                let mut path = self.path_to(place);
                path.push(key.to_owned());
                path
            }
        };
        let query = TableQuery { offset, limit, ..TableQuery::default() };
        let wanted = key.unwrap_or("");
        let page = select_by(self.table, &query, |place| self.parent_of(place) == wanted);
        let rows: Vec<_> = page
            .places
            .iter()
            .map(|&place| row_at(TableKind::Process, self.table, place))
            .collect();
        let mut counts = self.count_children(rows.iter().map(|row| row.key.clone()));
        let rows = rows.into_iter().map(|row| {
            let children = counts.remove(&row.key).unwrap_or(0);
            TreeRow { row, children }
        });
        Some(ChildPage { path, total: page.matching, rows: rows.collect() })
    }
}
