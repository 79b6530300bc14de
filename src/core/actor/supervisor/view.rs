//! What an observer sees of a supervisor; looking changes nothing.

use super::children::{Child, Counts, State};
use super::event::{ChildId, Pid};
use super::machine::{Supervisor, Work};
use super::spec::{ChildSpec, Policy};

/// What a child is doing, for an observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has no process.
    Down,
    /// It is being started.
    Starting,
    /// It runs, or has ended and its turn to be dealt with has not come.
    Running(Pid),
    /// It is to be started again.
    Restarting,
}

/// A child, for an observer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChildView {
    /// What it is.
    pub spec: ChildSpec,
    /// What it is doing.
    pub standing: Standing,
    /// How many times it was started.
    pub instance: u32,
}

impl Supervisor {
    /// What the children of a `simple_one_for_one` supervisor are made after.
    pub fn template(&self) -> Option<&Policy> {
        self.config.template.as_ref()
    }

    /// Whether it has ended.
    pub fn is_stopped(&self) -> bool {
        matches!(self.work, Work::Stopped)
    }

    /// Whether it waits for nothing but events: no child is being started or stopped.
    pub fn is_idle(&self) -> bool {
        matches!(self.work, Work::Idle)
    }

    /// How many children there are, in O(1).
    pub fn counts(&self) -> Counts {
        self.children.counts()
    }

    /// One child, in O(log n).
    pub fn child(&self, id: ChildId) -> Option<ChildView> {
        self.children.find(id).map(|(_, child)| view(child))
    }

    /// All children, in the order in which they start.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = ChildView> {
        self.children.iter().map(|(_, child)| view(child))
    }
}

fn view(child: &Child) -> ChildView {
    let standing = match child.state() {
        State::Down => Standing::Down,
        State::Starting => Standing::Starting,
        State::Running { pid, .. } => Standing::Running(pid),
        State::Restarting { .. } => Standing::Restarting,
    };
    ChildView { spec: child.spec, standing, instance: child.instance }
}
