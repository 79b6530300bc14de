//! Joins client, state, view and terminal, on threads of their own: they go on while JavaScript is blocked.

mod output;
mod panics;
mod threads;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossterm::event::Event;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::app::{App, Layout, Outcome, Settings};
use crate::client::{Link, Notice, Target};
use crate::host::Since;
use crate::keys;
use crate::protocol::ServerFrame;
use crate::terminal::{self, OpenTerminal, Screen};
use crate::view::{self, theme::Theme};

pub use output::Output;

/// The messages that wait for the drawing thread.
const QUEUE: usize = 256;
/// The time after which the size, the signals and the words about ages are looked at without a message.
const TICK: Duration = Duration::from_millis(250);
/// The shortest time between two drawings of what the service sent, so that a flood costs no processor.
const FRAME: Duration = Duration::from_millis(30);
/// The time that a service has to answer at first, with some to spare.
const OPEN_WITHIN: Duration = Duration::from_secs(7);

/// A message for the drawing thread.
#[derive(Debug)]
enum Message {
    Link(Notice),
    Input(Event),
    InputLost(String),
    Control(Control),
    Wake,
}

/// What the program asks of its dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// To end.
    Stop,
    /// To ask the service for everything again.
    Refresh,
    /// To change the arrangement.
    Layout(Layout),
    /// To show the detail of a row.
    Inspect {
        /// The kind of the row.
        kind: String,
        /// The key of the row.
        key: String,
        /// The name of the row.
        name: String,
    },
}

/// How a dashboard ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By a key.
    Quit,
    /// By Ctrl-C: the program is to be interrupted.
    Interrupted,
    /// By the program.
    Stopped,
    /// A signal took the terminal away.
    Signal,
    /// The service could not be reached.
    Refused(String),
    /// The terminal cannot be used, or is gone.
    NoTerminal(String),
    /// By a fault of the dashboard.
    Panicked(String),
}

/// What a dashboard shows, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The service.
    pub target: Target,
    /// What the user chose.
    pub settings: Settings,
    /// The colours.
    pub theme: Theme,
}

/// What the threads of a session share with the program.
#[derive(Debug)]
struct Shared {
    layout: AtomicU8,
    /// Whether the terminal was made ready.
    was_open: AtomicBool,
    output: Arc<Mutex<Output>>,
}

impl Shared {
    fn layout(&self) -> Layout {
        Layout::ALL[usize::from(self.layout.load(Ordering::Acquire)) % Layout::ALL.len()].0
    }
}

/// A dashboard that runs.
#[derive(Debug)]
pub struct Session {
    messages: SyncSender<Message>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

fn number(layout: Layout) -> u8 {
    u8::try_from(Layout::ALL.iter().position(|(own, _)| *own == layout).unwrap_or_default())
        .unwrap_or_default()
}

impl Session {
    /// Starts a dashboard. `on_end` is called once, on the drawing thread, after the terminal is as it was. It gets the
    /// last arrangement.
    ///
    /// # Errors
    ///
    /// Fails when the system gives no thread.
    pub fn start(
        options: Options,
        on_end: impl FnOnce(End, Layout) + Send + 'static,
    ) -> std::io::Result<Self> {
        panics::watch();
        let (messages, received) = sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            layout: AtomicU8::new(number(options.settings.layout)),
            was_open: AtomicBool::new(false),
            output: Arc::new(Mutex::new(Output::default())),
        });
        let (sender, own) = (messages.clone(), Arc::clone(&shared));
        let thread = thread::Builder::new().name(panics::THREAD.into()).spawn(move || {
            terminal::on_native_thread();
            let ran = catch_unwind(AssertUnwindSafe(|| run(options, &sender, &received, &own)));
            // A panic left before the guard of the terminal could.
            terminal::restore();
            own.output.lock().unwrap_or_else(PoisonError::into_inner).end();
            let end = ran.unwrap_or_else(|_| End::Panicked(panics::last()));
            let is_interrupted = end == End::Interrupted;
            on_end(end, own.layout());
            if is_interrupted {
                terminal::interrupt();
            }
        })?;
        Ok(Self { messages, shared, thread })
    }

    /// Asks something of the dashboard. Returns whether it still runs.
    pub fn control(&self, control: Control) -> bool {
        if let Control::Layout(layout) = control {
            self.shared.layout.store(number(layout), Ordering::Release);
        }
        self.messages.send(Message::Control(control)).is_ok()
    }

    /// Returns whether it runs: not after a signal took the terminal away, which the thread notices a moment later.
    pub fn is_running(&self) -> bool {
        let is_taken = self.shared.was_open.load(Ordering::Acquire) && !terminal::is_open();
        !is_taken && !self.thread.is_finished()
    }

    /// Returns the arrangement.
    pub fn layout(&self) -> Layout {
        self.shared.layout()
    }

    /// Takes bytes that the program wrote. Returns false when they are to be written to the terminal after all.
    pub fn take_output(&self, bytes: &[u8]) -> bool {
        let is_taken =
            self.shared.output.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
        // A full queue wakes the thread anyway.
        let _ = self.messages.try_send(Message::Wake);
        is_taken
    }

    /// Ends the dashboard, and waits until the terminal is as it was.
    pub fn stop(self) {
        let _ = self.messages.send(Message::Control(Control::Stop));
        // Its panics are caught.
        let _ = self.thread.join();
    }
}

