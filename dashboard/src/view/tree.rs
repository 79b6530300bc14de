//! The tree of processes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::app::{App, Widget};
use crate::model::tree::TreeLine;

use super::theme::Theme;
use super::{format, framed};

/// Draws the tree.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let has_keyboard = app.focus == Widget::Tree;
    let block = framed(Line::styled(" Tree ", theme.heading()), has_keyboard, theme);
    let inner = super::inside(block, area, buffer);
    let lines = app.tree_lines();
    if lines.is_empty() {
        let words =
            if app.tree.is_loaded() { "no processes" } else { "waiting for the service \u{2026}" };
        let words = format::clip(words, usize::from(inner.width));
        buffer.set_line(inner.x, inner.y, &Line::styled(words, theme.quiet()), inner.width);
        return;
    }
    let selected = lines.iter().position(|line| line.key == app.tree_key).unwrap_or_default();
    let height = usize::from(inner.height);
    let from = (selected + 1)
        .saturating_sub(height.saturating_sub(height / 4))
        .min(lines.len().saturating_sub(height));
    for ((index, line), y) in lines.iter().enumerate().skip(from).zip(inner.y..inner.bottom()) {
        buffer.set_line(inner.x, y, &words(line, usize::from(inner.width), theme), inner.width);
        if index == selected && has_keyboard {
            buffer.set_style(Rect { y, height: 1, ..inner }, theme.selected(true));
        }
    }
}

fn words(line: &TreeLine, width: usize, theme: &Theme) -> Line<'static> {
    let indent = "  ".repeat(line.depth.min(width / 4));
    if line.key.is_empty() {
        return Line::styled(
            format::clip(&format!("{indent}  \u{2026} {}", line.name), width),
            theme.quiet(),
        );
    }
    let fold = match (line.children > 0, line.is_open) {
        (true, true) => "\u{25be} ",
        (true, false) => "\u{25b8} ",
        (false, _) => "  ",
    };
    let hidden = if line.children > 0 && !line.is_open {
        format!(" ({})", format::count(line.children as f64))
    } else {
        String::new()
    };
    let left = width.saturating_sub(indent.width() + 4 + hidden.width());
    // On the right stand the messages that wait, or else the kind: as much as leaves room for the name.
    let waits = line.mailbox > 0.0;
    let number = format::count(line.mailbox);
    let wishes = if waits {
        [format!("{number} waiting"), number]
    } else {
        [line.kind.clone(), String::new()]
    };
    let wish =
        wishes.iter().find(|wish| line.name.width() + wish.width() < left).unwrap_or(&wishes[1]);
    let name = format::clip(&line.name, left.saturating_sub(wish.width() + 1));
    let rest = format::right(wish, left.saturating_sub(name.width()));
    let colour = if waits { Style::new().fg(theme.warning) } else { theme.quiet() };
    Line::from(vec![
        Span::raw(indent),
        Span::styled(fold, theme.quiet()),
        Span::styled("\u{25cf} ", Style::new().fg(theme.state(&line.status))),
        Span::raw(name),
        Span::styled(hidden, theme.quiet()),
        Span::styled(rest, colour),
    ])
}
