//! Responses. Each closes its connection, and none may be stored, framed or read by another site.

/// The status of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpStatus {
    Ok,
    NoContent,
    SeeOther,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    LengthRequired,
    BodyTooLarge,
    HeadTooLarge,
    Unavailable,
}

impl HttpStatus {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::NoContent => "204 No Content",
            Self::SeeOther => "303 See Other",
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::RequestTimeout => "408 Request Timeout",
            Self::LengthRequired => "411 Length Required",
            Self::BodyTooLarge => "413 Content Too Large",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }

    /// Returns the code and the sentence of a refusal.
    pub(crate) const fn refusal(self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("KEELSON_OBSERVE_NOT_FOUND", "There is nothing under this path."),
            Self::MethodNotAllowed => {
                ("KEELSON_OBSERVE_METHOD", "The path does not take this method.")
            }
            Self::RequestTimeout => ("KEELSON_OBSERVE_TIMEOUT", "The request came too slowly."),
            Self::LengthRequired => {
                ("KEELSON_OBSERVE_LENGTH", "A body needs Content-Length, and no other framing.")
            }
            Self::BodyTooLarge | Self::HeadTooLarge => {
                ("KEELSON_OBSERVE_TOO_LONG", "The request is longer than requests may be.")
            }
            Self::Unavailable => ("KEELSON_OBSERVE_CLOSING", "The server ends."),
            _ => ("KEELSON_OBSERVE_GARBAGE", "This is no request that the server understands."),
        }
    }
}

const GUARDS: &str = "Cache-Control: no-store\r\n\
Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
Cross-Origin-Opener-Policy: same-origin\r\n\
Cross-Origin-Resource-Policy: same-origin\r\n\
Referrer-Policy: no-referrer\r\n\
X-Content-Type-Options: nosniff\r\n\
X-Frame-Options: DENY\r\n\
Connection: close\r\n";

/// A response with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpResponse {
    bytes: Vec<u8>,
}

impl HttpResponse {
    /// Builds one with a body.
    pub(crate) fn new(status: HttpStatus, media: &str, body: &[u8]) -> Self {
        Self::with(status, &format!("Content-Type: {media}\r\n"), body)
    }

    /// Builds one with a body and lines of headers, each with its end.
    pub(crate) fn with(status: HttpStatus, headers: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {}\r\n{GUARDS}{headers}Content-Length: {length}\r\n\r\n",
            status.line()
        );
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Self { bytes }
    }

    /// Builds one whose body is JSON.
    pub(crate) fn json(status: HttpStatus, body: &[u8]) -> Self {
        Self::new(status, "application/json", body)
    }

    /// Builds the head of a stream, whose body has no end.
    pub(crate) fn stream_head() -> Self {
        let head = format!(
            "HTTP/1.1 {}\r\n{GUARDS}Content-Type: text/event-stream\r\n\r\n",
            HttpStatus::Ok.line()
        );
        Self { bytes: head.into_bytes() }
    }

    /// Drops the body, for a request that asks for the head alone.
    pub(crate) fn without_body(mut self) -> Self {
        if let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            self.bytes.truncate(end + 4);
        }
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
