//! Random sources and names of systems.

use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::core::names::Names;
use crate::core::random::Random;
use napi::bindgen_prelude::*;
use napi_derive::napi;

pub(crate) type Systems = Handles<System>;

pub(crate) struct System {
    random: Random,
    names: Names,
}

pub(crate) const MODULE: Module = hot_lane! {
    Systems;
    /// Opens a system whose random source has the seed `high * 2^32 + low`. Returns its handle.
    "systemOpen"(high, low) => open;
    /// Forgets a system; a stale handle does nothing.
    "systemClose"(system) => close;
    /// Returns the next draw in [0, 1).
    "randomUnit"(system) => random_unit;
    /// Returns the next draw in 0..bound, an integer.
    "randomBelow"(system, bound) => random_below;
    /// Registers a name. Returns its slot, or -1 when it is taken.
    "nameRegister"(str name, system) => name_register;
    /// Returns the slot of a name, or -1.
    "nameWhereis"(str name, system) => name_whereis;
    /// Frees a name. Returns the slot that it had, or -1.
    "nameRelease"(str name, system) => name_release;
};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes two unsigned 32-bit halves"
)]
fn open(environment: &Local<Systems>, high: f64, low: f64) -> f64 {
    let seed = (u64::from(high as u32) << 32) | u64::from(low as u32);
    let system = System { random: Random::new(seed), names: Names::default() };
    environment.table.borrow_mut().open(system)
}

fn close(environment: &Local<Systems>, system: f64) -> f64 {
    environment.table.borrow_mut().close(system);
    0.0
}

fn random_unit(environment: &Local<Systems>, system: f64) -> f64 {
    with(environment, system, |system| system.random.unit())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a safe integer"
)]
fn random_below(environment: &Local<Systems>, system: f64, bound: f64) -> f64 {
    with(environment, system, |system| system.random.below(bound as u64) as f64)
}

impl System {
    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }
}

fn name_register(environment: &Local<Systems>, name: &str, system: f64) -> f64 {
    with(environment, system, |system| system.names.register(name).map_or(NONE, f64::from))
}

fn name_whereis(environment: &Local<Systems>, name: &str, system: f64) -> f64 {
    with(environment, system, |system| system.names.whereis(name).map_or(NONE, f64::from))
}

fn name_release(environment: &Local<Systems>, name: &str, system: f64) -> f64 {
    with(environment, system, |system| system.names.release(name).map_or(NONE, f64::from))
}

fn with(environment: &Local<Systems>, system: f64, body: impl FnOnce(&mut System) -> f64) -> f64 {
    environment.table.borrow_mut().get(system).map_or(NONE, body)
}

/// Returns the names of a system in the order in which they were registered.
#[napi(catch_unwind)]
pub fn names(env: Env, system: f64) -> Result<Vec<String>> {
    let environment = Local::<Systems>::of(&env)?;
    let mut systems = environment.table.borrow_mut();
    let names = systems.get(system).map(|system| system.names.list());
    Ok(names.unwrap_or_default().into_iter().map(str::to_owned).collect())
}
