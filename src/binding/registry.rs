//! What the addon exports: the hot lane, and a few tables that are read once.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::hot::{self, Export};
use super::{
    actor, atom, bus, cache, cache_shared, clock, engine, engine_protocol, inbox, journal, rate,
    restart, supervisor, supervisor_protocol, system, word,
};
use crate::core::error::ERROR_CODES;
use crate::protocol::{Part, lane_constants, typescript};

/// What a module of the binding declares of the protocol; a file of `js/protocol/`.
pub(super) struct Area {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) parts: &'static [&'static [Part]],
}

lane_constants! { SEAM {
    /// What a function of the lane returns for "no such object": handles, ids and counts are never negative.
    const NONE: f64 = hot::NONE;
} }

const LANE: Area =
    Area { name: "lane", doc: "The numbers that mean the same in each area.", parts: &[SEAM] };

const AREAS: &[Area] = &[
    LANE,
    actor::PROTOCOL,
    atom::PROTOCOL,
    bus::PROTOCOL,
    cache::PROTOCOL,
    cache_shared::PROTOCOL,
    clock::PROTOCOL,
    engine_protocol::PROTOCOL,
    journal::PROTOCOL,
    rate::PROTOCOL,
    restart::PROTOCOL,
    supervisor_protocol::PROTOCOL,
];

fn lane() -> impl Iterator<Item = &'static Export> {
    let lane = clock::EXPORTS
        .iter()
        .chain(system::EXPORTS)
        .chain(engine::EXPORTS)
        .chain(inbox::EXPORTS)
        .chain(atom::EXPORTS)
        .chain(cache::EXPORTS)
        .chain(cache_shared::EXPORTS)
        .chain(word::EXPORTS)
        .chain(journal::EXPORTS)
        .chain(actor::EXPORTS)
        .chain(supervisor::EXPORTS)
        .chain(restart::EXPORTS)
        .chain(bus::EXPORTS)
        .chain(rate::EXPORTS);
    #[cfg(feature = "test-hooks")]
    let lane = lane.chain(super::test_hooks::EXPORTS);
    lane
}

/// Runs once in each environment that loads the addon.
#[napi(module_exports)]
pub(crate) fn register(exports: Object, env: Env) -> Result<()> {
    // SAFETY: registration of this environment, with its own env and exports.
    unsafe { hot::install(env.raw(), exports.raw(), lane()) }
}

/// One entry of the table of error codes.
#[napi(object)]
pub struct NativeErrorCode {
    /// The value of `error.code`.
    pub code: String,
    /// The TypeScript class that carries it.
    pub class: String,
    /// When it is raised.
    pub meaning: String,
}

/// The core's table of error codes, which the TypeScript classes and `docs/errors.md` have to match.
#[napi(catch_unwind)]
pub fn error_codes() -> Vec<NativeErrorCode> {
    ERROR_CODES
        .iter()
        .map(|entry| NativeErrorCode {
            code: entry.code.into(),
            class: entry.class.into(),
            meaning: entry.meaning.into(),
        })
        .collect()
}

/// The TypeScript declaration of the hot lane, from which `native/hot.d.ts` is generated.
#[napi(catch_unwind)]
pub fn hot_lane() -> String {
    let functions: String = lane()
        .flat_map(|Export { name, parameters, doc, .. }| {
            ["  /** ", doc.trim(), " */\n  ", name, "(", parameters, "): number\n"]
        })
        .collect();
    format!("export interface HotLane {{\n{functions}}}\n")
}

/// One file of TypeScript.
#[napi(object)]
pub struct NativeProtocol {
    /// The name of its area.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The numbers that cross, from which `js/protocol/` is generated.
#[napi(catch_unwind)]
pub fn protocol() -> Vec<NativeProtocol> {
    AREAS
        .iter()
        .map(|Area { name, doc, parts }| {
            let text = typescript::file(doc, parts.iter().copied().flatten());
            NativeProtocol { name: (*name).into(), text }
        })
        .collect()
}
