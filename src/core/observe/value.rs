//! The cells of tables.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Serialize, Serializer};

/// Characters of a text cell that a frame carries; the rest is cut off, so that rows have a bound.
pub const TEXT_LIMIT: usize = 256;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum CellValue<'a> {
    /// Not known.
    Unknown,
    /// A number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A text.
    Text(Cow<'a, str>),
}

impl<'a> CellValue<'a> {
    /// Returns a cell of a borrowed text.
    #[must_use]
    pub const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Returns the cell with a text of its own, cut to [`TEXT_LIMIT`] characters.
    #[must_use]
    pub fn into_owned(self) -> CellValue<'static> {
        match self {
            Self::Unknown => CellValue::Unknown,
            Self::Number(number) => CellValue::Number(number),
            Self::Flag(flag) => CellValue::Flag(flag),
            Self::Text(text) => CellValue::Text(Cow::Owned(shortened(&text).into_owned())),
        }
    }

    /// Compares two cells of one column: unknown first, then numbers, flags and texts by their bytes.
    #[must_use]
    pub fn compare(&self, other: &CellValue<'_>) -> Ordering {
        match (self, other) {
            (Self::Number(one), CellValue::Number(two)) => one.total_cmp(two),
            (Self::Flag(one), CellValue::Flag(two)) => one.cmp(two),
            (Self::Text(one), CellValue::Text(two)) => one.as_bytes().cmp(two.as_bytes()),
            (one, two) => one.rank().cmp(&two.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Number(_) => 1,
            Self::Flag(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

impl Serialize for CellValue<'_> {
    /// Writes a number that JSON does not have as `null`, and a whole number without a fraction.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => serializer.serialize_unit(),
            Self::Number(number) => number_to(*number, serializer),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// Writes a number as JavaScript would.
///
/// # Errors
///
/// Those of the serializer.
pub fn number_to<S: Serializer>(number: f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !number.is_finite() {
        return serializer.serialize_unit();
    }
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as checked")]
        return serializer.serialize_i64(number as i64);
    }
    serializer.serialize_f64(number)
}

/// Returns a text of at most [`TEXT_LIMIT`] characters.
#[must_use]
pub fn shortened(text: &str) -> Cow<'_, str> {
    shortened_to(text, TEXT_LIMIT)
}

/// Returns a text of at most so many characters; the last one is `…` when some were cut off.
#[must_use]
pub fn shortened_to(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let Some((cut, _)) = text.char_indices().nth(limit.saturating_sub(1)) else {
        return Cow::Borrowed(text);
    };
    if text[cut..].chars().nth(1).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..cut]))
}
