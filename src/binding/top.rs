//! The first rows of a table in the order of one column.

#![expect(clippy::needless_pass_by_value, reason = "Node-API hands texts over by value")]

use napi_derive::napi;

use crate::core::observe;

/// Returns the places of the least `count` numbers, or of the greatest, in order. NaN comes last either way.
#[napi(catch_unwind)]
pub fn top_numbers(values: &[f64], count: u32, greatest: bool) -> Vec<u32> {
    places(observe::top_numbers(values, count as usize, greatest))
}

/// Returns the places of the first `count` texts by code points, or of the last, in order.
#[napi(catch_unwind)]
pub fn top_texts(texts: Vec<String>, count: u32, greatest: bool) -> Vec<u32> {
    places(observe::top_texts(&texts, count as usize, greatest))
}

/// A table has fewer than 2^32 rows.
fn places(found: Vec<usize>) -> Vec<u32> {
    found.into_iter().map(|place| u32::try_from(place).unwrap_or(u32::MAX)).collect()
}
