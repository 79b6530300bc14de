//! Runs over many seeds, on a few threads, with the same result on any number of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::policy::Kind;
use crate::world::{Record, Scenario};

/// How thorough an examination is.
#[derive(Debug, Clone, Copy)]
pub struct Lab {
    pub seeds: u64,
    pub threads: usize,
    /// Shorter runs and coarser grids too.
    pub quick: bool,
}

/// A figure over seeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spread {
    pub median: f64,
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut all: Vec<f64> = figures.into_iter().collect();
        all.sort_by(f64::total_cmp);
        let at = |i: usize| all.get(i).copied().unwrap_or(f64::NAN);
        let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
        Self { median: at(all.len() / 2), mean, low: at(0), high: at(all.len().saturating_sub(1)) }
    }
}

impl Lab {
    /// Every seed of every pair, and of each run the figures that are asked for.
    pub fn measure<const N: usize>(
        &self,
        pairs: &[(Scenario, Kind)],
        figures: impl Fn(&Scenario, &Record) -> [f64; N] + Sync,
    ) -> Vec<[Spread; N]> {
        #[expect(clippy::cast_possible_truncation, reason = "hundreds of seeds")]
        let seeds = self.seeds as usize;
        let next = AtomicUsize::new(0);
        let work = || {
            let mut found = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some((scenario, kind)) = pairs.get(index / seeds) else { return found };
                let seed = (index % seeds) as u64;
                let record = scenario.run(seed, &mut *kind.open(scenario, seed));
                found.push((index, figures(scenario, &record)));
            }
        };
        let mut all: Vec<(usize, [f64; N])> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("a run does not panic"))
                .collect()
        });
        all.sort_unstable_by_key(|(index, _)| *index);
        let each = |runs: &[(usize, [f64; N])]| {
            std::array::from_fn(|i| Spread::of(runs.iter().map(|(_, figures)| figures[i])))
        };
        all.chunks(seeds).map(each).collect()
    }

    /// The same scenario behind each of several doors.
    pub fn compare<const N: usize>(
        &self,
        scenario: &Scenario,
        kinds: &[Kind],
        figures: impl Fn(&Scenario, &Record) -> [f64; N] + Sync,
    ) -> Vec<[Spread; N]> {
        let pairs: Vec<_> = kinds.iter().map(|kind| (scenario.clone(), *kind)).collect();
        self.measure(&pairs, figures)
    }

    /// `of` each of so many numbers, on a few threads, in their order.
    pub fn each<T: Send>(&self, count: usize, of: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut found = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return found;
                }
                found.push((index, of(index)));
            }
        };
        let mut all: Vec<(usize, T)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("a run does not panic"))
                .collect()
        });
        all.sort_unstable_by_key(|(index, _)| *index);
        all.into_iter().map(|(_, found)| found).collect()
    }

    /// A length of time, shortened when there is no time.
    pub fn long(&self, seconds: f64, quick: f64) -> f64 {
        if self.quick { quick } else { seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::Lab;
    use crate::policy::Kind;
    use crate::world::Scenario;

    #[test]
    fn the_same_figures_on_any_number_of_threads() {
        let figures = |threads| {
            let lab = Lab { seeds: 3, threads, quick: true };
            let scenario = Scenario::steady(2.0, 5.0);
            let found = lab.compare(&scenario, &Kind::all(), |_, r| {
                [r.goodput(1.0, 5.0), r.latency(0.99, 1.0, 5.0)]
            });
            format!("{found:?}")
        };
        assert_eq!(figures(1), figures(3));
    }
}
