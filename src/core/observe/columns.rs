//! The kinds of tables, and the columns of each: cells stand in this order, and new columns only come at the end.

use serde::{Serialize, Serializer};

/// The meaning of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// A text.
    Text,
    /// A number that rises and falls.
    Gauge,
    /// A number that only grows; a reader makes rates of it.
    Count,
    /// Milliseconds.
    Ms,
    /// Bytes.
    Bytes,
    /// A wall time, milliseconds since 1970.
    Wall,
    /// True or false.
    Flag,
}

/// One column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// The meaning of its cells.
    #[serde(rename = "type")]
    pub of: ColumnType,
}

const fn text(name: &'static str) -> Column {
    Column { name, of: ColumnType::Text }
}

const fn gauge(name: &'static str) -> Column {
    Column { name, of: ColumnType::Gauge }
}

const fn count(name: &'static str) -> Column {
    Column { name, of: ColumnType::Count }
}

const fn ms(name: &'static str) -> Column {
    Column { name, of: ColumnType::Ms }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, of: ColumnType::Bytes }
}

const fn wall(name: &'static str) -> Column {
    Column { name, of: ColumnType::Wall }
}

const fn flag(name: &'static str) -> Column {
    Column { name, of: ColumnType::Flag }
}

const PROCESS: &[Column] = &[
    text("id"),
    text("name"),
    text("kind"),
    text("status"),
    gauge("mailbox"),
    count("messages"),
    count("restarts"),
    count("crashes"),
    text("parent"),
    wall("startedAt"),
    bytes("memory"),
    text("system"),
];

const SUPERVISOR: &[Column] = &[
    text("id"),
    text("name"),
    text("strategy"),
    gauge("children"),
    count("restarts"),
    gauge("intensityLeft"),
    text("parent"),
    wall("startedAt"),
    text("system"),
];

const ROUTE: &[Column] = &[
    text("name"),
    gauge("R"),
    gauge("base"),
    gauge("pressure"),
    gauge("momentum"),
    gauge("scar"),
    text("mode"),
    gauge("limit"),
    gauge("inFlight"),
    gauge("queued"),
    count("admitted"),
    count("trickled"),
    count("succeeded"),
    count("failed"),
    count("timedOut"),
    count("shed"),
    count("shedLimit"),
    count("shedQueueFull"),
    count("shedQueueDeadline"),
    count("shedDisplaced"),
    count("shedResistance"),
    count("shedCritical"),
    count("shedHigh"),
    count("shedNormal"),
    count("shedLow"),
    count("shedBackground"),
    ms("baselineMs"),
    ms("queueDelayMs"),
    gauge("errorRate"),
    text("system"),
];

const POLICY: &[Column] = &[
    text("name"),
    text("type"),
    text("state"),
    gauge("active"),
    gauge("queued"),
    count("calls"),
    count("failures"),
    count("rejected"),
    text("system"),
];

const JOURNAL: &[Column] = &[
    text("name"),
    text("where"),
    gauge("entries"),
    gauge("first"),
    gauge("next"),
    bytes("bytes"),
    gauge("pending"),
    text("system"),
];

const CACHE: &[Column] = &[
    text("name"),
    gauge("entries"),
    count("hits"),
    count("misses"),
    count("evictions"),
    count("loads"),
    text("system"),
];

const LIMITER: &[Column] = &[
    text("name"),
    gauge("keys"),
    count("admitted"),
    count("refused"),
    gauge("waiting"),
    text("system"),
];

const BUS: &[Column] = &[
    text("name"),
    gauge("subscriptions"),
    count("published"),
    count("delivered"),
    count("dropped"),
    text("system"),
];

const ATOM: &[Column] = &[
    text("name"),
    count("version"),
    count("commits"),
    gauge("watchers"),
    flag("shared"),
    text("system"),
];

const TIMER: &[Column] = &[text("system"), gauge("pending"), count("fired"), ms("nextDueMs")];

const EFFECT: &[Column] = &[text("system"), gauge("fibres"), count("started"), count("failed")];

const LOOP: &[Column] =
    &[text("thread"), ms("running"), ms("idle"), ms("blocked"), ms("longest"), count("stalls")];

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A kind of table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableKind {
    /// Processes.
    Process,
    /// Supervisors.
    Supervisor,
    /// Routes of admission engines.
    Route,
    /// Policies: circuits, bulkheads, retries.
    Policy,
    /// Journals.
    Journal,
    /// Caches.
    Cache,
    /// Rate limiters.
    Limiter,
    /// Event buses.
    Bus,
    /// Atoms.
    Atom,
    /// The timers of each system.
    Timer,
    /// The fibres of each system.
    Effect,
    /// Event loops.
    Loop,
}

impl TableKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Process,
        Self::Supervisor,
        Self::Route,
        Self::Policy,
        Self::Journal,
        Self::Cache,
        Self::Limiter,
        Self::Bus,
        Self::Atom,
        Self::Timer,
        Self::Effect,
        Self::Loop,
    ];

    /// Returns the name that the protocol has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Supervisor => "supervisor",
            Self::Route => "route",
            Self::Policy => "policy",
            Self::Journal => "journal",
            Self::Cache => "cache",
            Self::Limiter => "limiter",
            Self::Bus => "bus",
            Self::Atom => "atom",
            Self::Timer => "timer",
            Self::Effect => "effect",
            Self::Loop => "loop",
        }
    }

    /// Returns the kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns its columns.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Process => PROCESS,
            Self::Supervisor => SUPERVISOR,
            Self::Route => ROUTE,
            Self::Policy => POLICY,
            Self::Journal => JOURNAL,
            Self::Cache => CACHE,
            Self::Limiter => LIMITER,
            Self::Bus => BUS,
            Self::Atom => ATOM,
            Self::Timer => TIMER,
            Self::Effect => EFFECT,
            Self::Loop => LOOP,
        }
    }

    /// Returns the place of a column that there is; for constants, so that readers of cells compare numbers.
    ///
    /// # Panics
    ///
    /// When there is no such column.
    #[must_use]
    pub const fn place_of(self, name: &str) -> usize {
        let columns = self.columns();
        let mut place = 0;
        while !is_same(columns[place].name, name) {
            place += 1;
        }
        place
    }

    /// Returns the place of a column.
    #[must_use]
    pub fn column(self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name == name)
    }
}

impl Serialize for TableKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
