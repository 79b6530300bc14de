//! Which columns of a kind are drawn, and how wide each is.

use ratatui::style::Color;

use crate::app::App;
use crate::protocol::{Cell, Column, ColumnType, Row};

use super::format;
use super::theme::Theme;

/// Where the value of a drawn column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The cell as it is.
    Value,
    /// What the cell grew in a second.
    Rate,
    /// The time since the cell's own.
    Age,
}

/// A column as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawn {
    /// The place of its cell in a row.
    index: usize,
    /// The name in the protocol.
    pub(super) name: String,
    /// The heading.
    pub(super) title: String,
    /// The width.
    pub(super) width: usize,
    source: Source,
    of: ColumnType,
}

struct Shape(&'static str, &'static str, usize, Source);

use Source::{Age, Rate, Value};

/// The columns of the kinds that the dashboard knows, the most important first: those that do not fit are left out from
/// the end. The name stands first, and takes what the others leave.
fn shapes(kind: &str) -> &'static [Shape] {
    match kind {
        "process" => &[
            Shape("status", "Status", 8, Value),
            Shape("mailbox", "Mailbox", 7, Value),
            Shape("messages", "Messages", 8, Value),
            Shape("messages", "Msg/s", 7, Rate),
            Shape("startedAt", "Uptime", 6, Age),
            Shape("kind", "Kind", 12, Value),
            Shape("restarts", "Restarts", 8, Value),
            Shape("crashes", "Crashes", 7, Value),
            Shape("memory", "Memory", 8, Value),
        ],
        "supervisor" => &[
            Shape("children", "Children", 8, Value),
            Shape("restarts", "Restarts", 8, Value),
            Shape("intensityLeft", "Left", 4, Value),
            Shape("strategy", "Strategy", 13, Value),
            Shape("startedAt", "Uptime", 6, Age),
        ],
        "route" => &[
            Shape("R", "R \u{3a9}", 7, Value),
            Shape("mode", "Mode", 9, Value),
            Shape("limit", "Limit", 6, Value),
            Shape("inFlight", "Flight", 6, Value),
            Shape("queued", "Queue", 6, Value),
            Shape("admitted", "Adm/s", 7, Rate),
            Shape("shed", "Shed/s", 7, Rate),
            Shape("errorRate", "Errors", 6, Value),
            Shape("base", "Base", 6, Value),
            Shape("pressure", "Pressure", 8, Value),
            Shape("momentum", "Momentum", 8, Value),
            Shape("scar", "Scar", 6, Value),
            Shape("queueDelayMs", "Delay", 8, Value),
            Shape("baselineMs", "Baseline", 8, Value),
            Shape("shed", "Shed", 7, Value),
        ],
        "policy" => &[
            Shape("type", "Type", 9, Value),
            Shape("state", "State", 9, Value),
            Shape("calls", "Calls/s", 7, Rate),
            Shape("active", "Active", 6, Value),
            Shape("queued", "Queue", 6, Value),
            Shape("failures", "Failures", 8, Value),
            Shape("rejected", "Rejected", 8, Value),
        ],
        "limiter" => &[
            Shape("keys", "Keys", 7, Value),
            Shape("admitted", "Adm/s", 7, Rate),
            Shape("refused", "Ref/s", 7, Rate),
            Shape("waiting", "Waiting", 7, Value),
            Shape("admitted", "Admitted", 8, Value),
            Shape("refused", "Refused", 8, Value),
        ],
        "journal" => &[
            Shape("entries", "Entries", 7, Value),
            Shape("next", "Next", 8, Value),
            Shape("pending", "Pending", 7, Value),
            Shape("bytes", "Bytes", 8, Value),
            Shape("where", "Where", 6, Value),
        ],
        "cache" => &[
            Shape("entries", "Entries", 7, Value),
            Shape("hits", "Hits/s", 7, Rate),
            Shape("misses", "Miss/s", 7, Rate),
            Shape("evictions", "Evicted", 7, Value),
            Shape("loads", "Loads", 7, Value),
        ],
        "bus" => &[
            Shape("subscriptions", "Subscr.", 7, Value),
            Shape("published", "Pub/s", 7, Rate),
            Shape("delivered", "Del/s", 7, Rate),
            Shape("dropped", "Dropped", 7, Value),
        ],
        "atom" => &[
            Shape("version", "Version", 8, Value),
            Shape("commits", "Com/s", 7, Rate),
            Shape("watchers", "Watchers", 8, Value),
            Shape("shared", "Shared", 6, Value),
        ],
        _ => &[],
    }
}

/// The smallest width of the first column, by which others are left out.
const NAME_AT_LEAST: usize = 18;
/// The width of a column of a kind that the dashboard does not know.
const WIDTH_OF_OTHERS: usize = 10;

fn place(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.name == name)
}

