//! The hot lane: raw Node-API callbacks, wrapped once and nowhere else.
//!
//! A `#[napi]` function with arguments costs about 95 ns a call and a class method 280 ns or more; a raw
//! callback with numbers costs 10 to 25 ns. So what happens per request or per timer goes through here: up to
//! eight numbers (and at most one string, first) come in, one number goes out, and further results are read
//! from the environment's scratch memory. Raw callbacks are in this folder alone.

mod call;
mod install;
mod module;

pub(crate) use call::{call, call_with_text};
pub(crate) use install::install;
pub(crate) use module::{Area, Export, Module, NONE, address_of, hot_lane};
