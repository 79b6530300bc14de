//! Metrics in the text format of Prometheus, version 0.0.4.
//!
//! - A series has a label with the name of a route, a cache and so on. There are at most [`MOST_SERIES`] names of a
//!   kind; the rest share the name `other`. A name that once was `other` stays it, so that counters only grow.
//! - Counters of rows that are gone stay in the sum of their name, and so do those of environments that ended.

mod book;
mod families;
mod text;

pub use book::{MOST_SERIES, MetricsBook};
pub use text::{FamilyType, MetricsText};
