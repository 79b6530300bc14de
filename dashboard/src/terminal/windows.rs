//! The console of Windows. Signals there are console events, of which Node restores the console by itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{LEAVE, TerminalProblem};

static IS_OPEN: AtomicBool = AtomicBool::new(false);
static CONSOLE: Mutex<Option<File>> = Mutex::new(None);

fn console() -> Result<File, TerminalProblem> {
    let opened = OpenOptions::new().write(true).open("CONOUT$");
    opened.map_err(|error| TerminalProblem(format!("the console cannot be opened: {error}")))
}

/// Returns why there is no console; `None` when there is one.
pub fn problem() -> Option<TerminalProblem> {
    console().err()
}

/// Makes the console raw. What the program writes is not captured.
pub(super) fn open(_captures: bool) -> Result<Option<File>, TerminalProblem> {
    if IS_OPEN.load(Ordering::Acquire) {
        return Err(TerminalProblem("another dashboard draws in this program".into()));
    }
    let file = console()?;
    if let Ok(mut kept) = CONSOLE.lock() {
        *kept = Some(file);
    }
    IS_OPEN.store(true, Ordering::Release);
    if let Err(error) = crossterm::terminal::enable_raw_mode() {
        restore();
        return Err(TerminalProblem(format!("the console cannot be made raw: {error}")));
    }
    Ok(None)
}

/// Makes the console as it was before the dashboard. Does nothing when it is already.
pub fn restore() {
    if !IS_OPEN.swap(false, Ordering::AcqRel) {
        return;
    }
    if let Ok(mut kept) = CONSOLE.lock()
        && let Some(mut file) = kept.take()
    {
        let _ = file.write_all(LEAVE);
    }
    let _ = crossterm::terminal::disable_raw_mode();
}

/// Writes a frame; nothing when the console is restored.
pub(super) fn write(frame: &[u8]) -> io::Result<()> {
    if !IS_OPEN.load(Ordering::Acquire) {
        return Ok(());
    }
    let mut kept = CONSOLE.lock().map_err(|_| io::Error::other("the console is lost"))?;
    kept.as_mut().map_or(Ok(()), |file| file.write_all(frame))
}

/// Returns columns and rows.
pub fn size() -> (u16, u16) {
    crossterm::terminal::size().unwrap_or((80, 24))
}

/// Returns whether the dashboard has the console.
pub fn is_open() -> bool {
    IS_OPEN.load(Ordering::Acquire)
}

/// Returns whether the console is still open.
pub fn keep_signals() -> bool {
    is_open()
}

/// Does nothing here.
pub fn on_native_thread() {}

/// Does nothing: JavaScript interrupts the program here.
pub fn interrupt() {}

/// Writes what the program wrote to its console, which is as it was.
pub fn print(bytes: &[u8]) {
    // Nobody is left to hear of a failure: the console is gone.
    let _ = io::stdout().lock().write_all(bytes);
}
