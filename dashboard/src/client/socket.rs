//! A unix socket: a length of four bytes, big endian, then the frame.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::protocol::{
    ClientFrame, LONGEST_FROM_CLIENT, LONGEST_FROM_SERVER, ServerFrame, VERSION,
};

use super::{Ends, HELLO_WITHIN, Receiver, Sender, WRITE_WITHIN, read_frame};

pub(super) struct SocketSender(UnixStream);

pub(super) struct SocketReceiver {
    stream: UnixStream,
    is_open: bool,
}

/// Opens a session.
pub(super) fn connect(path: &Path) -> Result<Ends, String> {
    let opened = (|| {
        let stream = UnixStream::connect(path)?;
        stream.set_write_timeout(Some(WRITE_WITHIN))?;
        stream.set_read_timeout(Some(HELLO_WITHIN))?;
        let reader = stream.try_clone()?;
        std::io::Result::Ok((stream, reader))
    })();
    let (stream, reader) =
        opened.map_err(|error| format!("{} cannot be opened: {error}", path.display()))?;
    let mut sender = SocketSender(stream);
    sender.send(&ClientFrame::Hello { v: VERSION })?;
    Ok((Box::new(sender), Box::new(SocketReceiver { stream: reader, is_open: false })))
}

impl Sender for SocketSender {
    fn send(&mut self, frame: &ClientFrame) -> Result<(), String> {
        let body = serde_json::to_vec(frame).map_err(|error| error.to_string())?;
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LONGEST_FROM_CLIENT);
        let length = length.ok_or("a request is too long")?;
        let whole = [length.to_be_bytes().as_slice(), &body].concat();
        self.0.write_all(&whole).map_err(|error| format!("the service takes no requests: {error}"))
    }

    fn close(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Receiver for SocketReceiver {
    fn receive(&mut self) -> Result<ServerFrame, String> {
        let ended = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the connection ended".to_owned(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                format!("no answer within {} s", HELLO_WITHIN.as_secs())
            }
            _ => error.to_string(),
        };
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).map_err(ended)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST_FROM_SERVER {
            return Err(format!("the service announced a frame of {length} bytes"));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(ended)?;
        if !self.is_open {
            // Only the first frame has to come within a time: later ones come when something changes.
            self.is_open = true;
            self.stream.set_read_timeout(None).map_err(|error| error.to_string())?;
        }
        read_frame(&body)
    }
}
