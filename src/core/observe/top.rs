//! The first rows of a table in the order of one column, without sorting the table: a heap holds the best `count` so
//! far. Equal values keep the order of their places, so the result is the beginning of a stable sort.
//!
//! Time: O(n log count); memory: O(count).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Returns the places of the least `count` numbers, or of the greatest, in order. NaN comes last either way.
#[must_use]
pub fn top_numbers(values: &[f64], count: usize, greatest: bool) -> Vec<usize> {
    best(values.iter().map(|&value| rank(value, greatest)), count)
}

/// Returns the places of the first `count` texts by code points, or of the last, in order.
#[must_use]
pub fn top_texts(texts: &[impl AsRef<str>], count: usize, greatest: bool) -> Vec<usize> {
    let texts = texts.iter().map(AsRef::as_ref);
    if greatest { best(texts.map(Reverse), count) } else { best(texts, count) }
}

/// Returns an integer that orders as the number does.
fn rank(value: f64, greatest: bool) -> u64 {
    const SIGN: u64 = 1 << 63;
    if value.is_nan() {
        return u64::MAX;
    }
    // The sum turns -0 into 0.
    let bits = (value + 0.0).to_bits();
    let ascending = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    if greatest { !ascending } else { ascending }
}

fn best<V: Ord>(values: impl Iterator<Item = V>, count: usize) -> Vec<usize> {
    let mut heap: BinaryHeap<(V, usize)> = BinaryHeap::new();
    if count == 0 {
        return Vec::new();
    }
    for (place, value) in values.enumerate() {
        if heap.len() < count {
            heap.push((value, place));
        } else if let Some(mut worst) = heap.peek_mut()
            && value < worst.0
        {
            *worst = (value, place);
        }
    }
    heap.into_sorted_vec().into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A stable sort of everything.
    fn sorted<V>(values: &[V], before: impl Fn(&V, &V) -> std::cmp::Ordering) -> Vec<usize> {
        let mut places: Vec<usize> = (0..values.len()).collect();
        places.sort_by(|&a, &b| before(&values[a], &values[b]));
        places
    }

    proptest! {
        #[test]
        fn numbers_are_the_beginning_of_a_stable_sort(
            values in proptest::collection::vec(
                prop_oneof![(-3_i32..3).prop_map(f64::from), Just(f64::NAN), Just(f64::INFINITY),
                    Just(f64::NEG_INFINITY), Just(-0.0), any::<f64>()], 0..200),
            count in 0_usize..250,
        ) {
            let up = |a: &f64, b: &f64| a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
            let down = |a: &f64, b: &f64| b.partial_cmp(a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
            let shown = count.min(values.len());
            prop_assert_eq!(top_numbers(&values, count, false), &sorted(&values, up)[..shown]);
            prop_assert_eq!(top_numbers(&values, count, true), &sorted(&values, down)[..shown]);
        }

        #[test]
        fn texts_are_the_beginning_of_a_stable_sort(
            texts in proptest::collection::vec("[ab\u{e9}\u{1f600}]{0,2}", 0..200),
            count in 0_usize..250,
        ) {
            let shown = count.min(texts.len());
            let up = sorted(&texts, Ord::cmp);
            let down = sorted(&texts, |a, b| b.cmp(a));
            prop_assert_eq!(top_texts(&texts, count, false), &up[..shown]);
            prop_assert_eq!(top_texts(&texts, count, true), &down[..shown]);
        }
    }
}
