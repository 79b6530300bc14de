//! Options of the admission engine, and the results that are rarely read.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::engine::Engines;
use crate::binding::env::Local;
use crate::core::admission::{Engine, EngineConfig, GateConfig, Priority, ShedReason};
use crate::core::resistance::{self, Slo, TunerConfig};

/// Constants of the physics. What is left out has the core's default; units are the core's.
#[napi(object)]
#[derive(Default)]
pub struct NativePhysicsConfig {
    pub base_resistance: Option<f64>,
    pub decay_rate: Option<f64>,
    pub heal_rate: Option<f64>,
    pub scar_factor: Option<f64>,
    pub scar_cap: Option<f64>,
    pub damping_factor: Option<f64>,
    pub critical_pressure: Option<f64>,
    pub break_multiplier: Option<f64>,
    pub recovery_multiplier: Option<f64>,
    pub bootstrap_ticks: Option<u32>,
    #[napi(js_name = "minDeltaT")]
    pub min_delta_t_ms: Option<f64>,
    pub tanh_scale: Option<f64>,
    pub hold_ms: Option<f64>,
    pub fade_ms: Option<f64>,
    pub momentum_fast_ms: Option<f64>,
    pub momentum_slow_ms: Option<f64>,
    pub momentum_dead_band: Option<f64>,
    pub staleness_rate: Option<f64>,
    pub staleness_limit: Option<f64>,
    pub cascade_bump: Option<f64>,
    pub shared_fade_ms: Option<f64>,
}

/// The normal levels of a route.
#[napi(object)]
#[derive(Default)]
pub struct NativeSlo {
    pub baseline_latency_ms: Option<f64>,
    pub learned_baseline: Option<bool>,
    pub target_error_rate: Option<f64>,
    pub saturation_baseline: Option<f64>,
    pub latency_criticality: Option<f64>,
    pub error_criticality: Option<f64>,
    pub saturation_criticality: Option<f64>,
}

/// The way to learn a break threshold.
#[napi(object)]
#[derive(Default)]
pub struct NativeTunerConfig {
    pub window_size: Option<f64>,
    pub sensitivity: Option<f64>,
    pub recovery_sensitivity: Option<f64>,
    pub min_floor: Option<f64>,
    pub hard_ceiling: Option<f64>,
    pub warmup_ticks: Option<f64>,
}

/// Constants of a gate.
#[napi(object)]
#[derive(Default)]
pub struct NativeGateConfig {
    pub min_limit: Option<f64>,
    pub max_limit: Option<f64>,
    pub initial_limit: Option<f64>,
    pub limit: Option<f64>,
    pub tolerance: Option<f64>,
    pub latency_baseline_ms: Option<f64>,
    pub max_queue: Option<u32>,
    pub queue_deadline_ms: Option<f64>,
    pub ticket_timeout_ms: Option<f64>,
    pub trickle_per_second: Option<f64>,
    pub trickle_share: Option<f64>,
    pub trickle_in_flight: Option<u32>,
    pub error_window_ms: Option<f64>,
    pub min_calls: Option<f64>,
    pub target_error_rate: Option<f64>,
}

/// All options of an engine.
#[napi(object)]
pub struct NativeEngineConfig {
    pub max_routes: Option<u32>,
    pub config: Option<NativePhysicsConfig>,
    pub slo: Option<NativeSlo>,
    pub auto_tuner: Option<NativeTunerConfig>,
    /// False turns the tuner off.
    pub tuned: bool,
    pub admission: Option<NativeGateConfig>,
}

/// An engine's handle, or the field that was refused and its valid values.
#[napi(object)]
pub struct NativeOpened {
    pub handle: f64,
    pub field: Option<String>,
    pub why: Option<String>,
}

macro_rules! overlay {
    ($into:expr, $from:expr; $($field:ident),* ; optional $($option:ident),*) => {
        $(if let Some(value) = $from.$field { $into.$field = value; })*
        $(if let Some(value) = $from.$option { $into.$option = Some(value); })*
    };
}

