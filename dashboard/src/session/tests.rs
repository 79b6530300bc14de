//! Restores of the terminal, each in a child process that has a pseudo-terminal of its own.

use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};

use super::*;

/// The variable that names the case of the child.
const CASE: &str = "KEELSON_TERMINAL_CASE";
const LEFT: &str = "\u{1b}[?1049l";

fn terminal_state(file: &OwnedFd) -> [u64; 4] {
    let mut state = MaybeUninit::<libc::termios>::zeroed();
    // SAFETY: the file is a terminal, and there is room for its state.
    let state = unsafe {
        assert_eq!(libc::tcgetattr(file.as_raw_fd(), state.as_mut_ptr()), 0);
        state.assume_init()
    };
    [state.c_iflag, state.c_oflag, state.c_cflag, state.c_lflag].map(u64::from)
}

/// Runs a case in a child with a terminal of its own. Returns how it ended and what the terminal showed.
fn in_terminal(case: &str) -> (ExitStatus, String) {
    let (mut ours, mut theirs) = (-1, -1);
    let none = std::ptr::null_mut();
    // SAFETY: there is room for both numbers; a name, a state and a size are not wanted.
    let made =
        unsafe { libc::openpty(&raw mut ours, &raw mut theirs, none, none.cast(), none.cast()) };
    assert_eq!(made, 0);
    // SAFETY: `openpty` made both, and nobody else has them.
    let (mut ours, theirs) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let before = terminal_state(&theirs);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "session::tests::child",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env(CASE, case);
    for place in [Command::stdin, Command::stdout, Command::stderr] {
        place(&mut command, Stdio::from(theirs.try_clone().unwrap()));
    }
    // SAFETY: both functions are allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    let mut child = command.spawn().unwrap();
    // The command keeps copies of the terminal.
    drop(command);
    let reader = std::thread::spawn(move || {
        let (mut shown, mut chunk) = (Vec::new(), [0; 4096]);
        // Fails when the last one has closed the terminal.
        while let Ok(count @ 1..) = ours.read(&mut chunk) {
            shown.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    });
    let status = child.wait().unwrap();
    assert_eq!(terminal_state(&theirs), before, "{case} leaves the terminal raw");
    drop(theirs);
    (status, reader.join().unwrap())
}

/// The child. It runs only where a test asks for it.
#[test]
#[ignore = "a part of other tests"]
fn child() {
    let case = std::env::var(CASE).unwrap_or_default();
    let drawing = thread::Builder::new().name(panics::THREAD.into()).spawn(move || {
        panics::watch();
        terminal::on_native_thread();
        let mut open = OpenTerminal::open(case == "output").unwrap();
        match case.as_str() {
            "panic" => panic!("planned"),
            "leak" => {
                // Neither guard nor hook: somebody else restores.
                std::mem::forget(open);
                terminal::restore();
                terminal::restore();
            }
            "output" => {
                let output = Arc::new(Mutex::new(Output::default()));
                let (sender, _received) = sync_channel(QUEUE);
                threads::read_output(open.output.take().unwrap(), &output, &sender);
                write_line("while it draws");
                while output.lock().unwrap().fresh().0.is_empty() {
                    thread::yield_now();
                }
                drop(open);
                output.lock().unwrap().end();
                write_line("after it");
            }
            signal => {
                let number: i32 = signal.parse().unwrap();
                // SAFETY: a process may always signal itself.
                unsafe { libc::kill(libc::getpid(), number) };
                loop {
                    thread::park();
                }
            }
        }
    });
    let _ = drawing.unwrap().join();
}

/// Writes past the capture of the test harness.
fn write_line(line: &str) {
    let text = format!("{line}\n");
    // SAFETY: the text is readable for its length.
    unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
}

#[test]
fn t12_a_panic_in_the_draw_thread_restores_the_terminal() {
    let (status, shown) = in_terminal("panic");
    assert!(status.success());
    assert_eq!(shown.matches(LEFT).count(), 1, "{shown:?}");
    assert!(shown.contains("\u{1b}[?25h"));
}

#[test]
fn t12_a_terminal_is_restored_once() {
    let (status, shown) = in_terminal("leak");
    assert!(status.success());
    assert_eq!(shown.matches(LEFT).count(), 1, "{shown:?}");
}

#[test]
fn t12_a_signal_restores_the_terminal_and_ends_the_program_as_before() {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
        let (status, shown) = in_terminal(&signal.to_string());
        assert_eq!(status.signal(), Some(signal));
        assert_eq!(shown.matches(LEFT).count(), 1, "{shown:?}");
    }
}

#[test]
fn t14_what_the_program_writes_comes_after_the_screen() {
    let (status, shown) = in_terminal("output");
    assert!(status.success());
    let (screen, after) = shown.split_once(LEFT).unwrap();
    assert!(!screen.contains("while it draws"), "{shown:?}");
    let (captured, free) = (after.find("while it draws").unwrap(), after.find("after it").unwrap());
    assert!(captured < free);
}
