//! What commands change.

use crate::keys::{Command, Mode, Move};
use crate::model::inspected::Inspected;
use crate::protocol::ClientFrame;

use super::{App, Layout, Outcome, Question, Widget};

/// The longest filter, in characters.
const LONGEST_FILTER: usize = 100;

/// Returns a place among `count` lines after a move.
fn moved(place: usize, to: Move, page: usize, count: usize) -> usize {
    let last = count.saturating_sub(1);
    let next = match to {
        Move::Up => place.saturating_sub(1),
        Move::Down => place + 1,
        Move::PageUp => place.saturating_sub(page.max(1)),
        Move::PageDown => place + page.max(1),
        Move::First => 0,
        Move::Last => last,
        Move::Left | Move::Right => place,
    };
    next.min(last)
}

impl App {
    /// Does a command. Returns what the dashboard wants next.
    pub fn run(&mut self, command: Command) -> Outcome {
        self.notice = None;
        match command {
            Command::Quit => return Outcome::Quit,
            Command::Interrupt => return Outcome::Interrupt,
            Command::Refresh => self.refresh(),
            Command::Layout(number) => {
                let chosen = Layout::ALL.get(usize::from(number).wrapping_sub(1));
                self.set_layout(chosen.map_or(self.layout, |(layout, _)| *layout));
            }
            Command::FocusNext => self.focus_by(1),
            Command::FocusPrevious => self.focus_by(self.widgets().len().saturating_sub(1)),
            Command::Move(to) => self.go(to),
            Command::Fold => self.fold(),
            Command::Open => self.open_selected(),
            Command::Close => self.close(),
            Command::Help => {
                self.help_scroll = 0;
                self.mode = Mode::Help;
            }
            Command::Search => self.mode = Mode::Search,
            Command::Type(character) => self.change_filter(|filter| {
                if filter.chars().count() < LONGEST_FILTER {
                    filter.push(character);
                }
            }),
            Command::Erase => self.change_filter(|filter| {
                filter.pop();
            }),
            Command::EraseAll => self.change_filter(String::clear),
            Command::Accept => self.accept(),
            Command::Sort => {
                let by = self.orders.of(&self.kind).by;
                let place =
                    by.and_then(|by| self.columns().iter().position(|column| column.name == by));
                // The first line of the list is the order of creation.
                self.sort_cursor = place.map_or(0, |place| place + 1);
                self.mode = Mode::Sort;
            }
            Command::Reverse => {
                self.change_order(|order| order.is_descending = !order.is_descending);
            }
            Command::NextKind => self.kind_by(1),
            Command::PreviousKind => self.kind_by(self.kinds().len().saturating_sub(1)),
            Command::Pause => {
                self.is_paused = !self.is_paused;
                if self.is_paused {
                    self.requests.push(ClientFrame::Pause);
                } else {
                    self.requests.push(ClientFrame::Resume);
                    self.refresh();
                }
            }
            Command::Output => self.toggle_output(),
            Command::Action(action) => self.ask(action),
            Command::Yes => self.act(),
            Command::Unknown(key) => {
                self.notice = Some(format!("{key} does nothing here; ? lists the keys"));
            }
        }
        Outcome::GoOn
    }

    /// Asks for everything again.
    pub fn refresh(&mut self) {
        if self.hello.is_none() {
            return;
        }
        self.watch();
        self.ask_tree();
        self.ask_detail();
    }

    /// Changes the arrangement.
    pub fn set_layout(&mut self, layout: Layout) {
        let had_tree = self.layout != Layout::Minimal;
        self.layout = layout;
        if !self.widgets().contains(&self.focus) {
            self.focus = Widget::Table;
        }
        if !had_tree && self.hello.is_some() {
            self.ask_tree();
        }
    }

    /// Shows the detail of a row.
    pub fn inspect(&mut self, kind: &str, key: &str, name: &str) {
        self.inspected = Some(Inspected::new(kind, key, name));
        self.mode = Mode::Detail;
        if self.hello.is_some() {
            self.ask_detail();
        }
    }

