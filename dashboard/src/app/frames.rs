//! What frames change.

use crate::model::tree::CHILDREN_A_PAGE;
use crate::protocol::{ClientFrame, Hello, MOST_ROWS, Page, ServerFrame, Update, WatchedTable};

use super::{App, Layout, Link};

/// The time after which the tree is asked for again, milliseconds.
const TREE_EVERY_MS: f64 = 1000.0;
/// The time after which the detail is asked for again, milliseconds.
const DETAIL_EVERY_MS: f64 = 500.0;
/// The most opened processes whose children are asked for in one go.
const MOST_OPENED: usize = 20;

impl App {
    /// Takes a frame of the service.
    pub fn take_frame(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Hello(hello) => self.take_hello(hello),
            ServerFrame::Page(page) => self.take_page(page),
            ServerFrame::Update(update) => self.take_update(update),
            ServerFrame::Tree(tree) => {
                let is_first = !self.tree.is_loaded();
                self.tree.take(tree);
                self.keep_tree_key();
                if is_first {
                    self.ask_tree();
                }
            }
            ServerFrame::Detail(detail) => {
                if let Some(inspected) = &mut self.inspected {
                    inspected.take(detail);
                }
            }
            ServerFrame::Journal(page) => {
                self.is_older_asked = false;
                if let Some(inspected) = &mut self.inspected {
                    inspected.take_entries(page);
                }
            }
            ServerFrame::Done { .. } => self.notice = Some("Done.".into()),
            ServerFrame::Error { code, message, .. } => {
                self.notice =
                    Some(if message.is_empty() { code } else { format!("{message} ({code})") });
            }
            ServerFrame::Bye { reason } => {
                self.lose(&format!("the service closed the session: {reason}"));
            }
            ServerFrame::Unknown => {}
        }
    }

    /// Takes the end of the session. What is known stays on the screen.
    pub fn lose(&mut self, reason: &str) {
        // The reason of a `bye` says more than the end of the stream that follows it.
        if !matches!(self.link, Link::Lost(_)) {
            self.link = Link::Lost(reason.into());
        }
    }

    fn take_hello(&mut self, hello: Hello) {
        self.link = Link::Live;
        self.now = self.now.max(hello.started_at);
        let is_other = self.hello.as_ref().is_some_and(|old| old.pid != hello.pid);
        if is_other {
            self.load = crate::model::load::Load::default();
            self.tree = crate::model::tree::ProcessTree::default();
            self.table.reset(&self.kind);
        }
        if !hello.kinds.contains_key(&self.kind)
            && let Some(first) = super::kinds::ordered(&hello).first()
        {
            self.kind = (*first).into();
        }
        self.hello = Some(hello);
        self.watch();
        self.ask_tree();
        self.ask_detail();
        if self.is_paused {
            self.requests.push(ClientFrame::Pause);
        }
    }

    /// Watches the rows that fit on the screen.
    pub(super) fn watch(&mut self) {
        self.label += 1;
        self.expects_part = false;
        let order = self.orders.of(&self.kind);
        let shortest = self.hello.as_ref().map_or(0, |hello| hello.refresh_ms);
        self.requests.push(ClientFrame::Watch {
            refresh_ms: self.settings.refresh_ms.max(shortest),
            tables: vec![WatchedTable {
                table: self.label.to_string(),
                kind: self.kind.clone(),
                by: order.by,
                desc: order.is_descending,
                offset: self.offset,
                limit: self.visible_rows.clamp(1, MOST_ROWS),
                filter: order.filter,
            }],
        });
    }

    /// Asks for the part of the tree that is shown.
    pub(super) fn ask_tree(&mut self) {
        if self.layout == Layout::Minimal {
            return;
        }
        self.tree_asked_at = self.now;
        for key in self.tree.shown().into_iter().take(MOST_OPENED) {
            let id = self.id();
            self.requests.push(ClientFrame::Tree { id, key, offset: 0, limit: CHILDREN_A_PAGE });
        }
    }

    /// Asks for the row that is looked at.
    pub(super) fn ask_detail(&mut self) {
        let Some(inspected) = &self.inspected else { return };
        let (kind, key) = (inspected.kind.clone(), inspected.key.clone());
        self.detail_asked_at = self.now;
        let id = self.id();
        self.requests.push(ClientFrame::Detail { id, kind: kind.clone(), key: key.clone() });
        if kind == "journal" {
            self.ask_entries(key, None);
        }
    }

    /// Asks for entries of a journal: the newest, or those before a sequence.
    pub(super) fn ask_entries(&mut self, key: String, before: Option<u64>) {
        self.is_older_asked = before.is_some();
        let id = self.id();
        let limit = crate::model::inspected::ENTRIES_A_PAGE;
        self.requests.push(ClientFrame::Journal { id, key, before, limit });
    }

    fn take_page(&mut self, page: Page) {
        if page.table != self.label.to_string() {
            return;
        }
        self.now = self.now.max(page.at);
        let is_part = self.expects_part;
        self.expects_part = page.more;
        self.table.take_page(page, is_part);
        // It answers a scroll or another order: the place counts, not the row that was there.
        self.keep_selected(None);
    }

    fn take_update(&mut self, update: Update) {
        // Some may be on their way, and HTTP has no pause. What they said comes again with the next watch.
        if self.is_paused {
            return;
        }
        self.now = self.now.max(update.at);
        self.load.take(update.at, update.totals, update.memory, update.loops);
        let is_scrolled = self.log_scroll > 0 && !self.shows_output;
        if is_scrolled {
            // The lines that are looked at stay where they are.
            self.log_scroll = (self.log_scroll + update.events.len()).min(self.events.len());
        }
        self.events.take(update.events, update.dropped);
        let selected = self.selected_key();
        let label = self.label.to_string();
        let own = update.tables.into_iter().find(|table| table.table == label);
        let columns = self.columns().to_vec();
        self.table.take_update(own, update.at, &columns);
        self.keep_selected(selected);
        if self.now - self.tree_asked_at >= TREE_EVERY_MS {
            self.ask_tree();
        }
        if self.now - self.detail_asked_at >= DETAIL_EVERY_MS {
            self.ask_detail();
        }
    }

    fn selected_key(&self) -> Option<String> {
        self.table.rows.get(self.cursor).map(|(key, _)| key.clone())
    }

    /// Follows the selected row where it moved; keeps the place when it is gone.
    fn keep_selected(&mut self, key: Option<String>) {
        if let Some(place) = key.and_then(|key| self.table.position(&key)) {
            self.cursor = place;
        }
        self.cursor = self.cursor.min(self.table.rows.len().saturating_sub(1));
        // Rows above may have ended.
        if self.table.rows.is_empty() && self.offset > 0 && self.table.matching <= self.offset {
            self.offset = self.table.matching.saturating_sub(self.visible_rows);
            self.watch();
        }
    }

    /// Selects the first line where the selected one is gone.
    pub(super) fn keep_tree_key(&mut self) {
        let lines = self.tree_lines();
        if !lines.iter().any(|line| line.key == self.tree_key) {
            self.tree_key = lines.first().map(|line| line.key.clone()).unwrap_or_default();
        }
    }
}
