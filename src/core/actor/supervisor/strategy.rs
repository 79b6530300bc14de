//! The decisions after a crash: the children to restart, the time, and whether the supervisor ends.

use super::children::{Child, ChildPlace, ChildState};
use super::ids::Pid;
use super::machine::{Activity, By, Purpose, StepOutput, Supervisor, Then};
use super::reason::{ExitReason, Why};
use super::report::{ExitVerdict, Report};
use super::spec::{AutoShutdown, BudgetScope, Restart, Strategy};

impl Supervisor {
    /// Handles the end of a child that has ended by itself, when its turn has come.
    pub(super) fn on_fallen(&mut self, place: ChildPlace, pid: Pid, turn: &mut StepOutput<'_>) {
        // A stop that came first has taken the exit with it.
        let Some(child) = self.children.get(place) else { return };
        let ChildState::Running { pid: current, exit: Some(reason) } = child.state() else {
            return;
        };
        if current != pid {
            return;
        }
        let (id, significant) = (child.spec.id, child.policy().significant);
        let verdict = if restarts(child.policy().restart, reason) {
            ExitVerdict::Restart
        } else if self.config.forget_ended || self.goes_when_down(place) {
            ExitVerdict::Remove
        } else {
            ExitVerdict::Leave
        };
        turn.report(Report::Exited { child: id, pid, reason, verdict });
        match verdict {
            ExitVerdict::Restart => return self.restart(place, turn),
            ExitVerdict::Leave => self.children.set(place, ChildState::Down),
            ExitVerdict::Remove => self.forget(place, turn),
        }
        let follow = match self.config.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => significant,
            AutoShutdown::AllSignificant => {
                significant && self.children.significant() == 0 && !self.owes_significant()
            }
        };
        if follow {
            self.end(Why::AutoShutdown { child: id }, turn);
        }
    }

    /// Counts a restart, and begins it or gives up.
    pub(super) fn restart(&mut self, place: ChildPlace, turn: &mut StepOutput<'_>) {
        self.end_row(place);
        self.children.set(place, ChildState::Down);
        let restarts = self.count(place);
        if restarts > self.config.max_restarts {
            let child = self.id(place);
            turn.report(Report::GivingUp { child, restarts });
            return self.end(Why::MaxRestarts { child }, turn);
        }
        match self.floor(place) {
            // A group waits stopped, so that no part of it runs without the other.
            Some(floor) => {
                let then = Then::Delay { cause: place };
                self.work = Activity::Down { below: ChildPlace::MAX, floor, then };
            }
            None => self.delay(place, turn),
        }
    }

    /// Restarts a child or its group now: the restart was counted, and has waited if it had to.
    pub(super) fn rebuild(&mut self, place: ChildPlace) {
        self.children.set(place, ChildState::Down);
        self.work = match self.floor(place) {
            // A request may have started a sibling in the meantime.
            Some(floor) => {
                Activity::Down { below: ChildPlace::MAX, floor, then: Then::Up { asked: None } }
            }
            None => Activity::StartOne { place, by: By::Restart },
        };
    }

    /// Returns the first place of the group that restarts with a child; `None` if it restarts alone.
    fn floor(&self, place: ChildPlace) -> Option<ChildPlace> {
        match self.config.strategy {
            Strategy::OneForOne | Strategy::SimpleOneForOne => None,
            Strategy::OneForAll => Some(0),
            Strategy::RestForOne => Some(place),
        }
    }

    /// Returns the first place of the group that waits for this child's restart with a part of it down; `None` if there
    /// is no such group.
    pub(super) fn broken_group(&self, place: ChildPlace) -> Option<ChildPlace> {
        let floor = self.floor(place)?;
        if !matches!(self.children.get(place)?.state(), ChildState::Restarting { .. }) {
            return None;
        }
        let mut group = self.children.iter_from(floor);
        group.any(|(_, child)| child.state() == ChildState::Down).then_some(floor)
    }

    /// Returns whether a significant child is down only as long as the restart of its group waits.
    fn owes_significant(&self) -> bool {
        let delayed = self.children.iter().find_map(|(place, child)| match child.state() {
            ChildState::Restarting { timer: Some(_), .. } => self.floor(place),
            _ => None,
        });
        delayed.is_some_and(|floor| {
            self.children
                .iter_from(floor)
                .any(|(_, child)| child.policy().significant && child.state() == ChildState::Down)
        })
    }

    /// Waits as long as the child's back-off says, and restarts it, or its group, which is down by now.
    pub(super) fn delay(&mut self, place: ChildPlace, turn: &mut StepOutput<'_>) {
        let mut wait = 0.0;
        if let Some(child) = self.children.get_mut(place)
            && let Some(backoff) = child.spec.policy.backoff
        {
            wait = backoff.delay(child.row, || turn.random.unit());
            child.row = child.row.saturating_add(1);
        }
        if wait > 0.0 {
            let at = self.now + wait;
            let ticket = self.number();
            let timer = Some(self.arm(at, Purpose::Backoff { place }, turn));
            self.children.set(place, ChildState::Restarting { ticket, timer });
            self.work = Activity::Idle;
            let attempt = self.children.get(place).map_or(0, |child| child.row);
            turn.report(Report::RestartDelayed { child: self.id(place), at, attempt });
        } else {
            self.work = match self.floor(place) {
                Some(floor) => Activity::Up { next: floor, first: false, asked: None },
                None => Activity::StartOne { place, by: By::Restart },
            };
        }
    }

    /// Restarts are no longer in a row when the child ran as long as it may have to wait.
    fn end_row(&mut self, place: ChildPlace) {
        let now = self.now;
        if let Some(child) = self.children.get_mut(place)
            && let Some(backoff) = child.spec.policy.backoff
            && matches!(child.state(), ChildState::Running { .. })
            && now - child.since >= backoff.max_ms
        {
            child.row = 0;
        }
    }

    fn count(&mut self, place: ChildPlace) -> u32 {
        let within = self.config.within_ms;
        let own = match self.config.scope {
            BudgetScope::Supervisor => None,
            BudgetScope::Child => self.children.get_mut(place),
        };
        match own {
            None => self.window.add(self.now, within),
            Some(child) => child.window.get_or_insert_default().add(self.now, within),
        }
    }
}

fn restarts(restart: Restart, reason: ExitReason) -> bool {
    match restart {
        Restart::Permanent => true,
        Restart::Transient => !reason.is_quiet(),
        Restart::Temporary => false,
    }
}

/// A supervisor may have hundreds of thousands of children.
const _: () = assert!(size_of::<Child>() <= 192);
