//! The configuration of a supervisor, and the rules that it keeps.

use super::ids::{ChildId, StartToken};
use crate::core::actor::backoff::Backoff;

/// The children that restart together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Restarts that child alone.
    #[default]
    OneForOne,
    /// All children: they are stopped, last first, and started again in order.
    OneForAll,
    /// Restarts that child and those after it.
    RestForOne,
    /// Restarts that child alone. All children are made after one template, have no order, and are stopped at once.
    SimpleOneForOne,
}

/// The ends after which a child is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// Unless it ended normally, or was asked to stop.
    Transient,
    /// Never. Its specification goes with it, also when it is stopped as a sibling.
    Temporary,
}

/// The way in which a child is stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shutdown {
    /// Killed at once.
    Kill,
    /// Asks it to stop, and kills it after so many milliseconds.
    After(f64),
    /// Asked, and waited for as long as it takes.
    Never,
}

/// The signals that end a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// Asked; it may clean up, and it may refuse.
    Shutdown,
    /// Ended for certain. The driver owes a `ChildExited` for it, whatever the process does.
    Kill,
}

/// The kind of a child. It decides the default shutdown and the counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChildKind {
    /// It works.
    #[default]
    Worker,
    /// It supervises.
    Supervisor,
}

/// The ends of significant children that stop their supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoShutdown {
    /// Never; no child may be significant.
    #[default]
    Never,
    /// As soon as one has.
    AnySignificant,
    /// As soon as the last one has.
    AllSignificant,
}

/// The restarts that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BudgetScope {
    /// Counts the restarts of all children together, as in OTP.
    #[default]
    Supervisor,
    /// Counts the restarts of each child for itself. A child over its budget still ends the supervisor.
    Child,
}

/// The rules for starting, stopping and restarting a child.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChildPolicy {
    /// The ends after which it is started again.
    pub restart: Restart,
    /// The way in which it is stopped.
    pub shutdown: Shutdown,
    /// Worker or supervisor.
    pub kind: ChildKind,
    /// Set when its end may end the supervisor.
    pub significant: bool,
    /// The delay of restarts. Without one they happen at once.
    pub backoff: Option<Backoff>,
    /// The time that a start may take, in milliseconds; without one there is no limit. While a child starts, its
    /// supervisor does nothing else.
    pub start_timeout: Option<f64>,
}

impl ChildPolicy {
    /// Returns a permanent worker that has five seconds to stop.
    pub fn worker() -> Self {
        Self {
            restart: Restart::Permanent,
            shutdown: Shutdown::After(5_000.0),
            kind: ChildKind::Worker,
            significant: false,
            backoff: None,
            start_timeout: None,
        }
    }

    /// Returns a permanent supervisor that has all the time it needs to stop, because its children need theirs.
    pub fn supervisor() -> Self {
        Self { shutdown: Shutdown::Never, kind: ChildKind::Supervisor, ..Self::worker() }
    }

    /// Checks the rules that need nothing but the policy and the supervisor's `auto_shutdown`.
    pub(super) fn check(&self, auto_shutdown: AutoShutdown) -> Result<(), InvalidSpec> {
        if self.significant && auto_shutdown == AutoShutdown::Never {
            return Err(InvalidSpec::SignificantUnderNever);
        }
        if self.significant && self.restart == Restart::Permanent {
            return Err(InvalidSpec::SignificantPermanent);
        }
        match self.shutdown {
            Shutdown::After(ms) if !is_duration(ms) => return Err(InvalidSpec::Shutdown),
            _ => {}
        }
        if self.start_timeout.is_some_and(|ms| !is_duration(ms)) {
            return Err(InvalidSpec::StartTimeout);
        }
        if self.backoff.is_some_and(|backoff| !backoff.is_valid()) {
            return Err(InvalidSpec::Backoff);
        }
        Ok(())
    }
}

fn is_duration(ms: f64) -> bool {
    ms.is_finite() && ms >= 0.0
}

/// A child: its name, the work to start, and its policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChildSpec {
    /// Its name, of which its supervisor has but one.
    pub id: ChildId,
    /// Its start function.
    pub token: StartToken,
    /// Its rules.
    pub policy: ChildPolicy,
}

/// A supervisor.
#[derive(Debug, Clone, PartialEq)]
pub struct SupervisorConfig {
    /// The children that restart together.
    pub strategy: Strategy,
    /// The children to begin with, in the order in which they start. Empty for `simple_one_for_one`.
    pub children: Vec<ChildSpec>,
    /// The rules for the children of a `simple_one_for_one` supervisor, and of no other.
    pub template: Option<ChildPolicy>,
    /// The most restarts in any `within_ms`.
    pub max_restarts: u32,
    /// The length of the sliding window; its ends belong to it.
    pub within_ms: f64,
    /// The restarts that are counted together.
    pub scope: BudgetScope,
    /// The ends of significant children after which the supervisor ends.
    pub auto_shutdown: AutoShutdown,
    /// The most children that may be there, running or not.
    pub max_children: Option<usize>,
    /// Set to delete a child that ended and is not started again, as if it were temporary. In OTP a transient one
    /// stays, and comes back with its group or on request.
    pub forget_ended: bool,
}

impl Default for SupervisorConfig {
    fn default() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            children: Vec::new(),
            template: None,
            max_restarts: 3,
            within_ms: 5_000.0,
            scope: BudgetScope::Supervisor,
            auto_shutdown: AutoShutdown::Never,
            max_children: None,
            forget_ended: false,
        }
    }
}

impl SupervisorConfig {
    /// Checks the rules. Two children of one name are found when they are entered.
    pub(super) fn check(&self) -> Result<(), InvalidSpec> {
        if !(self.within_ms.is_finite() && self.within_ms > 0.0) {
            return Err(InvalidSpec::Within);
        }
        match (self.strategy == Strategy::SimpleOneForOne, self.template) {
            (true, None) => return Err(InvalidSpec::TemplateMissing),
            (true, Some(_)) if !self.children.is_empty() => {
                return Err(InvalidSpec::StaticChildren);
            }
            (true, Some(template)) => template.check(self.auto_shutdown)?,
            (false, Some(_)) => return Err(InvalidSpec::TemplateUnexpected),
            (false, None) => {}
        }
        if self.max_children.is_some_and(|most| self.children.len() > most) {
            return Err(InvalidSpec::MaxChildren);
        }
        self.children.iter().try_for_each(|child| child.policy.check(self.auto_shutdown))
    }
}

/// The rule that a configuration or a specification breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidSpec {
    /// `within_ms` is not a positive number.
    Within,
    /// A shutdown time is negative or not finite.
    Shutdown,
    /// A start timeout is negative or not finite.
    StartTimeout,
    /// A back-off has a negative or infinite delay, a factor below 1, or a jitter outside [0, 1].
    Backoff,
    /// Two children have one name.
    DuplicateChild(ChildId),
    /// A child is significant, and `auto_shutdown` is `Never`.
    SignificantUnderNever,
    /// A child is significant and permanent, so it never ends for good.
    SignificantPermanent,
    /// `simple_one_for_one` without a template.
    TemplateMissing,
    /// A template without `simple_one_for_one`.
    TemplateUnexpected,
    /// `simple_one_for_one` with children of its own.
    StaticChildren,
    /// More children than `max_children`.
    MaxChildren,
}
