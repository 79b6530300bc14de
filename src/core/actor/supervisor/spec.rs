//! What a supervisor is made of, and the rules that a configuration keeps.

use super::backoff::Backoff;
use super::event::{ChildId, Token};

/// Who is restarted when a child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// That child alone.
    #[default]
    OneForOne,
    /// All children: they are stopped, last first, and started again in order.
    OneForAll,
    /// That child and those after it.
    RestForOne,
    /// That child alone; all children are made after one template, have no order, and are stopped at once.
    SimpleOneForOne,
}

/// When a child that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// Unless it was done, or asked to stop.
    Transient,
    /// Never. Its specification goes with it, also when it is stopped as a sibling.
    Temporary,
}

/// How a child is stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shutdown {
    /// Killed at once.
    Kill,
    /// Asked, and killed after so many milliseconds.
    After(f64),
    /// Asked, and waited for as long as it takes.
    Never,
}

/// What a child is. It decides the default shutdown, and how it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// It works.
    #[default]
    Worker,
    /// It supervises.
    Supervisor,
}

/// When a supervisor stops because a significant child ended and is not started again.
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

/// Whose restarts are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BudgetScope {
    /// Those of all children, as in OTP.
    #[default]
    Supervisor,
    /// Those of each child for itself. A child over its budget still ends the supervisor.
    Child,
}

/// How a child is started, stopped and restarted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// When it is started again.
    pub restart: Restart,
    /// How it is stopped.
    pub shutdown: Shutdown,
    /// Worker or supervisor.
    pub kind: Kind,
    /// Whether its end may end the supervisor.
    pub significant: bool,
    /// How long a restart waits; at once without one.
    pub backoff: Option<Backoff>,
    /// How long a start may take, in milliseconds; as long as it likes without one. While a child starts, its
    /// supervisor does nothing else.
    pub start_timeout: Option<f64>,
}

impl Policy {
    /// A permanent worker that has five seconds to stop.
    pub fn worker() -> Self {
        Self {
            restart: Restart::Permanent,
            shutdown: Shutdown::After(5_000.0),
            kind: Kind::Worker,
            significant: false,
            backoff: None,
            start_timeout: None,
        }
    }

    /// A permanent supervisor that has all the time it needs to stop, because its children need theirs.
    pub fn supervisor() -> Self {
        Self { shutdown: Shutdown::Never, kind: Kind::Supervisor, ..Self::worker() }
    }

    /// The rules that need nothing but the policy and the supervisor's `auto_shutdown`.
    pub(super) fn check(&self, auto_shutdown: AutoShutdown) -> Result<(), Invalid> {
        if self.significant && auto_shutdown == AutoShutdown::Never {
            return Err(Invalid::SignificantUnderNever);
        }
        if self.significant && self.restart == Restart::Permanent {
            return Err(Invalid::SignificantPermanent);
        }
        match self.shutdown {
            Shutdown::After(ms) if !is_duration(ms) => return Err(Invalid::Shutdown),
            _ => {}
        }
        if self.start_timeout.is_some_and(|ms| !is_duration(ms)) {
            return Err(Invalid::StartTimeout);
        }
        if self.backoff.is_some_and(|backoff| !backoff.is_valid()) {
            return Err(Invalid::Backoff);
        }
        Ok(())
    }
}

fn is_duration(ms: f64) -> bool {
    ms.is_finite() && ms >= 0.0
}

/// A child: its name, what to start, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChildSpec {
    /// Its name, of which its supervisor has but one.
    pub id: ChildId,
    /// What to start.
    pub token: Token,
    /// How.
    pub policy: Policy,
}

/// A supervisor.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Who is restarted with whom.
    pub strategy: Strategy,
    /// The children to begin with, in the order in which they start. Empty for `simple_one_for_one`.
    pub children: Vec<ChildSpec>,
    /// What the children of a `simple_one_for_one` supervisor are made after, and nobody else's.
    pub template: Option<Policy>,
    /// So many restarts are allowed in any `within_ms`.
    pub max_restarts: u32,
    /// The length of the sliding window; its ends belong to it.
    pub within_ms: f64,
    /// Whose restarts are counted together.
    pub scope: BudgetScope,
    /// Whether significant children end the supervisor.
    pub auto_shutdown: AutoShutdown,
    /// How many children may be there, running or not.
    pub max_children: Option<usize>,
    /// Whether a child that ended and is not started again is deleted, as if it were temporary. In OTP a transient one
    /// stays, and comes back with its group or on request.
    pub forget_ended: bool,
}

impl Default for Config {
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

impl Config {
    /// The rules; two children of one name are found when they are entered.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if !(self.within_ms.is_finite() && self.within_ms > 0.0) {
            return Err(Invalid::Within);
        }
        match (self.strategy == Strategy::SimpleOneForOne, self.template) {
            (true, None) => return Err(Invalid::TemplateMissing),
            (true, Some(_)) if !self.children.is_empty() => return Err(Invalid::StaticChildren),
            (true, Some(template)) => template.check(self.auto_shutdown)?,
            (false, Some(_)) => return Err(Invalid::TemplateUnexpected),
            (false, None) => {}
        }
        if self.max_children.is_some_and(|most| self.children.len() > most) {
            return Err(Invalid::MaxChildren);
        }
        self.children.iter().try_for_each(|child| child.policy.check(self.auto_shutdown))
    }
}

/// The rule that a configuration or a specification breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
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