    fn widgets(&self) -> &'static [Widget] {
        match self.layout {
            Layout::Full => &[Widget::Table, Widget::Tree, Widget::Log],
            Layout::Compact => &[Widget::Table, Widget::Tree],
            Layout::Minimal => &[Widget::Table],
        }
    }

    fn focus_by(&mut self, steps: usize) {
        let widgets = self.widgets();
        let place = widgets.iter().position(|widget| *widget == self.focus).unwrap_or_default();
        self.focus = widgets[(place + steps) % widgets.len()];
    }

    fn kind_by(&mut self, steps: usize) {
        let kinds = self.kinds();
        if kinds.is_empty() {
            return;
        }
        let place = kinds.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        let next = kinds[(place + steps) % kinds.len()].to_owned();
        self.table.reset(&next);
        self.kind = next;
        self.start_over();
    }

    /// Watches from the first row on.
    fn start_over(&mut self) {
        self.offset = 0;
        self.cursor = 0;
        if self.hello.is_some() {
            self.watch();
        }
    }

    fn change_order(&mut self, change: impl FnOnce(&mut super::kinds::Order)) {
        let kind = self.kind.clone();
        self.orders.change(&kind, change);
        self.start_over();
    }

    fn change_filter(&mut self, change: impl FnOnce(&mut String)) {
        self.change_order(|order| change(&mut order.filter));
    }

    fn accept(&mut self) {
        if self.mode == Mode::Sort {
            let column =
                self.sort_cursor.checked_sub(1).and_then(|place| self.columns().get(place));
            let by = column.map(|column| column.name.clone());
            let is_number = column
                .is_some_and(|column| !matches!(column.of, crate::protocol::ColumnType::Text));
            self.change_order(|order| {
                // The same column once more turns the order round.
                order.is_descending = if order.by == by { !order.is_descending } else { is_number };
                order.by = by;
            });
        }
        self.mode = Mode::Normal;
    }

    fn close(&mut self) {
        match self.mode {
            Mode::Search => self.change_filter(String::clear),
            Mode::Detail => self.inspected = None,
            Mode::Confirm => self.question = None,
            Mode::Normal | Mode::Sort | Mode::Help => {}
        }
        self.mode = if self.mode != Mode::Detail && self.inspected.is_some() {
            Mode::Detail
        } else {
            Mode::Normal
        };
    }

    fn go(&mut self, to: Move) {
        match self.mode {
            Mode::Help => {
                self.help_scroll = moved(self.help_scroll, to, 5, crate::keys::HELP.len());
            }
            Mode::Sort => {
                self.sort_cursor = moved(self.sort_cursor, to, 5, self.columns().len() + 1);
            }
            Mode::Detail => self.scroll_detail(to),
            Mode::Normal | Mode::Search | Mode::Confirm => match self.focus {
                Widget::Table => self.go_in_table(to),
                Widget::Tree => self.go_in_tree(to),
                Widget::Log => {
                    let count =
                        if self.shows_output { self.output.len() } else { self.events.len() };
                    self.log_scroll = moved(self.log_scroll, to, 5, count);
                }
            },
        }
    }

    fn scroll_detail(&mut self, to: Move) {
        let Some(inspected) = &mut self.inspected else { return };
        // The view draws the last lines when there are fewer.
        inspected.scroll = moved(inspected.scroll, to, 10, usize::from(u16::MAX));
        let is_down = matches!(to, Move::Down | Move::PageDown | Move::Last);
        if inspected.kind == "journal" && is_down && !self.is_older_asked {
            let (key, older) = (inspected.key.clone(), inspected.older());
            if older.is_some() {
                self.ask_entries(key, older);
            }
        }
    }

    fn go_in_table(&mut self, to: Move) {
        match to {
            Move::Left => return self.kind_by(self.kinds().len().saturating_sub(1)),
            Move::Right => return self.kind_by(1),
            _ => {}
        }
        let count = self.table.matching.max(self.table.rows.len());
        let place = moved(self.offset + self.cursor, to, self.visible_rows, count);
        let end = self.offset + self.visible_rows;
        if place < self.offset {
            self.scroll_table(place);
        } else if place >= end {
            self.scroll_table(place + 1 - self.visible_rows);
        }
        self.cursor = place - self.offset;
    }

    fn scroll_table(&mut self, offset: usize) {
        self.offset = offset;
        self.watch();
    }

    fn go_in_tree(&mut self, to: Move) {
        let lines = self.tree_lines();
        let Some(place) = lines.iter().position(|line| line.key == self.tree_key) else { return };
        match to {
            Move::Right if lines[place].children > 0 && !lines[place].is_open => self.fold(),
            Move::Left if lines[place].is_open => self.fold(),
            Move::Left => {
                if let Some(parent) = self.tree.parent(&self.tree_key).map(str::to_owned) {
                    self.tree_key = parent;
                }
            }
            _ => {
                let lines: Vec<_> = lines.into_iter().filter(|line| !line.key.is_empty()).collect();
                let place =
                    lines.iter().position(|line| line.key == self.tree_key).unwrap_or_default();
                let next = moved(place, to, self.visible_rows, lines.len());
                self.tree_key.clone_from(&lines[next].key);
            }
        }
    }

    fn fold(&mut self) {
        if self.focus != Widget::Tree || self.tree_key.is_empty() {
            return;
        }
        let key = self.tree_key.clone();
        if self.tree.is_open(&key) {
            self.tree.close(&key);
        } else {
            self.tree.open(&key);
            self.ask_tree();
        }
    }

    fn toggle_output(&mut self) {
        if !self.settings.is_inside {
            self.notice =
                Some("only a dashboard inside the program shows what the program writes".into());
            return;
        }
        self.shows_output = !self.shows_output;
        self.log_scroll = 0;
        if self.layout != Layout::Full {
            self.set_layout(Layout::Full);
        }
    }

    /// Returns kind, key and name of the row that the keyboard is on.
    fn selected(&self) -> Option<(String, String, String)> {
        match self.focus {
            Widget::Tree => {
                let line = self.tree_lines().into_iter().find(|line| line.key == self.tree_key)?;
                Some(("process".into(), line.key, line.name))
            }
            Widget::Table => {
                let (key, cells) = self.table.rows.get(self.cursor)?;
                let text = |name: &str| {
                    let place = self.columns().iter().position(|column| column.name == name)?;
                    cells
                        .get(place)
                        .map(crate::protocol::Cell::text)
                        .filter(|text| !text.is_empty())
                };
                let name = text("name").or_else(|| text("id")).unwrap_or(key);
                Some((self.kind.clone(), key.clone(), name.to_owned()))
            }
            Widget::Log => {
                let event =
                    self.events.newest(self.log_scroll).next().filter(|_| !self.shows_output)?;
                let name = if event.name.is_empty() { &event.key } else { &event.name };
                (!event.key.is_empty())
                    .then(|| (event.kind.clone(), event.key.clone(), name.clone()))
            }
        }
    }

    fn open_selected(&mut self) {
        if let Some((kind, key, name)) = self.selected() {
            self.inspect(&kind, &key, &name);
        }
    }

    fn ask(&mut self, action: &'static str) {
        if !self.hello.as_ref().is_some_and(|hello| hello.actions) {
            self.notice =
                Some("the service allows no actions: it is observed without allowActions".into());
            return;
        }
        let target = match &self.inspected {
            Some(inspected) => {
                Some((inspected.kind.clone(), inspected.key.clone(), inspected.name.clone()))
            }
            None => self.selected(),
        };
        match target.filter(|(kind, ..)| kind == "process" || kind == "supervisor") {
            Some((_, key, name)) => {
                self.question = Some(Question { action, key, name });
                self.mode = Mode::Confirm;
            }
            None => self.notice = Some(format!("select a process to {action} it")),
        }
    }

    fn act(&mut self) {
        if let Some(Question { action, key, .. }) = self.question.take() {
            let id = self.id();
            self.requests.push(ClientFrame::Action { id, action: action.into(), key });
        }
        self.close();
    }
}
