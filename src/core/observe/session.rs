//! One client that speaks frames: what it sends goes in, what it must get comes out, and time is an argument.
//!
//! A client that does not read gets no updates while [`HIGH_WATER`] bytes wait for it, and no further request of it is
//! read. Once it has read them, it gets fresh pages. After [`SLOW_LIMIT`] of that the session ends.

use std::collections::BTreeMap;

use super::events::{EventLog, ObservedEvent};
use super::framing::FrameReader;
use super::outbox::{FrameForm, HIGH_WATER, Outbox};
use super::requests::{
    AwaitedAnswer, JS_DEADLINE, JsAnswer, JsQuestion, RequestResult, answer, answered, error_frame,
    refusal, silence,
};
use super::settings::{ObservedTime, ServerSettings};
use super::watching::TableWatch;
use super::wire::{
    ByeReason, ClientFrame, FrameFault, FrameRefusal, KindColumns, ServerFrame, VERSION, WatchFrame,
};
use super::world::ObservedWorld;

/// The time in which a client must say hello, ms.
pub const HELLO_LIMIT: f64 = 5000.0;
/// The time in which the rest of a frame must come, ms.
pub const FRAME_LIMIT: f64 = 10_000.0;
/// The time that a client may be slow, ms.
pub const SLOW_LIMIT: f64 = 30_000.0;
/// The time in which the last bytes must leave, ms.
const LINGER: f64 = 1000.0;
/// The most tables of a watch, and the most requests that wait for JavaScript.
const MOST_TABLES: usize = 16;
const MOST_ASKED: usize = 8;
/// Bytes of changed rows, and of events, in one update.
const CHANGE_BYTES: usize = 384 * 1024;
const EVENT_BYTES: usize = 192 * 1024;
/// The longest time between two updates, ms.
const SLOWEST: f64 = 60_000.0;

/// A question, with the number under which its answer is expected.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedQuestion {
    /// The number.
    pub number: u64,
    /// The question.
    pub question: JsQuestion,
}

/// The questions that wait to be passed to JavaScript.
#[derive(Debug, Default)]
pub(crate) struct QuestionDesk {
    pub(crate) waiting: Vec<NumberedQuestion>,
    next: u64,
}

impl QuestionDesk {
    pub(crate) fn ask(&mut self, question: JsQuestion) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.push(NumberedQuestion { number, question });
        number
    }
}

/// What a session sees in a call.
pub(crate) struct SessionContext<'a> {
    pub(crate) now: ObservedTime,
    pub(crate) world: &'a dyn ObservedWorld,
    pub(crate) settings: &'a ServerSettings,
    pub(crate) log: &'a EventLog,
    pub(crate) desk: &'a mut QuestionDesk,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum SessionPhase {
    /// The first frame must come by then.
    Hello(f64),
    Open,
    /// The last bytes leave, by then.
    Closing(f64),
}

/// One client.
#[derive(Debug)]
pub(crate) struct Session {
    phase: SessionPhase,
    reader: FrameReader,
    /// The time by which the frame that has begun must have ended.
    frame_due: Option<f64>,
    pub(crate) out: Outbox,
    tables: Vec<TableWatch>,
    is_watching: bool,
    is_paused: bool,
    refresh_ms: f64,
    next_refresh: f64,
    /// The number of the next event for it, and the events that it missed.
    next_event: u64,
    missed: u64,
    slow_since: Option<f64>,
    asked: BTreeMap<u64, (AwaitedAnswer, f64)>,
}

impl Session {
    /// Opens a session on a socket, whose client must say hello.
    pub(crate) fn on_socket(context: &SessionContext<'_>) -> Self {
        let due = context.now.mono + HELLO_LIMIT;
        Self::new(FrameForm::Length, SessionPhase::Hello(due), context)
    }

    /// Opens a session that streams.
    pub(crate) fn as_stream(name: String, context: &SessionContext<'_>) -> Self {
        let mut session = Self::new(FrameForm::EventStream, SessionPhase::Open, context);
        session.out.push(&hello(context.settings, Some(name)));
        session
    }

    fn new(form: FrameForm, phase: SessionPhase, context: &SessionContext<'_>) -> Self {
        Self {
            phase,
            reader: FrameReader::default(),
            frame_due: None,
            out: Outbox::new(form),
            tables: Vec::new(),
            is_watching: false,
            is_paused: false,
            refresh_ms: context.settings.refresh_ms,
            next_refresh: f64::INFINITY,
            next_event: context.log.next_seq(),
            missed: 0,
            slow_since: None,
            asked: BTreeMap::new(),
        }
    }

    /// Returns whether it can take more bytes of its client.
    pub(crate) fn wants_input(&self) -> bool {
        !matches!(self.phase, SessionPhase::Closing(_)) && self.out.waiting().len() <= HIGH_WATER
    }

