//! The tree of processes, of which the session knows what was opened.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::{Cell, Column, Tree, TreeRow};

/// The most children that are asked for at a time.
pub const CHILDREN_A_PAGE: usize = 200;
/// The most roots whose children are shown at first.
const ROOTS_OPENED: usize = 5;
/// The deepest level that is drawn.
const DEEPEST: usize = 64;

#[derive(Debug, Default)]
struct Children {
    total: usize,
    rows: Vec<TreeRow>,
}

/// What the session knows of the tree.
#[derive(Debug, Default)]
pub struct ProcessTree {
    children: BTreeMap<Option<String>, Children>,
    opened: BTreeSet<String>,
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeLine {
    /// The level, from zero.
    pub depth: usize,
    /// The key of the process; empty for a line that only says how many are left out.
    pub key: String,
    /// The name, or the words of such a line.
    pub name: String,
    /// The kind: `GenServer`, `Supervisor` and so on.
    pub kind: String,
    /// The status.
    pub status: String,
    /// The messages that wait.
    pub mailbox: f64,
    /// The number of children.
    pub children: usize,
    /// Whether its children are shown.
    pub is_open: bool,
}

fn cell<'a>(columns: &[Column], cells: &'a [Cell], name: &str) -> Option<&'a Cell> {
    columns.iter().position(|column| column.name == name).and_then(|index| cells.get(index))
}

/// Returns the name of a process, or else its id.
fn known_by(key: &str, cells: &[Cell], columns: &[Column]) -> String {
    let texts =
        ["name", "id"].map(|name| cell(columns, cells, name).map(Cell::text).unwrap_or_default());
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or(key).to_owned()
}

impl ProcessTree {
    /// Takes the children of a process, or the roots.
    pub fn take(&mut self, tree: Tree) {
        if tree.key.as_ref().is_some_and(|key| !self.opened.contains(key)) {
            return;
        }
        if !self.is_loaded() && tree.total <= ROOTS_OPENED {
            let parents = tree.rows.iter().filter(|(.., children)| *children > 0);
            self.opened.extend(parents.map(|(key, ..)| key.clone()));
        }
        self.children.insert(tree.key, Children { total: tree.total, rows: tree.rows });
        self.prune();
    }

    /// Forgets what hangs on processes that are gone.
    fn prune(&mut self) {
        loop {
            let known: BTreeSet<&String> = self
                .children
                .values()
                .flat_map(|children| children.rows.iter().map(|(key, ..)| key))
                .collect();
            let gone: Vec<String> =
                self.opened.iter().filter(|key| !known.contains(key)).cloned().collect();
            if gone.is_empty() {
                return;
            }
            for key in gone {
                self.close(&key);
            }
        }
    }

    /// Shows the children of a process.
    pub fn open(&mut self, key: &str) {
        self.opened.insert(key.into());
    }

    /// Hides the children of a process.
    pub fn close(&mut self, key: &str) {
        self.opened.remove(key);
        self.children.remove(&Some(key.to_owned()));
    }

    /// Returns whether the children of a process are shown.
    pub fn is_open(&self, key: &str) -> bool {
        self.opened.contains(key)
    }

    /// Returns whether the roots are known.
    pub fn is_loaded(&self) -> bool {
        self.children.contains_key(&None)
    }

    /// Returns whose children are shown, the roots (`None`) first.
    pub fn shown(&self) -> Vec<Option<String>> {
        std::iter::once(None).chain(self.opened.iter().cloned().map(Some)).collect()
    }

    /// Returns the key of the process above one; `None` for a root.
    pub fn parent(&self, key: &str) -> Option<&str> {
        self.children
            .iter()
            .find(|(_, children)| children.rows.iter().any(|(own, ..)| own == key))
            .and_then(|(parent, _)| parent.as_deref())
    }

    /// Returns what a process is known by, where the tree has it.
    pub fn name_of(&self, key: &str, columns: &[Column]) -> Option<String> {
        let rows = self.children.values().flat_map(|children| &children.rows);
        let (key, cells, _) = rows.into_iter().find(|(own, ..)| own == key)?;
        Some(known_by(key, cells, columns))
    }

