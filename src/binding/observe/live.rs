//! The live world: core tables of all observed environments, read under their locks, and what JavaScript published.

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::environments::{self, ObservedEnvironment};
use super::feed::{EngineNote, ProcessFeed, PublishedTable};
use crate::binding::actor::runtime::{Actor, Actors};
use crate::binding::admission::engine::Engines;
use crate::binding::event_loop::{self, Handling};
use crate::core::actor::{Pid, Status};
use crate::core::admission::{Engine, GateSnapshot, Priority, ShedReason};
use crate::core::observe::{
    CellValue, MemoryReading, MetricsBook, ObservedLoop, ObservedWorld, RowSource, StalledLoop,
    TableKind, WorldTotals,
};
use crate::core::resistance::Mode;

/// Ranks of rows of one environment lie below those of the next.
const RANKS: u64 = 1 << 44;

/// Routes of one environment that are read at most.
const MOST_ROUTES: usize = 100_000;

/// Links and monitors of one process that a detail has.
const MOST_RELATED: usize = 100;

static BOOK: Mutex<Option<MetricsBook>> = Mutex::new(None);
static TOTALS: Mutex<WorldTotals> = Mutex::new(WorldTotals {
    processes: 0,
    messages: 0,
    restarts: 0,
    crashes: 0,
    admitted: 0,
    shed: 0,
});

/// All observed environments.
#[derive(Debug, Clone, Copy)]
pub(super) struct LiveWorld;

/// The numbers of a process that the core has.
#[derive(Clone, Copy)]
struct ProcessNumbers {
    rank: u64,
    handed: u64,
    mailbox: u32,
    status: Status,
}

const ID: usize = TableKind::Process.place_of("id");
const NAME: usize = TableKind::Process.place_of("name");
const KIND: usize = TableKind::Process.place_of("kind");
const STATUS: usize = TableKind::Process.place_of("status");
const MAILBOX: usize = TableKind::Process.place_of("mailbox");
const MESSAGES: usize = TableKind::Process.place_of("messages");
const RESTARTS: usize = TableKind::Process.place_of("restarts");
const CRASHES: usize = TableKind::Process.place_of("crashes");
const PARENT: usize = TableKind::Process.place_of("parent");
const STARTED_AT: usize = TableKind::Process.place_of("startedAt");
const SYSTEM: usize = TableKind::Process.place_of("system");

/// The processes of one environment: names by the feed, numbers by the core. `None` for a gap.
struct ProcessPart<'a> {
    feed: MutexGuard<'a, ProcessFeed>,
    numbers: Vec<Option<ProcessNumbers>>,
    living: usize,
}

impl<'a> ProcessPart<'a> {
    fn read(environment: &'a ObservedEnvironment) -> Self {
        let feed = environment.feed.lock();
        let numbers = environment.reader.read(|tables| {
            tables.with(|actors: &mut Actors| {
                let first = u64::from(environment.number) * RANKS;
                let number = |&(runtime, pid, rank): &(f64, f64, u64)| {
                    let reading = actors.get(runtime)?.reading(Pid::from_f64(pid))?;
                    Some(ProcessNumbers {
                        rank: first + rank,
                        handed: reading.handed,
                        mailbox: reading.mailbox,
                        status: reading.status,
                    })
                };
                feed.ids.iter().map(number).collect::<Vec<_>>()
            })
        });
        let numbers = numbers.flatten().unwrap_or_else(|| vec![None; feed.rows.len()]);
        let living = numbers.iter().flatten().count();
        Self { feed, numbers, living }
    }
}

struct ProcessTable<'a>(Vec<ProcessPart<'a>>);

impl ProcessTable<'_> {
    fn part(&self, mut place: usize) -> (&ProcessPart<'_>, usize) {
        for part in &self.0 {
            if place < part.numbers.len() {
                return (part, place);
            }
            place -= part.numbers.len();
        }
        unreachable!("a reader asks for places that there are")
    }
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Starting => "starting",
        Status::Running => "running",
        Status::Stopping => "stopping",
    }
}

