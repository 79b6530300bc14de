//! Selects a page of a table by any column, without sorting the table: a heap of the best `offset + limit` rows.
//!
//! The order is that of a full sort by the column, and by creation among equals; so pages neither overlap nor miss a
//! row of a table that stands still.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::columns::{ColumnType, TableKind};
use super::value::CellValue;
use super::world::RowSource;

/// The most rows of a page.
pub const MOST_ROWS: usize = 500;

/// The page that a client wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableQuery {
    /// The column that orders the rows; `None` for the order of creation.
    pub by: Option<usize>,
    /// Whether the greatest comes first. Without a column: the youngest.
    pub desc: bool,
    /// Rows before the page.
    pub offset: usize,
    /// The most rows of the page.
    pub limit: usize,
    /// Only rows of which a text cell contains this, in any case. Empty for all.
    pub filter: String,
}

/// The rows of a page, as places of the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowSelection {
    /// The rows of the table.
    pub total: usize,
    /// Those that match the filter.
    pub matching: usize,
    /// The page, in order.
    pub places: Vec<usize>,
}

/// A row that is compared with others: the first of them has the least rank.
struct Ranked<'a> {
    value: CellValue<'a>,
    order: u64,
    place: usize,
    desc: bool,
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_value = self.value.compare(&other.value);
        let by_value = if self.desc { by_value.reverse() } else { by_value };
        by_value.then(self.order.cmp(&other.order))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked<'_> {}

/// Selects a page of a table.
#[must_use]
pub fn select(kind: TableKind, table: &dyn RowSource, query: &TableQuery) -> RowSelection {
    let needle = Needle::new(&query.filter);
    let texts: Vec<usize> = kind
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| column.of == ColumnType::Text)
        .map(|(index, _)| index)
        .collect();
    let matches = |place: usize| {
        needle.is_empty()
            || texts.iter().any(|&column| match table.cell(place, column) {
                CellValue::Text(text) => needle.is_in(&text),
                _ => false,
            })
    };
    select_by(table, query, matches)
}

/// Selects a page of the rows that match.
pub(crate) fn select_by(
    table: &dyn RowSource,
    query: &TableQuery,
    matches: impl Fn(usize) -> bool,
) -> RowSelection {
    let wanted = query.offset.saturating_add(query.limit.min(MOST_ROWS));
    let mut best: BinaryHeap<Ranked<'_>> = BinaryHeap::new();
    let mut matching = 0;
    for place in 0..table.places() {
        let Some(order) = table.order(place) else { continue };
        if !matches(place) {
            continue;
        }
        matching += 1;
        let value = match query.by {
            Some(column) => table.cell(place, column),
            // So that `desc` turns the order of creation, too.
            None => CellValue::Number(order as f64),
        };
        let row = Ranked { value, order, place, desc: query.desc };
        if best.len() < wanted {
            best.push(row);
        } else if let Some(mut worst) = best.peek_mut()
            && row < *worst
        {
            *worst = row;
        }
    }
    let mut page = best.into_sorted_vec();
    page.drain(..query.offset.min(page.len()));
    let places = page.into_iter().map(|row| row.place).collect();
    RowSelection { total: table.rows(), matching, places }
}

/// A text that is searched for, in any case.
struct Needle {
    lower: String,
}

impl Needle {
    fn new(text: &str) -> Self {
        Self { lower: text.to_lowercase() }
    }

    fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }

    fn is_in(&self, text: &str) -> bool {
        if text.is_ascii() && self.lower.is_ascii() {
            let needle = self.lower.as_bytes();
            return text
                .as_bytes()
                .windows(needle.len())
                .any(|window| window.eq_ignore_ascii_case(needle));
        }
        let lower: Cow<'_, str> = text.to_lowercase().into();
        lower.contains(&self.lower)
    }
}
