//! Bytes that wait for a client to read them.

use super::framing::frame_to;
use super::wire::{SERVER_FRAME, ServerFrame};

/// Bytes that may wait before the client counts as slow: then it gets no updates until it has read them.
pub const HIGH_WATER: usize = 256 * 1024;

/// Bytes that can wait at most: [`HIGH_WATER`], the longest page behind it, and the answers that it had asked for.
pub const OUTBOX_BOUND: usize = 12 * 1024 * 1024;

/// The form in which frames leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameForm {
    /// A length, then JSON: on a socket.
    Length,
    /// Server-sent events: over HTTP.
    EventStream,
}

/// Bytes that wait, in order.
#[derive(Debug)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Bytes that were sent.
    start: usize,
    form: FrameForm,
}

impl Outbox {
    /// Creates an empty one.
    #[must_use]
    pub const fn new(form: FrameForm) -> Self {
        Self { bytes: Vec::new(), start: 0, form }
    }

    /// Adds a frame. One that is too long is replaced by an error.
    pub fn push(&mut self, frame: &ServerFrame<'_>) {
        let json = frame.to_json();
        if json.len() > SERVER_FRAME {
            let error = ServerFrame::Error {
                id: frame_id(frame),
                code: "KEELSON_OBSERVE_TOO_LONG".into(),
                message: "The answer is longer than a frame may be: ask for less.".into(),
            };
            self.push_json(&error.to_json());
        } else {
            self.push_json(&json);
        }
    }

    fn push_json(&mut self, json: &[u8]) {
        match self.form {
            FrameForm::Length => frame_to(&mut self.bytes, json),
            FrameForm::EventStream => {
                self.bytes.extend_from_slice(b"data: ");
                self.bytes.extend_from_slice(json);
                self.bytes.extend_from_slice(b"\n\n");
            }
        }
    }

    /// Adds bytes as they are.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the bytes that wait.
    pub fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Forgets the first bytes, which were sent.
    pub fn sent(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            // A page of a large table must not keep its memory for the rest of the session.
            self.bytes.shrink_to(HIGH_WATER);
        } else if self.start > HIGH_WATER {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

fn frame_id(frame: &ServerFrame<'_>) -> Option<u64> {
    match frame {
        ServerFrame::Detail(detail) => Some(detail.id),
        ServerFrame::Tree { id, .. } | ServerFrame::Journal { id, .. } => Some(*id),
        _ => None,
    }
}
