//! Draws the state. Each widget is a function of state and place, so that tests draw it into a buffer.

mod arrange;
mod columns;
mod detail;
mod format;
mod header;
mod load;
mod log;
mod overlay;
mod table;
pub mod theme;
mod tree;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Widget};

use crate::app::App;
use crate::keys::Mode;

pub use arrange::{Places, arrange};
use theme::Theme;

/// Draws everything.
pub fn draw(area: Rect, buffer: &mut Buffer, app: &App, theme: &Theme) {
    buffer.set_style(area, theme.base());
    if area.width == 0 || area.height == 0 {
        return;
    }
    let places = arrange(area, app);
    header::draw(places.header, buffer, app, theme);
    if let Some(second) = places.second {
        header::draw_second(second, buffer, app, theme);
    }
    if let Some(place) = places.tree {
        tree::draw(place, buffer, app, theme);
    }
    table::draw(places.table, buffer, app, theme, places.has_frames);
    if let Some(place) = places.load {
        load::draw(place, buffer, app, theme);
    }
    if let Some(place) = places.log {
        log::draw(place, buffer, app, theme);
    }
    if area.height > 1 {
        header::draw_status(places.status, buffer, app, theme);
    }
    let above = Rect { height: area.height.saturating_sub(1), ..area };
    if app.inspected.is_some() {
        detail::draw(above, buffer, app, theme);
    }
    match app.mode {
        Mode::Help => overlay::draw_help(above, buffer, app, theme),
        Mode::Sort => overlay::draw_sort(above, buffer, app, theme),
        Mode::Normal | Mode::Search | Mode::Detail | Mode::Confirm => {}
    }
}

/// Returns a frame with a title.
fn framed<'a>(title: Line<'a>, has_keyboard: bool, theme: &Theme) -> Block<'a> {
    let colour = if has_keyboard { theme.primary } else { theme.muted };
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(colour))
        .title(title)
}

/// Draws a frame. Returns the room inside.
fn inside(block: Block<'_>, area: Rect, buffer: &mut Buffer) -> Rect {
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

#[cfg(test)]
mod tests;
