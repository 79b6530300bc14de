//! The Rust side of keelson.
//!
//! [`core`] makes every decision and knows nothing of Node. The `binding` module, behind the feature of
//! the same name, converts values and wakes JavaScript, and decides nothing. See `ARCHITECTURE.md`.

pub mod core;

// Without Node the binding has no caller: unit tests cover the core, JavaScript tests the seam.
#[cfg(all(feature = "binding", not(test)))]
mod binding;

#[cfg(any(feature = "binding", test))]
mod protocol;
