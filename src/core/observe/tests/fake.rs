//! A world of made-up processes that counts the rows that a reader makes of it, and a client in memory.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use crate::core::observe::{
    CellValue, Introduction, MemoryReading, ObserveServer, ObservedLoop, ObservedTime,
    ObservedWorld, PeerForm, PeerId, RowSource, ServerSettings, TableKind, WorldTotals,
};

/// The time at which tests begin.
pub(crate) const NOW: ObservedTime = ObservedTime { mono: 0.0, wall: 1000.0 };

/// Returns the time so many ms later.
pub(crate) fn at(ms: f64) -> ObservedTime {
    ObservedTime { mono: ms, wall: 1000.0 + ms }
}

pub(crate) fn settings() -> ServerSettings {
    ServerSettings {
        of: Introduction {
            package: "0.1.0".to_owned(),
            pid: 7,
            node: "20.20.2".to_owned(),
            title: "test".to_owned(),
            started_at: 5.0,
        },
        refresh_ms: 250.0,
        actions: false,
        token: "secret-token-0123456789".to_owned(),
        cookie: "keelson-observe-1".to_owned(),
        hosts: vec!["dash.example".to_owned(), "port.example:8080".to_owned()],
        origins: vec!["http://localhost:5173".to_owned()],
        assets: &[],
    }
}

/// A made-up process.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeRow {
    pub(crate) name: String,
    pub(crate) mailbox: f64,
    pub(crate) parent: String,
    pub(crate) order: u64,
    /// Taken out of the table, whose places stay.
    pub(crate) is_gap: bool,
}

/// The world, and how many rows may be made of it in one reading.
pub(crate) struct FakeWorld {
    pub(crate) rows: RefCell<Vec<FakeRow>>,
    /// Further processes that exist by number alone.
    pub(crate) more: Cell<usize>,
    pub(crate) bound: Cell<usize>,
    made: Cell<usize>,
}

impl FakeWorld {
    pub(crate) fn new(rows: Vec<FakeRow>) -> Self {
        let bound = Cell::new(usize::MAX);
        Self { rows: RefCell::new(rows), more: Cell::new(0), bound, made: Cell::new(0) }
    }

    /// Makes a world of so many processes, named by their numbers.
    pub(crate) fn of(count: u32) -> Self {
        Self::new((0..count).map(|number| Self::row(number, f64::from(number))).collect())
    }

    pub(crate) fn row(number: u32, mailbox: f64) -> FakeRow {
        let order = u64::from(number);
        FakeRow { name: format!("p{number}"), mailbox, order, ..FakeRow::default() }
    }
}

struct FakeTable<'a> {
    world: &'a FakeWorld,
    rows: std::cell::Ref<'a, Vec<FakeRow>>,
}

impl RowSource for FakeTable<'_> {
    fn places(&self) -> usize {
        self.rows.len() + self.world.more.get()
    }

    fn rows(&self) -> usize {
        self.rows.iter().filter(|row| !row.is_gap).count() + self.world.more.get()
    }

    fn order(&self, place: usize) -> Option<u64> {
        match self.rows.get(place) {
            Some(row) => (!row.is_gap).then_some(row.order),
            None => Some(place as u64),
        }
    }

    fn cell(&self, place: usize, column: usize) -> CellValue<'_> {
        let row = self.rows.get(place);
        match TableKind::Process.columns()[column].name {
            "name" => row.map_or(CellValue::text("many"), |row| CellValue::text(&row.name)),
            "mailbox" => CellValue::Number(row.map_or(place as f64, |row| row.mailbox)),
            "parent" => row.map_or(CellValue::text(""), |row| CellValue::text(&row.parent)),
            "id" | "kind" | "status" | "system" => CellValue::text(""),
            _ => CellValue::Number(0.0),
        }
    }

    fn key(&self, place: usize) -> Cow<'_, str> {
        self.world.made.set(self.world.made.get() + 1);
        assert!(self.world.made.get() <= self.world.bound.get(), "too many rows are made");
        match self.rows.get(place) {
            Some(row) => Cow::Borrowed(row.name.as_str()),
            None => Cow::Owned(format!("many{place}")),
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.rows.iter().position(|row| !row.is_gap && row.name == key)
    }
}

impl ObservedWorld for FakeWorld {
    fn table(&self, kind: TableKind, read: &mut dyn FnMut(&dyn RowSource)) {
        self.made.set(0);
        if kind == TableKind::Process {
            return read(&FakeTable { world: self, rows: self.rows.borrow() });
        }
        let nothing = Self::of(0);
        read(&FakeTable { world: &nothing, rows: nothing.rows.borrow() });
    }

    fn loops(&self) -> Vec<ObservedLoop> {
        Vec::new()
    }

    fn memory(&self) -> MemoryReading {
        MemoryReading::default()
    }

    fn totals(&self) -> WorldTotals {
        WorldTotals { processes: self.rows.borrow().len() as u64, ..WorldTotals::default() }
    }

    fn metrics(&self) -> String {
        "# metrics\n".to_owned()
    }
}

/// A client of a server in memory.
pub(crate) struct Client {
    pub(crate) id: PeerId,
}

impl Client {
    pub(crate) fn connect(server: &mut ObserveServer, form: PeerForm, world: &FakeWorld) -> Self {
        Self { id: server.connect(form, NOW, world).expect("there is room") }
    }

    /// Connects to the socket, and says hello.
    pub(crate) fn greet(server: &mut ObserveServer, world: &FakeWorld) -> Self {
        let client = Self::connect(server, PeerForm::Socket, world);
        client.say(server, r#"{"type":"hello","v":1}"#, NOW, world);
        let frames = client.frames(server);
        assert_eq!(frames[0]["type"], "hello");
        client
    }

    /// Sends a frame.
    pub(crate) fn say(
        &self,
        server: &mut ObserveServer,
        json: &str,
        now: ObservedTime,
        world: &FakeWorld,
    ) {
        let length = u32::try_from(json.len()).expect("a short frame");
        let bytes = [&length.to_be_bytes()[..], json.as_bytes()].concat();
        server.receive(self.id, &bytes, now, world);
    }

    /// Takes everything that waits, as frames.
    pub(crate) fn frames(&self, server: &mut ObserveServer) -> Vec<serde_json::Value> {
        let bytes = server.output(self.id).to_vec();
        server.sent(self.id, bytes.len());
        let mut rest = &bytes[..];
        let mut frames = Vec::new();
        while let Some((head, body)) = rest.split_first_chunk::<4>() {
            let (frame, behind) = body.split_at(u32::from_be_bytes(*head) as usize);
            frames.push(serde_json::from_slice(frame).expect("a frame is JSON"));
            rest = behind;
        }
        frames
    }

    /// Takes everything that waits, as text.
    pub(crate) fn text(&self, server: &mut ObserveServer) -> String {
        let bytes = server.output(self.id).to_vec();
        server.sent(self.id, bytes.len());
        String::from_utf8(bytes).expect("text")
    }
}
