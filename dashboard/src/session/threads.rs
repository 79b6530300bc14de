//! The threads that read the keyboard and the program's output.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossterm::event;

use super::output::Output;
use super::{Message, terminal};

/// The time after which the reader of the keyboard looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);
/// The bytes of output that are read at a time.
const CHUNK: usize = 16 * 1024;

/// The reader of the keyboard has it: the one of an earlier dashboard may still be about to end.
static KEYBOARD: Mutex<()> = Mutex::new(());

/// Ends the reader of the keyboard when it is dropped.
#[derive(Debug)]
pub(super) struct InputGuard(Arc<AtomicBool>);

impl Drop for InputGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Reads the keyboard on a thread of its own.
pub(super) fn read_input(sender: &SyncSender<Message>) -> InputGuard {
    let is_over = Arc::new(AtomicBool::new(false));
    let (own, sender) = (Arc::clone(&is_over), sender.clone());
    thread::spawn(move || {
        terminal::on_native_thread();
        let _keyboard = KEYBOARD.lock().unwrap_or_else(PoisonError::into_inner);
        while !own.load(Ordering::Acquire) {
            let message = match event::poll(LOOK)
                .and_then(|is_there| if is_there { event::read().map(Some) } else { Ok(None) })
            {
                Ok(None) => continue,
                Ok(Some(event)) => Message::Input(event),
                Err(error) => Message::InputLost(format!("the keyboard cannot be read: {error}")),
            };
            let is_last = matches!(message, Message::InputLost(_));
            if sender.send(message).is_err() || is_last {
                return;
            }
        }
    });
    InputGuard(is_over)
}

/// Reads what the program writes on a thread of its own.
///
/// The thread outlives the dashboard as long as somebody can write: a program that the service started has the same
/// output. It then passes everything on.
pub(super) fn read_output(
    mut pipe: File,
    output: &Arc<Mutex<Output>>,
    sender: &SyncSender<Message>,
) {
    let (output, sender) = (Arc::clone(output), sender.clone());
    thread::spawn(move || {
        terminal::on_native_thread();
        let mut chunk = vec![0; CHUNK];
        while let Ok(count @ 1..) = pipe.read(&mut chunk) {
            let is_taken =
                output.lock().unwrap_or_else(PoisonError::into_inner).take(&chunk[..count]);
            if is_taken {
                let _ = sender.try_send(Message::Wake);
            } else {
                terminal::print(&chunk[..count]);
            }
        }
    });
}
