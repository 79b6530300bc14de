//! One connection: it waits for its request, then for the answer, or becomes a session that streams.

use super::request::{BODY_LIMIT, HEAD_LIMIT, HttpRequest, read_request};
use super::response::{HttpResponse, HttpStatus};
use super::routes::{FreshAnswer, HttpRoute, json, refuse, route};
use crate::core::observe::outbox::{FrameForm, Outbox};
use crate::core::observe::requests::{
    AwaitedAnswer, JS_DEADLINE, JsAnswer, JsQuestion, PUBLISH_DEADLINE, answered, error_frame,
    silence,
};
use crate::core::observe::session::{Session, SessionContext};
use crate::core::observe::wire::{FrameRefusal, ServerFrame, WatchFrame};

/// The time in which a request must come, and the time in which its answer must leave, ms.
const REQUEST_LIMIT: f64 = 5000.0;
const ANSWER_LIMIT: f64 = 10_000.0;

enum HttpPhase {
    Reading { by: f64 },
    Awaiting { number: u64, awaited: AwaitedAnswer, by: f64 },
    Publishing { number: u64, answer: FreshAnswer, by: f64 },
    Streaming(Box<Session>),
    Closing { by: f64 },
}

/// What a connection wants of the server.
pub(crate) enum PeerOutcome {
    Nothing,
    /// Another watch for the session of this name; the connection waits for [`HttpPeer::watched`].
    Watch(String, WatchFrame),
}

/// One connection.
pub(crate) struct HttpPeer {
    phase: HttpPhase,
    bytes: Vec<u8>,
    out: Outbox,
    is_head: bool,
    name: String,
}

impl HttpPeer {
    /// Opens a connection. `name` will be that of its session, if it becomes one.
    pub(crate) fn new(name: String, now: f64) -> Self {
        Self {
            phase: HttpPhase::Reading { by: now + REQUEST_LIMIT },
            bytes: Vec::new(),
            out: Outbox::new(FrameForm::EventStream),
            is_head: false,
            name,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn out(&mut self) -> &mut Outbox {
        // The head of a stream lies in the session's own box.
        match &mut self.phase {
            HttpPhase::Streaming(session) => &mut session.out,
            _ => &mut self.out,
        }
    }

    pub(crate) fn out_waiting(&self) -> &[u8] {
        match &self.phase {
            HttpPhase::Streaming(session) => session.out.waiting(),
            _ => self.out.waiting(),
        }
    }

    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        match &mut self.phase {
            HttpPhase::Streaming(session) => Some(session),
            _ => None,
        }
    }

    /// Returns whether it is over, and everything was sent.
    pub(crate) fn is_over(&self, now: f64) -> bool {
        match &self.phase {
            HttpPhase::Closing { by } => self.out.waiting().is_empty() || now >= *by,
            HttpPhase::Streaming(session) => session.is_over(now),
            _ => false,
        }
    }

    /// Takes bytes of the client. What it sends behind its request is dropped.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        context: &mut SessionContext<'_>,
    ) -> PeerOutcome {
        if !matches!(self.phase, HttpPhase::Reading { .. }) {
            return PeerOutcome::Nothing;
        }
        let room = HEAD_LIMIT + BODY_LIMIT + 1 - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        match read_request(&self.bytes) {
            Ok(None) => PeerOutcome::Nothing,
            Err(status) => {
                self.close_with(&refuse(status), context.now.mono);
                PeerOutcome::Nothing
            }
            Ok(Some(request)) => {
                self.bytes = Vec::new();
                self.answer_request(&request, context)
            }
        }
    }

    fn answer_request(
        &mut self,
        request: &HttpRequest,
        context: &mut SessionContext<'_>,
    ) -> PeerOutcome {
        let now = context.now.mono;
        self.is_head = request.method == "HEAD";
        match route(request, context) {
            HttpRoute::Respond(response) => self.close_with(&response, now),
            HttpRoute::Ask(question, awaited) => {
                let number = context.desk.ask(question);
                self.phase = HttpPhase::Awaiting { number, awaited, by: now + JS_DEADLINE };
            }
            HttpRoute::Publish(answer) => {
                let number = context.desk.ask(JsQuestion::Publish);
                let by = now + PUBLISH_DEADLINE;
                self.phase = HttpPhase::Publishing { number, answer, by };
            }
            HttpRoute::Stream(_) if self.is_head => {
                self.close_with(&HttpResponse::stream_head(), now);
            }
            HttpRoute::Stream(watch) => self.stream(watch, context),
            HttpRoute::Watch(session, watch) => {
                self.phase = HttpPhase::Closing { by: now + ANSWER_LIMIT };
                return PeerOutcome::Watch(session, watch);
            }
        }
        PeerOutcome::Nothing
    }

