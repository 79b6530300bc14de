//! The exports of the addon: the hot lane, and a few tables that are read once.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::actor::{driven, restart, runtime, supervisor, supervisor_protocol};
use super::admission::{engine, leases, protocol};
use super::atom::{local as atoms, values, words};
use super::cache::{local, shared};
use super::journal::{appends, memory, streams};
use super::lane::{self, Area, Export, Module};
use super::{bus, choice, clock, event_loop, inbox, linearizability, rate, system};
use crate::core::error::ERROR_CODES;
use crate::protocol::{lane_constants, typescript};

lane_constants! { SEAM {
    /// The result of a lane function for "no such object": handles, ids and counts are never negative.
    const NONE: f64 = lane::NONE;
} }

const LANE: Area =
    Area { name: "lane", doc: "The numbers that mean the same in each area.", parts: &[SEAM] };

const AREAS: &[Area] = &[
    LANE,
    runtime::PROTOCOL,
    values::PROTOCOL,
    bus::PROTOCOL,
    local::PROTOCOL,
    shared::PROTOCOL,
    choice::PROTOCOL,
    clock::PROTOCOL,
    event_loop::PROTOCOL,
    protocol::PROTOCOL,
    super::journal::protocol::PROTOCOL,
    linearizability::PROTOCOL,
    rate::PROTOCOL,
    restart::PROTOCOL,
    supervisor_protocol::PROTOCOL,
];

/// The modules with functions on the lane.
const MODULES: &[&Module] = &[
    &clock::MODULE,
    &system::MODULE,
    &engine::MODULE,
    &leases::MODULE,
    &inbox::MODULE,
    &values::MODULE,
    &atoms::MODULE,
    &local::MODULE,
    &shared::MODULE,
    &words::MODULE,
    &appends::MODULE,
    &memory::MODULE,
    &streams::MODULE,
    &runtime::MODULE,
    &driven::MODULE,
    &supervisor::MODULE,
    &restart::MODULE,
    &bus::MODULE,
    &choice::MODULE,
    &linearizability::MODULE,
    &rate::MODULE,
    #[cfg(feature = "test-hooks")]
    &super::test_hooks::MODULE,
];

/// Runs once in each environment that loads the addon.
#[napi(module_exports)]
pub(crate) fn register(exports: Object, env: Env) -> Result<()> {
    // SAFETY: registration of this environment, with its own env and exports.
    unsafe { lane::install(env.raw(), exports.raw(), MODULES) }
}

/// One entry of the table of error codes.
#[napi(object)]
pub struct NativeErrorCode {
    /// The value of `error.code`.
    pub code: String,
    /// The TypeScript class that carries it.
    pub class: String,
    /// The situation in which the error is raised.
    pub meaning: String,
}

/// Returns the core's table of error codes, which the TypeScript classes and `docs/errors.md` have to match.
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

/// Returns the version of the package that the addon was built for, which the loader compares with its own.
#[napi(catch_unwind)]
pub fn addon_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Returns the TypeScript declaration of the hot lane, from which `native/hot.d.ts` is generated.
#[napi(catch_unwind)]
pub fn hot_lane() -> String {
    let functions: String = MODULES
        .iter()
        .flat_map(|module| module.exports)
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
    /// The text of the file.
    pub text: String,
}

/// Returns the numbers that cross, from which `js/protocol/` is generated.
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
