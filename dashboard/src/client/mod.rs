//! Carries frames between the dashboard and a service: over a unix socket, or over HTTP with server-sent events.

mod http;
mod link;
#[cfg(unix)]
mod socket;
mod target;

pub use link::{Link, Notice};
pub use target::{Target, TargetProblem};

use std::time::Duration;

use crate::protocol::{ClientFrame, ServerFrame};

/// The time in which a service must answer the first frame.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// The time that a write may take.
const WRITE_WITHIN: Duration = Duration::from_secs(1);

/// Sends frames to a service.
trait Sender: Send {
    /// Sends a frame.
    fn send(&mut self, frame: &ClientFrame) -> Result<(), String>;

    /// Ends the session, also under the reader.
    fn close(&mut self);
}

/// Reads frames of a service.
trait Receiver: Send {
    /// Waits for the next frame. The error says how the session ended.
    fn receive(&mut self) -> Result<ServerFrame, String>;
}

/// Both ends of a session.
type Ends = (Box<dyn Sender>, Box<dyn Receiver>);

fn read_frame(bytes: &[u8]) -> Result<ServerFrame, String> {
    serde_json::from_slice(bytes)
        .map_err(|error| format!("the service sent what is no frame ({error})"))
}
