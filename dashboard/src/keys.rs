//! Which command each key is, in each mode.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What the keyboard goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The widgets.
    #[default]
    Normal,
    /// The line in which the filter is written.
    Search,
    /// The list of columns.
    Sort,
    /// The help.
    Help,
    /// The detail of a row.
    Detail,
    /// A question whether an action is meant.
    Confirm,
}

/// A direction or a place to move to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// The first line.
    First,
    /// The last line.
    Last,
    /// To the left.
    Left,
    /// To the right.
    Right,
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ends the dashboard.
    Quit,
    /// Ends the dashboard, and interrupts the program as Ctrl-C does without it.
    Interrupt,
    /// Asks for everything again.
    Refresh,
    /// Shows layout 1, 2 or 3.
    Layout(u8),
    /// Gives the keyboard to the next widget.
    FocusNext,
    /// Gives the keyboard to the widget before.
    FocusPrevious,
    /// Moves.
    Move(Move),
    /// Opens or closes the children of a process.
    Fold,
    /// Shows the detail of the row.
    Open,
    /// Leaves the help, the detail, the list or the question.
    Close,
    /// Shows the help.
    Help,
    /// Begins to write the filter.
    Search,
    /// Adds a character to the filter.
    Type(char),
    /// Removes the last character of the filter.
    Erase,
    /// Removes the whole filter.
    EraseAll,
    /// Keeps the filter, or takes the column.
    Accept,
    /// Shows the list of columns.
    Sort,
    /// Turns the order round.
    Reverse,
    /// Shows the next kind of rows.
    NextKind,
    /// Shows the kind of rows before.
    PreviousKind,
    /// Stops or starts the updates.
    Pause,
    /// Shows the program's output in place of the events, or the events again.
    Output,
    /// Asks whether to stop, kill or restart the process.
    Action(&'static str),
    /// Does what was asked.
    Yes,
    /// A key that means nothing here.
    Unknown(String),
}

/// A line of the help: keys and what they do.
pub const HELP: &[(&str, &str)] = &[
    ("q, Esc", "leave the dashboard; the program goes on"),
    ("Ctrl-C", "leave it, and interrupt the program"),
    ("1 2 3", "layout: full, compact, minimal"),
    ("Tab, Shift-Tab", "next or previous widget"),
    ("\u{2191} \u{2193} PgUp PgDn Home End", "move, also k j g G"),
    ("\u{2190} \u{2192}", "other kind of rows; in the tree: close, open"),
    ("Enter", "details of the row"),
    ("Space", "in the tree: open or close"),
    ("/", "search: only rows with this text"),
    ("s, S", "choose the sort column; turn the order round"),
    ("r", "refresh now"),
    ("p", "pause or resume"),
    ("o", "events, or what the program wrote"),
    ("x, K, R", "stop, kill or restart a process, where allowed"),
    ("?, h", "this help"),
];

/// Returns the command of a key; `None` for a key that was let go.
pub fn command(key: KeyEvent, mode: Mode) -> Option<Command> {
    if key.is_release() {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return Some(with_control(key, mode));
    }
    Some(match mode {
        Mode::Normal => normal(key.code),
        Mode::Search => search(key.code),
        Mode::Sort => list(key.code),
        Mode::Help => {
            closing(key.code).unwrap_or_else(|| moving(key.code).unwrap_or(Command::Close))
        }
        Mode::Detail => detail(key.code),
        Mode::Confirm => match key.code {
            KeyCode::Char('y' | 'Y') => Command::Yes,
            _ => Command::Close,
        },
    })
}

fn with_control(key: KeyEvent, mode: Mode) -> Command {
    match (key.code, mode) {
        (KeyCode::Char('c'), _) => Command::Interrupt,
        (KeyCode::Char('u'), Mode::Search) => Command::EraseAll,
        (KeyCode::Char('h'), Mode::Search) => Command::Erase,
        (KeyCode::Char('l'), _) => Command::Refresh,
        (KeyCode::Char('d'), Mode::Normal) => Command::Move(Move::PageDown),
        (KeyCode::Char('u'), Mode::Normal) => Command::Move(Move::PageUp),
        (code, _) => Command::Unknown(format!("Ctrl-{}", name(code))),
    }
}

fn moving(code: KeyCode) -> Option<Command> {
    Some(Command::Move(match code {
        KeyCode::Up | KeyCode::Char('k') => Move::Up,
        KeyCode::Down | KeyCode::Char('j') => Move::Down,
        KeyCode::PageUp => Move::PageUp,
        KeyCode::PageDown => Move::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Move::First,
        KeyCode::End | KeyCode::Char('G') => Move::Last,
        KeyCode::Left => Move::Left,
        KeyCode::Right => Move::Right,
        _ => return None,
    }))
}

fn closing(code: KeyCode) -> Option<Command> {
    matches!(code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | 'h'))
        .then_some(Command::Close)
}

