//! The controlling terminal, `/dev/tty`.
//!
//! [`restore`] runs in signal handlers: it takes no lock and allocates nothing, and calls only functions that POSIX
//! allows there.

use std::cell::UnsafeCell;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use libc::{STDERR_FILENO, STDOUT_FILENO, c_int, termios};

use super::{LEAVE, TerminalProblem, signals};

/// How often [`restore`] looks whether a frame is still being written before it goes on, a millisecond each.
const PATIENCE: u32 = 200;
/// How long a frame waits for a terminal that takes no bytes, milliseconds.
const FULL_MS: c_int = 1000;

/// What has to be undone. Written while [`IS_OPEN`] is false, read by the one that turned it from true to false.
struct Original(UnsafeCell<MaybeUninit<termios>>);

// SAFETY: `IS_OPEN` orders all accesses: it is stored (release) after the one write, and the only reader is the one
// whose `swap` (acquire) found it true.
unsafe impl Sync for Original {}

static ORIGINAL: Original = Original(UnsafeCell::new(MaybeUninit::uninit()));
static IS_OPEN: AtomicBool = AtomicBool::new(false);
static IS_WRITING: AtomicBool = AtomicBool::new(false);
static TTY: AtomicI32 = AtomicI32::new(-1);
/// Copies of standard output and standard error, while both go to a pipe.
static SAVED: [(c_int, AtomicI32); 2] =
    [(STDOUT_FILENO, AtomicI32::new(-1)), (STDERR_FILENO, AtomicI32::new(-1))];

fn failed(what: &str) -> TerminalProblem {
    TerminalProblem(format!("{what}: {}", io::Error::last_os_error()))
}

fn open_device() -> Result<RawFd, TerminalProblem> {
    // SAFETY: the path is a C string, and the flags need no mode.
    let tty = unsafe {
        libc::open(c"/dev/tty".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOCTTY)
    };
    if tty < 0 { Err(failed("/dev/tty cannot be opened")) } else { Ok(tty) }
}

/// Returns why there is no terminal; `None` when there is one.
pub fn problem() -> Option<TerminalProblem> {
    match open_device() {
        Ok(tty) => {
            // SAFETY: `open_device` returned it, and nobody else has it.
            drop(unsafe { OwnedFd::from_raw_fd(tty) });
            None
        }
        Err(problem) => Some(problem),
    }
}

/// Makes the terminal raw. Returns what the program writes to it meanwhile.
pub(super) fn open(captures: bool) -> Result<Option<File>, TerminalProblem> {
    if IS_OPEN.load(Ordering::Acquire) {
        return Err(TerminalProblem("another dashboard draws in this program".into()));
    }
    let tty = match TTY.load(Ordering::Acquire) {
        -1 => open_device()?,
        kept => kept,
    };
    // The device stays open: `restore` may need it at any time, and would otherwise write to a file that took its number.
    TTY.store(tty, Ordering::Release);
    let mut original = MaybeUninit::<termios>::uninit();
    // SAFETY: `tty` is open, and `original` has room for the result.
    if unsafe { libc::tcgetattr(tty, original.as_mut_ptr()) } != 0 {
        return Err(failed("the state of the terminal cannot be read"));
    }
    // SAFETY: `tcgetattr` succeeded, so it wrote the whole value.
    let mut raw = unsafe { original.assume_init() };
    // SAFETY: `IS_OPEN` is false, so nobody reads it, and only the one drawing thread opens.
    unsafe { *ORIGINAL.0.get() = MaybeUninit::new(raw) };
    let output = if captures { capture()? } else { None };
    IS_OPEN.store(true, Ordering::Release);
    signals::install();
    // SAFETY: `raw` is a whole value.
    unsafe { libc::cfmakeraw(&raw mut raw) };
    // SAFETY: `tty` is open, and `raw` is a whole value.
    if unsafe { libc::tcsetattr(tty, libc::TCSANOW, &raw const raw) } != 0 {
        let problem = failed("the terminal cannot be made raw");
        restore();
        return Err(problem);
    }
    Ok(output)
}

/// Returns whether a file is this process's terminal.
fn is_terminal(file: RawFd) -> bool {
    // SAFETY: each call takes a number of a file, open or not.
    unsafe { libc::isatty(file) == 1 && libc::tcgetsid(file) == libc::getsid(0) }
}

/// Sends standard output and standard error to a pipe, where they are the terminal. Returns its other end.
fn capture() -> Result<Option<File>, TerminalProblem> {
    let mut ends: [c_int; 2] = [-1; 2];
    // SAFETY: `ends` has room for two numbers.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        return Err(failed("no pipe can be made"));
    }
    // SAFETY: `pipe` made both, and nobody else has them.
    let (reader, writer) = unsafe { (File::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    let mut is_used = false;
    for (file, saved) in &SAVED {
        if !is_terminal(*file) {
            continue;
        }
        // SAFETY: `file` is open, because it is a terminal.
        let copy = unsafe { libc::fcntl(*file, libc::F_DUPFD_CLOEXEC, 3) };
        if copy < 0 {
            continue;
        }
        saved.store(copy, Ordering::Release);
        // SAFETY: both numbers are open files.
        unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&writer), *file) };
        is_used = true;
    }
    Ok(is_used.then_some(reader))
}

