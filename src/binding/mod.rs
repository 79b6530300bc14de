//! Converts between JavaScript and the core; decides nothing.
//!
//! - `lane` is the audited lane for calls that happen per request or per timer: numbers in, a number out.
//! - `env` holds everything that belongs to one JavaScript environment (main thread or worker) and ends with it.
//! - The other modules convert for the folder of the core of the same name; `registry` lists them.

#![expect(unreachable_pub, reason = "napi-derive requires exported items to be `pub`")]

mod actor;
mod admission;
mod atom;
mod bus;
mod cache;
mod choice;
mod clock;
mod env;
mod event_loop;
mod inbox;
mod journal;
mod lane;
mod linearizability;
mod observe;
mod rate;
mod registry;
mod system;
#[cfg(feature = "test-hooks")]
mod test_hooks;
mod top;
