//! Maps finite `f64` times to `u64` keys of the same order.

const SIGN: u64 = 1 << 63;

/// Returns the key of a time: `a < b` exactly when `of(a) < of(b)`, for all non-NaN values.
///
/// IEEE 754 doubles of one sign order like their bit patterns, so flipping the sign bit (or all bits of a
/// negative number) gives a total order on unsigned integers. Negative zero counts as zero.
pub(crate) fn of(time: f64) -> u64 {
    let bits = (time + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// Returns the time that has this key; the inverse of [`of`].
pub(crate) fn time(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_order_like_times(a in -1e18_f64..1e18, b in -1e18_f64..1e18) {
            prop_assert_eq!(a < b, of(a) < of(b));
            prop_assert_eq!(time(of(a)), a);
        }
    }

    #[test]
    fn zero_has_one_key() {
        assert_eq!(of(0.0), of(-0.0));
    }
}