/// Makes the terminal as it was before the dashboard. Does nothing when it is already.
///
/// May be called from a signal handler.
pub fn restore() {
    if !IS_OPEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // A frame that was cut in the middle would leave a part of a command. The drawing thread takes no signals, so it
    // goes on meanwhile.
    for _ in 0..PATIENCE {
        if !IS_WRITING.load(Ordering::SeqCst) {
            break;
        }
        pause();
    }
    let tty = TTY.load(Ordering::Acquire);
    write_all(tty, LEAVE);
    // SAFETY: `open` wrote the whole value before it set `IS_OPEN`, and only one caller gets past the swap.
    unsafe { libc::tcsetattr(tty, libc::TCSANOW, (*ORIGINAL.0.get()).as_ptr()) };
    for (file, saved) in &SAVED {
        let copy = saved.swap(-1, Ordering::AcqRel);
        if copy >= 0 {
            // SAFETY: `copy` is the file that `capture` kept, and the swap gave it to this caller alone.
            unsafe {
                libc::dup2(copy, *file);
                libc::close(copy);
            }
        }
    }
    signals::remove();
}

/// Waits a millisecond, also in a signal handler.
fn pause() {
    // SAFETY: `poll` of no files only waits.
    unsafe { libc::poll(ptr::null_mut(), 0, 1) };
}

/// Writes as much as the terminal takes. Returns false when it takes no more.
fn write_all(tty: c_int, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        // SAFETY: `bytes` is readable for its length.
        let written = unsafe { libc::write(tty, bytes.as_ptr().cast(), bytes.len()) };
        if let Ok(count @ 1..) = usize::try_from(written) {
            bytes = &bytes[count..];
            continue;
        }
        let error = io::Error::last_os_error().raw_os_error();
        let is_full = error == Some(libc::EAGAIN);
        if error == Some(libc::EINTR) || (is_full && is_writable(tty)) {
            continue;
        }
        return false;
    }
    true
}

/// Waits until the terminal takes bytes. Returns whether it does.
fn is_writable(tty: c_int) -> bool {
    let mut polled = libc::pollfd { fd: tty, events: libc::POLLOUT, revents: 0 };
    // SAFETY: `polled` is one entry.
    unsafe { libc::poll(&raw mut polled, 1, FULL_MS) == 1 && polled.revents & libc::POLLOUT != 0 }
}

/// Writes a frame; nothing when the terminal is restored.
pub(super) fn write(frame: &[u8]) -> io::Result<()> {
    IS_WRITING.store(true, Ordering::SeqCst);
    // Looked at after the store: `restore` either sees the frame being written, or this sees the terminal restored.
    let is_written =
        !IS_OPEN.load(Ordering::SeqCst) || write_all(TTY.load(Ordering::Acquire), frame);
    IS_WRITING.store(false, Ordering::SeqCst);
    if is_written { Ok(()) } else { Err(io::Error::other("the terminal takes no bytes")) }
}

/// Returns whether the dashboard has the terminal.
pub fn is_open() -> bool {
    IS_OPEN.load(Ordering::Acquire)
}

/// Returns columns and rows; 80 and 24 for a terminal that does not know.
pub fn size() -> (u16, u16) {
    let mut found = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: the request writes a `winsize`, for which there is room; all zeros are one too.
    let found = unsafe {
        libc::ioctl(TTY.load(Ordering::Acquire), libc::TIOCGWINSZ, found.as_mut_ptr());
        found.assume_init()
    };
    if found.ws_col == 0 || found.ws_row == 0 { (80, 24) } else { (found.ws_col, found.ws_row) }
}

/// Looks after the signal handlers, which the program may have replaced. Returns whether the terminal is still open.
pub fn keep_signals() -> bool {
    if is_open() {
        signals::install();
    }
    is_open()
}

/// Lets signals go to other threads than the calling one.
pub fn on_native_thread() {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset` writes the whole set before it is used.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut());
    }
}

/// Interrupts the program, as Ctrl-C does in a terminal that is not raw.
pub fn interrupt() {
    // SAFETY: a process may always signal itself.
    unsafe { libc::kill(libc::getpid(), libc::SIGINT) };
}

/// Writes what the program wrote to its terminal, which is as it was.
pub fn print(bytes: &[u8]) {
    // Nobody is left to hear of a failure: the terminal is gone.
    write_all(TTY.load(Ordering::Acquire), bytes);
}
