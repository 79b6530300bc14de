//! The size of a list of answers.

/// The size of a list: answers that are not 0 weigh most, then the length, then the sum. Zeros at the end do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size {
    deviations: usize,
    length: usize,
    sum: u64,
}

impl Size {
    pub(super) fn of(values: &[u32]) -> Self {
        let length = values.iter().rposition(|&value| value != 0).map_or(0, |last| last + 1);
        let deviations = values.iter().filter(|&&value| value != 0).count();
        Self { deviations, length, sum: values.iter().map(|&value| u64::from(value)).sum() }
    }
}

/// Returns the list without the zeros at its end.
pub(super) fn trimmed(mut values: Vec<u32>) -> Vec<u32> {
    let length = values.iter().rposition(|&value| value != 0).map_or(0, |last| last + 1);
    values.truncate(length);
    values
}
