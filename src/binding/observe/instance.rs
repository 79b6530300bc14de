//! One server of `observe()`: its listeners, its connections, and the core's server behind them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use mio::{Interest, Registry, Token};

use super::environments::{self, Asked};
use super::live::LiveWorld;
#[cfg(unix)]
use super::sockets::SocketFile;
use crate::core::observe::{JsAnswer, JsQuestion, ObserveServer, ObservedTime, PeerForm, PeerId};

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

pub(super) enum Listener {
    Tcp(mio::net::TcpListener),
    #[cfg(unix)]
    Unix(mio::net::UnixListener),
}

enum ClientStream {
    Tcp(mio::net::TcpStream),
    #[cfg(unix)]
    Unix(mio::net::UnixStream),
}

/// Runs an expression on the socket inside, whichever it is.
macro_rules! with_socket {
    ($value:expr, $kind:ident, $socket:ident => $body:expr) => {
        match $value {
            $kind::Tcp($socket) => $body,
            #[cfg(unix)]
            $kind::Unix($socket) => $body,
        }
    };
}

impl Listener {
    fn accept(&self) -> io::Result<(ClientStream, PeerForm)> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().map(|(stream, _)| (ClientStream::Tcp(stream), PeerForm::Http))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                listener.accept().map(|(stream, _)| (ClientStream::Unix(stream), PeerForm::Socket))
            }
        }
    }
}

struct Connection {
    stream: ClientStream,
    peer: PeerId,
    is_readable: bool,
}

/// Hands out tokens that were never used.
#[derive(Debug)]
pub(super) struct Tokens(pub(super) usize);

impl Tokens {
    fn next(&mut self) -> Token {
        self.0 += 1;
        Token(self.0)
    }
}

pub(super) struct Instance {
    pub(super) number: u32,
    server: ObserveServer,
    listeners: BTreeMap<Token, Listener>,
    connections: BTreeMap<Token, Connection>,
    /// Environments that have not published yet, by question.
    publishing: BTreeMap<u64, usize>,
    #[cfg(unix)]
    file: Option<SocketFile>,
}

/// What it takes to make an instance.
pub(super) struct InstanceParts {
    pub(super) number: u32,
    pub(super) server: ObserveServer,
    pub(super) listeners: Vec<Listener>,
    #[cfg(unix)]
    pub(super) file: Option<SocketFile>,
}

impl Instance {
    pub(super) fn open(
        parts: InstanceParts,
        tokens: &mut Tokens,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut listeners = BTreeMap::new();
        for mut listener in parts.listeners {
            let token = tokens.next();
            with_socket!(&mut listener, Listener, socket => {
                registry.register(socket, token, Interest::READABLE)
            })?;
            listeners.insert(token, listener);
        }
        Ok(Self {
            number: parts.number,
            server: parts.server,
            listeners,
            connections: BTreeMap::new(),
            publishing: BTreeMap::new(),
            #[cfg(unix)]
            file: parts.file,
        })
    }

    /// Handles readiness of one of its sockets; others are none of its business.
    pub(super) fn ready(
        &mut self,
        token: Token,
        is_readable: bool,
        now: ObservedTime,
        tokens: &mut Tokens,
        registry: &Registry,
    ) {
        if self.listeners.contains_key(&token) {
            self.accept(token, now, tokens, registry);
        } else if let Some(connection) = self.connections.get_mut(&token) {
            connection.is_readable |= is_readable;
            self.pump(token, now, registry);
        }
    }

    fn accept(
        &mut self,
        token: Token,
        now: ObservedTime,
        tokens: &mut Tokens,
        registry: &Registry,
    ) {
        loop {
            let Some(listener) = self.listeners.get(&token) else { return };
            // Any other failure is that of one connection, or of too many files: the next turn tries again.
            let Ok((mut stream, form)) = listener.accept() else { return };
            let Some(peer) = self.server.connect(form, now, &LiveWorld) else { continue };
            let token = tokens.next();
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered = with_socket!(&mut stream, ClientStream, socket => {
                registry.register(socket, token, interest)
            });
            if registered.is_err() {
                self.server.disconnect(peer);
                continue;
            }
            let connection = Connection { stream, peer, is_readable: true };
            self.connections.insert(token, connection);
            self.pump(token, now, registry);
        }
    }

