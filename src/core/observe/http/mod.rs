//! HTTP without I/O: bytes in, a request out; a response in, bytes out. One request a connection.

mod guard;
mod peer;
mod request;
mod response;
mod routes;

pub(crate) use peer::{HttpPeer, PeerOutcome};
