//! Shared counters and flags: each operation is one call and one atomic word.

use super::values::Atoms;
use crate::binding::env::Local;
use crate::binding::lane::{Module, hot_lane};
use crate::core::atom::Count;

pub(crate) const MODULE: Module = hot_lane! {
    Atoms;
    /// Returns the value of a counter or flag, or NaN.
    "wordGet"(word) => word_get;
    /// Adds an amount. Returns the new value, or NaN without a change when it would not be a safe integer.
    "wordAdd"(word, amount) => word_add;
    /// Sets the value. Returns the one before.
    "wordSet"(word, value) => word_set;
    /// Sets the value if it is `expected`. Returns 1 if it was.
    "wordCompareAndSet"(word, expected, value) => word_compare_and_set;
};

fn word_get(environment: &Local<Atoms>, word: f64) -> f64 {
    with_count(environment, word, |count| count.get() as f64)
}

#[expect(clippy::cast_possible_truncation, reason = "TypeScript passes a safe integer")]
fn word_add(environment: &Local<Atoms>, word: f64, amount: f64) -> f64 {
    with_count(environment, word, |count| {
        count.add(amount as i64).map_or(f64::NAN, |sum| sum as f64)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "TypeScript passes a safe integer")]
fn word_set(environment: &Local<Atoms>, word: f64, value: f64) -> f64 {
    with_count(environment, word, |count| count.set(value as i64) as f64)
}

#[expect(clippy::cast_possible_truncation, reason = "TypeScript passes safe integers")]
fn word_compare_and_set(environment: &Local<Atoms>, word: f64, expected: f64, value: f64) -> f64 {
    with_count(environment, word, |count| {
        f64::from(u8::from(count.compare_and_set(expected as i64, value as i64)))
    })
}

fn with_count(environment: &Local<Atoms>, word: f64, body: impl FnOnce(&Count) -> f64) -> f64 {
    environment
        .table
        .borrow_mut()
        .get(word)
        .and_then(|open| open.count().map(body))
        .unwrap_or(f64::NAN)
}
