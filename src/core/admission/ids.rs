//! The ids behind the engine's handles.

use crate::core::slab::handle::id;

id! {
    /// A route; stale once the route was forgotten.
    RouteId
}
id! {
    /// Work in flight; stale once done or expired.
    TicketId
}
id! {
    /// A request in the wait queue; stale once admitted, shed or cancelled.
    WaiterId
}
