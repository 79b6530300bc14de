//! What the program writes to the terminal while the dashboard has it.

use std::collections::VecDeque;

use crate::terminal;

/// The most bytes that wait for the drawing thread. Only the newest lines are drawn.
const FRESH: usize = 256 * 1024;
/// The most bytes that are written to the terminal when the dashboard has ended.
const KEPT: usize = 256 * 1024;

/// Keeps what the program writes, and writes it to the terminal at the end.
#[derive(Debug, Default)]
pub struct Output {
    fresh: Vec<u8>,
    skipped: u64,
    kept: VecDeque<u8>,
    lost: usize,
    has_ended: bool,
}

fn keep_newest(bytes: &mut VecDeque<u8>, limit: usize) -> usize {
    let over = bytes.len().saturating_sub(limit);
    bytes.drain(..over);
    over
}

impl Output {
    /// Takes bytes. Returns false when the dashboard has ended: they belong to the terminal.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        if self.has_ended {
            return false;
        }
        let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').skip(1).count() as u64;
        if self.fresh.len() + bytes.len() > FRESH {
            self.skipped += lines(&self.fresh);
            self.fresh.clear();
        }
        let (over, rest) = bytes.split_at(bytes.len().saturating_sub(FRESH));
        self.skipped += lines(over);
        self.fresh.extend_from_slice(rest);
        self.kept.extend(bytes);
        self.lost += keep_newest(&mut self.kept, KEPT);
        true
    }

    /// Returns the bytes since the last call, and the number of lines before them that were skipped.
    pub fn fresh(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.fresh), std::mem::take(&mut self.skipped))
    }

    /// Returns what the program wrote, for the terminal, and takes no more.
    fn rest(&mut self) -> Vec<u8> {
        self.has_ended = true;
        let mut kept: Vec<u8> = std::mem::take(&mut self.kept).into();
        if self.lost == 0 {
            return kept;
        }
        // The first line is only a part of one.
        let cut = kept.iter().position(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let note = format!(
            "keelson: {} bytes that the program wrote before this are left out\n",
            self.lost + cut
        );
        kept.splice(..cut, note.into_bytes());
        kept
    }

    /// Writes what the program wrote to the terminal, which is as it was.
    pub(super) fn end(&mut self) {
        let rest = self.rest();
        if !rest.is_empty() {
            terminal::print(&rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_comes_out_once_at_the_end() {
        let mut output = Output::default();
        assert!(output.take(b"one\n"));
        assert!(output.take(b"two\n"));
        assert_eq!(output.fresh(), (b"one\ntwo\n".to_vec(), 0));
        assert_eq!(output.fresh(), (Vec::new(), 0));
        assert_eq!(output.rest(), b"one\ntwo\n");
        assert!(!output.take(b"three\n"));
        assert_eq!(output.rest(), b"");
    }

    #[test]
    fn a_flood_is_bounded_and_says_what_it_lost() {
        let mut output = Output::default();
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        for _ in 0..10_000 {
            output.take(&line);
        }
        let (fresh, skipped) = output.fresh();
        assert!(fresh.len() <= FRESH);
        assert_eq!(skipped + (fresh.len() / 100) as u64, 10_000);
        let rest = output.rest();
        assert!(rest.len() <= KEPT + 100);
        let text = String::from_utf8(rest).unwrap();
        let (note, lines) = text.split_once('\n').unwrap();
        assert!(note.starts_with("keelson: 7379"), "{note}");
        assert!(lines.lines().all(|line| line.len() == 99));
    }
}
