//! The rows of the table that the session watches, with what grew in each second.

use std::collections::BTreeMap;

use crate::protocol::{Cell, Column, ColumnType, Page, Row, TableUpdate};

/// The rows of one kind that the service sent.
#[derive(Debug, Default)]
pub struct Table {
    /// The kind of the rows.
    pub kind: String,
    /// The rows, in the order of the service.
    pub rows: Vec<Row>,
    /// The rows of the kind.
    pub total: usize,
    /// The rows that match the filter.
    pub matching: usize,
    /// The rows before the first one here.
    pub offset: usize,
    /// Whether an answer for this kind has come.
    pub is_loaded: bool,
    at: f64,
    rates: BTreeMap<String, Vec<f64>>,
}

impl Table {
    /// Forgets the rows, for another kind.
    pub fn reset(&mut self, kind: &str) {
        *self = Self { kind: kind.into(), ..Self::default() };
    }

    /// Takes a page. A further part of an answer is added to the rows.
    pub fn take_page(&mut self, page: Page, is_part: bool) {
        self.total = page.total;
        self.matching = page.matching;
        self.is_loaded = true;
        self.at = page.at;
        if is_part {
            self.rows.extend(page.rows);
            return;
        }
        self.offset = page.offset;
        self.rows = page.rows;
        let keys: Vec<&String> = self.rows.iter().map(|(key, _)| key).collect();
        self.rates.retain(|key, _| keys.contains(&key));
    }

    /// Takes what changed since the last frame, `None` when nothing did. `at` is the time of the update.
    pub fn take_update(&mut self, update: Option<TableUpdate>, at: f64, columns: &[Column]) {
        let seconds = (at - self.at) / 1000.0;
        self.at = at;
        // A row that did not change did not grow.
        for rates in self.rates.values_mut() {
            rates.fill(0.0);
        }
        let Some(update) = update else { return };
        self.total = update.total;
        self.matching = update.matching;
        let mut changed: BTreeMap<String, Vec<Cell>> = update.changed.into_iter().collect();
        for (key, cells) in &mut self.rows {
            if let Some(fresh) = changed.remove(key) {
                if seconds > 0.0 {
                    self.rates.insert(key.clone(), growth(columns, cells, &fresh, seconds));
                }
                *cells = fresh;
            }
        }
        let Some(order) = update.order else { return };
        let mut known: BTreeMap<String, Vec<Cell>> =
            std::mem::take(&mut self.rows).into_iter().collect();
        known.append(&mut changed);
        self.rows = order.into_iter().filter_map(|key| known.remove_entry(&key)).collect();
        for key in known.keys() {
            self.rates.remove(key);
        }
    }

    /// Returns how much a column of a row grew in each second; `None` before two values of it came.
    pub fn rate(&self, key: &str, column: usize) -> Option<f64> {
        self.rates.get(key).and_then(|rates| rates.get(column)).copied()
    }

    /// Returns the place of a key among the rows.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.rows.iter().position(|(own, _)| own == key)
    }
}

/// Returns what each column of counts grew in a second; zero for other columns.
fn growth(columns: &[Column], before: &[Cell], after: &[Cell], seconds: f64) -> Vec<f64> {
    let grown = |(index, column): (usize, &Column)| {
        let value = |cells: &[Cell]| cells.get(index).and_then(Cell::number);
        match (column.of, value(before), value(after)) {
            (ColumnType::Count, Some(old), Some(new)) => ((new - old) / seconds).max(0.0),
            _ => 0.0,
        }
    };
    columns.iter().enumerate().map(grown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        vec![
            Column { name: "id".into(), of: ColumnType::Text },
            Column { name: "mailbox".into(), of: ColumnType::Gauge },
            Column { name: "messages".into(), of: ColumnType::Count },
        ]
    }

    fn row(key: &str, mailbox: f64, messages: f64) -> Row {
        (key.into(), vec![Cell::Text(key.into()), Cell::Number(mailbox), Cell::Number(messages)])
    }

    fn page(rows: Vec<Row>) -> Page {
        let (total, matching) = (rows.len(), rows.len());
        Page {
            table: "main".into(),
            kind: "process".into(),
            at: 1000.0,
            total,
            matching,
            offset: 0,
            rows,
            more: false,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the type of the parameter that it is for")]
    fn update(order: Option<&[&str]>, changed: Vec<Row>) -> Option<TableUpdate> {
        let order = order.map(|keys| keys.iter().map(ToString::to_string).collect());
        Some(TableUpdate { table: "main".into(), total: 2, matching: 2, order, changed })
    }

    fn keys(table: &Table) -> Vec<&str> {
        table.rows.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn parts_of_a_page_are_joined() {
        let mut table = Table::default();
        table.take_page(page(vec![row("a", 0.0, 0.0)]), false);
        table.take_page(page(vec![row("b", 0.0, 0.0)]), true);
        assert_eq!(keys(&table), ["a", "b"]);
        table.take_page(page(vec![row("c", 0.0, 0.0)]), false);
        assert_eq!(keys(&table), ["c"]);
    }

    #[test]
    fn a_count_has_a_rate_and_a_gauge_has_none() {
        let mut table = Table::default();
        table.take_page(page(vec![row("a", 9.0, 100.0), row("b", 0.0, 5.0)]), false);
        assert_eq!(table.rate("a", 2), None);
        table.take_update(update(None, vec![row("a", 1.0, 150.0)]), 1500.0, &columns());
        assert_eq!((table.rate("a", 1), table.rate("a", 2)), (Some(0.0), Some(100.0)));
        table.take_update(None, 2000.0, &columns());
        assert_eq!(table.rate("a", 2), Some(0.0));
        table.take_update(update(None, vec![row("a", 1.0, 151.0)]), 2500.0, &columns());
        assert_eq!(table.rate("a", 2), Some(2.0));
        assert_eq!(table.rate("b", 2), None);
    }

    #[test]
    fn an_order_moves_adds_and_removes_rows() {
        let mut table = Table::default();
        table.take_page(page(vec![row("a", 0.0, 0.0), row("b", 0.0, 0.0)]), false);
        let fresh = vec![row("c", 4.0, 0.0), row("b", 7.0, 0.0)];
        table.take_update(update(Some(&["c", "b", "never sent"]), fresh), 2000.0, &columns());
        assert_eq!(keys(&table), ["c", "b"]);
        assert_eq!(table.rows[1].1[1], Cell::Number(7.0));
        assert_eq!(table.position("a"), None);
    }

    #[test]
    fn a_counter_that_began_again_has_no_negative_rate() {
        let mut table = Table::default();
        table.take_page(page(vec![row("a", 0.0, 100.0)]), false);
        table.take_update(update(None, vec![row("a", 0.0, 3.0)]), 2000.0, &columns());
        assert_eq!(table.rate("a", 2), Some(0.0));
    }
}
