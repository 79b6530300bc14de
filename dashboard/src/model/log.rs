//! Two bounded logs: events of the service, and lines that the program wrote.

use std::collections::VecDeque;

use crate::protocol::Event;

/// The lines of the program's output that are kept to look at.
const LINES: usize = 500;
/// The longest line that is kept, in bytes.
const LONGEST: usize = 4096;

/// The last events of the service.
#[derive(Debug)]
pub struct EventLog {
    events: VecDeque<Event>,
    capacity: usize,
    /// Events that the server had no room for.
    pub dropped: u64,
}

impl EventLog {
    /// Makes a log that keeps so many events.
    pub fn new(capacity: usize) -> Self {
        Self { events: VecDeque::new(), capacity: capacity.max(1), dropped: 0 }
    }

    /// Adds events, the oldest first.
    pub fn take(&mut self, events: Vec<Event>, dropped: u64) {
        self.dropped = self.dropped.max(dropped);
        for event in events {
            if self.events.len() == self.capacity {
                self.events.pop_front();
            }
            self.events.push_back(event);
        }
    }

    /// Returns the newest events, the newest first, after so many of them.
    pub fn newest(&self, skip: usize) -> impl Iterator<Item = &Event> {
        self.events.iter().rev().skip(skip)
    }

    /// Returns the number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// Returns a line without the commands by which programs colour their words.
fn plain(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| {
        let parameters =
            part.find(|character: char| !matches!(character, '0'..='9' | ';' | ':' | '?'));
        let mut from = parameters.map_or("", |place| &part[place..]).chars();
        // The character that ends the command.
        from.next();
        from.as_str()
    });
    std::iter::once(first).chain(rest).collect::<String>().trim_end_matches('\r').to_owned()
}

/// The last lines that the program wrote to its terminal.
#[derive(Debug, Default)]
pub struct OutputLog {
    lines: VecDeque<String>,
    part: Vec<u8>,
    /// The number of lines since the dashboard began.
    pub count: u64,
}

impl OutputLog {
    /// Adds bytes as they were written.
    pub fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = plain(&String::from_utf8_lossy(&self.part));
                self.part.clear();
                self.push(line);
            } else if self.part.len() < LONGEST {
                self.part.push(byte);
            }
        }
    }

    fn push(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Returns the newest lines, the newest first, after so many of them.
    pub fn newest(&self, skip: usize) -> impl Iterator<Item = &str> {
        self.lines.iter().rev().skip(skip).map(String::as_str)
    }

    /// Returns the number of lines that are kept.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns whether the program wrote no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_newest_events_and_the_number_of_dropped_ones() {
        let mut log = EventLog::new(2);
        let event = |seq| Event { seq, ..Event::default() };
        log.take(vec![event(1), event(2)], 0);
        log.take(vec![event(3)], 7);
        assert_eq!(log.newest(0).map(|event| event.seq).collect::<Vec<_>>(), [3, 2]);
        assert_eq!((log.len(), log.dropped), (2, 7));
    }

    #[test]
    fn output_is_cut_into_lines_also_within_a_character() {
        let mut log = OutputLog::default();
        log.take("one\ntw\u{fc}".as_bytes().split_at(6).0);
        log.take(&"tw\u{fc}".as_bytes()[2..]);
        log.take(b"\n");
        assert_eq!(log.newest(0).collect::<Vec<_>>(), ["tw\u{fc}", "one"]);
    }

    #[test]
    fn colours_are_left_out() {
        let mut log = OutputLog::default();
        log.take(b"a \x1b[1;31mred\x1b[0m word\r\ncut \x1b[3\n\x1b[\xc3\xa9x\n");
        assert_eq!(log.newest(0).collect::<Vec<_>>(), ["x", "cut ", "a red word"]);
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut log = OutputLog::default();
        log.take(&vec![b'x'; 1_000_000]);
        log.take(b"\n");
        for _ in 0..2000 {
            log.take(b"line\n");
        }
        assert_eq!((log.len(), log.count), (LINES, 2001));
        let mut other = OutputLog::default();
        other.take(&vec![b'x'; 1_000_000]);
        other.take(b"\n");
        assert_eq!(other.newest(0).next().unwrap().len(), LONGEST);
    }
}
