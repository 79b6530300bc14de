//! The session on a thread of its own: it opens it, reads it, and opens it again when it ended.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::protocol::{ClientFrame, ServerFrame, VERSION};

use super::{Receiver, Sender, Target};

/// The time between two attempts.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the session reports.
#[derive(Debug)]
pub enum Notice {
    /// A frame came.
    Frame(ServerFrame),
    /// The session ended. Another attempt follows.
    Lost(String),
    /// There never was a session, and there is no further attempt.
    Refused(String),
}

type Notify = Arc<dyn Fn(Notice) + Send + Sync>;

#[derive(Default)]
struct Shared {
    sender: Mutex<Option<Box<dyn Sender>>>,
    is_ended: Mutex<bool>,
    ended: Condvar,
}

/// A session with a service. Dropping it ends it.
pub struct Link {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// Opens a session. Each report goes to `notify`, on a thread of its own.
    pub fn start(target: Target, notify: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            crate::terminal::on_native_thread();
            run(&target, &own, &(Arc::new(notify) as Notify));
        });
        Self { shared }
    }

    /// Sends requests. What cannot be sent is lost: the session has ended, which the reader reports.
    pub fn send(&self, frames: &[ClientFrame]) {
        let mut sender = self.shared.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = sender.as_mut() else { return };
        if frames.iter().any(|frame| open.send(frame).is_err()) {
            open.close();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        *self.shared.is_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.ended.notify_all();
        if let Some(mut open) =
            self.shared.sender.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            open.close();
        }
    }
}

fn run(target: &Target, shared: &Shared, notify: &Notify) {
    let mut was_open = false;
    while !is_ended(shared) {
        let reason = session(target, shared, notify, &mut was_open);
        if is_ended(shared) {
            return;
        }
        if !was_open {
            notify(Notice::Refused(reason));
            return;
        }
        notify(Notice::Lost(reason));
        let guard = shared.is_ended.lock().unwrap_or_else(PoisonError::into_inner);
        drop(shared.ended.wait_timeout_while(guard, AGAIN_AFTER, |is_ended| !*is_ended));
    }
}

fn is_ended(shared: &Shared) -> bool {
    *shared.is_ended.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one session to its end. Returns why it ended.
fn session(target: &Target, shared: &Shared, notify: &Notify, was_open: &mut bool) -> String {
    let opened = match target {
        #[cfg(unix)]
        Target::Socket(path) => super::socket::connect(path),
        #[cfg(not(unix))]
        Target::Socket(_) => {
            Err("this system has no unix sockets: observe with { http: true }".to_owned())
        }
        Target::Http { authority, token } => super::http::connect(authority, token, notify),
    };
    let (sender, mut receiver) = match opened {
        Ok(both) => both,
        Err(reason) => return reason,
    };
    *shared.sender.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    let reason = read(receiver.as_mut(), notify, was_open);
    if let Some(mut open) = shared.sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
        open.close();
    }
    reason
}

fn read(receiver: &mut dyn Receiver, notify: &Notify, was_open: &mut bool) -> String {
    loop {
        match receiver.receive() {
            Ok(ServerFrame::Hello(hello)) if hello.v != VERSION => {
                return format!(
                    "the service speaks version {} of the protocol, and this is version {VERSION}",
                    hello.v
                );
            }
            Ok(frame) => {
                *was_open |= matches!(frame, ServerFrame::Hello(_));
                notify(Notice::Frame(frame));
            }
            Err(reason) => return reason,
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
