//! Makes the terminal ready for drawing, and as it was before.
//!
//! The dashboard draws to the terminal device, so standard output stays the program's own. What has to be undone is
//! written down before anything is changed, and [`restore`] undoes it once, whoever calls it first: the guard of the
//! drawing thread, the hook for panics, a signal, or the end of the program.

#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

use std::fs::File;
use std::io::{self, Write};

pub use system::{
    interrupt, is_open, keep_signals, on_native_thread, print, problem, restore, size,
};

/// Written before drawing: the other screen, without a cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J";
/// Written after drawing: plain words, a cursor, no marked pastes, the screen as it was.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// Why the terminal cannot be used.
#[derive(Debug)]
pub struct TerminalProblem(pub String);

/// The terminal while the dashboard draws. Dropping it restores the terminal.
#[derive(Debug)]
pub struct OpenTerminal {
    /// What the program writes meanwhile to this terminal; `None` when it is not captured.
    pub output: Option<File>,
}

impl OpenTerminal {
    /// Makes the terminal ready. With `captures`, what the program writes to this terminal comes out of `output`.
    ///
    /// # Errors
    ///
    /// Says why there is no terminal, or why it cannot be used. The terminal is as it was.
    pub fn open(captures: bool) -> Result<Self, TerminalProblem> {
        let output = system::open(captures)?;
        let terminal = Self { output };
        Screen::default().send(ENTER).map_err(|error| TerminalProblem(error.to_string()))?;
        Ok(terminal)
    }
}

impl Drop for OpenTerminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Writes whole frames to the terminal; nothing once it is restored.
#[derive(Debug, Default)]
pub struct Screen {
    frame: Vec<u8>,
}

impl Screen {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.flush()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = system::write(&self.frame);
        self.frame.clear();
        result
    }
}
