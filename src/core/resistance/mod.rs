//! The resistance of a route: one number in ohm that says how unwise it is to send it more work.
//!
//! `R(t) = max(R_base, R_base + P.W + mu*max(M, 0) + S)`, evaluated at the moment it is read.
//!
//! * `P` is how far latency, errors and saturation are from their baselines, each through `tanh`. A report
//!   holds for `hold_ms`, then fades; what a report leaves out is unknown and weighs nothing.
//! * `M` is the slope of the pressure per second, from two averages over time: positive when things get worse.
//!   Recovery never raises R, so only the positive side counts.
//! * `S`, the scar, is an integral over time: it grows at `scar_factor` per `min_delta_t_ms` while the positive
//!   pressure is critical, up to a cap, and decays with time, faster while the evidence is healthy.
//!
//! * `U`, staleness, counts the seconds since a route was last heard of; it is off unless asked for.
//! * What other processes share of a scar is blended in at read, and never becomes one's own.
//!
//! Nothing depends on how often a route is reported on, and nothing needs traffic to decay. The formulas are
//! those of Atrion 2.0; where they were per call they are per second here. See `docs/design/resistance.md`.

pub(crate) mod config;
pub(crate) mod decay;
mod decision;
mod events;
mod mode;
mod normal;
mod pressure;
mod profile;
mod reading;
mod report_profile;
mod select;
mod state;
mod telemetry;
mod tuner;

#[cfg(test)]
mod features_test;
#[cfg(test)]
mod normal_test;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tuner_test;

pub use config::{Baseline, InvalidField, ResistanceConfig, Slo, TunerConfig};
pub use decision::{Decision, DecisionReason};
pub use events::TaskEnd;
pub use mode::Mode;
pub use normal::Normal;
pub use pressure::{Pressure, Weights};
pub use profile::{Budget, PROFILES, Profile, ProfileSpec, Workload};
pub use reading::{Learned, Reading, TunerReading, unknown_resistance};
pub use report_profile::ReportProfile;
pub use select::{Candidate, select};
pub use state::ResistanceState;
pub use telemetry::Telemetry;