    /// Returns the lines, from the roots down.
    pub fn lines(&self, columns: &[Column]) -> Vec<TreeLine> {
        let mut lines = Vec::new();
        self.collect(None, 0, columns, &mut lines);
        lines
    }

    fn collect(
        &self,
        parent: Option<&str>,
        depth: usize,
        columns: &[Column],
        lines: &mut Vec<TreeLine>,
    ) {
        let Some(children) = self.children.get(&parent.map(str::to_owned)) else { return };
        if depth >= DEEPEST {
            return;
        }
        for (key, cells, count) in &children.rows {
            let text = |name: &str| {
                cell(columns, cells, name).map(Cell::text).unwrap_or_default().to_owned()
            };
            let is_open = self.is_open(key);
            lines.push(TreeLine {
                depth,
                key: key.clone(),
                name: known_by(key, cells, columns),
                kind: text("kind"),
                status: text("status"),
                mailbox: cell(columns, cells, "mailbox").and_then(Cell::number).unwrap_or_default(),
                children: *count,
                is_open,
            });
            if is_open {
                self.collect(Some(key), depth + 1, columns, lines);
            }
        }
        let left = children.total.saturating_sub(children.rows.len());
        if left > 0 {
            lines.push(TreeLine {
                depth,
                key: String::new(),
                name: format!("{left} more"),
                kind: String::new(),
                status: String::new(),
                mailbox: 0.0,
                children: 0,
                is_open: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ColumnType;

    fn columns() -> Vec<Column> {
        ["id", "name", "kind", "status"]
            .map(|name| Column { name: name.into(), of: ColumnType::Text })
            .into_iter()
            .collect()
    }

    fn child(key: &str, children: usize) -> TreeRow {
        let words = ["", key, "GenServer", "running"].map(|text| Cell::Text(text.into()));
        (key.into(), words.into_iter().collect(), children)
    }

    fn answer(key: Option<&str>, rows: Vec<TreeRow>) -> Tree {
        Tree { key: key.map(str::to_owned), total: rows.len(), offset: 0, rows }
    }

    fn drawn(tree: &ProcessTree) -> Vec<String> {
        tree.lines(&columns())
            .iter()
            .map(|line| format!("{}{}", "-".repeat(line.depth), line.name))
            .collect()
    }

    #[test]
    fn only_opened_processes_show_their_children() {
        let mut tree = ProcessTree::default();
        tree.take(answer(None, vec![child("app", 2), child("alone", 0)]));
        tree.close("app");
        tree.take(answer(Some("app"), vec![child("ignored", 0)]));
        assert_eq!(drawn(&tree), ["app", "alone"]);
        tree.open("app");
        tree.take(answer(Some("app"), vec![child("a", 0), child("b", 0)]));
        assert_eq!(drawn(&tree), ["app", "-a", "-b", "alone"]);
        assert_eq!(tree.parent("b"), Some("app"));
        assert_eq!(tree.parent("app"), None);
        tree.close("app");
        assert_eq!(drawn(&tree), ["app", "alone"]);
    }

    #[test]
    fn a_process_that_is_gone_takes_what_hangs_on_it() {
        let mut tree = ProcessTree::default();
        tree.take(answer(None, vec![child("app", 1)]));
        tree.open("app");
        tree.take(answer(Some("app"), vec![child("a", 1)]));
        tree.open("a");
        tree.take(answer(Some("a"), vec![child("b", 0)]));
        tree.take(answer(None, vec![child("other", 0)]));
        assert_eq!(drawn(&tree), ["other"]);
        assert_eq!(tree.shown(), [None]);
    }

    #[test]
    fn few_roots_are_open_at_first_and_many_are_not() {
        let mut tree = ProcessTree::default();
        tree.take(answer(None, vec![child("app", 1), child("alone", 0)]));
        assert_eq!(tree.shown(), [None, Some("app".into())]);
        let mut many = ProcessTree::default();
        many.take(answer(None, (0..20).map(|index| child(&format!("p{index}"), 1)).collect()));
        assert_eq!(many.shown(), [None]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut tree = ProcessTree::default();
        tree.take(Tree { key: None, total: 1000, offset: 0, rows: vec![child("a", 0)] });
        assert_eq!(drawn(&tree), ["a", "999 more"]);
    }
}
