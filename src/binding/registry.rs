//! What the addon exports: the hot lane, and a few tables that are read once.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::hot::{self, Export};
use super::{
    actor, atom, bus, cache, clock, engine, inbox, journal, rate, restart, supervisor, system, word,
};
use crate::core::error::ERROR_CODES;

fn lane() -> impl Iterator<Item = &'static Export> {
    let lane = clock::EXPORTS
        .iter()
        .chain(system::EXPORTS)
        .chain(engine::EXPORTS)
        .chain(inbox::EXPORTS)
        .chain(atom::EXPORTS)
        .chain(cache::EXPORTS)
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
pub fn native_error_codes() -> Vec<NativeErrorCode> {
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
pub fn native_hot_lane() -> String {
    let functions: String = lane()
        .flat_map(|Export { name, parameters, doc, .. }| {
            ["  /** ", doc.trim(), " */\n  ", name, "(", parameters, "): number\n"]
        })
        .collect();
    format!("export interface HotLane {{\n{functions}}}\n")
}
