//! The one row that the session looks at in detail.

use crate::protocol::{Detail, Entry, JournalPage};

use super::load::History;

/// The most entries of a journal that are kept.
const ENTRIES: usize = 500;
/// The entries that are asked for at a time.
pub const ENTRIES_A_PAGE: usize = 50;

/// The row that is looked at in detail.
#[derive(Debug, Default)]
pub struct Inspected {
    /// The kind of the row.
    pub kind: String,
    /// The key of the row.
    pub key: String,
    /// Its name, for the title.
    pub name: String,
    /// The last answer that had the row.
    pub last: Option<Detail>,
    /// Whether the row is gone.
    pub is_gone: bool,
    /// The newest entries, when it is a journal.
    pub entries: Vec<Entry>,
    /// The sequence of a journal's oldest entry.
    pub first: u64,
    /// The resistance over time, when it is a route.
    pub resistance: History,
    /// The lines above the first one that is drawn.
    pub scroll: usize,
}

impl Inspected {
    /// Looks at a row.
    pub fn new(kind: &str, key: &str, name: &str) -> Self {
        Self { kind: kind.into(), key: key.into(), name: name.into(), ..Self::default() }
    }

    /// Takes an answer. One about another row is ignored.
    pub fn take(&mut self, detail: Detail) {
        if detail.key != self.key {
            return;
        }
        self.is_gone = !detail.found;
        if !detail.found {
            return;
        }
        let number = |name: &str| {
            detail.fields.iter().find(|field| field.0 == name).and_then(|field| field.2.number())
        };
        if let Some(value) = number("R") {
            self.resistance.push(value);
        }
        self.last = Some(detail);
    }

    /// Takes entries of the journal: the newest ones, or those that follow the ones that are known.
    pub fn take_entries(&mut self, page: JournalPage) {
        if page.key != self.key {
            return;
        }
        self.first = page.first;
        let ends = page.entries.first().zip(self.entries.last());
        let is_older = ends.is_some_and(|(newest, oldest)| newest.seq < oldest.seq);
        if is_older {
            let oldest = self.entries.last().map_or(u64::MAX, |entry| entry.seq);
            self.entries.extend(page.entries.into_iter().filter(|entry| entry.seq < oldest));
        } else {
            let newest = self.entries.first().map_or(0, |entry| entry.seq);
            let is_joined = page.entries.last().is_some_and(|entry| entry.seq <= newest);
            let known = std::mem::take(&mut self.entries);
            self.entries = page.entries;
            if is_joined {
                let oldest = self.entries.last().map_or(u64::MAX, |entry| entry.seq);
                self.entries.extend(known.into_iter().filter(|entry| entry.seq < oldest));
            }
        }
        self.entries.truncate(ENTRIES);
    }

    /// Returns the sequence before which older entries are to be asked for; `None` when all are known.
    pub fn older(&self) -> Option<u64> {
        let oldest = self.entries.last()?.seq;
        (oldest > self.first && self.entries.len() < ENTRIES).then_some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Cell, ColumnType};

    fn page(first: u64, sequences: impl Iterator<Item = u64>) -> JournalPage {
        let entries: Vec<Entry> = sequences.map(|seq| Entry { seq, ..Entry::default() }).collect();
        JournalPage {
            key: "j".into(),
            first,
            next: entries.first().map_or(0, |entry| entry.seq + 1),
            entries,
        }
    }

    fn sequences(inspected: &Inspected) -> Vec<u64> {
        inspected.entries.iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn the_last_answer_stays_when_the_row_is_gone() {
        let mut row = Inspected::new("process", "k", "cart");
        let fields = vec![("name".to_owned(), ColumnType::Text, Cell::Text("cart".into()))];
        row.take(Detail { key: "other".into(), found: true, ..Detail::default() });
        assert!(row.last.is_none());
        row.take(Detail { key: "k".into(), found: true, fields, ..Detail::default() });
        row.take(Detail { key: "k".into(), found: false, ..Detail::default() });
        assert!(row.is_gone);
        assert_eq!(row.last.unwrap().fields[0].2.text(), "cart");
    }

    #[test]
    fn a_journal_is_paged_from_its_end() {
        let mut row = Inspected::new("journal", "j", "audit");
        row.take_entries(page(1, (51..=100).rev()));
        assert_eq!(row.older(), Some(51));
        row.take_entries(page(1, (1..=50).rev()));
        assert_eq!(sequences(&row), (1..=100).rev().collect::<Vec<_>>());
        assert_eq!(row.older(), None);
    }

    #[test]
    fn new_entries_join_those_that_are_known() {
        let mut row = Inspected::new("journal", "j", "audit");
        row.take_entries(page(1, (1..=50).rev()));
        row.take_entries(page(1, (11..=60).rev()));
        assert_eq!(sequences(&row), (1..=60).rev().collect::<Vec<_>>());
        row.take_entries(page(1, (101..=150).rev()));
        assert_eq!(sequences(&row), (101..=150).rev().collect::<Vec<_>>());
    }
}
