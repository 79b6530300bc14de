//! The modes of a route's breaker.

/// The modes of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Too few reports to judge: R is 1.2 times the base.
    Bootstrap = 0,
    /// R is the sum of its terms.
    Operational = 1,
    /// R reached the break and has not yet recovered, or the route has been silent for too long.
    CircuitBreaker = 2,
}
