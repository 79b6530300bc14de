//! The children in the order in which they start, found by name, by process and by place.

use std::collections::BTreeMap;

use super::ids::{ChildId, Pid, TimerKey};
use super::reason::ExitReason;
use super::spec::{ChildKind, ChildPolicy, ChildSpec, Shutdown};
use crate::core::actor::restart_window::RestartWindow;

/// A child's place: later ones are greater, and none is used twice.
pub(super) type ChildPlace = u64;

/// The state of a child.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ChildState {
    /// It has no process and waits for none.
    Down,
    /// Its start is under way.
    Starting,
    /// It runs. `exit` is its end when that is known and not yet dealt with.
    Running { pid: Pid, exit: Option<ExitReason> },
    /// It is to be started again. `ticket` distinguishes this restart from others of the child; `timer` is the delay
    /// that it waits for.
    Restarting { ticket: u64, timer: Option<TimerKey> },
}

#[derive(Debug)]
pub(super) struct Child {
    pub(super) spec: ChildSpec,
    state: ChildState,
    /// Successful starts.
    pub(super) instance: u32,
    /// Restarts in a row, for the back-off.
    pub(super) row: u32,
    /// The time of its last successful start.
    pub(super) since: f64,
    /// Its own budget, when each child has one.
    pub(super) window: Option<Box<RestartWindow>>,
}

impl Child {
    pub(super) fn state(&self) -> ChildState {
        self.state
    }

    pub(super) fn policy(&self) -> &ChildPolicy {
        &self.spec.policy
    }
}

/// Numbers of children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChildCounts {
    /// All of them, with a process or without.
    pub specs: usize,
    /// The children with a living process.
    pub active: usize,
    /// The children that supervise.
    pub supervisors: usize,
    /// The children that work.
    pub workers: usize,
}

/// The table. All but iteration is O(log n).
#[derive(Debug, Default)]
pub(super) struct Children {
    rows: BTreeMap<ChildPlace, Child>,
    by_id: BTreeMap<ChildId, ChildPlace>,
    by_pid: BTreeMap<Pid, ChildPlace>,
    next: ChildPlace,
    supervisors: usize,
    /// Processes that have ended, which has not been dealt with yet.
    ended: usize,
    /// Significant children that run or are to run again.
    significant: usize,
}

impl Children {
    /// Adds a child at the end; `None` if its name is taken.
    pub(super) fn insert(&mut self, spec: ChildSpec) -> Option<ChildPlace> {
        if self.by_id.contains_key(&spec.id) {
            return None;
        }
        let place = self.next;
        self.next += 1;
        self.by_id.insert(spec.id, place);
        self.supervisors += usize::from(spec.policy.kind == ChildKind::Supervisor);
        let child =
            Child { spec, state: ChildState::Down, instance: 0, row: 0, since: 0.0, window: None };
        self.rows.insert(place, child);
        Some(place)
    }

    pub(super) fn remove(&mut self, place: ChildPlace) -> Option<Child> {
        self.set(place, ChildState::Down);
        let child = self.rows.remove(&place)?;
        self.by_id.remove(&child.spec.id);
        self.supervisors -= usize::from(child.spec.policy.kind == ChildKind::Supervisor);
        Some(child)
    }

    /// Sets the state of a child. States change only here, so that the indexes and sums stay right.
    pub(super) fn set(&mut self, place: ChildPlace, state: ChildState) {
        let Some(child) = self.rows.get_mut(&place) else { return };
        let old = std::mem::replace(&mut child.state, state);
        if child.spec.policy.significant {
            self.significant += usize::from(is_present(state));
            self.significant -= usize::from(is_present(old));
        }
        self.ended += usize::from(has_ended(state));
        self.ended -= usize::from(has_ended(old));
        if let ChildState::Running { pid, .. } = old {
            self.by_pid.remove(&pid);
        }
        if let ChildState::Running { pid, .. } = state {
            self.by_pid.insert(pid, place);
        }
    }

    pub(super) fn get(&self, place: ChildPlace) -> Option<&Child> {
        self.rows.get(&place)
    }

    pub(super) fn get_mut(&mut self, place: ChildPlace) -> Option<&mut Child> {
        self.rows.get_mut(&place)
    }

    pub(super) fn find(&self, id: ChildId) -> Option<(ChildPlace, &Child)> {
        let place = *self.by_id.get(&id)?;
        self.rows.get(&place).map(|child| (place, child))
    }

    /// Counts a child as a supervisor. It has all the time that it needs to stop.
    pub(super) fn found_to_supervise(&mut self, id: ChildId) {
        let Some(child) = self.by_id.get(&id).and_then(|place| self.rows.get_mut(place)) else {
            return;
        };
        let policy = &mut child.spec.policy;
        self.supervisors += usize::from(policy.kind != ChildKind::Supervisor);
        policy.kind = ChildKind::Supervisor;
        policy.shutdown = Shutdown::Never;
    }

    /// Returns the place of the child that a process belongs to.
    pub(super) fn owner(&self, pid: Pid) -> Option<ChildPlace> {
        self.by_pid.get(&pid).copied()
    }

    /// Returns the first child at or after a place.
    pub(super) fn first_from(&self, place: ChildPlace) -> Option<ChildPlace> {
        self.rows.range(place..).next().map(|(&place, _)| place)
    }

    /// Returns the last child in `floor..below`.
    pub(super) fn last_in(&self, floor: ChildPlace, below: ChildPlace) -> Option<ChildPlace> {
        self.rows.range(floor..below.max(floor)).next_back().map(|(&place, _)| place)
    }

    /// Returns all children, in the order in which they start.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (ChildPlace, &Child)> {
        self.rows.iter().map(|(&place, child)| (place, child))
    }

    /// Returns the children at or after a place, in the same order.
    pub(super) fn iter_from(
        &self,
        place: ChildPlace,
    ) -> impl Iterator<Item = (ChildPlace, &Child)> {
        self.rows.range(place..).map(|(&place, child)| (place, child))
    }

    /// Places of those that run, in the order in which they start.
    pub(super) fn running(&self) -> Vec<ChildPlace> {
        let mut places: Vec<_> = self.by_pid.values().copied().collect();
        places.sort_unstable();
        places
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns how many have a living process.
    pub(super) fn active(&self) -> usize {
        self.by_pid.len() - self.ended
    }

    pub(super) fn significant(&self) -> usize {
        self.significant
    }

    pub(super) fn counts(&self) -> ChildCounts {
        let workers = self.rows.len() - self.supervisors;
        let (specs, active) = (self.rows.len(), self.active());
        ChildCounts { specs, active, supervisors: self.supervisors, workers }
    }

    pub(super) fn clear(&mut self) {
        *self = Self { next: self.next, ..Self::default() };
    }
}

fn is_present(state: ChildState) -> bool {
    matches!(state, ChildState::Running { .. } | ChildState::Restarting { .. })
}

fn has_ended(state: ChildState) -> bool {
    matches!(state, ChildState::Running { exit: Some(_), .. })
}
