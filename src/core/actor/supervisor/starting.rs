//! Starting children, and the results of a start: a process, nothing, or a failure.

use super::children::{Child, ChildPlace, ChildState};
use super::event::{Action, Answer, Refusal};
use super::ids::{Pid, StartId, TimerKey};
use super::machine::{Activity, By, Purpose, Queued, StepOutput, Supervisor, Wait};
use super::reason::{ExitReason, StartError, Why};
use super::report::Report;
use super::spec::{Restart, Shutdown, StopSignal};

impl Supervisor {
    /// Starts the next child of a group, or ends the climb.
    pub(super) fn climb(&mut self, next: ChildPlace, first: bool, turn: &mut StepOutput<'_>) {
        if let Some(place) = self.children.first_from(next) {
            self.start(place, turn);
        } else {
            self.work = Activity::Idle;
            if first {
                turn.act(Action::Ready);
            }
        }
    }

    pub(super) fn start(&mut self, place: ChildPlace, turn: &mut StepOutput<'_>) {
        let start = StartId(self.number());
        let Some(child) = self.children.get(place) else { return };
        let spec = child.spec;
        self.children.set(place, ChildState::Starting);
        turn.act(Action::Start { start, child: spec.id, token: spec.token });
        let limit = spec.policy.start_timeout.map(|ms| {
            let at = self.now + ms;
            (self.arm(at, Purpose::StartLimit, turn), at)
        });
        self.wait = Some(Wait::Start { start, place, limit });
    }

    pub(super) fn on_started(&mut self, start: StartId, pid: Pid, turn: &mut StepOutput<'_>) {
        let Some(place) = self.settle_start(start, turn) else {
            // The start was abandoned. A process that is a child's all the same is left to that child.
            if self.children.owner(pid).is_none() {
                turn.report(Report::LateStart { start, pid });
                turn.act(Action::Exit { pid, signal: StopSignal::Kill });
            }
            return;
        };
        if self.children.owner(pid).is_some() {
            return self.start_failed(place, StartError::PidTaken, turn);
        }
        let exit = self.early.remove(&pid);
        self.early.clear();
        self.children.set(place, ChildState::Running { pid, exit });
        if let Some(child) = self.children.get_mut(place) {
            child.instance = child.instance.saturating_add(1);
            child.since = self.now;
            turn.report(Report::Started { child: child.spec.id, pid, instance: child.instance });
        }
        if exit.is_some() {
            self.queue.push_back(Queued::Exited { place, pid });
        }
        self.started(place, Some(pid), turn);
    }

    pub(super) fn on_ignored(&mut self, start: StartId, turn: &mut StepOutput<'_>) {
        let Some(place) = self.settle_start(start, turn) else { return };
        self.early.clear();
        self.children.set(place, ChildState::Down);
        turn.report(Report::Ignored { child: self.id(place) });
        self.started(place, None, turn);
        // Without a process, a child that would never be started again has no use for a specification.
        if self.goes_when_down(place) {
            self.forget(place, turn);
        }
    }

    /// Notes that a start has led to a child, with a process or without.
    fn started(&mut self, place: ChildPlace, pid: Option<Pid>, turn: &mut StepOutput<'_>) {
        let request = match self.work {
            Activity::Up { first, asked, .. } => {
                let answered = asked.filter(|asked| asked.place == place);
                let asked = asked.filter(|asked| asked.place != place);
                self.work = Activity::Up { next: place + 1, first, asked };
                answered.map(|asked| asked.request)
            }
            Activity::StartOne { .. } => {
                let request = self.asked();
                self.work = Activity::Idle;
                request
            }
            _ => None,
        };
        if let Some(request) = request {
            let child = self.id(place);
            turn.act(Action::Reply { request, result: Ok(Answer::Started { child, pid }) });
        }
    }

    pub(super) fn on_start_failed(
        &mut self,
        start: StartId,
        reason: ExitReason,
        turn: &mut StepOutput<'_>,
    ) {
        if let Some(place) = self.settle_start(start, turn) {
            self.start_failed(place, StartError::Failed(reason), turn);
        }
    }

