//! The metrics of one environment, made on its own thread of tables that JavaScript passes.

use std::collections::BTreeMap;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use serde::Deserialize;

use super::feed::{Publication, PublishedTable};
use crate::binding::actor::runtime::Actors;
use crate::binding::env::Local;
use crate::binding::event_loop::monotonic_ms;
use crate::core::observe::{
    MemoryReading, MetricsBook, ObservedLoop, ObservedWorld, ProcessSums, RowSource, TableKind,
    WorldTotals,
};

/// What makes counters grow only, by the name of what is measured.
#[derive(Default)]
pub(crate) struct MetricsBooks(BTreeMap<String, MetricsBook>);

/// Totals that JavaScript knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WrittenTotals {
    /// Handles of actor runtimes.
    runtimes: Vec<f64>,
    /// Processes by kind.
    kinds: BTreeMap<String, f64>,
    restarts: u64,
    crashes: u64,
}

/// Tables that were passed.
struct PassedWorld {
    publication: Publication,
    totals: WorldTotals,
    processes: ProcessSums,
}

impl ObservedWorld for PassedWorld {
    fn table(&self, kind: TableKind, read: &mut dyn FnMut(&dyn RowSource)) {
        match self.publication.tables.get(&kind) {
            Some(table) => read(table),
            None => read(&PublishedTable::default()),
        }
    }

    fn loops(&self) -> Vec<ObservedLoop> {
        Vec::new()
    }

    fn memory(&self) -> MemoryReading {
        self.publication.memory
    }

    fn totals(&self) -> WorldTotals {
        self.totals
    }

    fn processes(&self) -> ProcessSums {
        self.processes.clone()
    }

    fn metrics(&self) -> String {
        String::new()
    }
}

/// Returns the text of the metrics of the tables that are passed as JSON, or nothing when they are none. `name` says
/// whose they are: counters of one name only grow.
#[napi(catch_unwind)]
pub fn observe_metrics(env: Env, name: String, tables: String) -> Result<Option<String>> {
    let (Some(publication), Ok(written)) = (
        Publication::read(&tables, monotonic_ms()),
        serde_json::from_str::<WrittenTotals>(&tables),
    ) else {
        return Ok(None);
    };
    let actors = Local::<Actors>::of(&env)?;
    let mut processes = ProcessSums::default();
    let mut messages = 0;
    for &handle in &written.runtimes {
        if let Some(actor) = actors.table.borrow_mut().get(handle) {
            messages += actor.handed();
            for mailbox in actor.mailboxes() {
                processes.add_mailbox(f64::from(mailbox));
            }
        }
    }
    for (kind, &count) in &written.kinds {
        processes.add_kind(kind, count);
    }
    let totals = WorldTotals {
        messages,
        restarts: written.restarts,
        crashes: written.crashes,
        ..WorldTotals::default()
    };
    let books = Local::<MetricsBooks>::of(&env)?;
    let world = PassedWorld { publication, totals, processes };
    Ok(Some(books.table.borrow_mut().0.entry(name).or_default().text(&world)))
}
