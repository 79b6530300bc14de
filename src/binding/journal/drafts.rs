//! Reads records from the text in which they cross.

use crate::core::journal::elements::elements;
use crate::core::journal::error::JournalError;
use crate::core::journal::format::Draft;
use crate::core::journal::streams::Condition;

/// Returns a record and its condition; `names` are its id, key, stream, expected version, mark of a unique id, and
/// expected origin, with NUL between them.
pub(super) fn draft<'a>(
    wall: f64,
    mono: f64,
    payload: &'a str,
    names: &'a str,
) -> (Draft<'a>, Condition) {
    let mut names = names.split('\0');
    let [id, key, stream, expected, unique, origin] = [(); 6].map(|()| names.next().unwrap_or(""));
    let draft = Draft { wall, mono, id, key, payload, stream, ..Draft::default() };
    let (expected, origin) = (expected.parse().ok(), origin.parse().ok());
    (draft, Condition { expected, origin, unique: !unique.is_empty() })
}

/// Returns the records of a batch, and their conditions.
pub(super) fn drafts(
    wall: f64,
    mono: f64,
    text: &str,
    count: usize,
) -> Result<(Vec<Draft<'_>>, Vec<Condition>), JournalError> {
    let malformed = JournalError::Invalid { field: "data", why: "arrays of as many records" };
    // A payload takes two bytes at least, with its comma: a wrong count asks for no memory.
    let mut payloads = Vec::with_capacity(count.min(text.len() / 2));
    let mut rest = text;
    while rest.starts_with('[') {
        match elements(rest, &mut payloads) {
            Some(after) => rest = after,
            None => return Err(malformed),
        }
    }
    if payloads.len() != count {
        return Err(malformed);
    }
    let draft = |payload, names| draft(wall, mono, payload, names);
    if rest.is_empty() {
        return Ok(payloads.into_iter().map(|payload| draft(payload, "")).unzip());
    }
    let mut names = rest.split('\u{1}');
    if names.next() != Some("") || names.clone().count() != count {
        return Err(malformed);
    }
    Ok(payloads.into_iter().zip(names).map(|(payload, names)| draft(payload, names)).unzip())
}
