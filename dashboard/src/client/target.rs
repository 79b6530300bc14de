//! Where a service is.

use std::path::PathBuf;

/// Where a service is observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A unix socket.
    Socket(PathBuf),
    /// The server of HTTP.
    Http {
        /// Host and port.
        authority: String,
        /// The token; empty for none.
        token: String,
    },
}

/// Why a target cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetProblem(pub String);

impl Target {
    /// Reads a target: the path of a socket, or `http://host:port/?token=…`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with an address.
    pub fn read(text: &str) -> Result<Self, TargetProblem> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Socket(text.into()));
        };
        if scheme != "http" {
            return Err(TargetProblem(format!(
                "{scheme} is not spoken: forward the port of the service to this machine, and use http"
            )));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() || authority.contains(['@', ' ', '\r', '\n']) {
            return Err(TargetProblem(
                "the address needs a host and a port: http://127.0.0.1:9100/?token=…".into(),
            ));
        }
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let token =
            query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
        let authority =
            if has_port(authority) { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self::Http { authority, token: token.into() })
    }
}

fn has_port(authority: &str) -> bool {
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(authority: &str, token: &str) -> Target {
        Target::Http { authority: authority.into(), token: token.into() }
    }

    #[test]
    fn paths_and_addresses_are_read() {
        assert_eq!(
            Target::read("/run/keelson/7.sock"),
            Ok(Target::Socket("/run/keelson/7.sock".into()))
        );
        assert_eq!(
            Target::read("http://127.0.0.1:9100/?token=abc"),
            Ok(http("127.0.0.1:9100", "abc"))
        );
        assert_eq!(
            Target::read("http://[::1]:9100/?x=1&token=abc#top"),
            Ok(http("[::1]:9100", "abc"))
        );
        assert_eq!(Target::read("http://localhost"), Ok(http("localhost:80", "")));
        assert_eq!(Target::read("http://[::1]/"), Ok(http("[::1]:80", "")));
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused() {
        assert!(Target::read("https://example.com").unwrap_err().0.contains("forward the port"));
        assert!(Target::read("http:///x").is_err());
        assert!(Target::read("http://a b/").is_err());
    }
}
