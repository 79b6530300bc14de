//! Where each widget stands, for a layout and a size.

use ratatui::layout::{Constraint, Layout as Split, Rect};

use crate::app::{App, Layout, Link};

/// The places of the widgets. One that is not shown has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The line about the service.
    pub header: Rect,
    /// The line with sums, or with the stall that lasts.
    pub second: Option<Rect>,
    /// The tree.
    pub tree: Option<Rect>,
    /// The table.
    pub table: Rect,
    /// Memory, event loops and rates.
    pub load: Option<Rect>,
    /// The log.
    pub log: Option<Rect>,
    /// The last line.
    pub status: Rect,
    /// Whether there is room for frames around the widgets.
    pub has_frames: bool,
}

/// The least size for frames, for a tree beside the table, and for a row of widgets below.
const FRAMES: (u16, u16) = (40, 10);
const TREE: (u16, u16) = (72, 12);
const BELOW: (u16, u16) = (72, 20);

fn fits(area: Rect, (width, height): (u16, u16)) -> bool {
    area.width >= width && area.height >= height
}

/// Returns the places of the widgets.
pub fn arrange(area: Rect, app: &App) -> Places {
    let has_frames = fits(area, FRAMES);
    let is_alarmed = app.load.stalled().is_some() || matches!(app.link, Link::Lost(_));
    let second_height = u16::from(has_frames || (is_alarmed && area.height >= 6));
    let [header, second, middle, status] = Split::vertical([
        Constraint::Length(1),
        Constraint::Length(second_height),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    let is_full = app.layout == Layout::Full && fits(area, BELOW);
    let has_tree = app.layout != Layout::Minimal && fits(area, TREE);
    let below_height = if is_full { (area.height / 4).clamp(7, 12) } else { 0 };
    let [upper, lower] =
        Split::vertical([Constraint::Min(0), Constraint::Length(below_height)]).areas(middle);
    let left_width = (area.width * 3 / 10).clamp(24, 60);
    let columns = |rows: Rect| -> [Rect; 2] {
        Split::horizontal([Constraint::Length(left_width), Constraint::Min(0)]).areas(rows)
    };
    let (tree, table) = if has_tree {
        let [tree, table] = columns(upper);
        (Some(tree), table)
    } else {
        (None, upper)
    };
    let (load, log) = if is_full {
        let half = Split::horizontal([Constraint::Length(left_width.max(42)), Constraint::Min(0)]);
        let [load, log] = half.areas(lower);
        (Some(load), Some(log))
    } else {
        (None, None)
    };
    let second = (second_height > 0).then_some(second);
    Places { header, second, tree, table, load, log, status, has_frames }
}

impl Places {
    /// Returns the rows that the table has room for, below its heading.
    pub fn table_rows(&self) -> usize {
        let around = if self.has_frames { 3 } else { 1 };
        usize::from(self.table.height.saturating_sub(around))
    }
}
