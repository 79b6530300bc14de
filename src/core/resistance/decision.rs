//! A request flows only if its voltage is strictly above the resistance and the breaker is closed.

use super::mode::Mode;

/// The reasons of decisions. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DecisionReason {
    /// Allowed.
    Ok = 0,
    /// `V <= R`.
    InsufficientVoltage = 1,
    /// The route is in `CIRCUIT_BREAKER`.
    CircuitOpen = 2,
}

/// The answer to one `route()`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Set when the request may flow.
    pub allow: bool,
    /// R at the moment of the decision, ohm.
    pub resistance: f64,
    /// The mode at that moment.
    pub mode: Mode,
    /// The reason.
    pub reason: DecisionReason,
}

impl Decision {
    /// Decides for a voltage; NaN is no voltage.
    #[must_use]
    pub fn new(resistance: f64, mode: Mode, voltage: f64) -> Self {
        let reason = if mode == Mode::CircuitBreaker {
            DecisionReason::CircuitOpen
        } else if voltage > resistance {
            DecisionReason::Ok
        } else {
            DecisionReason::InsufficientVoltage
        };
        Self { allow: reason == DecisionReason::Ok, resistance, mode, reason }
    }
}
