//! Time inside the engine never goes back, whatever the caller's clock does.

/// Maps the caller's clock to one that stands still where that one goes back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Monotonic {
    /// The last time of the caller.
    seen: Option<f64>,
    /// The offset from the caller's time.
    offset: f64,
    /// The last time of the engine: rounding must not take it back either.
    at: f64,
}

impl Monotonic {
    /// Returns the engine's time for the caller's.
    pub(crate) fn tick(&mut self, now_ms: f64) -> f64 {
        let seen = self.seen.unwrap_or(now_ms);
        let now_ms = if now_ms.is_finite() { now_ms } else { seen };
        if now_ms.is_finite() {
            self.offset += (seen - now_ms).max(0.0);
            self.seen = Some(now_ms);
            self.at = if self.offset > 0.0 { self.at.max(now_ms + self.offset) } else { now_ms };
        }
        self.at
    }

    /// Returns the same, without taking note of it.
    pub(crate) fn peek(&self, now_ms: f64) -> f64 {
        let mut copy = *self;
        copy.tick(now_ms)
    }

    /// Returns the caller's time for the engine's.
    pub(crate) fn outside(&self, at: f64) -> f64 {
        at - self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::Monotonic;

    #[test]
    fn a_step_back_is_a_pause() {
        let mut clock = Monotonic::default();
        assert_eq!(clock.tick(f64::NAN), 0.0);
        let times = [100.0, 150.0, 20.0, 30.0, f64::NAN, 25.0, 40.0];
        let seen: Vec<f64> = times.iter().map(|t| clock.tick(*t)).collect();
        assert_eq!(seen, [100.0, 150.0, 150.0, 160.0, 160.0, 160.0, 175.0]);
        assert_eq!(clock.outside(185.0), 50.0);
    }
}
