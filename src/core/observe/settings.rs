//! The settings of a server.

use super::wire::Introduction;

/// A file of the page.
#[derive(Debug, Clone, Copy)]
pub struct PageAsset {
    /// Its path, with the slash in front.
    pub path: &'static str,
    /// Its media type.
    pub media: &'static str,
    /// Its content.
    pub body: &'static [u8],
    /// The value of `Content-Encoding`, if it has one.
    pub encoding: Option<&'static str>,
}

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The process.
    pub of: Introduction,
    /// The least time between two updates of a session, ms.
    pub refresh_ms: f64,
    /// Whether clients may stop, kill and restart.
    pub actions: bool,
    /// The secret that HTTP clients must have.
    pub token: String,
    /// The name of the cookie that carries it.
    pub cookie: String,
    /// Names of hosts beside those of loopback, in lower case. A name without a port stands for every port.
    pub hosts: Vec<String>,
    /// Origins beside the server's own, in lower case.
    pub origins: Vec<String>,
    /// The files of the page; `/` is the first.
    pub assets: &'static [PageAsset],
}

/// The time of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObservedTime {
    /// Monotonic, ms.
    pub mono: f64,
    /// Wall, ms since 1970.
    pub wall: f64,
}
