//! Chooses among routes by resistance: the lower, the likelier.

/// A candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// R, ohm.
    pub resistance: f64,
    /// Set when its breaker is open, or it is silent.
    pub closed: bool,
}

/// Returns the index of one of the candidates, `None` if there are none.
///
/// Softmax over `-beta * (R - R_min) / base` of those that are not closed; the subtraction keeps the largest weight at
/// 1, so that no resistance underflows it. `unit` is chance from [0, 1). With probability `explore` (and when all are
/// closed) any candidate is taken, each as likely, so that one without requests is tried again.
#[must_use]
pub fn select(
    candidates: &[Candidate],
    base: f64,
    beta: f64,
    explore: f64,
    unit: f64,
) -> Option<usize> {
    let last = candidates.len().checked_sub(1)?;
    let unit = if (0.0..1.0).contains(&unit) { unit } else { 0.0 };
    if unit < explore {
        return Some(place(unit / explore, candidates.len()));
    }
    let unit = (unit - explore) / (1.0 - explore);
    let lowest = candidates
        .iter()
        .filter(|candidate| !candidate.closed)
        .fold(f64::INFINITY, |lowest, candidate| lowest.min(candidate.resistance));
    if lowest == f64::INFINITY {
        return Some(place(unit, candidates.len()));
    }
    let weight = |candidate: &Candidate| {
        if candidate.closed { 0.0 } else { (-beta * (candidate.resistance - lowest) / base).exp() }
    };
    let mut left = unit * candidates.iter().map(weight).sum::<f64>();
    let mut chosen = last;
    for (index, candidate) in candidates.iter().enumerate() {
        let weight = weight(candidate);
        if weight <= 0.0 {
            continue;
        }
        // Rounding may leave a little at the end: that is the last one's.
        chosen = index;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    Some(chosen)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to less than the count"
)]
fn place(unit: f64, count: usize) -> usize {
    ((unit * count as f64) as usize).min(count - 1)
}
