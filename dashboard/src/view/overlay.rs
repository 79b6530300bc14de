//! What stands above the widgets: the help and the list of columns.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::app::App;
use crate::keys::HELP;

use super::theme::Theme;
use super::{format, framed};

/// Returns a place of at most this size in the middle.
pub(super) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// Draws a frame on an empty place. Returns the room inside.
pub(super) fn window(area: Rect, title: &str, buffer: &mut Buffer, theme: &Theme) -> Rect {
    for position in area.positions() {
        buffer[position].reset();
    }
    buffer.set_style(area, theme.base());
    let words = format::clip(title, usize::from(area.width.saturating_sub(4)));
    let block = framed(Line::styled(format!(" {words} "), theme.heading()), true, theme);
    super::inside(block, area, buffer)
}

/// Draws the help.
pub(super) fn draw_help(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let keys = HELP.iter().map(|(keys, _)| keys.width()).max().unwrap_or_default();
    let wide = HELP.iter().map(|(_, what)| what.width()).max().unwrap_or_default() + keys + 4;
    let height = u16::try_from(HELP.len() + 2).unwrap_or(u16::MAX);
    let place = middle(area, u16::try_from(wide + 2).unwrap_or(u16::MAX), height);
    let inner = window(place, "Keys", buffer, theme);
    let hidden = HELP.len().saturating_sub(usize::from(inner.height));
    for ((keys_of, what), y) in
        HELP.iter().skip(app.help_scroll.min(hidden)).zip(inner.y..inner.bottom())
    {
        let line = Line::from(vec![
            Span::styled(format!(" {}", format::left(keys_of, keys)), theme.heading()),
            Span::raw(format!("  {what}")),
        ]);
        buffer.set_line(inner.x, y, &line, inner.width);
    }
}

/// Draws the list of columns.
pub(super) fn draw_sort(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let order = app.orders.of(&app.kind);
    let names: Vec<(Option<&str>, &str)> = std::iter::once((None, "order of creation"))
        .chain(
            app.columns().iter().map(|column| (Some(column.name.as_str()), column.name.as_str())),
        )
        .collect();
    let wide = names.iter().map(|(_, name)| name.width()).max().unwrap_or_default() + 6;
    let height = u16::try_from(names.len() + 2).unwrap_or(u16::MAX);
    let place = middle(area, u16::try_from(wide.max(24)).unwrap_or(u16::MAX), height);
    let inner = window(place, "Sort by", buffer, theme);
    let room = usize::from(inner.height);
    let from = (app.sort_cursor + 1).saturating_sub(room);
    for ((index, (by, name)), y) in names.iter().enumerate().skip(from).zip(inner.y..inner.bottom())
    {
        let mark = match (order.by.as_deref() == *by, order.is_descending) {
            (false, _) => ' ',
            (true, true) => '\u{25be}',
            (true, false) => '\u{25b4}',
        };
        let words = format!(" {mark} {name}");
        buffer.set_line(
            inner.x,
            y,
            &Line::raw(format::left(&words, inner.width.into())),
            inner.width,
        );
        if index == app.sort_cursor {
            buffer.set_style(Rect { y, height: 1, ..inner }, theme.selected(true));
        }
    }
}
