//! How long work takes: a mean, and how much it varies.

use keelson::core::random::Random;

/// Service times with a mean and a coefficient of variation of 0.5, 1 or 3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Service {
    pub mean_ms: f64,
    pub cv: f64,
}

impl Service {
    pub fn exponential(mean_ms: f64) -> Self {
        Self { mean_ms, cv: 1.0 }
    }

    /// One draw. Below a CV of 1 an Erlang distribution, at 1 the exponential, above it a hyperexponential one with
    /// balanced means (Morse 1955; Whitt 1982), in which few jobs make half of the work. Always two numbers of chance
    /// or four, so that the draws of two runs stay in step.
    pub fn draw(&self, random: &mut Random) -> f64 {
        let exponential = |random: &mut Random| -(1.0 - random.unit()).ln();
        if self.cv < 1.0 {
            // Erlang-4 has a CV of 0.5.
            return self.mean_ms / 4.0 * (0..4).map(|_| exponential(random)).sum::<f64>();
        }
        if self.cv <= 1.0 {
            return self.mean_ms * exponential(random);
        }
        let short = self.short_share();
        let branch = if random.unit() < short { short } else { 1.0 - short };
        self.mean_ms / (2.0 * branch) * exponential(random)
    }

    fn short_share(&self) -> f64 {
        let square = self.cv * self.cv;
        0.5 * (1.0 + ((square - 1.0) / (square + 1.0)).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, Service};

    #[test]
    fn draws_have_the_mean_and_the_variation_they_are_named_after() {
        for cv in [0.5, 1.0, 3.0] {
            let service = Service { mean_ms: 20.0, cv };
            let mut random = Random::new(1);
            let draws: Vec<f64> = (0..400_000).map(|_| service.draw(&mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 400_000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 400_000.0;
            assert!((mean - 20.0).abs() < 0.3, "cv {cv}: mean {mean}");
            let found = variance.sqrt() / mean;
            assert!((found - cv).abs() < 0.03 * cv, "cv {cv}: found {found}");
        }
    }
}
