//! The settings of users for routes of an engine, and the choice among them. They are rare, so the functions are
//! ordinary.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Node-API hands texts and objects over by value"
)]

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::engine::Engines;
use crate::binding::env::Local;
use crate::binding::lane::NONE;
use crate::core::admission::RouteId;
use crate::core::resistance::{Budget, InvalidField, PROFILES, ProfileSpec};

/// The time limits of a kind of work.
#[napi(object)]
pub struct NativeBudget {
    pub max_duration_ms: f64,
    pub heartbeat_ms: f64,
    pub require_abort: bool,
}

impl From<Budget> for NativeBudget {
    fn from(budget: Budget) -> Self {
        let Budget { max_duration_ms, heartbeat_ms, abortable } = budget;
        Self { max_duration_ms, heartbeat_ms, require_abort: abortable }
    }
}

/// A built-in profile.
#[napi(object)]
pub struct NativeWorkload {
    pub name: String,
    /// NaN: the engine's own.
    pub baseline_latency_ms: f64,
    pub scar_multiplier: f64,
    pub budget: NativeBudget,
}

/// Returns the built-in profiles; the index is their number.
#[napi(catch_unwind)]
pub fn workloads() -> Vec<NativeWorkload> {
    PROFILES
        .iter()
        .map(|workload| NativeWorkload {
            name: workload.name.into(),
            baseline_latency_ms: workload.baseline_latency_ms.unwrap_or(f64::NAN),
            scar_multiplier: workload.scar_multiplier,
            budget: workload.budget.into(),
        })
        .collect()
}

/// The changes of a profile to the one below it.
#[napi(object)]
pub struct NativeProfile {
    /// The number of the profile it is made from.
    pub base: u32,
    pub baseline_latency_ms: Option<f64>,
    pub learned_baseline: Option<bool>,
    pub target_error_rate: Option<f64>,
    pub saturation_baseline: Option<f64>,
    pub scar_factor: Option<f64>,
    pub scar_multiplier: Option<f64>,
    pub base_resistance: Option<f64>,
    pub break_multiplier: Option<f64>,
    pub max_duration_ms: Option<f64>,
    pub heartbeat_ms: Option<f64>,
    pub require_abort: Option<bool>,
}

/// The answer to a profile that was set.
#[napi(object)]
pub struct NativeProfileSet {
    /// The number of a defined profile; -1 for a route's own, and for none.
    pub index: f64,
    /// The time limits of the profile; without them it was refused.
    pub budget: Option<NativeBudget>,
    /// The field that was refused; without one there are too many profiles.
    pub field: Option<String>,
    pub why: Option<String>,
}

fn spec(given: &NativeProfile) -> ProfileSpec {
    ProfileSpec {
        baseline_latency_ms: given.baseline_latency_ms,
        learned_baseline: given.learned_baseline,
        target_error_rate: given.target_error_rate,
        saturation_baseline: given.saturation_baseline,
        scar_factor: given.scar_factor,
        scar_multiplier: given.scar_multiplier,
        base_resistance: given.base_resistance,
        break_multiplier: given.break_multiplier,
        max_duration_ms: given.max_duration_ms,
        heartbeat_ms: given.heartbeat_ms,
        abortable: given.require_abort,
    }
}

fn answer(set: Option<(f64, Budget)>) -> NativeProfileSet {
    let (index, budget) = set.map_or((NONE, None), |(index, budget)| (index, Some(budget.into())));
    NativeProfileSet { index, budget, field: None, why: None }
}

fn refused(invalid: InvalidField) -> NativeProfileSet {
    let (field, why) = (Some(invalid.field.into()), Some(invalid.why.into()));
    NativeProfileSet { field, why, ..answer(None) }
}

/// Defines a profile that calls can name.
#[napi(catch_unwind)]
pub fn engine_define(env: Env, engine: f64, profile: NativeProfile) -> Result<NativeProfileSet> {
    let environment = Local::<Engines>::of(&env)?;
    let mut engines = environment.table.borrow_mut();
    let Some(engine) = engines.get(engine) else { return Ok(answer(None)) };
    Ok(match engine.define_profile(profile.base as usize, &spec(&profile)) {
        Ok(set) => answer(set.map(|(index, budget)| (index as f64, budget))),
        Err(invalid) => refused(invalid),
    })
}

/// Sets the profile of a route.
#[napi(catch_unwind)]
pub fn engine_profile(
    env: Env,
    engine: f64,
    route: String,
    profile: NativeProfile,
) -> Result<NativeProfileSet> {
    let environment = Local::<Engines>::of(&env)?;
    let mut engines = environment.table.borrow_mut();
    let Some(engine) = engines.get(engine) else { return Ok(answer(None)) };
    Ok(match engine.set_profile(&route, profile.base as usize, &spec(&profile)) {
        Ok(set) => answer(set.map(|budget| (NONE, budget))),
        Err(invalid) => refused(invalid),
    })
}

/// Sets which routes feel it when this one opens. False when too many routes have some.
#[napi(catch_unwind)]
pub fn engine_neighbours(
    env: Env,
    engine: f64,
    route: String,
    neighbours: Vec<String>,
) -> Result<bool> {
    let environment = Local::<Engines>::of(&env)?;
    let mut engines = environment.table.borrow_mut();
    let names = neighbours.into_iter().map(String::into_boxed_str).collect();
    Ok(engines.get(engine).is_some_and(|engine| engine.set_neighbours(&route, names)))
}

/// Returns the index of one of these routes (-1 is one that is not known), or -1 when there are none.
#[napi(catch_unwind)]
pub fn engine_select(
    env: Env,
    engine: f64,
    routes: Vec<f64>,
    beta: f64,
    explore: f64,
    unit: f64,
    now: f64,
) -> Result<f64> {
    let environment = Local::<Engines>::of(&env)?;
    let mut engines = environment.table.borrow_mut();
    let ids: Vec<_> = routes.into_iter().map(RouteId::from_f64).collect();
    let chosen = engines.get(engine).and_then(|it| it.select(&ids, beta, explore, unit, now));
    Ok(chosen.map_or(NONE, |index| index as f64))
}
