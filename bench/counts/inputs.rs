//! Inputs that are drawn before a loop begins, so that drawing them is not counted with it.

use keelson::core::random::Random;

/// The number of inputs that a loop takes in turn. A power of two, so that a mask takes the next one.
const INPUTS: usize = 8192;

/// A fixed number of inputs that come again and again.
#[derive(Debug)]
pub struct Inputs<T> {
    values: Vec<T>,
    next: usize,
}

impl<T: Copy> Inputs<T> {
    /// Draws the inputs from a seed.
    pub fn new(seed: u64, mut draw: impl FnMut(&mut Random) -> T) -> Self {
        let mut random = Random::new(seed);
        Self { values: (0..INPUTS).map(|_| draw(&mut random)).collect(), next: 0 }
    }

    /// Returns the next input.
    #[inline]
    pub fn take(&mut self) -> T {
        let value = self.values[self.next & (INPUTS - 1)];
        self.next += 1;
        value
    }
}

/// Draws an index below `bound`.
#[expect(clippy::cast_possible_truncation, reason = "below a bound of 32 bits")]
pub fn index(random: &mut Random, bound: u32) -> u32 {
    random.below(bound.into()) as u32
}