    /// Returns whether it is over, and everything was sent.
    pub(crate) fn is_over(&self, now: f64) -> bool {
        matches!(self.phase, SessionPhase::Closing(by) if self.out.waiting().is_empty() || now >= by)
    }

    /// Returns whether it wants updates.
    pub(crate) fn is_watching(&self) -> bool {
        self.is_watching && !self.is_paused
    }

    /// Takes bytes of the client.
    pub(crate) fn receive(&mut self, bytes: &[u8], context: &mut SessionContext<'_>) {
        if matches!(self.phase, SessionPhase::Closing(_)) {
            return;
        }
        self.reader.add(bytes);
        self.read_frames(context);
    }

    fn read_frames(&mut self, context: &mut SessionContext<'_>) {
        while self.wants_input() {
            match self.reader.next_frame() {
                Err(_) => return self.end(ByeReason::TooLong, context.now.mono),
                Ok(None) => {
                    let is_partial = self.reader.waiting() > 0;
                    let due = self.frame_due.unwrap_or(context.now.mono + FRAME_LIMIT);
                    self.frame_due = is_partial.then_some(due);
                    return;
                }
                Ok(Some(frame)) => {
                    self.frame_due = None;
                    self.take(&frame, context);
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8], context: &mut SessionContext<'_>) {
        let frame = match ClientFrame::read(bytes) {
            Ok(frame) => frame,
            Err(FrameFault::Garbage) => return self.end(ByeReason::Garbage, context.now.mono),
            Err(FrameFault::Refused(refused)) => return self.out.push(&error_frame(refused)),
        };
        match (self.phase, frame) {
            (SessionPhase::Hello(_), ClientFrame::Hello { v: VERSION }) => {
                self.phase = SessionPhase::Open;
                self.out.push(&hello(context.settings, None));
            }
            (SessionPhase::Hello(_), ClientFrame::Hello { v }) => {
                let message = format!("The server speaks version {VERSION}, not {v}.");
                self.out.push(&error_frame(refusal(None, "KEELSON_OBSERVE_VERSION", message)));
                self.end(ByeReason::Garbage, context.now.mono);
            }
            (SessionPhase::Open, frame) => self.handle(frame, context),
            _ => self.end(ByeReason::Garbage, context.now.mono),
        }
    }

    fn handle(&mut self, frame: ClientFrame, context: &mut SessionContext<'_>) {
        match frame {
            ClientFrame::Hello { .. } => self.end(ByeReason::Garbage, context.now.mono),
            ClientFrame::Watch(watch) => {
                if let Err(refused) = self.watch(watch, context) {
                    self.out.push(&error_frame(refused));
                }
            }
            ClientFrame::Pause => self.is_paused = true,
            ClientFrame::Resume => {
                if self.is_paused {
                    self.is_paused = false;
                    self.renew();
                    self.refresh(context);
                }
            }
            frame => self.request(frame, context),
        }
    }

    fn request(&mut self, frame: ClientFrame, context: &mut SessionContext<'_>) {
        match answer(frame, context.world, context.settings.actions) {
            None => {}
            Some(Ok(RequestResult::Frame(frame))) => self.out.push(&frame),
            Some(Ok(RequestResult::Asks(question, awaited))) => {
                if self.asked.len() == MOST_ASKED {
                    let busy = JsAnswer::Failed {
                        code: "KEELSON_OBSERVE_BUSY".to_owned(),
                        message: format!("{MOST_ASKED} requests wait for JavaScript already."),
                    };
                    return self.out.push(&answered(awaited, busy));
                }
                let number = context.desk.ask(question);
                self.asked.insert(number, (awaited, context.now.mono + JS_DEADLINE));
            }
            Some(Err(refused)) => self.out.push(&error_frame(refused)),
        }
    }

    /// Replaces the watch, and sends the first pages.
    pub(crate) fn watch(
        &mut self,
        watch: WatchFrame,
        context: &mut SessionContext<'_>,
    ) -> Result<(), FrameRefusal> {
        if watch.tables.len() > MOST_TABLES {
            let message = format!("A client watches at most {MOST_TABLES} tables.");
            return Err(refusal(None, "KEELSON_OBSERVE_LIMIT", message));
        }
        let tables: Vec<_> =
            watch.tables.into_iter().map(TableWatch::new).collect::<Result<_, _>>()?;
        let mut labels: Vec<_> = tables.iter().map(TableWatch::label).collect();
        labels.sort_unstable();
        if labels.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(refusal(None, "KEELSON_OBSERVE_FRAME", "Two tables have one label."));
        }
        let least = context.settings.refresh_ms;
        self.refresh_ms = watch.refresh_ms.unwrap_or(least).max(least).min(SLOWEST.max(least));
        self.tables = tables;
        self.is_watching = true;
        self.refresh(context);
        Ok(())
    }

    /// Takes the answer of JavaScript. Returns whether it was this session's.
    pub(crate) fn answer(&mut self, number: u64, answer: JsAnswer) -> bool {
        let Some((awaited, _)) = self.asked.remove(&number) else { return false };
        self.out.push(&answered(awaited, answer));
        true
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, context: &mut SessionContext<'_>) {
        let now = context.now.mono;
        if let SessionPhase::Hello(by) = self.phase
            && now >= by
        {
            return self.end(ByeReason::Timeout, now);
        }
        if matches!(self.phase, SessionPhase::Closing(_)) {
            return;
        }
        // Frames that came while the client was slow.
        if self.wants_input() && self.reader.waiting() > 0 {
            self.read_frames(context);
        }
        if self.frame_due.is_some_and(|by| now >= by) {
            return self.end(ByeReason::Timeout, now);
        }
        let late: Vec<u64> = self
            .asked
            .iter()
            .filter(|(_, (_, by))| now >= *by)
            .map(|(&number, _)| number)
            .collect();
        for number in late {
            self.answer(number, silence());
        }
        if self.out.waiting().len() <= HIGH_WATER {
            self.slow_since = None;
        } else if now - *self.slow_since.get_or_insert(now) >= SLOW_LIMIT {
            return self.end(ByeReason::Slow, now);
        }
        if self.is_watching() && now >= self.next_refresh {
            self.refresh(context);
        }
    }

    /// Returns the time of the next [`tick`](Self::tick).
    pub(crate) fn next_due(&self) -> f64 {
        let slow = self.slow_since.map_or(f64::INFINITY, |since| since + SLOW_LIMIT);
        let asked = self.asked.values().map(|(_, by)| *by);
        let due = match self.phase {
            SessionPhase::Hello(by) | SessionPhase::Closing(by) => return by,
            SessionPhase::Open if self.is_watching() => self.next_refresh,
            SessionPhase::Open => f64::INFINITY,
        };
        asked.fold(due, f64::min).min(slow).min(self.frame_due.unwrap_or(f64::INFINITY))
    }

    /// The next frames of all tables are pages.
    fn renew(&mut self) {
        for table in &mut self.tables {
            table.is_fresh = true;
        }
    }

    fn refresh(&mut self, context: &mut SessionContext<'_>) {
        let now = context.now;
        self.next_refresh = now.mono + self.refresh_ms;
        if self.out.waiting().len() > HIGH_WATER {
            self.slow_since.get_or_insert(now.mono);
            return self.renew();
        }
        let mut room = CHANGE_BYTES;
        let mut tables = Vec::new();
        for table in &mut self.tables {
            if self.out.waiting().len() > HIGH_WATER {
                table.is_fresh = true;
            } else if table.is_fresh {
                table.send_page(context.world, now, &mut self.out);
            } else {
                tables.extend(table.change(context.world, now, &mut self.out, &mut room));
            }
        }
        let (waiting, missed) = context.log.since(self.next_event);
        self.missed += missed;
        let mut room = EVENT_BYTES;
        let events: Vec<&ObservedEvent> = waiting
            .take_while(|event| {
                let bytes = 6
                    * (event.event.len()
                        + event.kind.len()
                        + event.key.len()
                        + event.name.len()
                        + event.text.len())
                    + 100;
                let fits = bytes <= room;
                room = room.saturating_sub(bytes);
                fits
            })
            .collect();
        if let Some(last) = events.last() {
            self.next_event = last.seq + 1;
        } else if missed > 0 {
            self.next_event += missed;
        }
        let dropped = self.missed + context.log.lost();
        self.out.push(&ServerFrame::Update {
            at: now.wall,
            tables,
            loops: context.world.loops(),
            memory: context.world.memory(),
            totals: context.world.totals(),
            events,
            dropped,
        });
    }

    /// Says goodbye.
    pub(crate) fn end(&mut self, reason: ByeReason, now: f64) {
        if matches!(self.phase, SessionPhase::Closing(_)) {
            return;
        }
        self.out.push(&ServerFrame::Bye { reason });
        self.phase = SessionPhase::Closing(now + LINGER);
        self.asked.clear();
    }
}

/// Returns the first frame of the server.
pub(crate) fn hello(settings: &ServerSettings, session: Option<String>) -> ServerFrame<'_> {
    ServerFrame::Hello {
        v: VERSION,
        of: std::borrow::Cow::Borrowed(&settings.of),
        refresh_ms: settings.refresh_ms,
        actions: settings.actions,
        kinds: KindColumns,
        session,
    }
}