fn normal(code: KeyCode) -> Command {
    if let Some(command) = moving(code) {
        return command;
    }
    match code {
        KeyCode::Char('q') | KeyCode::Esc => Command::Quit,
        KeyCode::Char('r') => Command::Refresh,
        KeyCode::Char('1') => Command::Layout(1),
        KeyCode::Char('2') => Command::Layout(2),
        KeyCode::Char('3') => Command::Layout(3),
        KeyCode::Tab => Command::FocusNext,
        KeyCode::BackTab => Command::FocusPrevious,
        KeyCode::Enter => Command::Open,
        KeyCode::Char(' ') => Command::Fold,
        KeyCode::Char('?' | 'h') => Command::Help,
        KeyCode::Char('/') => Command::Search,
        KeyCode::Char('s') => Command::Sort,
        KeyCode::Char('S') => Command::Reverse,
        KeyCode::Char(']') => Command::NextKind,
        KeyCode::Char('[') => Command::PreviousKind,
        KeyCode::Char('p') => Command::Pause,
        KeyCode::Char('o') => Command::Output,
        KeyCode::Char('x') => Command::Action("stop"),
        KeyCode::Char('K') => Command::Action("kill"),
        KeyCode::Char('R') => Command::Action("restart"),
        other => Command::Unknown(name(other)),
    }
}

fn search(code: KeyCode) -> Command {
    match code {
        KeyCode::Char(character) => Command::Type(character),
        KeyCode::Backspace => Command::Erase,
        KeyCode::Enter | KeyCode::Tab => Command::Accept,
        KeyCode::Esc => Command::Close,
        KeyCode::Up => Command::Move(Move::Up),
        KeyCode::Down => Command::Move(Move::Down),
        other => Command::Unknown(name(other)),
    }
}

fn list(code: KeyCode) -> Command {
    match code {
        KeyCode::Enter | KeyCode::Char(' ') => Command::Accept,
        KeyCode::Esc | KeyCode::Char('q' | 's') => Command::Close,
        KeyCode::Char('S') => Command::Reverse,
        other => moving(other).unwrap_or_else(|| Command::Unknown(name(other))),
    }
}

fn detail(code: KeyCode) -> Command {
    match code {
        KeyCode::Char('r') => Command::Refresh,
        KeyCode::Char('x') => Command::Action("stop"),
        KeyCode::Char('K') => Command::Action("kill"),
        KeyCode::Char('R') => Command::Action("restart"),
        KeyCode::Char('?' | 'h') => Command::Help,
        other => closing(other)
            .or_else(|| moving(other))
            .unwrap_or_else(|| Command::Unknown(name(other))),
    }
}

fn name(code: KeyCode) -> String {
    match code {
        KeyCode::Char(' ') => "Space".into(),
        KeyCode::Char(character) => character.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEventKind;

    use super::*;

    fn press(code: KeyCode, mode: Mode) -> Command {
        command(KeyEvent::new(code, KeyModifiers::NONE), mode).unwrap()
    }

    #[test]
    fn the_keys_of_noex_do_what_they_did() {
        let of = |code| press(code, Mode::Normal);
        assert_eq!(of(KeyCode::Char('q')), Command::Quit);
        assert_eq!(of(KeyCode::Esc), Command::Quit);
        assert_eq!(of(KeyCode::Char('r')), Command::Refresh);
        assert_eq!(of(KeyCode::Char('2')), Command::Layout(2));
        assert_eq!(of(KeyCode::Tab), Command::FocusNext);
        assert_eq!(of(KeyCode::BackTab), Command::FocusPrevious);
        assert_eq!(of(KeyCode::Enter), Command::Open);
        assert_eq!(of(KeyCode::Char('?')), Command::Help);
        assert_eq!(of(KeyCode::Char('h')), Command::Help);
    }

    #[test]
    fn ctrl_c_interrupts_in_every_mode() {
        let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for mode in
            [Mode::Normal, Mode::Search, Mode::Sort, Mode::Help, Mode::Detail, Mode::Confirm]
        {
            assert_eq!(command(key, mode), Some(Command::Interrupt));
        }
    }

    #[test]
    fn escape_leaves_one_level_at_a_time() {
        for mode in [Mode::Search, Mode::Sort, Mode::Help, Mode::Detail, Mode::Confirm] {
            assert_eq!(press(KeyCode::Esc, mode), Command::Close);
        }
    }

    #[test]
    fn letters_are_text_in_the_search() {
        for character in ['q', 'r', '1', 'h', '?', 'k', '\u{4e2d}'] {
            assert_eq!(press(KeyCode::Char(character), Mode::Search), Command::Type(character));
        }
    }

    #[test]
    fn only_y_confirms() {
        assert_eq!(press(KeyCode::Char('y'), Mode::Confirm), Command::Yes);
        assert_eq!(press(KeyCode::Enter, Mode::Confirm), Command::Close);
        assert_eq!(press(KeyCode::Char('q'), Mode::Confirm), Command::Close);
    }

    #[test]
    fn an_unknown_key_is_named_and_a_released_one_ignored() {
        assert_eq!(press(KeyCode::Char('z'), Mode::Normal), Command::Unknown("z".into()));
        assert_eq!(press(KeyCode::F(5), Mode::Normal), Command::Unknown("F5".into()));
        let released =
            KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(command(released, Mode::Normal), None);
    }
}
