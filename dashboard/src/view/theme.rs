//! The colours, those of the dashboard of noex.

use ratatui::style::{Color, Modifier, Style};

/// The colours of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Titles and the widget with the keyboard.
    pub primary: Color,
    /// Headings.
    pub secondary: Color,
    /// What is well.
    pub success: Color,
    /// What deserves a look.
    pub warning: Color,
    /// What failed.
    pub error: Color,
    /// Words.
    pub text: Color,
    /// What matters less.
    pub muted: Color,
    /// The background.
    pub background: Color,
}

/// Light words on a dark background.
pub const DARK: Theme = Theme {
    primary: Color::Cyan,
    secondary: Color::LightBlue,
    success: Color::Green,
    warning: Color::Yellow,
    error: Color::LightRed,
    text: Color::White,
    muted: Color::Gray,
    background: Color::Black,
};

/// Dark words on a light background.
pub const LIGHT: Theme = Theme {
    primary: Color::Blue,
    secondary: Color::Cyan,
    success: Color::Green,
    warning: Color::Magenta,
    error: Color::Red,
    text: Color::Black,
    muted: Color::DarkGray,
    background: Color::White,
};

impl Theme {
    /// Returns the theme of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "dark" => Some(DARK),
            "light" => Some(LIGHT),
            _ => None,
        }
    }

    /// Returns the style of words.
    pub fn base(&self) -> Style {
        Style::new().fg(self.text).bg(self.background)
    }

    /// Returns the style of words that matter less.
    pub fn quiet(&self) -> Style {
        Style::new().fg(self.muted)
    }

    /// Returns the style of a heading.
    pub fn heading(&self) -> Style {
        Style::new().fg(self.secondary).add_modifier(Modifier::BOLD)
    }

    /// Returns the style of the selected line.
    pub fn selected(&self, has_keyboard: bool) -> Style {
        if has_keyboard {
            Style::new().fg(self.background).bg(self.primary)
        } else {
            Style::new().add_modifier(Modifier::BOLD).fg(self.primary)
        }
    }

    /// Returns the colour of a part of a whole: green below 60 %, yellow below 80 %, else red.
    pub fn level(&self, part: f64) -> Color {
        match part {
            _ if part < 0.6 => self.success,
            _ if part < 0.8 => self.warning,
            _ => self.error,
        }
    }

    /// Returns the colour of a status or an event, by its name.
    pub fn state(&self, name: &str) -> Color {
        match name.to_ascii_lowercase().as_str() {
            "running" | "operational" | "started" | "closed" | "normal" => self.success,
            "starting" | "bootstrap" | "stopping" | "restarted" | "half-open" | "half_open"
            | "stalled" => self.warning,
            "crashed" | "circuit_breaker" | "open" | "stall" => self.error,
            _ => self.muted,
        }
    }
}