/// Returns the columns that fit into a width, the name first.
pub(super) fn fitting(kind: &str, columns: &[Column], width: usize) -> Vec<Drawn> {
    let first = place(columns, "name").or_else(|| (!columns.is_empty()).then_some(0));
    let Some(first) = first else { return Vec::new() };
    let known = shapes(kind).iter().filter_map(|Shape(name, title, width, source)| {
        let index = place(columns, name)?;
        let (name, title) = ((*name).to_owned(), (*title).to_owned());
        Some(Drawn { index, name, title, width: *width, source: *source, of: columns[index].of })
    });
    let mut candidates: Vec<Drawn> = known.collect();
    if candidates.is_empty() {
        candidates =
            columns.iter().enumerate().filter(|(index, _)| *index != first).map(other).collect();
    }
    let mut left = width;
    let mut fit: Vec<Drawn> = Vec::new();
    for drawn in candidates {
        if left < NAME_AT_LEAST + drawn.width + 1 {
            break;
        }
        left -= drawn.width + 1;
        fit.push(drawn);
    }
    let title = "Name".to_owned();
    let name = columns[first].name.clone();
    let own = Drawn { index: first, name, title, width: left, source: Value, of: ColumnType::Text };
    std::iter::once(own).chain(fit).collect()
}

fn other((index, column): (usize, &Column)) -> Drawn {
    Drawn {
        index,
        name: column.name.clone(),
        title: column.name.clone(),
        width: column.name.chars().count().max(WIDTH_OF_OTHERS),
        source: Value,
        of: column.of,
    }
}

impl Drawn {
    /// Returns whether words stand on the left.
    pub(super) fn is_text(&self) -> bool {
        self.of == ColumnType::Text
    }

    /// Returns what is drawn for a row, and the colour where it says something.
    pub(super) fn draw(&self, row: &Row, app: &App, theme: &Theme) -> (String, Option<Color>) {
        let (key, cells) = row;
        let Some(cell) = cells.get(self.index) else { return (String::new(), None) };
        let now = app.now;
        let text = match (self.source, cell.number()) {
            (Rate, _) => app.table.rate(key, self.index).map(format::rate).unwrap_or_default(),
            (Age, Some(at)) if at > 0.0 => format::age(now - at),
            (Value, Some(at)) if self.of == ColumnType::Wall => {
                format::time_of_day(at, app.settings.utc_offset_minutes)
            }
            (Value, Some(part)) if self.name == "errorRate" => format!("{:.0}%", part * 100.0),
            _ => format::cell(cell, self.of, now, app.settings.utc_offset_minutes),
        };
        let text =
            if text.is_empty() && self.title == "Name" { known_by(key, cells, app) } else { text };
        (text, self.colour(cell, theme))
    }

    fn colour(&self, cell: &Cell, theme: &Theme) -> Option<Color> {
        let number = cell.number().unwrap_or_default();
        match self.name.as_str() {
            "status" | "state" | "mode" => Some(theme.state(cell.text())),
            "crashes" | "rejected" | "refused" | "dropped" | "failures" | "shed"
                if number > 0.0 =>
            {
                Some(theme.error)
            }
            "restarts" | "queued" | "pending" | "waiting" if number > 0.0 => Some(theme.warning),
            "mailbox" if number >= 1000.0 => Some(theme.error),
            "mailbox" if number >= 10.0 => Some(theme.warning),
            "errorRate" if number > 0.0 => Some(theme.level(0.5 + number)),
            "kind" | "strategy" | "where" | "type" | "startedAt" => Some(theme.muted),
            _ => None,
        }
    }
}

/// Returns what a row without a name is known by.
fn known_by(key: &str, cells: &[Cell], app: &App) -> String {
    let id = place(app.columns(), "id")
        .and_then(|index| cells.get(index))
        .map(Cell::text)
        .unwrap_or_default();
    if id.is_empty() { key.into() } else { id.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<Column> {
        names.iter().map(|name| Column { name: (*name).into(), of: ColumnType::Gauge }).collect()
    }

    fn titles(kind: &str, names: &[&str], width: usize) -> Vec<String> {
        fitting(kind, &columns(names), width).into_iter().map(|drawn| drawn.title).collect()
    }

    #[test]
    fn columns_are_left_out_from_the_least_important() {
        let names = ["id", "name", "kind", "status", "mailbox", "messages", "startedAt"];
        assert_eq!(titles("process", &names, 20), ["Name"]);
        assert_eq!(titles("process", &names, 36), ["Name", "Status", "Mailbox"]);
        assert_eq!(titles("process", &names, 200).len(), 7);
    }

    #[test]
    fn the_name_takes_what_is_left() {
        let drawn = fitting("process", &columns(&["name", "status"]), 60);
        assert_eq!((drawn[0].width, drawn[1].width), (51, 8));
    }

    #[test]
    fn a_kind_of_a_newer_service_shows_its_columns() {
        assert_eq!(titles("later", &["name", "depth", "age"], 80), ["Name", "depth", "age"]);
        assert_eq!(titles("later", &["depth"], 80), ["Name"]);
        assert!(titles("later", &[], 80).is_empty());
    }
}
