//! The state of the dashboard: frames and commands in; what is drawn, and what is asked of the service, out.
//!
//! Nothing here reads a clock, a terminal or a socket. Times are those of the service's own frames.

mod commands;
mod frames;
mod kinds;

use crate::keys::Mode;
use crate::model::inspected::Inspected;
use crate::model::load::Load;
use crate::model::log::{EventLog, OutputLog};
use crate::model::table::Table;
use crate::model::tree::{ProcessTree, TreeLine};
use crate::protocol::{ClientFrame, Column, Hello};

pub use kinds::{KindOrder, title_of};

/// How the widgets are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Tree, table, load and log.
    #[default]
    Full,
    /// Tree and table.
    Compact,
    /// The table alone.
    Minimal,
}

impl Layout {
    /// Every layout with its name, in the order of the keys 1, 2 and 3.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Full, "full"), (Self::Compact, "compact"), (Self::Minimal, "minimal")];

    /// Returns the layout of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| *own == name).map(|(layout, _)| *layout)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(layout, _)| *layout == self).map_or("", |(_, name)| *name)
    }
}

/// A widget that can have the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Widget {
    /// The table of rows.
    #[default]
    Table,
    /// The tree of processes.
    Tree,
    /// The log of events or output.
    Log,
}

/// The session with the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// No frame came yet.
    Opening,
    /// The service sends frames.
    Live,
    /// The service is gone; the words say why.
    Lost(String),
}

/// What the user of the dashboard chose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The time between two updates, milliseconds.
    pub refresh_ms: u32,
    /// The events that are kept.
    pub max_events: usize,
    /// The first layout.
    pub layout: Layout,
    /// Minutes that the local time is ahead of UTC.
    pub utc_offset_minutes: i32,
    /// Whether the dashboard runs in the service itself, and shows what it writes.
    pub is_inside: bool,
}

/// What the dashboard wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// To go on.
    GoOn,
    /// To end.
    Quit,
    /// To end, and to interrupt the program.
    Interrupt,
}

/// A question whether an action is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `stop`, `kill` or `restart`.
    pub action: &'static str,
    /// The key of the process.
    pub key: String,
    /// The name of the process.
    pub name: String,
}

/// The state of the dashboard.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, and any two may be on"
)]
pub struct App {
    /// What the user chose.
    pub settings: Settings,
    /// The arrangement.
    pub layout: Layout,
    /// The widget with the keyboard.
    pub focus: Widget,
    /// What the keyboard goes to.
    pub mode: Mode,
    /// The session.
    pub link: Link,
    /// The service.
    pub hello: Option<Hello>,
    /// The time of the last frame, wall milliseconds of the service.
    pub now: f64,
    /// The kind of rows that the table shows.
    pub kind: String,
    /// The rows.
    pub table: Table,
    /// The selected row of the table, counted from the first one that the service sent.
    pub cursor: usize,
    /// The order and the filter of each kind.
    pub orders: KindOrder,
    /// The column of the list of columns.
    pub sort_cursor: usize,
    /// The tree.
    pub tree: ProcessTree,
    /// The key of the selected line of the tree.
    pub tree_key: String,
    /// What the service does in each second.
    pub load: Load,
    /// The events.
    pub events: EventLog,
    /// What the program wrote.
    pub output: OutputLog,
    /// Whether the log shows the output.
    pub shows_output: bool,
    /// The newest lines of the log that are skipped.
    pub log_scroll: usize,
    /// The row that is looked at in detail.
    pub inspected: Option<Inspected>,
    /// The lines of the help above the first one that is drawn.
    pub help_scroll: usize,
    /// The question that is asked.
    pub question: Option<Question>,
    /// Words about the last command.
    pub notice: Option<String>,
    /// Whether updates are stopped.
    pub is_paused: bool,
    /// The rows of the table that fit on the screen.
    pub visible_rows: usize,
    offset: usize,
    label: u64,
    expects_part: bool,
    next_id: u64,
    is_older_asked: bool,
    tree_asked_at: f64,
    detail_asked_at: f64,
    requests: Vec<ClientFrame>,
}

impl App {
    /// Makes the state before the first frame.
    pub fn new(settings: Settings) -> Self {
        Self {
            layout: settings.layout,
            focus: Widget::Table,
            mode: Mode::Normal,
            link: Link::Opening,
            hello: None,
            now: 0.0,
            kind: "process".into(),
            table: Table::default(),
            cursor: 0,
            orders: KindOrder::default(),
            sort_cursor: 0,
            tree: ProcessTree::default(),
            tree_key: String::new(),
            load: Load::default(),
            events: EventLog::new(settings.max_events),
            output: OutputLog::default(),
            shows_output: false,
            log_scroll: 0,
            inspected: None,
            help_scroll: 0,
            question: None,
            notice: None,
            is_paused: false,
            visible_rows: 20,
            offset: 0,
            label: 0,
            expects_part: false,
            next_id: 0,
            is_older_asked: false,
            tree_asked_at: 0.0,
            detail_asked_at: 0.0,
            requests: Vec::new(),
            settings,
        }
    }

    /// Returns the requests for the service since the last call.
    pub fn take_requests(&mut self) -> Vec<ClientFrame> {
        std::mem::take(&mut self.requests)
    }

    /// Returns the columns of a kind.
    pub fn columns_of(&self, kind: &str) -> &[Column] {
        self.hello.as_ref().and_then(|hello| hello.kinds.get(kind)).map_or(&[], Vec::as_slice)
    }

    /// Returns the columns of the kind that the table shows.
    pub fn columns(&self) -> &[Column] {
        self.columns_of(&self.kind)
    }

    /// Returns the kinds that the service has, in the order of the dashboard.
    pub fn kinds(&self) -> Vec<&str> {
        self.hello.as_ref().map(|hello| kinds::ordered(hello)).unwrap_or_default()
    }

    /// Returns the lines of the tree.
    pub fn tree_lines(&self) -> Vec<TreeLine> {
        self.tree.lines(self.columns_of("process"))
    }

    /// Returns the rows before the first one of the table.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Takes the number of rows that fit on the screen. Asks for more where the service sent fewer.
    pub fn set_visible_rows(&mut self, rows: usize) {
        if rows == self.visible_rows {
            return;
        }
        self.visible_rows = rows;
        if self.hello.is_some() {
            self.watch();
        }
    }

    /// Takes bytes that the program wrote, after so many lines that nobody has seen.
    pub fn take_output(&mut self, bytes: &[u8], skipped: u64) {
        self.output.count += skipped;
        self.output.take(bytes);
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

#[cfg(test)]
mod tests;
