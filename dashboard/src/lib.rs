//! The terminal dashboard of keelson: a client of the protocol of `keelson/observe`.
//!
//! - [`protocol`] has the frames, [`client`] the socket and the HTTP stream that carry them.
//! - [`app`] is the state: frames and commands in; what is drawn, and what is asked of the service, out.
//! - [`keys`] says which command each key is. [`view`] draws the state.
//! - [`terminal`] makes the terminal ready, and as it was before, however the program ends.
//! - [`session`] joins them on threads of its own, so that it draws also while JavaScript is blocked.
//! - `binding`, behind the feature of that name, converts for Node.

pub mod app;
pub mod client;
pub mod host;
pub mod keys;
pub mod model;
pub mod protocol;
pub mod session;
pub mod terminal;
pub mod view;

// Without Node the binding has no caller: unit tests cover the rest, JavaScript tests the whole.
#[cfg(all(feature = "binding", not(test)))]
mod binding;
