//! The lines at the top and at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::app::{App, Link};
use crate::keys::Mode;
use crate::protocol::Loop;

use super::format;
use super::theme::Theme;

/// Draws the line about the service.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let (state, colour) = match (&app.link, app.is_paused) {
        (Link::Opening, _) => ("connecting".to_owned(), theme.warning),
        (Link::Lost(_), _) => ("gone".to_owned(), theme.error),
        (Link::Live, true) => ("paused".to_owned(), theme.warning),
        (Link::Live, false) => ("live".to_owned(), theme.success),
    };
    let state_width = state.width() + 3;
    let width = usize::from(area.width);
    let mut words = String::new();
    if let Some(hello) = &app.hello {
        // A process without a title of its own has the path of its program.
        let title =
            hello.title.rsplit('/').next().filter(|title| !title.is_empty()).unwrap_or("service");
        let parts = [
            title.to_owned(),
            format!("pid {}", hello.pid),
            format!("up {}", format::age(app.now - hello.started_at)),
            format!("node {}", hello.node),
            format!("keelson {}", hello.package),
        ];
        // The last parts are the first ones to go.
        let fitting = (1..=parts.len()).rev().map(|count| parts[..count].join("  "));
        words = fitting
            .filter(|words| words.width() + state_width + 2 <= width)
            .max_by_key(|words| words.width())
            .unwrap_or_else(|| title.to_owned());
    }
    let left = format::left(&format!(" {words}"), width.saturating_sub(state_width));
    let line = Line::from(vec![
        Span::styled(left, Style::new().add_modifier(Modifier::BOLD)),
        Span::styled(format!("\u{25cf} {state} "), Style::new().fg(colour)),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
}

/// Draws the stall that lasts, the end of the session, or the sums.
pub(super) fn draw_second(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let width = usize::from(area.width);
    let alarm = |words: String, colour: Color| {
        Line::styled(
            format::left(&words, width),
            Style::new().fg(theme.background).bg(colour).add_modifier(Modifier::BOLD),
        )
    };
    let line = if let Link::Lost(reason) = &app.link {
        alarm(format!(" The service is gone: {reason}. Trying again; q leaves."), theme.warning)
    } else if let Some(stalled) = app.load.stalled() {
        alarm(format!(" {}", stall(stalled)), theme.error)
    } else {
        sums(app, theme, width)
    };
    buffer.set_line(area.x, area.y, &line, area.width);
}

/// Returns the words about a stall: its thread, its length, the process and the message.
pub(super) fn stall(one: &Loop) -> String {
    let Some(stalled) = &one.stalled else { return String::new() };
    let length = format::millis(stalled.for_ms.round());
    let who = stalled.name.as_deref().or(stalled.key.as_deref());
    let Some(who) = who else {
        return format!("{} is blocked for {length} by code outside of processes", one.thread);
    };
    let handler =
        stalled.handler.as_deref().map_or(String::new(), |handler| format!(" in {handler}"));
    let message = stalled
        .message
        .as_deref()
        .map_or(String::new(), |message| format!(" of \u{201c}{message}\u{201d}"));
    format!("{} is blocked for {length} by {who}{handler}{message}", one.thread)
}

fn sums(app: &App, theme: &Theme, width: usize) -> Line<'static> {
    let Some(totals) = app.load.totals else { return Line::raw("") };
    let sum = |value: f64, one: &str, many: &str| {
        format!("{} {}", format::count(value), if value == 1.0 { one } else { many })
    };
    let rate = |history: &crate::model::load::History, what: &str| {
        history.last().map(|value| format!("{} {what}/s", format::rate(value)))
    };
    let quiet = Style::new().fg(theme.muted);
    let alarming =
        |value: f64, colour: Color| if value > 0.0 { Style::new().fg(colour) } else { quiet };
    let mut parts = vec![(sum(totals.processes, "process", "processes"), Style::new())];
    parts.extend(rate(&app.load.messages, "messages").map(|words| (words, Style::new())));
    parts.push((
        sum(totals.restarts, "restart", "restarts"),
        alarming(totals.restarts, theme.warning),
    ));
    parts.push((sum(totals.crashes, "crash", "crashes"), alarming(totals.crashes, theme.error)));
    if totals.admitted + totals.shed > 0.0 {
        parts.extend(rate(&app.load.admitted, "admitted").map(|words| (words, Style::new())));
        let shed = app.load.shed.last().unwrap_or_default();
        parts
            .extend(rate(&app.load.shed, "shed").map(|words| (words, alarming(shed, theme.error))));
    }
    let mut left = width;
    let mut spans = Vec::new();
    for (words, style) in parts {
        let own = words.width() + 2;
        if own > left {
            break;
        }
        left -= own;
        spans.push(Span::raw(if spans.is_empty() { " " } else { "  " }));
        spans.push(Span::styled(words, style));
    }
    Line::from(spans)
}

/// Draws the last line: what is typed, what is asked, words about the last command, or the keys.
pub(super) fn draw_status(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let width = usize::from(area.width);
    let clip = |words: &str| format::clip(words, width);
    let line = match (app.mode, &app.notice, &app.question) {
        (Mode::Search, ..) => {
            let filter = app.orders.of(&app.kind).filter;
            let hint = "   Enter keeps, Esc clears";
            let typed = format!(" /{filter}\u{2588}");
            let rest = if typed.width() + hint.len() <= width { hint } else { "" };
            Line::from(vec![
                Span::styled(clip(&typed), Style::new().fg(theme.primary)),
                Span::styled(rest, theme.quiet()),
            ])
        }
        (Mode::Confirm, _, Some(question)) => {
            let verb = match question.action {
                "kill" => "Kill",
                "restart" => "Restart",
                _ => "Stop",
            };
            Line::styled(
                clip(&format!(" {verb} {}? y does it, any other key does not", question.name)),
                Style::new().fg(theme.warning),
            )
        }
        (_, Some(notice), _) => {
            Line::styled(clip(&format!(" {notice}")), Style::new().fg(theme.warning))
        }
        _ => keys(width, theme),
    };
    buffer.set_line(area.x, area.y, &line, area.width);
}

const KEYS: &[(&str, &str)] = &[
    ("q", "quit"),
    ("?", "help"),
    ("Enter", "details"),
    ("/", "search"),
    ("s", "sort"),
    ("Tab", "widget"),
    ("\u{2190}\u{2192}", "kind"),
    ("1 2 3", "layout"),
    ("o", "output"),
    ("p", "pause"),
    ("r", "refresh"),
];

fn keys(width: usize, theme: &Theme) -> Line<'static> {
    let mut left = width.saturating_sub(1);
    let mut spans = vec![Span::raw(" ")];
    for (key, what) in KEYS {
        let own = key.width() + what.width() + 3;
        if own > left {
            break;
        }
        left -= own;
        spans.push(Span::styled(*key, Style::new().fg(theme.primary)));
        spans.push(Span::styled(format!(" {what}  "), theme.quiet()));
    }
    Line::from(spans)
}
