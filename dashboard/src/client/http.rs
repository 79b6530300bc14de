//! HTTP: the stream of server-sent events, and a request for each question.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::protocol::{ClientFrame, LONGEST_FROM_SERVER, ServerFrame};

use super::link::Notice;
use super::{Ends, HELLO_WITHIN, Receiver, Sender, WRITE_WITHIN, read_frame};

/// The longest head of a response, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// The longest line of the stream, in bytes: a frame and its field name.
const LONGEST_LINE: usize = LONGEST_FROM_SERVER + 16;
/// The watch with which a stream begins. The tables follow in a request of their own.
const NOTHING: &str = r#"{"type":"watch","refreshMs":60000,"tables":[]}"#;

type Session = Arc<Mutex<Option<String>>>;
type Notify = Arc<dyn Fn(Notice) + Send + Sync>;

struct HttpSender {
    questions: mpsc::Sender<ClientFrame>,
    stream: TcpStream,
}

struct HttpReceiver {
    body: Body,
    session: Session,
}

/// Opens a session.
pub(super) fn connect(authority: &str, token: &str, notify: &Notify) -> Result<Ends, String> {
    let path = format!("/stream?watch={}", encode(NOTHING));
    let (body, stream) = request(authority, token, "GET", &path, None)?;
    // Later frames come when something changes.
    stream.set_read_timeout(None).map_err(|error| error.to_string())?;
    let session = Session::default();
    let (questions, asked) = mpsc::channel();
    let (authority, token) = (authority.to_owned(), token.to_owned());
    let (own, notify) = (Arc::clone(&session), Arc::clone(notify));
    thread::spawn(move || {
        crate::terminal::on_native_thread();
        for frame in asked {
            if let Some(answer) = ask(&authority, &token, &own, &frame) {
                notify(Notice::Frame(answer));
            }
        }
    });
    Ok((Box::new(HttpSender { questions, stream }), Box::new(HttpReceiver { body, session })))
}

impl Sender for HttpSender {
    fn send(&mut self, frame: &ClientFrame) -> Result<(), String> {
        self.questions.send(frame.clone()).map_err(|error| error.to_string())
    }

    fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Receiver for HttpReceiver {
    fn receive(&mut self) -> Result<ServerFrame, String> {
        loop {
            let line = self.body.line()?;
            // A comment keeps the connection open; an empty line ends an event.
            let Some(data) = line.strip_prefix(b"data:") else { continue };
            let frame = read_frame(data)?;
            if let ServerFrame::Hello(hello) = &frame {
                self.session
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone_from(&hello.session);
            }
            return Ok(frame);
        }
    }
}

/// Asks a question. Returns the answer; a failure is an answer too.
fn ask(
    authority: &str,
    token: &str,
    session: &Session,
    frame: &ClientFrame,
) -> Option<ServerFrame> {
    let session =
        session.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
    let (method, path) = question(frame, &session)?;
    let posted = (method == "POST").then(|| serde_json::to_vec(frame).unwrap_or_default());
    let answer = request(authority, token, method, &path, posted.as_deref())
        .and_then(|(mut body, _)| body.rest());
    let failed = |message: String| ServerFrame::Error { id: 0, code: String::new(), message };
    match answer {
        Ok(bytes) if bytes.is_empty() => None,
        Ok(bytes) => Some(read_frame(&bytes).unwrap_or_else(failed)),
        Err(reason) => Some(failed(reason)),
    }
}

/// Returns method and path of a request; `None` for a frame that HTTP does not have.
fn question(frame: &ClientFrame, session: &str) -> Option<(&'static str, String)> {
    Some(match frame {
        ClientFrame::Watch { .. } => ("POST", format!("/watch?session={}", encode(session))),
        ClientFrame::Action { .. } => ("POST", "/action".into()),
        ClientFrame::Detail { kind, key, .. } => {
            ("GET", format!("/detail?kind={}&key={}", encode(kind), encode(key)))
        }
        ClientFrame::Tree { key, offset, limit, .. } => {
            let of = key.as_ref().map_or(String::new(), |key| format!("key={}&", encode(key)));
            ("GET", format!("/tree?{of}offset={offset}&limit={limit}"))
        }
        ClientFrame::Journal { key, before, limit, .. } => {
            let until = before.map_or(String::new(), |before| format!("before={before}&"));
            ("GET", format!("/journal?key={}&{until}limit={limit}", encode(key)))
        }
        ClientFrame::Hello { .. } | ClientFrame::Pause | ClientFrame::Resume => return None,
    })
}

/// Writes a value as a part of a query.
fn encode(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .bytes()
        .map(
            |byte| {
                if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}

fn request(
    authority: &str,
    token: &str,
    method: &str,
    path: &str,
    posted: Option<&[u8]>,
) -> Result<(Body, TcpStream), String> {
    let failed = |error: std::io::Error| format!("http://{authority} cannot be reached: {error}");
    let mut addresses = authority.to_socket_addrs().map_err(failed)?;
    let address = addresses.next().ok_or_else(|| format!("{authority} has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, HELLO_WITHIN).map_err(failed)?;
    stream.set_read_timeout(Some(HELLO_WITHIN)).map_err(failed)?;
    stream.set_write_timeout(Some(WRITE_WITHIN)).map_err(failed)?;
    let secret =
        if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let about = posted.map_or(String::new(), |body| {
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
    });
    let host = format!("Host: {authority}\r\nConnection: close\r\n");
    let head = format!("{method} {path} HTTP/1.1\r\n{host}{secret}{about}");
    let whole = [head.as_bytes(), b"\r\n", posted.unwrap_or_default()].concat();
    stream.write_all(&whole).map_err(failed)?;
    let reader = BufReader::new(stream.try_clone().map_err(failed)?);
    Ok((Body::read(reader, authority)?, stream))
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy)]
enum Length {
    /// So many bytes are left.
    Known(usize),
    /// Chunks; so many bytes of the current one are left.
    Chunks(usize),
    /// Until the connection ends.
    Open,
}

/// The body of a response.
struct Body {
    reader: BufReader<TcpStream>,
    length: Length,
}

impl Body {
    /// Reads the head of a response.
    fn read(mut reader: BufReader<TcpStream>, authority: &str) -> Result<Self, String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let before = head.len();
            let room = (LONGEST_HEAD - before) as u64;
            let read = reader.by_ref().take(room).read_until(b'\n', &mut head);
            if read.map_err(|error| format!("http://{authority} gave no answer: {error}"))? == 0 {
                return Err(format!("http://{authority} gave no answer of HTTP"));
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        response
            .parse(&head)
            .map_err(|error| format!("http://{authority} gave no answer of HTTP: {error}"))?;
        let value = |name: &str| {
            let found =
                response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.and_then(|header| std::str::from_utf8(header.value).ok()).map(str::trim)
        };
        let is_chunked =
            value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let known = value("content-length").and_then(|length| length.parse().ok());
        let status = response.code.unwrap_or_default();
        let length = match (status, is_chunked, known) {
            (204, ..) => Length::Known(0),
            (_, true, _) => Length::Chunks(0),
            (_, false, Some(length)) => Length::Known(length),
            (_, false, None) => Length::Open,
        };
        let mut body = Self { reader, length };
        match status {
            200..=299 => Ok(body),
            401 | 403 => Err(format!(
                "http://{authority} refuses the token: pass the address that observe() printed"
            )),
            _ => {
                let text = body
                    .rest()
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                    .unwrap_or_default();
                Err(format!(
                    "http://{authority} answered {status} {}",
                    text.chars().take(200).collect::<String>()
                ))
            }
        }
    }

    /// Returns the next line, without its end.
    fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        while line.len() <= LONGEST_LINE {
            match self.next_part(b'\n')? {
                None => return Err("the connection ended".into()),
                Some(part) => line.extend(part),
            }
            if line.ends_with(b"\n") {
                line.truncate(line.trim_ascii_end().len());
                return Ok(line);
            }
        }
        Err("the service sent a line without an end".into())
    }

    /// Returns everything up to the end.
    fn rest(&mut self) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        while let Some(part) = self.next_part(b'\n')? {
            all.extend(part);
            if all.len() > LONGEST_LINE {
                return Err("the service sent an answer without an end".into());
            }
        }
        Ok(all)
    }

    /// Returns bytes up to a mark, or to the end of what is known to follow; `None` at the end.
    fn next_part(&mut self, mark: u8) -> Result<Option<Vec<u8>>, String> {
        let failed = |error: std::io::Error| error.to_string();
        if let Length::Chunks(0) = self.length {
            let size = self.chunk_size().map_err(failed)?;
            if size == 0 {
                self.length = Length::Known(0);
                return Ok(None);
            }
            self.length = Length::Chunks(size);
        }
        let room = match self.length {
            Length::Known(0) => return Ok(None),
            Length::Known(left) | Length::Chunks(left) => left.min(LONGEST_LINE),
            Length::Open => LONGEST_LINE,
        };
        let mut part = Vec::new();
        let read =
            self.reader.by_ref().take(room as u64).read_until(mark, &mut part).map_err(failed)?;
        match &mut self.length {
            Length::Known(left) => *left -= read,
            Length::Chunks(left) => {
                *left -= read;
                if *left == 0 && read > 0 {
                    let mut end = [0; 2];
                    self.reader.read_exact(&mut end).map_err(failed)?;
                }
            }
            Length::Open => {}
        }
        Ok((read > 0).then_some(part))
    }

    fn chunk_size(&mut self) -> std::io::Result<usize> {
        let mut line = String::new();
        self.reader.by_ref().take(64).read_line(&mut line)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        if line.is_empty() {
            return Ok(0);
        }
        usize::from_str_radix(digits, 16)
            .map_err(|_| std::io::Error::other("the service sent a broken chunk"))
    }
}

#[cfg(test)]
mod tests;
