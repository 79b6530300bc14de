//! Stopping children, one after the other or all at once, and the end of the supervisor.

use super::children::{Child, ChildPlace, ChildState};
use super::event::{Action, Answer, Refusal};
use super::ids::{Pid, RequestId, TimerKey};
use super::machine::{
    Activity, AfterStop, By, Purpose, Queued, StepOutput, Supervisor, Then, Wait,
};
use super::reason::{ExitReason, Why};
use super::report::Report;
use super::spec::{Shutdown, StopSignal};
use crate::core::planted::{PlantedFault, is_planted};

impl Supervisor {
    /// Stops the last child of a group that is not settled yet, or goes on to what follows.
    pub(super) fn descend(
        &mut self,
        below: ChildPlace,
        floor: ChildPlace,
        then: Then,
        turn: &mut StepOutput<'_>,
    ) {
        if let Some(place) = self.children.last_in(floor, below) {
            if !self.bring_down(place, turn) {
                return;
            }
            // A temporary child is not started again, also when it was stopped as a sibling. At the end, all
            // specifications go anyway.
            if self.goes_when_down(place) && !matches!(then, Then::End { .. }) {
                self.forget(place, turn);
            }
            self.work = Activity::Down { below: place, floor, then };
            return;
        }
        match then {
            Then::Delay { cause } => self.delay(cause, turn),
            Then::Up { asked } => self.work = Activity::Up { next: floor, first: false, asked },
            Then::End { why } => self.finish(why, turn),
        }
    }

    /// Stops a child on request. The first call asks it to end, the one after its end answers.
    pub(super) fn stop_one(
        &mut self,
        place: ChildPlace,
        request: RequestId,
        then: AfterStop,
        turn: &mut StepOutput<'_>,
    ) {
        let broken = self.broken_group(place);
        if !self.bring_down(place, turn) {
            return;
        }
        self.work = Activity::Idle;
        if then == AfterStop::Start {
            if self.exit.is_some() {
                turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
            } else {
                self.work = Activity::StartOne { place, by: By::Renewal { request } };
            }
            return;
        }
        turn.act(Action::Reply { request, result: Ok(Answer::Done) });
        let state = self.children.get(place).map(Child::state);
        if is_planted(PlantedFault::RestartAfterStop)
            && matches!(state, Some(ChildState::Restarting { .. }))
        {
            return;
        }
        if then == AfterStop::Delete || self.goes_when_down(place) {
            self.forget(place, turn);
        }
        // Siblings that were to restart with the removed child do not wait for it for ever.
        if then == AfterStop::Delete
            && let Some(floor) = broken
        {
            self.work =
                Activity::Down { below: ChildPlace::MAX, floor, then: Then::Up { asked: None } };
        }
    }

    /// Stops all children at once, under one timer. The first call asks them, the one after the last end finishes.
    pub(super) fn stop_together(&mut self, why: Why, asked: bool, turn: &mut StepOutput<'_>) {
        if asked {
            return self.finish(why, turn);
        }
        self.work = Activity::Together { why, asked: true };
        let shutdown = self.config.template.map_or(Shutdown::Kill, |policy| policy.shutdown);
        let places: Vec<ChildPlace> = self.children.iter().map(|(place, _)| place).collect();
        for place in places {
            match self.children.get(place).map(Child::state) {
                Some(ChildState::Running { pid, exit: None }) => {
                    turn.act(Action::Exit { pid, signal: first_signal(shutdown) });
                }
                _ => self.note_down(place, None, turn),
            }
        }
        if self.children.active() > 0 {
            let limit = self.stop_limit(shutdown, turn);
            self.wait = Some(Wait::Exits { limit });
        }
    }

    /// Sees to it that a child has no process. False if that has to be waited for.
    fn bring_down(&mut self, place: ChildPlace, turn: &mut StepOutput<'_>) -> bool {
        let Some(child) = self.children.get(place) else { return true };
        let shutdown = child.policy().shutdown;
        if let ChildState::Running { pid, exit: None } = child.state() {
            let signal = first_signal(shutdown);
            turn.act(Action::Exit { pid, signal });
            let limit = self.stop_limit(shutdown, turn);
            self.wait = Some(Wait::Exit { place, pid, signal, limit });
            return false;
        }
        self.note_down(place, None, turn);
        true
    }

    /// Notes that a child is down: its process has ended, or it had none and its restart is cancelled.
    fn note_down(
        &mut self,
        place: ChildPlace,
        signal: Option<StopSignal>,
        turn: &mut StepOutput<'_>,
    ) {
        let Some(child) = self.children.get(place) else { return };
        let (id, state) = (child.spec.id, child.state());
        match state {
            ChildState::Running { pid, exit: Some(reason) } => {
                turn.report(Report::Terminated { child: id, pid, reason, signal });
            }
            ChildState::Restarting { timer, .. } => {
                if is_planted(PlantedFault::RestartAfterStop) {
                    return;
                }
                self.disarm(timer, turn);
                turn.report(Report::RestartCancelled { child: id });
            }
            _ => {}
        }
        self.children.set(place, ChildState::Down);
    }

