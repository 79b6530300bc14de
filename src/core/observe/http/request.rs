//! A request, cut out of bytes. Anything unusual is refused: chunked bodies, long heads, unfinished escapes.

use super::response::HttpStatus;

/// The longest head, and the longest body, bytes.
pub(crate) const HEAD_LIMIT: usize = 16 * 1024;
pub(crate) const BODY_LIMIT: usize = 64 * 1024;
const MOST_HEADERS: usize = 64;

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpRequest {
    /// Returns a header that came once; a repeated one is no header.
    pub(crate) fn header(&self, name: &str) -> Result<Option<&str>, HttpStatus> {
        let mut found = self.headers.iter().filter(|(each, _)| each == name);
        let first = found.next().map(|(_, value)| value.as_str());
        if found.next().is_some() { Err(HttpStatus::BadRequest) } else { Ok(first) }
    }

    /// Returns the values of a header that may come several times.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a request from all bytes that have come; `None` when more must come.
///
/// # Errors
///
/// The status of the refusal.
pub(crate) fn read_request(bytes: &[u8]) -> Result<Option<HttpRequest>, HttpStatus> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) if bytes.len() > HEAD_LIMIT => {
            return Err(HttpStatus::HeadTooLarge);
        }
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HttpStatus::HeadTooLarge),
        Err(_) => return Err(HttpStatus::BadRequest),
    };
    if head > HEAD_LIMIT {
        return Err(HttpStatus::HeadTooLarge);
    }
    let (method, target) = (parsed.method.unwrap_or(""), parsed.path.unwrap_or(""));
    let mut request = HttpRequest { method: method.to_owned(), ..HttpRequest::default() };
    for header in parsed.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| HttpStatus::BadRequest)?;
        request.headers.push((header.name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.headers("transfer-encoding").next().is_some() {
        return Err(HttpStatus::LengthRequired);
    }
    let length = match request.header("content-length")? {
        None => 0,
        // Signs and spaces are numbers for `parse`, and none for HTTP.
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse::<usize>().map_err(|_| HttpStatus::BodyTooLarge)?
        }
        Some(_) => return Err(HttpStatus::BadRequest),
    };
    if length > BODY_LIMIT {
        return Err(HttpStatus::BodyTooLarge);
    }
    let Some(body) = bytes[head..].get(..length) else { return Ok(None) };
    body.clone_into(&mut request.body);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return Err(HttpStatus::BadRequest);
    }
    path.clone_into(&mut request.path);
    request.query = read_query(query)?;
    Ok(Some(request))
}

fn read_query(query: &str) -> Result<Vec<(String, String)>, HttpStatus> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// Returns a text without its escapes.
fn decoded(text: &str) -> Result<String, HttpStatus> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = rest.next().and_then(|byte| char::from(byte).to_digit(16));
                    digit.and_then(|digit| u8::try_from(digit).ok()).ok_or(HttpStatus::BadRequest)
                };
                digit()? * 16 + digit()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| HttpStatus::BadRequest)
}