fn physics(
    given: &NativePhysicsConfig,
    mut config: resistance::ResistanceConfig,
) -> resistance::ResistanceConfig {
    overlay!(config, given;
        base_resistance, decay_rate, heal_rate, scar_factor, damping_factor, critical_pressure,
        break_multiplier, recovery_multiplier, bootstrap_ticks, min_delta_t_ms, tanh_scale, hold_ms, fade_ms,
        momentum_fast_ms, momentum_slow_ms, momentum_dead_band, staleness_rate, staleness_limit, cascade_bump,
        shared_fade_ms;
        optional scar_cap);
    config
}

fn slo(given: &NativeSlo) -> Slo {
    let mut slo = Slo::default();
    overlay!(slo, given;
        baseline_latency_ms, target_error_rate, saturation_baseline, latency_criticality, error_criticality,
        saturation_criticality; optional);
    slo.latency = slo.latency.with(given.baseline_latency_ms, given.learned_baseline);
    slo.errors = slo.errors.with(given.target_error_rate, None);
    slo.saturation = slo.saturation.with(given.saturation_baseline, None);
    slo
}

fn tuner(given: &NativeTunerConfig) -> TunerConfig {
    let mut tuner = TunerConfig::default();
    overlay!(tuner, given; window_size, sensitivity, recovery_sensitivity, min_floor, hard_ceiling, warmup_ticks; optional);
    tuner
}

fn gate(given: &NativeGateConfig) -> GateConfig {
    let mut gate = GateConfig::default();
    overlay!(gate, given;
        min_limit, max_limit, initial_limit, tolerance, ticket_timeout_ms, trickle_per_second, trickle_share,
        trickle_in_flight, error_window_ms, min_calls;
        optional latency_baseline_ms, queue_deadline_ms);
    gate.fixed_limit = given.limit;
    if let Some(max_queue) = given.max_queue {
        gate.max_queue = max_queue as usize;
    }
    if let Some(target) = given.target_error_rate {
        gate.resistance.slo.target_error_rate = target;
    }
    gate
}

/// Opens an engine with these options.
#[napi(catch_unwind)]
pub fn engine_open(env: Env, options: NativeEngineConfig) -> Result<NativeOpened> {
    let environment = Local::<Engines>::of(&env)?;
    let mut config = EngineConfig::default();
    if let Some(max_routes) = options.max_routes {
        config.max_routes = max_routes as usize;
    }
    config.resistance = physics(&options.config.unwrap_or_default(), config.resistance);
    config.resistance.slo = slo(&options.slo.unwrap_or_default());
    let tuned = options.tuned.then(|| tuner(&options.auto_tuner.unwrap_or_default()));
    config.resistance.tuner = tuned;
    config.gate = gate(&options.admission.unwrap_or_default());
    Ok(match Engine::new(config, 0) {
        Ok(engine) => {
            let handle = environment.table.borrow_mut().open(engine);
            NativeOpened { handle, field: None, why: None }
        }
        Err(invalid) => NativeOpened {
            handle: crate::binding::lane::NONE,
            field: Some(invalid.field.into()),
            why: Some(invalid.why.into()),
        },
    })
}

/// Names of an engine's routes in the order in which they were made.
#[napi(catch_unwind)]
pub fn engine_routes(env: Env, engine: f64) -> Result<Vec<String>> {
    let environment = Local::<Engines>::of(&env)?;
    let mut engines = environment.table.borrow_mut();
    let names = engines.get(engine).map(|engine| engine.names().map(str::to_owned).collect());
    Ok(names.unwrap_or_default())
}

/// One named priority.
#[napi(object)]
pub struct NativePriority {
    pub name: String,
    pub voltage: f64,
}

/// Returns the named priorities with their voltages, from the least to the most important.
#[napi(catch_unwind)]
pub fn priorities() -> Vec<NativePriority> {
    Priority::ALL
        .into_iter()
        .map(|priority| NativePriority {
            name: priority.name().into(),
            voltage: priority.voltage(),
        })
        .collect()
}

/// Names of the reasons for shedding; the index is the code.
#[napi(catch_unwind)]
pub fn shed_reasons() -> Vec<String> {
    let all = [
        ShedReason::Limit,
        ShedReason::QueueFull,
        ShedReason::QueueDeadline,
        ShedReason::Displaced,
        ShedReason::Resistance,
        ShedReason::Cancelled,
        ShedReason::UnknownRoute,
    ];
    std::iter::once("admitted").chain(all.map(ShedReason::name)).map(str::to_owned).collect()
}