impl RowSource for ProcessTable<'_> {
    fn places(&self) -> usize {
        self.0.iter().map(|part| part.numbers.len()).sum()
    }

    fn rows(&self) -> usize {
        self.0.iter().map(|part| part.living).sum()
    }

    fn order(&self, place: usize) -> Option<u64> {
        let (part, own) = self.part(place);
        part.numbers[own].map(|numbers| numbers.rank)
    }

    fn cell(&self, place: usize, column: usize) -> CellValue<'_> {
        let (part, own) = self.part(place);
        // What the core has needs no look at the names.
        match (column, &part.numbers[own]) {
            (MAILBOX, Some(numbers)) => return CellValue::Number(f64::from(numbers.mailbox)),
            (MESSAGES, Some(numbers)) => return CellValue::Number(numbers.handed as f64),
            (STATUS, Some(numbers)) => return CellValue::text(status_name(numbers.status)),
            _ => {}
        }
        let Some(note) = &part.feed.rows[own] else { return CellValue::Unknown };
        match column {
            ID => CellValue::text(&note.id),
            NAME => CellValue::text(&note.name),
            KIND => CellValue::text(&note.kind),
            RESTARTS => CellValue::Number(note.restarts),
            CRASHES => CellValue::Number(note.crashes),
            PARENT => CellValue::text(&note.parent),
            STARTED_AT => CellValue::Number(note.started_at),
            SYSTEM => CellValue::text(&note.system),
            _ => CellValue::Number(0.0),
        }
    }

    fn key(&self, place: usize) -> Cow<'_, str> {
        let (part, own) = self.part(place);
        Cow::Borrowed(part.feed.rows[own].as_ref().map_or("", |note| note.key.as_str()))
    }
}

/// A route, copied out of an engine.
struct RouteRow {
    key: String,
    cells: Vec<CellValue<'static>>,
}

/// Rows that were copied, in order of creation.
struct CopiedRows(Vec<RouteRow>);

impl RowSource for CopiedRows {
    fn places(&self) -> usize {
        self.0.len()
    }

    fn rows(&self) -> usize {
        self.0.len()
    }

    fn order(&self, place: usize) -> Option<u64> {
        Some(place as u64)
    }

    fn cell(&self, place: usize, column: usize) -> CellValue<'_> {
        match &self.0[place].cells[column] {
            CellValue::Text(text) => CellValue::text(text),
            CellValue::Number(number) => CellValue::Number(*number),
            CellValue::Flag(flag) => CellValue::Flag(*flag),
            CellValue::Unknown => CellValue::Unknown,
        }
    }

    fn key(&self, place: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.0[place].key)
    }
}

const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Bootstrap => "BOOTSTRAP",
        Mode::Operational => "OPERATIONAL",
        Mode::CircuitBreaker => "CIRCUIT_BREAKER",
    }
}

fn known(number: Option<f64>) -> CellValue<'static> {
    number.map_or(CellValue::Unknown, CellValue::Number)
}

