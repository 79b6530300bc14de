//! Memory, event loops, and what happens in each second.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::model::load::{History, LoopLoad};

use super::theme::Theme;
use super::{format, framed};

const LABEL: usize = 9;
const VALUE: usize = 18;

/// Draws the widget.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    let inner =
        super::inside(framed(Line::styled(" Load ", theme.heading()), false, theme), area, buffer);
    let width = usize::from(inner.width);
    let lines = lines(app, width, theme);
    for (line, y) in lines.iter().zip(inner.y..inner.bottom()) {
        buffer.set_line(inner.x, y, line, inner.width);
    }
}

fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let room = width.saturating_sub(LABEL + VALUE + 1);
    let mut lines = Vec::new();
    let load = &app.load;
    if let Some(memory) = load.memory {
        let part = if memory.heap_total > 0.0 { memory.heap_used / memory.heap_total } else { 0.0 };
        let words =
            format!("{} of {}", format::bytes(memory.heap_used), format::bytes(memory.heap_total));
        lines.push(gauge("heap", part, theme.level(part), &words, room, theme));
        let rest = format!(
            "rss {}, external {}",
            format::bytes(memory.rss),
            format::bytes(memory.external)
        );
        lines.push(Line::styled(
            format::clip(&format!("{}{rest}", format::left("memory", LABEL)), width),
            theme.quiet(),
        ));
    }
    for one in &load.loops {
        lines.extend(of_loop(one, width, room, theme));
    }
    lines.push(rates("msg/s", &load.messages, room, theme.primary, theme));
    let has_gate = load.totals.is_some_and(|totals| totals.admitted + totals.shed > 0.0);
    if has_gate {
        lines.push(rates("admit/s", &load.admitted, room, theme.success, theme));
        lines.push(rates("shed/s", &load.shed, room, theme.error, theme));
    }
    lines
}

fn of_loop(one: &LoopLoad, width: usize, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let loop_now = &one.now;
    let used = one.used.unwrap_or_default();
    let words = if loop_now.stalled.is_some() {
        "STALLED".into()
    } else {
        one.used.map_or("\u{2013}".into(), |used| format!("{:.0}% busy", used * 100.0))
    };
    let bar = gauge(
        &loop_now.thread,
        if loop_now.stalled.is_some() { 1.0 } else { used },
        theme.level(used),
        &words,
        room,
        theme,
    );
    if loop_now.stalls == 0 {
        return vec![bar];
    }
    let blocked = format!(
        "{}{} {}, the longest {}",
        " ".repeat(LABEL),
        format::count(loop_now.stalls as f64),
        if loop_now.stalls == 1 { "stall" } else { "stalls" },
        format::millis(loop_now.longest.round())
    );
    vec![bar, Line::styled(format::clip(&blocked, width), Style::new().fg(theme.warning))]
}

fn gauge(
    label: &str,
    part: f64,
    colour: Color,
    words: &str,
    room: usize,
    theme: &Theme,
) -> Line<'static> {
    let (full, rest) = bar(part, room);
    Line::from(vec![
        Span::styled(format::left(label, LABEL - 1), theme.quiet()),
        Span::raw(" "),
        Span::styled(full, Style::new().fg(colour)),
        Span::styled(rest, theme.quiet()),
        Span::raw(format!(" {}", format::right(words, VALUE))),
    ])
}

/// Returns how many of `whole` steps a part from 0 to 1 fills.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped between zero and the whole"
)]
fn steps(part: f64, whole: usize) -> usize {
    (part.clamp(0.0, 1.0) * whole as f64).round() as usize
}

/// Returns the full and the empty part of a bar.
pub(super) fn bar(part: f64, width: usize) -> (String, String) {
    let full = steps(part, width).min(width);
    ("\u{2588}".repeat(full), "\u{2591}".repeat(width - full))
}

fn rates(
    label: &str,
    history: &History,
    room: usize,
    colour: Color,
    theme: &Theme,
) -> Line<'static> {
    let words = history.last().map_or("\u{2013}".into(), format::rate);
    Line::from(vec![
        Span::styled(format::left(label, LABEL), theme.quiet()),
        Span::styled(format::left(&spark(&history.newest(room)), room), Style::new().fg(colour)),
        Span::raw(format!(" {}", format::right(&words, VALUE))),
    ])
}

/// Returns samples as bars of eight heights, the largest one full.
pub(super) fn spark(samples: &[f64]) -> String {
    const BARS: [char; 8] = [
        '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
        '\u{2588}',
    ];
    let most = samples.iter().copied().fold(0.0, f64::max);
    let height = |sample: f64| if most > 0.0 { steps(sample / most, 7) } else { 0 };
    samples.iter().map(|sample| BARS[height(*sample).min(7)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_keep_their_width() {
        for part in [-1.0, 0.0, 0.33, 1.0, 7.0, f64::NAN] {
            let (full, rest) = bar(part, 10);
            assert_eq!(full.chars().count() + rest.chars().count(), 10, "{part}");
        }
    }

    #[test]
    fn the_largest_sample_is_full() {
        assert_eq!(spark(&[0.0, 50.0, 100.0]), "\u{2581}\u{2585}\u{2588}");
        assert_eq!(spark(&[0.0, 0.0]), "\u{2581}\u{2581}");
        assert_eq!(spark(&[]), "");
    }
}
