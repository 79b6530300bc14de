//! The server without I/O: connections by number, bytes in, bytes out, and what is due when.

use std::collections::BTreeMap;

use super::events::{EventLog, ObservedEvent};
use super::http::{HttpPeer, PeerOutcome};
use super::outbox::Outbox;
use super::requests::JsAnswer;
use super::session::{NumberedQuestion, QuestionDesk, Session, SessionContext};
use super::settings::{ObservedTime, ServerSettings};
use super::wire::ByeReason;
use super::world::ObservedWorld;

/// The most connections at once.
pub const MOST_PEERS: usize = 64;
/// Events that the log keeps.
pub const LOGGED_EVENTS: usize = 4096;

/// The number of a connection.
pub type PeerId = u64;

/// The form in which a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerForm {
    /// Frames on a socket.
    Socket,
    /// HTTP.
    Http,
}

enum Peer {
    Socket(Session),
    Http(HttpPeer),
}

/// The server.
pub struct ObserveServer {
    settings: ServerSettings,
    peers: BTreeMap<PeerId, Peer>,
    log: EventLog,
    desk: QuestionDesk,
    next: PeerId,
    is_ending: bool,
}

/// Borrows the parts of the server that a session sees.
macro_rules! context {
    ($server:ident, $now:expr, $world:expr) => {
        SessionContext {
            now: $now,
            world: $world,
            settings: &$server.settings,
            log: &$server.log,
            desk: &mut $server.desk,
        }
    };
}

impl std::fmt::Debug for ObserveServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ObserveServer")
            .field("peers", &self.peers.len())
            .finish_non_exhaustive()
    }
}

impl ObserveServer {
    /// Creates a server without connections.
    #[must_use]
    pub fn new(settings: ServerSettings) -> Self {
        Self {
            settings,
            peers: BTreeMap::new(),
            log: EventLog::new(LOGGED_EVENTS),
            desk: QuestionDesk::default(),
            next: 0,
            is_ending: false,
        }
    }

    /// Takes a connection. `None` when there are too many, or the server ends.
    pub fn connect(
        &mut self,
        form: PeerForm,
        now: ObservedTime,
        world: &dyn ObservedWorld,
    ) -> Option<PeerId> {
        if self.peers.len() >= MOST_PEERS || self.is_ending {
            return None;
        }
        let id = self.next;
        self.next += 1;
        let peer = match form {
            PeerForm::Http => Peer::Http(HttpPeer::new(format!("s{id}"), now.mono)),
            PeerForm::Socket => Peer::Socket(Session::on_socket(&context!(self, now, world))),
        };
        self.peers.insert(id, peer);
        Some(id)
    }

    /// Forgets a connection that its client closed.
    pub fn disconnect(&mut self, id: PeerId) {
        self.peers.remove(&id);
    }

    /// Takes bytes of a client.
    pub fn receive(
        &mut self,
        id: PeerId,
        bytes: &[u8],
        now: ObservedTime,
        world: &dyn ObservedWorld,
    ) {
        let mut context = context!(self, now, world);
        let outcome = match self.peers.get_mut(&id) {
            Some(Peer::Socket(session)) => return session.receive(bytes, &mut context),
            Some(Peer::Http(peer)) => peer.receive(bytes, &mut context),
            None => return,
        };
        if let PeerOutcome::Watch(name, watch) = outcome {
            let session = self.peers.values_mut().find_map(|peer| match peer {
                Peer::Http(peer) if peer.name() == name => peer.session(),
                _ => None,
            });
            let result = session.map(|session| session.watch(watch, &mut context));
            if let Some(Peer::Http(peer)) = self.peers.get_mut(&id) {
                peer.watched(result, now.mono);
            }
        }
    }

    /// Returns whether more bytes of a client can be taken.
    pub fn wants_input(&self, id: PeerId) -> bool {
        match self.peers.get(&id) {
            Some(Peer::Socket(session)) => session.wants_input(),
            Some(Peer::Http(_)) => true,
            None => false,
        }
    }

    /// Returns the bytes that wait for a client.
    pub fn output(&self, id: PeerId) -> &[u8] {
        match self.peers.get(&id) {
            Some(Peer::Socket(session)) => session.out.waiting(),
            Some(Peer::Http(peer)) => peer.out_waiting(),
            None => &[],
        }
    }

    /// Notes that bytes were sent to a client.
    pub fn sent(&mut self, id: PeerId, bytes: usize) {
        let out: Option<&mut Outbox> = match self.peers.get_mut(&id) {
            Some(Peer::Socket(session)) => Some(&mut session.out),
            Some(Peer::Http(peer)) => Some(peer.out()),
            None => None,
        };
        if let Some(out) = out {
            out.sent(bytes);
        }
    }

    /// Returns whether a connection is over and must be closed.
    pub fn is_over(&self, id: PeerId, now: f64) -> bool {
        match self.peers.get(&id) {
            Some(Peer::Socket(session)) => session.is_over(now),
            Some(Peer::Http(peer)) => peer.is_over(now),
            None => true,
        }
    }

    /// Adds an event.
    pub fn note(&mut self, event: &ObservedEvent) {
        self.log.push(event);
    }

    /// Counts events that did not arrive.
    pub fn lose_events(&mut self, events: u64) {
        self.log.lose(events);
    }

    /// Takes the questions for JavaScript.
    pub fn take_questions(&mut self) -> Vec<NumberedQuestion> {
        std::mem::take(&mut self.desk.waiting)
    }

    /// Takes an answer of JavaScript; one that comes too late is dropped.
    pub fn answer(&mut self, number: u64, answer: &JsAnswer, now: f64) {
        for peer in self.peers.values_mut() {
            let is_theirs = match peer {
                Peer::Socket(session) => session.answer(number, answer.clone()),
                Peer::Http(peer) => peer.answer(number, answer, now),
            };
            if is_theirs {
                return;
            }
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: ObservedTime, world: &dyn ObservedWorld) {
        let mut context = context!(self, now, world);
        for peer in self.peers.values_mut() {
            match peer {
                Peer::Socket(session) => session.tick(&mut context),
                Peer::Http(peer) => peer.tick(&mut context),
            }
        }
    }

    /// Returns the time of the next [`tick`](Self::tick), monotonic ms.
    pub fn next_due(&self) -> f64 {
        let due = self.peers.values().map(|peer| match peer {
            Peer::Socket(session) => session.next_due(),
            Peer::Http(peer) => peer.next_due(),
        });
        due.fold(f64::INFINITY, f64::min)
    }

    /// Returns whether a client watches tables.
    pub fn is_watched(&mut self) -> bool {
        self.peers.values_mut().any(|peer| match peer {
            Peer::Socket(session) => session.is_watching(),
            Peer::Http(peer) => peer.session().is_some_and(|session| session.is_watching()),
        })
    }

    /// Returns the numbers of the connections.
    pub fn peers(&self) -> Vec<PeerId> {
        self.peers.keys().copied().collect()
    }

    /// Says goodbye to all clients, and takes no new ones.
    pub fn end(&mut self, now: f64) {
        self.is_ending = true;
        for peer in self.peers.values_mut() {
            match peer {
                Peer::Socket(session) => session.end(ByeReason::Closing, now),
                Peer::Http(peer) => peer.end(now),
            }
        }
    }
}