/// Runs a dashboard to its end.
fn run(
    options: Options,
    sender: &SyncSender<Message>,
    received: &Receiver<Message>,
    shared: &Shared,
) -> End {
    if let Some(problem) = terminal::problem() {
        return End::NoTerminal(problem.0);
    }
    let is_inside = options.settings.is_inside;
    let mut app = App::new(options.settings);
    let to_self = sender.clone();
    let link = Link::start(options.target, move |notice| {
        let _ = to_self.send(Message::Link(notice));
    });
    if let Err(end) = wait_for_service(&mut app, received, shared) {
        return end;
    }
    let mut open = match OpenTerminal::open(is_inside) {
        Ok(open) => open,
        Err(problem) => return End::NoTerminal(problem.0),
    };
    shared.was_open.store(true, Ordering::Release);
    let _output = open.output.take().map(|pipe| threads::read_output(pipe, &shared.output, sender));
    let _input = threads::read_input(sender);
    let result = draw_until_end(&mut app, &link, options.theme, received, shared);
    result.unwrap_or_else(|error| End::NoTerminal(error.to_string()))
}

/// Waits until the service answers. The terminal is untouched until then, so a failure is one line.
fn wait_for_service(
    app: &mut App,
    received: &Receiver<Message>,
    shared: &Shared,
) -> Result<(), End> {
    let began = Since::now();
    loop {
        let left = OPEN_WITHIN.saturating_sub(began.elapsed());
        match received.recv_timeout(left) {
            Ok(Message::Link(Notice::Refused(reason))) => return Err(End::Refused(reason)),
            Ok(Message::Link(Notice::Frame(ServerFrame::Bye { reason }))) => {
                return Err(End::Refused(format!("the service closed the session: {reason}")));
            }
            Ok(message) => {
                if let Some(end) = take(app, message, shared) {
                    return Err(end);
                }
                if app.hello.is_some() {
                    return Ok(());
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(End::Refused("the service does not answer".into()));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(End::Stopped),
        }
    }
}

fn draw_until_end(
    app: &mut App,
    link: &Link,
    theme: Theme,
    received: &Receiver<Message>,
    shared: &Shared,
) -> std::io::Result<End> {
    let mut size = terminal::size();
    let area = |(width, height)| Rect::new(0, 0, width, height);
    let options = TerminalOptions { viewport: Viewport::Fixed(area(size)) };
    let mut screen = Terminal::with_options(CrosstermBackend::new(Screen::default()), options)?;
    loop {
        let now = terminal::size();
        if now != size {
            size = now;
            screen.resize(area(size))?;
        }
        app.set_visible_rows(view::arrange(area(size), app).table_rows());
        link.send(&app.take_requests());
        screen.draw(|frame| view::draw(frame.area(), frame.buffer_mut(), app, &theme))?;
        let drawn_at = Since::now();
        let mut wait = TICK;
        // A flood of messages must not keep the screen from being drawn.
        for _ in 0..QUEUE {
            match received.recv_timeout(wait) {
                Ok(message) => {
                    let is_input = matches!(message, Message::Input(_));
                    if let Some(end) = take(app, message, shared) {
                        return Ok(end);
                    }
                    link.send(&app.take_requests());
                    // A key is answered at once; frames wait for each other.
                    wait = if is_input {
                        Duration::ZERO
                    } else {
                        wait.min(FRAME.saturating_sub(drawn_at.elapsed()))
                    };
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Ok(End::Stopped),
            }
        }
        shared.layout.store(number(app.layout), Ordering::Release);
        let (fresh, skipped) = shared.output.lock().unwrap_or_else(PoisonError::into_inner).fresh();
        app.take_output(&fresh, skipped);
        if !terminal::keep_signals() {
            return Ok(End::Signal);
        }
    }
}

/// Takes a message. Returns the end when it asks for one.
fn take(app: &mut App, message: Message, shared: &Shared) -> Option<End> {
    match message {
        Message::Link(Notice::Frame(frame)) => app.take_frame(frame),
        Message::Link(Notice::Lost(reason) | Notice::Refused(reason)) => app.lose(&reason),
        Message::Input(Event::Key(key)) => {
            let outcome =
                keys::command(key, app.mode).map_or(Outcome::GoOn, |command| app.run(command));
            shared.layout.store(number(app.layout), Ordering::Release);
            match outcome {
                Outcome::GoOn => {}
                Outcome::Quit => return Some(End::Quit),
                Outcome::Interrupt => return Some(End::Interrupted),
            }
        }
        Message::Input(_) | Message::Wake => {}
        Message::InputLost(reason) => return Some(End::NoTerminal(reason)),
        Message::Control(Control::Stop) => return Some(End::Stopped),
        Message::Control(Control::Refresh) => app.refresh(),
        Message::Control(Control::Layout(layout)) => app.set_layout(layout),
        Message::Control(Control::Inspect { kind, key, name }) => app.inspect(&kind, &key, &name),
    }
    None
}

#[cfg(all(test, unix))]
mod tests;