    fn stream(&mut self, watch: WatchFrame, context: &mut SessionContext<'_>) {
        let mut session = Session::as_stream(self.name.clone(), context);
        let mut head = HttpResponse::stream_head().bytes().to_vec();
        head.extend_from_slice(session.out.waiting());
        session.out.sent(usize::MAX / 2);
        session.out.push_bytes(&head);
        match session.watch(watch, context) {
            Ok(()) => self.phase = HttpPhase::Streaming(Box::new(session)),
            Err(refused) => {
                let response =
                    HttpResponse::json(HttpStatus::BadRequest, &error_frame(refused).to_json());
                self.close_with(&response, context.now.mono);
            }
        }
    }

    /// Answers the request that steered another session.
    pub(crate) fn watched(&mut self, result: Option<Result<(), FrameRefusal>>, now: f64) {
        let response = match result {
            Some(Ok(())) => HttpResponse::with(HttpStatus::NoContent, "", b""),
            Some(Err(refused)) => {
                HttpResponse::json(HttpStatus::BadRequest, &error_frame(refused).to_json())
            }
            None => {
                let frame = ServerFrame::Error {
                    id: None,
                    code: "KEELSON_OBSERVE_SESSION".into(),
                    message: "There is no such session: open /stream.".into(),
                };
                HttpResponse::json(HttpStatus::NotFound, &frame.to_json())
            }
        };
        self.close_with(&response, now);
    }

    /// Takes the answer of JavaScript. Returns whether it was for this connection.
    pub(crate) fn answer(&mut self, number: u64, answer: &JsAnswer, now: f64) -> bool {
        match &mut self.phase {
            HttpPhase::Streaming(session) => session.answer(number, answer.clone()),
            HttpPhase::Awaiting { number: expected, awaited, .. } if *expected == number => {
                let frame = answered(awaited.clone(), answer.clone());
                let status = if matches!(frame, ServerFrame::Error { .. }) {
                    HttpStatus::Unavailable
                } else {
                    HttpStatus::Ok
                };
                let response = match status {
                    HttpStatus::Ok => json(&frame),
                    status => HttpResponse::json(status, &frame.to_json()),
                };
                self.close_with(&response, now);
                true
            }
            // The next tick reads the tables.
            HttpPhase::Publishing { number: expected, by, .. } if *expected == number => {
                *by = now;
                true
            }
            _ => false,
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, context: &mut SessionContext<'_>) {
        let now = context.now.mono;
        match &mut self.phase {
            HttpPhase::Reading { by } if now >= *by => {
                self.close_with(&refuse(HttpStatus::RequestTimeout), now);
            }
            HttpPhase::Awaiting { number, by, .. } if now >= *by => {
                let number = *number;
                self.answer(number, &silence(), now);
            }
            HttpPhase::Publishing { answer, by, .. } if now >= *by => {
                let response = answer.response(context);
                self.close_with(&response, now);
            }
            HttpPhase::Streaming(session) => session.tick(context),
            _ => {}
        }
    }

    /// Returns the time of the next [`tick`](Self::tick).
    pub(crate) fn next_due(&self) -> f64 {
        match &self.phase {
            HttpPhase::Reading { by }
            | HttpPhase::Awaiting { by, .. }
            | HttpPhase::Publishing { by, .. }
            | HttpPhase::Closing { by } => *by,
            HttpPhase::Streaming(session) => session.next_due(),
        }
    }

    /// Ends the connection because the server ends.
    pub(crate) fn end(&mut self, now: f64) {
        match &mut self.phase {
            HttpPhase::Streaming(session) => {
                session.end(crate::core::observe::wire::ByeReason::Closing, now);
            }
            HttpPhase::Closing { .. } => {}
            _ => self.close_with(&refuse(HttpStatus::Unavailable), now),
        }
    }

    fn close_with(&mut self, response: &HttpResponse, now: f64) {
        let head;
        let bytes = if self.is_head {
            head = response.clone().without_body();
            head.bytes()
        } else {
            response.bytes()
        };
        self.out.push_bytes(bytes);
        self.bytes = Vec::new();
        self.phase = HttpPhase::Closing { by: now + ANSWER_LIMIT };
    }
}
