//! Everything about one row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::app::{App, title_of};
use crate::model::inspected::Inspected;
use crate::protocol::{Crash, Detail, Field};

use super::load::{bar, spark};
use super::theme::Theme;
use super::{format, overlay};

/// The terms of a route's resistance.
const TERMS: [&str; 4] = ["base", "pressure", "momentum", "scar"];
/// The most lines of a stack.
const STACK_LINES: usize = 8;

/// Draws the window.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let Some(inspected) = &app.inspected else { return };
    let place = if area.width < 60 || area.height < 14 {
        area
    } else {
        overlay::middle(area, (area.width * 9 / 10).min(120), area.height * 9 / 10)
    };
    let kind = title_of(&inspected.kind);
    let gone = if inspected.is_gone { " \u{2014} gone" } else { "" };
    let name = if inspected.name.is_empty() { &inspected.key } else { &inspected.name };
    let inner = overlay::window(place, &format!("{kind}: {name}{gone}"), buffer, theme);
    let lines = lines(inspected, app, usize::from(inner.width), theme);
    let hidden = lines.len().saturating_sub(usize::from(inner.height));
    let from = inspected.scroll.min(hidden);
    for (line, y) in lines.iter().skip(from).zip(inner.y..inner.bottom()) {
        buffer.set_line(inner.x, y, line, inner.width);
    }
    if hidden > from && inner.height > 0 {
        let words = format!(" \u{2193} {} more ", hidden - from);
        let x = place.right().saturating_sub(u16::try_from(words.width() + 1).unwrap_or(0));
        buffer.set_string(x.max(place.x), place.bottom() - 1, words, theme.quiet());
    }
}

fn lines(inspected: &Inspected, app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if inspected.is_gone {
        let words = match inspected.last {
            Some(_) => " It ended, or was removed. This is what it was.",
            None => " There is no such row, or it is gone.",
        };
        lines.push(Line::styled(words, Style::new().fg(theme.warning)));
        lines.push(Line::raw(""));
    }
    if let Some(detail) = &inspected.last {
        if inspected.kind == "route" {
            lines.extend(terms(inspected, detail, width, theme));
        }
        lines.extend(fields(detail, app, width, theme));
        lines.extend(relations(detail, app, width, theme));
        lines.extend(detail.crashes.iter().flat_map(|crash| crashed(crash, app, width, theme)));
    } else if !inspected.is_gone {
        lines.push(Line::styled(" waiting for the service \u{2026}", theme.quiet()));
    }
    if inspected.kind == "journal" {
        lines.extend(entries(inspected, app, width, theme));
    }
    if inspected.is_gone {
        lines = lines.into_iter().map(|line| line.patch_style(theme.quiet())).collect();
    }
    lines
}

fn heading(words: &str, theme: &Theme) -> [Line<'static>; 2] {
    [Line::raw(""), Line::styled(format!(" {words}"), theme.heading())]
}

/// The fields, in as many columns as there is room for.
fn fields(detail: &Detail, app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let label = detail.fields.iter().map(|field| field.0.width()).max().unwrap_or_default().min(20);
    let columns = (width / (label + 28)).clamp(1, 3);
    let own = width / columns;
    let rows = detail.fields.len().div_ceil(columns);
    let words = |field: &Field| {
        let value = format::cell(&field.2, field.1, app.now, app.settings.utc_offset_minutes);
        [
            Span::styled(format!(" {} ", format::left(&field.0, label)), theme.quiet()),
            Span::raw(format::left(&value, own.saturating_sub(label + 2))),
        ]
    };
    (0..rows)
        .map(|row| {
            let across = (0..columns).filter_map(|column| detail.fields.get(column * rows + row));
            Line::from(across.flat_map(words).collect::<Vec<_>>())
        })
        .collect()
}

