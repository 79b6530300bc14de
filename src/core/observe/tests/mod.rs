//! The server against a fake world.

mod fake;
mod fuzz;
mod http;
mod metrics;
mod selecting;
mod sessions;

pub(super) use fake::{Client, FakeRow, FakeWorld, NOW, at, settings};