    /// Abandons a start that took too long.
    pub(super) fn on_start_limit(&mut self, timer: TimerKey, turn: &mut StepOutput<'_>) {
        match self.wait {
            Some(Wait::Start { start, place, limit: Some((armed, _)) }) if armed == timer => {
                self.abandon(start, place, turn);
            }
            _ => {}
        }
    }

    fn abandon(&mut self, start: StartId, place: ChildPlace, turn: &mut StepOutput<'_>) {
        self.wait = None;
        turn.act(Action::CancelStart { start, signal: StopSignal::Kill });
        self.start_failed(place, StartError::TimedOut, turn);
    }

    /// Limits a start under way when the supervisor is to stop: to the time that its child has to stop.
    pub(super) fn hasten_start(&mut self, turn: &mut StepOutput<'_>) {
        let Some(Wait::Start { start, place, limit }) = self.wait else { return };
        let Some(shutdown) = self.children.get(place).map(|child| child.policy().shutdown) else {
            return;
        };
        let at = match shutdown {
            Shutdown::Kill => {
                self.disarm(limit.map(|(timer, _)| timer), turn);
                return self.abandon(start, place, turn);
            }
            Shutdown::After(ms) => self.now + ms,
            Shutdown::Never => f64::INFINITY,
        };
        turn.act(Action::CancelStart { start, signal: StopSignal::Shutdown });
        if limit.is_none_or(|(_, earlier)| at < earlier) && at.is_finite() {
            self.disarm(limit.map(|(timer, _)| timer), turn);
            let timer = self.arm(at, Purpose::StartLimit, turn);
            self.wait = Some(Wait::Start { start, place, limit: Some((timer, at)) });
        }
    }

    /// Ends the wait for a start, if it is the one that is waited for.
    fn settle_start(&mut self, start: StartId, turn: &mut StepOutput<'_>) -> Option<ChildPlace> {
        match self.wait {
            Some(Wait::Start { start: wanted, place, limit }) if wanted == start => {
                self.wait = None;
                self.disarm(limit.map(|(timer, _)| timer), turn);
                Some(place)
            }
            _ => None,
        }
    }

    fn start_failed(&mut self, place: ChildPlace, error: StartError, turn: &mut StepOutput<'_>) {
        self.early.clear();
        let child = self.id(place);
        turn.report(Report::StartFailed { child, error });
        self.children.set(place, ChildState::Down);
        let refusal = Refusal::StartFailed(error);
        match self.work {
            Activity::Up { first: true, .. } => self.end(Why::StartFailed { child, error }, turn),
            Activity::Up { first: false, .. }
            | Activity::StartOne { by: By::Restart | By::Renewal { .. }, .. } => {
                if let Some(request) = self.asked() {
                    turn.act(Action::Reply { request, result: Err(refusal) });
                }
                self.work = Activity::Idle;
                self.try_again(place, turn);
            }
            Activity::StartOne { by: By::Request { request, fresh }, .. } => {
                if fresh {
                    // No `Forget`: the refusal gives the token back.
                    self.children.remove(place);
                }
                self.work = Activity::Idle;
                turn.act(Action::Reply { request, result: Err(refusal) });
            }
            _ => {}
        }
    }

    /// Puts a start that failed in line once more. What is never started again goes instead.
    fn try_again(&mut self, place: ChildPlace, turn: &mut StepOutput<'_>) {
        let restart = self.children.get(place).map(|child: &Child| child.policy().restart);
        if restart == Some(Restart::Temporary) {
            return self.forget(place, turn);
        }
        let ticket = self.number();
        self.children.set(place, ChildState::Restarting { ticket, timer: None });
        self.queue.push_back(Queued::Retry { place, ticket });
    }

    /// Returns whether a child's specification goes when its process does, unless it is started again.
    pub(super) fn goes_when_down(&self, place: ChildPlace) -> bool {
        let restart = self.children.get(place).map(|child: &Child| child.policy().restart);
        self.is_simple() || restart == Some(Restart::Temporary)
    }
}
