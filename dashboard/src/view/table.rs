//! The table of rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::app::{App, Widget, title_of};

use super::columns::{Drawn, fitting};
use super::theme::Theme;
use super::{format, framed};

/// Draws the table.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme, has_frame: bool) {
    let has_keyboard = app.focus == Widget::Table;
    let inner = if has_frame {
        let block = framed(
            tabs(app, theme, usize::from(area.width.saturating_sub(4))),
            has_keyboard,
            theme,
        )
        .title_bottom(footer(app, theme, usize::from(area.width.saturating_sub(4))));
        super::inside(block, area, buffer)
    } else {
        area
    };
    let drawn = fitting(&app.kind, app.columns(), usize::from(inner.width));
    if inner.height == 0 {
        return;
    }
    buffer.set_line(inner.x, inner.y, &heading(&drawn, app, theme, has_frame), inner.width);
    if app.table.rows.is_empty() {
        let words = nothing(app);
        buffer.set_line(
            inner.x,
            inner.y + 1,
            &Line::styled(format::clip(&words, inner.width.into()), theme.quiet()),
            inner.width,
        );
        return;
    }
    let rows = app.table.rows.iter().enumerate().take(usize::from(inner.height - 1));
    for (place, y) in rows.zip(inner.y + 1..) {
        let (index, row) = place;
        let is_selected = index == app.cursor;
        let spans = drawn.iter().enumerate().flat_map(|(place, column)| {
            let (text, colour) = column.draw(row, app, theme);
            let style = colour
                .filter(|_| !(is_selected && has_keyboard))
                .map_or(Style::new(), |colour| Style::new().fg(colour));
            let gap = if place == 0 { "" } else { " " };
            [Span::raw(gap), Span::styled(padded(column, &text), style)]
        });
        let line = Line::from(spans.collect::<Vec<_>>());
        buffer.set_line(inner.x, y, &line, inner.width);
        if is_selected {
            buffer.set_style(Rect { y, height: 1, ..inner }, theme.selected(has_keyboard));
        }
    }
}

fn padded(column: &Drawn, text: &str) -> String {
    if column.is_text() {
        format::left(text, column.width)
    } else {
        format::right(text, column.width)
    }
}

fn nothing(app: &App) -> String {
    let kind = title_of(&app.kind).to_lowercase();
    let filter = app.orders.of(&app.kind).filter;
    match (app.table.is_loaded, filter.is_empty()) {
        (false, _) => "waiting for the service \u{2026}".into(),
        (true, true) => format!("no {kind}"),
        (true, false) => format!("no {kind} with \u{201c}{filter}\u{201d}"),
    }
}

fn heading(drawn: &[Drawn], app: &App, theme: &Theme, has_frame: bool) -> Line<'static> {
    let order = app.orders.of(&app.kind);
    let spans = drawn.iter().enumerate().flat_map(|(place, column)| {
        let is_ordering =
            order.by.as_deref() == Some(column.name.as_str()) && !column.title.ends_with("/s");
        let mark = match (is_ordering, order.is_descending) {
            (false, _) => "",
            (true, true) => "\u{25be}",
            (true, false) => "\u{25b4}",
        };
        let name =
            if place == 0 && !has_frame { title_of(&app.kind) } else { column.title.as_str() };
        let style = if is_ordering { theme.heading().fg(theme.primary) } else { theme.heading() };
        let gap = if place == 0 { "" } else { " " };
        // The mark stands beside the words: in the gap before those that stand on the right.
        if column.is_text() {
            let words = if is_ordering {
                format!("{}{mark}", format::clip(name, column.width.saturating_sub(1)))
            } else {
                name.to_owned()
            };
            return [Span::raw(gap), Span::styled(padded(column, &words), style)];
        }
        let words = padded(column, name);
        let missing = words.width() - words.trim_start().width();
        let marked = match (is_ordering, missing) {
            (false, _) => format!("{gap}{words}"),
            (true, 0) => format!("{mark}{words}"),
            (true, _) => format!("{gap}{}{mark}{}", " ".repeat(missing - 1), words.trim_start()),
        };
        [Span::raw(""), Span::styled(marked, style)]
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// The kinds, the shown one with its number of rows. Where they do not fit, those around the shown one.
fn tabs(app: &App, theme: &Theme, width: usize) -> Line<'static> {
    let kinds = app.kinds();
    let words: Vec<String> = kinds
        .iter()
        .map(|kind| {
            let title = title_of(kind);
            if *kind == app.kind && app.table.is_loaded {
                format!("{title} {}", format::count(app.table.matching as f64))
            } else {
                title.to_owned()
            }
        })
        .collect();
    let shown = kinds.iter().position(|kind| *kind == app.kind).unwrap_or_default();
    let (mut from, mut to) = (shown, shown + 1);
    let size = |from: usize, to: usize| -> usize {
        words[from..to].iter().map(|word| word.width() + 2).sum::<usize>() + 4
    };
    loop {
        let (wider_left, wider_right) = (from.saturating_sub(1), (to + 1).min(words.len()));
        if to < words.len() && size(from, wider_right) <= width {
            to = wider_right;
        } else if from > 0 && size(wider_left, to) <= width {
            from = wider_left;
        } else {
            break;
        }
    }
    let mut spans = vec![Span::styled(if from > 0 { "\u{2039}" } else { "" }, theme.quiet())];
    for (index, word) in words.iter().enumerate().take(to).skip(from) {
        let style = if index == shown {
            Style::new().fg(theme.primary).add_modifier(Modifier::BOLD)
        } else {
            theme.quiet()
        };
        spans.push(Span::styled(format!(" {word} "), style));
    }
    spans.push(Span::styled(if to < words.len() { "\u{203a}" } else { "" }, theme.quiet()));
    Line::from(spans)
}

/// The order, the filter, and which rows these are.
fn footer(app: &App, theme: &Theme, width: usize) -> Line<'static> {
    let order = app.orders.of(&app.kind);
    let by = order.by.map_or("in order of creation".into(), |by| {
        format!("by {by} {}", if order.is_descending { "\u{25be}" } else { "\u{25b4}" })
    });
    let first = app.offset() + 1;
    let last = app.offset() + app.table.rows.len();
    let rows = if app.table.rows.is_empty() || app.table.rows.len() == app.table.matching {
        String::new()
    } else {
        format!(" \u{b7} {first}\u{2013}{last} of {}", format::count(app.table.matching as f64))
    };
    let filter = if order.filter.is_empty() {
        String::new()
    } else {
        format!(" \u{b7} with \u{201c}{}\u{201d}", order.filter)
    };
    Line::styled(format::clip(&format!(" {by}{filter}{rows} "), width), theme.quiet())
}
