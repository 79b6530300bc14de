//! Work in flight.

use super::deadlines::Scheduled;

/// Work in flight.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) route: u32,
    pub(crate) since: f64,
    /// The time of the request: earlier, if it waited.
    pub(crate) asked: f64,
    /// In flight when it started, itself included.
    pub(crate) in_flight: u32,
    /// Set when that was little for the limit of the moment.
    pub(crate) little: bool,
    pub(crate) kind: TicketKind,
    /// Set when its client has gone.
    pub(crate) left: bool,
    pub(crate) position: u32,
}

/// The limits that a ticket counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TicketKind {
    /// In a slot of the limit.
    Regular,
    /// Beyond the limit.
    Extra,
    /// Would have been shed: outside every limit.
    Shadow,
}

impl Scheduled for Ticket {
    fn position(&self) -> u32 {
        self.position
    }
    fn set_position(&mut self, position: u32) {
        self.position = position;
    }
}