    fn stop_limit(&mut self, shutdown: Shutdown, turn: &mut StepOutput<'_>) -> Option<TimerKey> {
        match shutdown {
            Shutdown::After(ms) => Some(self.arm(self.now + ms, Purpose::StopLimit, turn)),
            Shutdown::Kill | Shutdown::Never => None,
        }
    }

    pub(super) fn on_exited(&mut self, pid: Pid, reason: ExitReason, turn: &mut StepOutput<'_>) {
        let Some(place) = self.children.owner(pid) else {
            if matches!(self.wait, Some(Wait::Start { .. })) {
                self.early.insert(pid, reason);
            }
            return;
        };
        // A process ends once; a second report of it is an echo.
        if self.children.get(place).map(Child::state)
            != Some(ChildState::Running { pid, exit: None })
        {
            return;
        }
        self.children.set(place, ChildState::Running { pid, exit: Some(reason) });
        match self.wait {
            Some(Wait::Exit { pid: awaited, signal, limit, .. }) if awaited == pid => {
                self.wait = None;
                self.disarm(limit, turn);
                self.note_down(place, Some(signal), turn);
            }
            Some(Wait::Exits { limit }) => {
                // Its timer is gone when it has run out, and then all were killed.
                let killed = self.template_kills()
                    || limit.is_some_and(|key| !self.timers.contains_key(&key));
                let signal = if killed { StopSignal::Kill } else { StopSignal::Shutdown };
                self.note_down(place, Some(signal), turn);
                if self.children.active() == 0 {
                    self.wait = None;
                    self.disarm(limit, turn);
                }
            }
            _ => self.queue.push_back(Queued::Exited { place, pid }),
        }
    }

    fn template_kills(&self) -> bool {
        self.config.template.is_some_and(|policy| policy.shutdown == Shutdown::Kill)
    }

    /// Kills the children that still run when the time to stop is up.
    pub(super) fn on_stop_limit(&mut self, timer: TimerKey, turn: &mut StepOutput<'_>) {
        match &mut self.wait {
            Some(Wait::Exit { place, pid, signal, limit }) if *limit == Some(timer) => {
                (*signal, *limit) = (StopSignal::Kill, None);
                let (place, pid) = (*place, *pid);
                self.kill_late(place, pid, turn);
            }
            Some(Wait::Exits { limit }) if *limit == Some(timer) => {
                for place in self.children.running() {
                    if let Some(ChildState::Running { pid, .. }) =
                        self.children.get(place).map(Child::state)
                    {
                        self.kill_late(place, pid, turn);
                    }
                }
            }
            _ => {}
        }
    }

    fn kill_late(&mut self, place: ChildPlace, pid: Pid, turn: &mut StepOutput<'_>) {
        turn.report(Report::ShutdownTimedOut { child: self.id(place), pid });
        turn.act(Action::Exit { pid, signal: StopSignal::Kill });
    }

    pub(super) fn on_exit_requested(&mut self, reason: ExitReason, turn: &mut StepOutput<'_>) {
        // The first one counts.
        if self.is_ending() || self.exit.is_some() {
            return;
        }
        self.exit = Some(reason);
        self.refuse_all(turn);
        self.hasten_start(turn);
    }

    /// Begins the end: nothing else is taken up from here on.
    pub(super) fn end(&mut self, why: Why, turn: &mut StepOutput<'_>) {
        turn.report(Report::Stopping { why });
        if let Some(request) = self.asked() {
            turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
        }
        self.refuse_all(turn);
        self.work = if self.is_simple() {
            Activity::Together { why, asked: false }
        } else {
            Activity::Down { below: ChildPlace::MAX, floor: 0, then: Then::End { why } }
        };
    }

    /// Refuses the requests that wait. The other events in the queue are marks on children, which a stop sees anyway.
    fn refuse_all(&mut self, turn: &mut StepOutput<'_>) {
        for queued in std::mem::take(&mut self.queue) {
            if let Queued::Request(_, request) = queued {
                turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
            }
        }
    }

    pub(super) fn on_killed(&mut self, turn: &mut StepOutput<'_>) {
        if self.is_stopped() {
            return;
        }
        turn.report(Report::Stopping { why: Why::Killed });
        if let Some(request) = self.asked() {
            turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
        }
        self.refuse_all(turn);
        if let Some(Wait::Start { start, .. }) = self.wait {
            turn.act(Action::CancelStart { start, signal: StopSignal::Kill });
        }
        for place in self.children.running().into_iter().rev() {
            if let Some(ChildState::Running { pid, exit: None }) =
                self.children.get(place).map(Child::state)
            {
                turn.act(Action::Exit { pid, signal: StopSignal::Kill });
            }
        }
        self.finish(Why::Killed, turn);
    }

    fn finish(&mut self, why: Why, turn: &mut StepOutput<'_>) {
        for timer in std::mem::take(&mut self.timers).into_keys() {
            turn.act(Action::Disarm { timer });
        }
        self.work = Activity::Stopped;
        self.wait = None;
        self.exit = None;
        self.queue.clear();
        self.early.clear();
        self.children.clear();
        turn.act(Action::Stopped { why });
    }
}

fn first_signal(shutdown: Shutdown) -> StopSignal {
    if shutdown == Shutdown::Kill { StopSignal::Kill } else { StopSignal::Shutdown }
}