/// The resistance over time, and its terms.
fn terms(
    inspected: &Inspected,
    detail: &Detail,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let value = |name: &str| {
        detail.fields.iter().find(|field| field.0 == name).and_then(|field| field.2.number())
    };
    let room = width.saturating_sub(24).min(60);
    let whole = value("R").unwrap_or_default();
    let mut lines = vec![Line::from(vec![
        Span::styled(" resistance  ", theme.quiet()),
        Span::styled(
            format::left(&spark(&inspected.resistance.newest(room)), room),
            Style::new().fg(theme.primary),
        ),
        Span::styled(
            format!(" {} \u{3a9}", format::count(whole)),
            Style::new().add_modifier(Modifier::BOLD),
        ),
    ])];
    let sum: f64 = TERMS.iter().filter_map(|name| value(name)).map(f64::abs).sum();
    for name in TERMS {
        let Some(term) = value(name) else { continue };
        let (full, rest) = bar(if sum > 0.0 { term.abs() / sum } else { 0.0 }, room);
        lines.push(Line::from(vec![
            Span::styled(format!("   {} ", format::left(name, 9)), theme.quiet()),
            Span::styled(full, Style::new().fg(theme.primary)),
            Span::styled(rest, theme.quiet()),
            Span::raw(format!(" {}", format::count(term))),
        ]));
    }
    lines.push(Line::raw(""));
    lines
}

/// Returns the names of processes by their keys. A key that the tree does not have is written without the number of its
/// system.
fn names(keys: &[String], app: &App, gap: &str) -> String {
    let columns = app.columns_of("process");
    let name = |key: &String| {
        let own = key.split_once(':').map_or(key.as_str(), |(_, id)| id);
        app.tree.name_of(key, columns).unwrap_or_else(|| own.to_owned())
    };
    keys.iter().map(name).collect::<Vec<_>>().join(gap)
}

fn relations(detail: &Detail, app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut add = |label: &str, words: String| {
        if !words.is_empty() {
            lines.push(Line::from(vec![
                Span::styled(format!(" {} ", format::left(label, 9)), theme.quiet()),
                Span::raw(format::clip(&words, width.saturating_sub(11))),
            ]));
        }
    };
    add("path", names(&detail.path, app, " \u{203a} "));
    add(
        "children",
        if detail.children > 0 { format::count(detail.children as f64) } else { String::new() },
    );
    add("links", names(&detail.links, app, ", "));
    add("monitors", names(&detail.monitors, app, ", "));
    add("state", detail.state.as_ref().map(ToString::to_string).unwrap_or_default());
    if !lines.is_empty() {
        lines.insert(0, Line::raw(""));
    }
    lines
}

fn crashed(crash: &Crash, app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let time = format::time_of_day(crash.at, app.settings.utc_offset_minutes);
    let age = format::age(app.now - crash.at);
    let message = crash
        .message
        .as_deref()
        .map_or(String::new(), |message| format!(" on \u{201c}{message}\u{201d}"));
    let [gap, title] = heading(&format!("Crashed at {time}, {age} ago{message}"), theme);
    let stack = crash.stack.as_deref().unwrap_or_default();
    let has_error = stack.lines().next().is_some_and(|line| line.contains(&crash.error));
    let error = Line::styled(
        format::clip(&format!(" {}", crash.error), width),
        Style::new().fg(theme.error),
    );
    let frames = stack.lines().skip(usize::from(has_error)).take(STACK_LINES);
    let frames = frames.map(|line| {
        Line::styled(format::clip(&format!("   {}", line.trim()), width), theme.quiet())
    });
    [gap, title, error].into_iter().chain(frames).collect()
}

fn entries(inspected: &Inspected, app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = heading("Entries, the newest first", theme).into();
    for entry in &inspected.entries {
        let number = format!("{:>8}", entry.seq);
        let time = format::time_of_day(entry.at, app.settings.utc_offset_minutes);
        lines.push(Line::from(vec![
            Span::styled(format!(" {number} {time} "), theme.quiet()),
            Span::raw(format::clip(&entry.text, width.saturating_sub(19))),
        ]));
    }
    if inspected.entries.is_empty() {
        lines.push(Line::styled(" none", theme.quiet()));
    } else if inspected.older().is_some() {
        lines.push(Line::styled(" PgDn loads older ones", theme.quiet()));
    }
    lines
}
