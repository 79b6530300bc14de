//! The view that an observer has of a supervisor. Looking changes nothing.

use super::children::{Child, ChildCounts, ChildState};
use super::ids::{ChildId, Pid};
use super::machine::{Activity, Supervisor};
use super::spec::{BudgetScope, ChildPolicy, ChildSpec};

/// The state of a child, for an observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has no process.
    Down,
    /// It is being started.
    Starting,
    /// It runs, or has ended and waits for its turn.
    Running(Pid),
    /// It is to be started again.
    Restarting,
}

/// A child, for an observer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChildView {
    /// Its specification.
    pub spec: ChildSpec,
    /// Its state.
    pub standing: Standing,
    /// Counts its starts.
    pub instance: u32,
}

impl Supervisor {
    /// Returns the rules for the children of a `simple_one_for_one` supervisor.
    pub fn template(&self) -> Option<&ChildPolicy> {
        self.config.template.as_ref()
    }

    /// Returns whether the supervisor has ended.
    pub fn is_stopped(&self) -> bool {
        matches!(self.work, Activity::Stopped)
    }

    /// Returns whether it waits for nothing but events: no child is being started or stopped.
    pub fn is_idle(&self) -> bool {
        matches!(self.work, Activity::Idle)
    }

    /// Returns how many children there are, in O(1).
    pub fn counts(&self) -> ChildCounts {
        self.children.counts()
    }

    /// Returns how many restarts it may still make within its window. Where each child has a window of its own: the
    /// least of them, in O(n).
    pub fn restarts_left(&self, now: f64) -> u32 {
        let within = self.config.within_ms;
        let used = match self.config.scope {
            BudgetScope::Supervisor => self.window.count_at(now, within),
            BudgetScope::Child => {
                let windows = self.children.iter().filter_map(|(_, child)| child.window.as_ref());
                windows.map(|window| window.count_at(now, within)).max().unwrap_or(0)
            }
        };
        self.config.max_restarts.saturating_sub(used)
    }

    /// Returns one child, in O(log n).
    pub fn child(&self, id: ChildId) -> Option<ChildView> {
        self.children.find(id).map(|(_, child)| view(child))
    }

    /// Returns all children, in the order in which they start.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = ChildView> {
        self.children.iter().map(|(_, child)| view(child))
    }
}

fn view(child: &Child) -> ChildView {
    let standing = match child.state() {
        ChildState::Down => Standing::Down,
        ChildState::Starting => Standing::Starting,
        ChildState::Running { pid, .. } => Standing::Running(pid),
        ChildState::Restarting { .. } => Standing::Restarting,
    };
    ChildView { spec: child.spec, standing, instance: child.instance }
}
