//! Converts between JavaScript and the core; decides nothing.
//!
//! - `hot` is the audited lane for calls that happen per request or per timer: numbers in, a number out.
//! - `environment` holds what belongs to one JavaScript environment (main thread or worker) and dies with it.
//! - The other files list what is exported, one file a folder of the core.

#![expect(unreachable_pub, reason = "napi-derive requires exported items to be `pub`")]

mod actor;
mod atom;
mod atom_open;
mod bell;
mod bus;
mod cache;
mod cache_shared;
mod clock;
mod engine;
mod engine_config;
mod engine_profiles;
mod engine_protocol;
mod environment;
mod hot;
mod inbox;
mod journal;
mod journal_pages;
mod rate;
mod registry;
mod restart;
mod shared_array;
mod shared_memory;
mod supervisor;
mod supervisor_protocol;
mod system;
#[cfg(feature = "test-hooks")]
mod test_hooks;
mod word;