    /// Reads and writes until the socket or the client's session has had enough.
    fn pump(&mut self, token: Token, now: ObservedTime, registry: &Registry) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let is_open = read(connection, &mut self.server, now)
            && write(connection, &mut self.server)
            && !self.server.is_over(connection.peer, now.mono);
        if !is_open {
            self.close(token, registry);
        }
    }

    fn close(&mut self, token: Token, registry: &Registry) {
        if let Some(mut connection) = self.connections.remove(&token) {
            self.server.disconnect(connection.peer);
            let _ = with_socket!(&mut connection.stream, ClientStream, socket => {
                registry.deregister(socket)
            });
        }
    }

    /// Does what is due, and what has come up since the last time.
    pub(super) fn turn(&mut self, now: ObservedTime, registry: &Registry) {
        if now.mono >= self.server.next_due() {
            self.server.tick(now, &LiveWorld);
        }
        self.pass_questions(now);
        let tokens: Vec<Token> = self.connections.keys().copied().collect();
        for token in tokens {
            self.pump(token, now, registry);
        }
    }

    fn pass_questions(&mut self, now: ObservedTime) {
        for asked in self.server.take_questions() {
            let (number, question) = (asked.number, asked.question);
            let server = self.number;
            if let Some(key) = question.key() {
                let environment = environments::of_key(key);
                let asked = Asked { server, number, question };
                if !environment.is_some_and(|it| it.ask(asked)) {
                    let gone = JsAnswer::Failed {
                        code: "KEELSON_OBSERVE_GONE".to_owned(),
                        message: "The thread of this row has ended.".to_owned(),
                    };
                    self.server.answer(number, &gone, now.mono);
                }
            } else {
                let all = environments::all();
                let asked = Asked { server, number, question: JsQuestion::Publish };
                let count = all.iter().filter(|it| it.ask(asked.clone())).count();
                self.publishing.insert(number, count);
                self.published(number, now, 0);
            }
        }
    }

    fn published(&mut self, number: u64, now: ObservedTime, by: usize) {
        let Some(left) = self.publishing.get_mut(&number) else { return };
        *left = left.saturating_sub(by);
        if *left == 0 {
            self.publishing.remove(&number);
            self.server.answer(number, &JsAnswer::Object("{}".to_owned()), now.mono);
        }
    }

    /// Takes an answer of JavaScript.
    pub(super) fn answer(&mut self, number: u64, answer: &JsAnswer, now: ObservedTime) {
        if self.publishing.contains_key(&number) {
            self.published(number, now, 1);
        } else {
            self.server.answer(number, answer, now.mono);
        }
    }

    pub(super) fn server(&mut self) -> &mut ObserveServer {
        &mut self.server
    }

    /// Takes no new clients, and says goodbye to those that there are.
    pub(super) fn end(&mut self, now: ObservedTime, registry: &Registry) {
        for (_, mut listener) in std::mem::take(&mut self.listeners) {
            let _ = with_socket!(&mut listener, Listener, socket => registry.deregister(socket));
        }
        #[cfg(unix)]
        drop(self.file.take());
        self.server.end(now.mono);
        self.turn(now, registry);
    }
}

/// Reads what there is. Returns whether the client is still there.
fn read(connection: &mut Connection, server: &mut ObserveServer, now: ObservedTime) -> bool {
    let mut chunk = vec![0; CHUNK];
    while connection.is_readable && server.wants_input(connection.peer) {
        match with_socket!(&mut connection.stream, ClientStream, socket => socket.read(&mut chunk))
        {
            Ok(0) => return false,
            Ok(count) => server.receive(connection.peer, &chunk[..count], now, &LiveWorld),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                connection.is_readable = false;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}

/// Writes what waits. Returns whether the client is still there.
fn write(connection: &mut Connection, server: &mut ObserveServer) -> bool {
    loop {
        let bytes = server.output(connection.peer);
        if bytes.is_empty() {
            return true;
        }
        match with_socket!(&mut connection.stream, ClientStream, socket => socket.write(bytes)) {
            Ok(0) => return false,
            Ok(count) => server.sent(connection.peer, count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}
