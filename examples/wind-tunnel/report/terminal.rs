//! A series as one line of text.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `width` bars from 0 to `top`; a dot where there is no value.
pub fn spark(values: &[f64], top: f64, width: usize) -> String {
    let chunk = values.len().div_ceil(width.max(1)).max(1);
    let bar = |part: &[f64]| {
        let known: Vec<f64> = part.iter().copied().filter(|x| x.is_finite()).collect();
        if known.is_empty() {
            return '·';
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let level = ((mean / top).clamp(0.0, 1.0) * 7.0).round() as usize;
        BARS[level]
    };
    values.chunks(chunk).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::spark;

    #[test]
    fn from_nothing_to_full() {
        assert_eq!(spark(&[0.0, 0.5, 1.0, f64::NAN], 1.0, 4), "▁▅█·");
    }
}