/// Reads the routes of an engine at a time of its clock.
fn routes_of(engine: &Engine, note: &EngineNote, now: f64, rows: &mut Vec<RouteRow>) {
    for name in engine.names() {
        if rows.len() >= MOST_ROUTES {
            return;
        }
        let Some(id) = engine.find(name) else { continue };
        let Some(reading) = engine.reading(id, now) else { continue };
        let gate = engine.gate(id);
        let gate = gate.as_ref();
        let count = |of: fn(&GateSnapshot) -> u64| gate.map_or(0.0, |gate| of(gate) as f64);
        let shed = |reason: ShedReason| gate.map_or(0.0, |gate| gate.shed[reason as usize] as f64);
        let by_priority = |priority: Priority| {
            gate.map_or(0.0, |gate| gate.shed_by_priority[priority as usize] as f64)
        };
        let reasons = [
            ShedReason::Limit,
            ShedReason::QueueFull,
            ShedReason::QueueDeadline,
            ShedReason::Displaced,
            ShedReason::Resistance,
        ];
        let total: f64 = reasons.into_iter().map(shed).sum();
        let cell = |column: &'static str| match column {
            "name" => CellValue::Text(Cow::Owned(name.to_owned())),
            "mode" => CellValue::text(mode_name(reading.mode)),
            "system" => CellValue::Text(Cow::Owned(note.system.clone())),
            "R" => CellValue::Number(reading.total),
            "base" => CellValue::Number(reading.base),
            "pressure" => CellValue::Number(reading.pressure),
            "momentum" => CellValue::Number(reading.momentum),
            "scar" => CellValue::Number(reading.scar),
            "limit" => known(gate.map(|gate| gate.limit)),
            "inFlight" => CellValue::Number(gate.map_or(0.0, |gate| f64::from(gate.in_flight))),
            "queued" => CellValue::Number(gate.map_or(0.0, |gate| gate.queued as f64)),
            "admitted" => CellValue::Number(count(|gate| gate.admitted)),
            "trickled" => CellValue::Number(count(|gate| gate.trickled)),
            "succeeded" => CellValue::Number(count(|gate| gate.succeeded)),
            "failed" => CellValue::Number(count(|gate| gate.failed)),
            "timedOut" => CellValue::Number(count(|gate| gate.timed_out)),
            "shed" => CellValue::Number(total),
            "shedLimit" => CellValue::Number(shed(ShedReason::Limit)),
            "shedQueueFull" => CellValue::Number(shed(ShedReason::QueueFull)),
            "shedQueueDeadline" => CellValue::Number(shed(ShedReason::QueueDeadline)),
            "shedDisplaced" => CellValue::Number(shed(ShedReason::Displaced)),
            "shedResistance" => CellValue::Number(shed(ShedReason::Resistance)),
            "shedCritical" => CellValue::Number(by_priority(Priority::Critical)),
            "shedHigh" => CellValue::Number(by_priority(Priority::High)),
            "shedNormal" => CellValue::Number(by_priority(Priority::Normal)),
            "shedLow" => CellValue::Number(by_priority(Priority::Low)),
            "shedBackground" => CellValue::Number(by_priority(Priority::Background)),
            "baselineMs" => known(gate.and_then(|gate| gate.latency_baseline_ms)),
            "queueDelayMs" => CellValue::Number(gate.map_or(0.0, |gate| gate.queue_delay_ms)),
            "errorRate" => known(gate.and_then(|gate| gate.error_rate)),
            _ => CellValue::Unknown,
        };
        let cells = TableKind::Route.columns().iter().map(|column| cell(column.name)).collect();
        rows.push(RouteRow { key: format!("{}/{name}", note.prefix), cells });
    }
}

fn routes(environment: &ObservedEnvironment, rows: &mut Vec<RouteRow>) {
    let published = environment.published.lock();
    let passed = (event_loop::monotonic_ms() - published.at).max(0.0);
    environment.reader.read(|tables| {
        tables.with(|engines: &mut Engines| {
            for note in &published.engines {
                let now = note.now + if note.runs { passed } else { 0.0 };
                if let Some(engine) = engines.get(note.handle) {
                    routes_of(engine, note, now, rows);
                }
            }
        })
    });
}

fn loops() -> Vec<ObservedLoop> {
    let environments = environments::all();
    let describe = |thread: &str, handling: &Handling| {
        let environment = environments.iter().find(|it| it.thread == thread)?;
        environment.feed.lock().describe(handling.runtime, handling.pid)
    };
    let reading = |watched: &Arc<event_loop::Watched>| {
        let reading = watched.times.reading(watched.moment());
        let stalled = watched.stall().map(|(for_ms, handling)| {
            let known = handling.as_ref().and_then(|it| describe(&watched.thread, it));
            let label = handling.as_ref().and_then(|it| it.label.clone());
            let (key, name) = known.unwrap_or_else(|| (String::new(), label.unwrap_or_default()));
            StalledLoop {
                for_ms: for_ms.round(),
                key,
                name,
                message: handling.as_ref().and_then(|it| it.message.clone()).unwrap_or_default(),
                handler: handling.map_or_else(String::new, |it| it.handler.to_owned()),
            }
        });
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let stalls = reading.stalls as u64;
        ObservedLoop {
            thread: watched.thread.clone(),
            running: reading.running_ms.round(),
            idle: reading.waiting_ms.round(),
            blocked: reading.blocked_ms.round(),
            longest: reading.longest_ms.round(),
            stalls,
            stalled,
        }
    };
    event_loop::watched().iter().map(reading).collect()
}

