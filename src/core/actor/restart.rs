//! Decides whether and when a process that failed is restarted: one budget a process, and an exponential back-off.
//!
//! - The budget counts restarts in a window that slides: at most `count` in any `within` milliseconds, both ends
//!   included.
//! - The delay of attempt *n* is `min(initial * factor^(n-1), max)`, spread by `jitter` percent either way, never below
//!   0.
//! - With a budget, *n* counts the restarts in the window; without, those since a run that lasted `max`.
//!
//! Time is monotonic milliseconds; chance is a number in `[0, 1)` that the caller draws.

use super::backoff::Backoff;
use super::restart_window::RestartWindow;

/// A start that follows one which failed before it had begun waits this long at least, so that nothing spins.
const AFTER_FAILED_START: f64 = 1.0;

/// A number of restarts and the time in which they are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestartBudget {
    /// Restarts; 0 for none.
    pub count: u32,
    /// In how many milliseconds.
    pub within: f64,
}

/// The answer to a failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RestartVerdict {
    /// Start over.
    Restart {
        /// The number of the attempt, from 1.
        attempt: u32,
        /// After how many milliseconds.
        delay: f64,
    },
    /// Leave it: the budget is used up.
    GiveUp {
        /// Restarts in the window.
        attempts: u32,
    },
}

/// The restarts of one process, over all its runs.
#[derive(Debug)]
pub struct Restarts {
    budget: Option<RestartBudget>,
    backoff: Backoff,
    window: RestartWindow,
    /// Attempts since a run that lasted, where there is no budget.
    streak: u32,
    /// Since when it runs; `None` before its `init` has ended.
    up_since: Option<f64>,
}

impl Restarts {
    /// Creates the state of a process without failures. Without a budget restarts have no end.
    pub fn new(budget: Option<RestartBudget>, backoff: Backoff) -> Self {
        Self { budget, backoff, window: RestartWindow::default(), streak: 0, up_since: None }
    }

    /// Notes that `init` of the process has succeeded.
    pub fn started(&mut self, now: f64) {
        self.up_since = Some(now);
    }

    /// Notes that the process has failed, while it ran or before. Returns the decision.
    pub fn failed(&mut self, now: f64, chance: f64) -> RestartVerdict {
        let up_since = self.up_since.take();
        let attempt = if let Some(budget) = self.budget {
            let attempts = self.window.count(now, budget.within);
            if attempts >= budget.count {
                return RestartVerdict::GiveUp { attempts };
            }
            self.window.add(now, budget.within)
        } else {
            if up_since.is_some_and(|since| now - since >= self.backoff.max_ms) {
                self.streak = 0;
            }
            self.streak = self.streak.saturating_add(1);
            self.streak
        };
        let delay = self.backoff.delay(attempt - 1, || chance);
        let delay = if up_since.is_none() { delay.max(AFTER_FAILED_START) } else { delay };
        RestartVerdict::Restart { attempt, delay }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::core::actor::backoff::Jitter;
    use proptest::prelude::*;

    const BACKOFF: Backoff =
        Backoff { initial_ms: 100.0, max_ms: 1000.0, factor: 2.0, jitter: Jitter::EitherWay(0.0) };

    fn after(restarts: &mut Restarts, now: f64) -> RestartVerdict {
        restarts.started(now);
        restarts.failed(now, 0.5)
    }

    #[test]
    fn the_window_slides() {
        let budget = RestartBudget { count: 2, within: 1000.0 };
        let mut restarts = Restarts::new(Some(budget), BACKOFF);
        assert_eq!(after(&mut restarts, 0.0), RestartVerdict::Restart { attempt: 1, delay: 100.0 });
        assert_eq!(
            after(&mut restarts, 900.0),
            RestartVerdict::Restart { attempt: 2, delay: 200.0 }
        );
        // A window that tumbles would forget both here.
        assert_eq!(
            after(&mut restarts, 1001.0),
            RestartVerdict::Restart { attempt: 2, delay: 200.0 }
        );
        assert_eq!(after(&mut restarts, 1900.0), RestartVerdict::GiveUp { attempts: 2 });
    }

    #[test]
    fn a_count_of_zero_grants_none() {
        let mut restarts = Restarts::new(Some(RestartBudget { count: 0, within: 1000.0 }), BACKOFF);
        assert_eq!(after(&mut restarts, 0.0), RestartVerdict::GiveUp { attempts: 0 });
    }

    #[test]
    fn without_a_budget_the_delay_grows_until_a_run_has_lasted() {
        let mut restarts = Restarts::new(None, BACKOFF);
        assert_eq!(after(&mut restarts, 0.0), RestartVerdict::Restart { attempt: 1, delay: 100.0 });
        assert_eq!(
            after(&mut restarts, 100.0),
            RestartVerdict::Restart { attempt: 2, delay: 200.0 }
        );
        restarts.started(300.0);
        let verdict = restarts.failed(1300.0, 0.5);
        assert_eq!(verdict, RestartVerdict::Restart { attempt: 1, delay: 100.0 });
    }

    #[test]
    fn a_start_that_failed_is_not_tried_again_at_once() {
        let mut restarts = Restarts::new(None, Backoff { initial_ms: 0.0, ..BACKOFF });
        assert_eq!(restarts.failed(0.0, 0.5), RestartVerdict::Restart { attempt: 1, delay: 1.0 });
        assert_eq!(after(&mut restarts, 5.0), RestartVerdict::Restart { attempt: 2, delay: 0.0 });
    }

    proptest! {
        #[test]
        fn no_window_holds_more_restarts_than_the_budget(
            count in 0_u32..6,
            within in 1.0..1000.0_f64,
            gaps in prop::collection::vec(0.0..300.0_f64, 1..60),
        ) {
            let mut restarts = Restarts::new(Some(RestartBudget { count, within }), BACKOFF);
            let mut now = 0.0;
            let mut granted: Vec<f64> = Vec::new();
            for gap in gaps {
                now += gap;
                let recent = granted.iter().filter(|time| now - **time <= within).count();
                let recent = u32::try_from(recent).unwrap();
                match after(&mut restarts, now) {
                    RestartVerdict::Restart { attempt, .. } => {
                        prop_assert_eq!(attempt, recent + 1);
                        prop_assert!(attempt <= count);
                        granted.push(now);
                    }
                    RestartVerdict::GiveUp { attempts } => {
                        prop_assert_eq!(attempts, recent);
                        prop_assert!(recent >= count);
                    }
                }
            }
        }

        #[test]
        fn a_delay_stays_within_its_spread(
            initial in 0.0..1e6_f64,
            max in 0.0..1e9_f64,
            factor in 1.0..100.0_f64,
            jitter in 0.0..200.0_f64,
            attempt in 1_u32..5000,
            chance in 0.0..1.0_f64,
        ) {
            let with = |jitter| Backoff { initial_ms: initial, max_ms: max, factor, jitter };
            let delay_of = |jitter| with(Jitter::EitherWay(jitter)).delay(attempt - 1, || chance);
            let (plain, delay) = (delay_of(0.0), delay_of(jitter));
            prop_assert!(plain <= max && plain >= initial.min(max));
            prop_assert!(delay >= 0.0);
            let slack = plain * (jitter / 100.0) * (1.0 + 1e-9);
            prop_assert!((delay - plain).abs() <= slack.max(0.0) + 1e-9);
        }
    }
}
