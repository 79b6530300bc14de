//! Decides who may ask: by the name of the host that was asked, by the origin of the page that asks, by the token.
//!
//! A page of another site can make a browser ask this server: under a name that its owner points at 127.0.0.1 (then
//! `Host` is that name), or across origins (then `Origin` is that site). Neither gets as far as the token.

use super::request::HttpRequest;
use crate::core::observe::settings::ServerSettings;

/// The reason of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forbidden {
    Host,
    Origin,
    Token,
}

impl Forbidden {
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Host => "This name of the host is not allowed: see the option allowedHosts.",
            Self::Origin => "This origin is not allowed: see the option allowedOrigins.",
            Self::Token => "The token is missing or wrong: open the URL that observe() gave.",
        }
    }
}

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Checks host and origin.
pub(crate) fn check_source(
    request: &HttpRequest,
    settings: &ServerSettings,
) -> Result<(), Forbidden> {
    let host = request.header("host").ok().flatten().ok_or(Forbidden::Host)?.to_ascii_lowercase();
    if !is_known_host(&host, settings) {
        return Err(Forbidden::Host);
    }
    let Ok(origin) = request.header("origin") else { return Err(Forbidden::Origin) };
    let Some(origin) = origin.map(str::to_ascii_lowercase) else { return Ok(()) };
    // The host is known by now, so this is the page of this very server.
    let is_own = origin.strip_prefix("http://").is_some_and(|authority| authority == host);
    if is_own || settings.origins.contains(&origin) { Ok(()) } else { Err(Forbidden::Origin) }
}

fn is_known_host(host: &str, settings: &ServerSettings) -> bool {
    let name = name_of(host);
    let Some(name) = name else { return false };
    LOOPBACK.contains(&name) || settings.hosts.iter().any(|known| known == host || known == name)
}

/// Returns a host without its port; `None` when there is something else behind the name.
fn name_of(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') {
        host.find(']')? + 1
    } else {
        host.find(':').unwrap_or(host.len())
    };
    let (name, port) = host.split_at(end);
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
        });
    (is_port && !name.is_empty()).then_some(name)
}

/// Checks the token of a request: in `Authorization`, or in the cookie.
pub(crate) fn check_token(
    request: &HttpRequest,
    settings: &ServerSettings,
) -> Result<(), Forbidden> {
    let bearer = request.header("authorization").ok().flatten().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let cookies = request.headers("cookie").flat_map(|value| value.split(';'));
    let cookie = cookies
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == settings.cookie).then_some(value));
    let is_known = |token: Option<&str>| token.is_some_and(|token| is_token(token, settings));
    if is_known(bearer) || is_known(cookie) { Ok(()) } else { Err(Forbidden::Token) }
}

/// Returns whether a text is the token. The time it takes does not tell how much of it is right.
pub(crate) fn is_token(text: &str, settings: &ServerSettings) -> bool {
    let (text, token) = (text.as_bytes(), settings.token.as_bytes());
    let mut differs = u8::from(text.len() != token.len()) | u8::from(token.is_empty());
    for (index, byte) in token.iter().enumerate() {
        differs |= std::hint::black_box(byte ^ text.get(index).unwrap_or(&0));
    }
    std::hint::black_box(differs) == 0
}