fn loop_rows() -> CopiedRows {
    let row = |of: ObservedLoop| {
        let cells = vec![
            CellValue::Text(Cow::Owned(of.thread.clone())),
            CellValue::Number(of.running),
            CellValue::Number(of.idle),
            CellValue::Number(of.blocked),
            CellValue::Number(of.longest),
            CellValue::Number(of.stalls as f64),
        ];
        RouteRow { key: of.thread, cells }
    };
    CopiedRows(loops().into_iter().map(row).collect())
}

/// Returns the counts of one environment.
fn counts_of(environment: &ObservedEnvironment) -> WorldTotals {
    let mut totals = WorldTotals::default();
    {
        let feed = environment.feed.lock();
        totals.processes = feed.len() as u64;
        totals.restarts = feed.restarts;
        totals.crashes = feed.crashes;
    }
    let engines = environment.published.lock().engines.clone();
    environment.reader.read(|tables| {
        tables.with(|actors: &mut Actors| {
            totals.messages = actors.values().map(Actor::handed).sum();
        });
        tables.with(|all: &mut Engines| {
            for note in engines {
                let Some(engine) = all.get(note.handle) else { continue };
                for gate in engine.names().filter_map(|name| engine.gate(engine.find(name)?)) {
                    totals.admitted += gate.admitted;
                    totals.shed += gate.shed.iter().sum::<u64>();
                }
            }
        });
    });
    totals
}

impl ObservedWorld for LiveWorld {
    fn table(&self, kind: TableKind, read: &mut dyn FnMut(&dyn RowSource)) {
        let all = environments::all();
        match kind {
            TableKind::Process => {
                read(&ProcessTable(all.iter().map(|it| ProcessPart::read(it)).collect()));
            }
            TableKind::Route => {
                let mut rows = Vec::new();
                for environment in &all {
                    routes(environment, &mut rows);
                }
                read(&CopiedRows(rows));
            }
            TableKind::Loop => read(&loop_rows()),
            _ => {
                let mut joined = PublishedTable::default();
                for environment in &all {
                    if let Some(table) = environment.published.lock().tables.get(&kind) {
                        joined.append(table);
                    }
                }
                read(&joined);
            }
        }
    }

    fn loops(&self) -> Vec<ObservedLoop> {
        loops()
    }

    fn relations(&self, key: &str) -> Option<(Vec<String>, Vec<String>)> {
        let environment = environments::of_key(key)?;
        let feed = environment.feed.lock();
        let (runtime, pid) = feed.find(key)?;
        let related = environment.reader.read(|tables| {
            tables.with(|actors: &mut Actors| {
                actors.get(runtime).map(|actor| actor.related(Pid::from_f64(pid)))
            })
        });
        let (links, monitors) = related.flatten().flatten()?;
        let keys = |pids: Vec<Pid>| {
            let known = pids.into_iter().take(MOST_RELATED);
            known.filter_map(|pid| Some(feed.describe(runtime, pid.to_f64())?.0)).collect()
        };
        Some((keys(links), keys(monitors)))
    }

    fn memory(&self) -> MemoryReading {
        let all = environments::all();
        all.first().map_or_else(MemoryReading::default, |it| it.published.lock().memory)
    }

    fn totals(&self) -> WorldTotals {
        let mut totals = environments::ended();
        for environment in environments::all() {
            let counts = counts_of(&environment);
            totals.processes += counts.processes;
            totals.messages += counts.messages;
            totals.restarts += counts.restarts;
            totals.crashes += counts.crashes;
            totals.admitted += counts.admitted;
            totals.shed += counts.shed;
        }
        // A route that an engine forgot takes its counts along; the sums stay.
        let mut most = TOTALS.lock();
        most.processes = totals.processes;
        most.messages = most.messages.max(totals.messages);
        most.restarts = most.restarts.max(totals.restarts);
        most.crashes = most.crashes.max(totals.crashes);
        most.admitted = most.admitted.max(totals.admitted);
        most.shed = most.shed.max(totals.shed);
        *most
    }

    fn metrics(&self) -> String {
        BOOK.lock().get_or_insert_with(MetricsBook::default).text(self)
    }
}

/// Takes a last look at an environment that ends, so that its counts stay, and forgets it. On its own thread.
pub(super) fn retire(environment: &Arc<ObservedEnvironment>) {
    BOOK.lock().get_or_insert_with(MetricsBook::default).look(&LiveWorld);
    environments::remove(environment, counts_of(environment));
}
