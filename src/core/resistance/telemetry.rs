//! A report is either entirely valid or refused whole. A missing signal is unknown, never "good".

use super::config::{FRACTION, InvalidField, NOT_NEGATIVE, require};

/// The observations of a caller about a route since its last report.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Telemetry {
    /// Latency, milliseconds, `>= 0`.
    pub latency_ms: Option<f64>,
    /// Share of failed calls, 0 to 1.
    pub error_rate: Option<f64>,
    /// Load relative to capacity, `>= 0`; 1 is full.
    pub saturation: Option<f64>,
}

impl Telemetry {
    /// Creates a report from a lane of plain numbers in which NaN stands for a missing one.
    #[must_use]
    pub fn from_lane(latency_ms: f64, error_rate: f64, saturation: f64) -> Self {
        let known = |x: f64| (!x.is_nan()).then_some(x);
        Self {
            latency_ms: known(latency_ms),
            error_rate: known(error_rate),
            saturation: known(saturation),
        }
    }

    /// # Errors
    /// The first field that is not a finite number in its range.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let sane = |x: Option<f64>| x.is_none_or(|x| x >= 0.0 && x.is_finite());
        require(sane(self.latency_ms), "latencyMs", NOT_NEGATIVE)?;
        require(self.error_rate.is_none_or(|x| (0.0..=1.0).contains(&x)), "errorRate", FRACTION)?;
        require(sane(self.saturation), "saturation", NOT_NEGATIVE)
    }
}
