//! The log: events of the service, or what the program wrote.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::{App, Widget};
use crate::protocol::Event;

use super::theme::Theme;
use super::{format, framed};

/// Draws the log, its newest line last.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let has_keyboard = app.focus == Widget::Log;
    let inner = super::inside(framed(title(app, theme), has_keyboard, theme), area, buffer);
    let height = usize::from(inner.height);
    let width = usize::from(inner.width);
    let lines: Vec<Line<'static>> = if app.shows_output {
        app.output
            .newest(app.log_scroll)
            .take(height)
            .map(|line| Line::raw(format::clip(line, width)))
            .collect()
    } else {
        app.events
            .newest(app.log_scroll)
            .take(height)
            .map(|event| words(event, width, app, theme))
            .collect()
    };
    if lines.is_empty() {
        let none = if app.shows_output { "the program wrote nothing" } else { "no events yet" };
        buffer.set_line(inner.x, inner.y, &Line::styled(none, theme.quiet()), inner.width);
    }
    for (line, y) in lines.iter().rev().zip(inner.y..inner.bottom()) {
        buffer.set_line(inner.x, y, line, inner.width);
    }
}

fn title(app: &App, theme: &Theme) -> Line<'static> {
    let later =
        if app.log_scroll > 0 { format!("\u{2191}{} ", app.log_scroll) } else { String::new() };
    if app.shows_output {
        let words = format!(" Output {} ", format::count(app.output.count as f64));
        return Line::from(vec![
            Span::styled(words, theme.heading()),
            Span::styled(later, theme.quiet()),
        ]);
    }
    let dropped = match app.events.dropped {
        0 => String::new(),
        dropped => format!("{} dropped ", format::count(dropped as f64)),
    };
    let output = match app.output.count {
        0 => String::new(),
        count => format!("\u{b7} o: output {} ", format::count(count as f64)),
    };
    Line::from(vec![
        Span::styled(" Events ", theme.heading()),
        Span::styled(dropped, Style::new().fg(theme.warning)),
        Span::styled(output, theme.quiet()),
        Span::styled(later, theme.quiet()),
    ])
}

fn words(event: &Event, width: usize, app: &App, theme: &Theme) -> Line<'static> {
    let time = format::time_of_day(event.at, app.settings.utc_offset_minutes);
    let name = if event.name.is_empty() { &event.key } else { &event.name };
    let rest = if event.text.is_empty() { name.clone() } else { format!("{name}  {}", event.text) };
    Line::from(vec![
        Span::styled(format!("{time} "), theme.quiet()),
        Span::styled(format::left(&event.event, 11), Style::new().fg(theme.state(&event.event))),
        Span::raw(format!(" {}", format::clip(&rest, width.saturating_sub(21)))),
    ])
}
