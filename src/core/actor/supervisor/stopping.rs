//! Stopping children, one after the other or all at once, and the end of the supervisor.

use super::children::{Child, Place, State};
use super::event::{Action, Answer, Pid, Refusal, RequestId, Signal, TimerKey};
use super::machine::{By, Next, Purpose, Queued, Supervisor, Then, Turn, Wait, Work};
use super::reason::{Reason, Why};
use super::report::Report;
use super::spec::Shutdown;

impl Supervisor {
    /// Stops the last child of a group that is not settled yet, or goes on to what follows.
    pub(super) fn descend(&mut self, below: Place, floor: Place, then: Then, turn: &mut Turn<'_>) {
        if let Some(place) = self.children.last_in(floor, below) {
            if !self.bring_down(place, turn) {
                return;
            }
            // A temporary child is not started again, also when it was stopped as a sibling. At the end, all
            // specifications go anyway.
            if self.goes_when_down(place) && !matches!(then, Then::End { .. }) {
                self.forget(place, turn);
            }
            self.work = Work::Down { below: place, floor, then };
            return;
        }
        match then {
            Then::Delay { cause } => self.delay(cause, turn),
            Then::Up { asked } => self.work = Work::Up { next: floor, first: false, asked },
            Then::End { why } => self.finish(why, turn),
        }
    }

    /// Stops a child on request. The first call asks it to end, the one after its end answers.
    pub(super) fn stop_one(
        &mut self,
        place: Place,
        request: RequestId,
        then: Next,
        turn: &mut Turn<'_>,
    ) {
        let broken = self.broken_group(place);
        if !self.bring_down(place, turn) {
            return;
        }
        self.work = Work::Idle;
        if then == Next::Start {
            if self.exit.is_some() {
                turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
            } else {
                self.work = Work::StartOne { place, by: By::Renewal { request } };
            }
            return;
        }
        turn.act(Action::Reply { request, result: Ok(Answer::Done) });
        if then == Next::Delete || self.goes_when_down(place) {
            self.forget(place, turn);
        }
        // Those who were to be started again with the child that is gone do not wait for it for ever.
        if then == Next::Delete
            && let Some(floor) = broken
        {
            self.work = Work::Down { below: Place::MAX, floor, then: Then::Up { asked: None } };
        }
    }

    /// Stops all children at once, under one timer. The first call asks them, the one after the last end finishes.
    pub(super) fn stop_together(&mut self, why: Why, asked: bool, turn: &mut Turn<'_>) {
        if asked {
            return self.finish(why, turn);
        }
        self.work = Work::Together { why, asked: true };
        let shutdown = self.config.template.map_or(Shutdown::Kill, |policy| policy.shutdown);
        let places: Vec<Place> = self.children.iter().map(|(place, _)| place).collect();
        for place in places {
            match self.children.get(place).map(Child::state) {
                Some(State::Running { pid, exit: None }) => {
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
    fn bring_down(&mut self, place: Place, turn: &mut Turn<'_>) -> bool {
        let Some(child) = self.children.get(place) else { return true };
        let shutdown = child.policy().shutdown;
        if let State::Running { pid, exit: None } = child.state() {
            let signal = first_signal(shutdown);
            turn.act(Action::Exit { pid, signal });
            let limit = self.stop_limit(shutdown, turn);
            self.wait = Some(Wait::Exit { place, pid, signal, limit });
            return false;
        }
        self.note_down(place, None, turn);
        true
    }

    /// A child is down: its process has ended, or it had none and its restart is cancelled.
    fn note_down(&mut self, place: Place, signal: Option<Signal>, turn: &mut Turn<'_>) {
        let Some(child) = self.children.get(place) else { return };
        let (id, state) = (child.spec.id, child.state());
        match state {
            State::Running { pid, exit: Some(reason) } => {
                turn.report(Report::Terminated { child: id, pid, reason, signal });
            }
            State::Restarting { timer, .. } => {
                self.disarm(timer, turn);
                turn.report(Report::RestartCancelled { child: id });
            }
            _ => {}
        }
        self.children.set(place, State::Down);
    }

    fn stop_limit(&mut self, shutdown: Shutdown, turn: &mut Turn<'_>) -> Option<TimerKey> {
        match shutdown {
            Shutdown::After(ms) => Some(self.arm(self.now + ms, Purpose::StopLimit, turn)),
            Shutdown::Kill | Shutdown::Never => None,
        }
    }

    pub(super) fn on_exited(&mut self, pid: Pid, reason: Reason, turn: &mut Turn<'_>) {
        let Some(place) = self.children.owner(pid) else {
            if matches!(self.wait, Some(Wait::Start { .. })) {
                self.early.insert(pid, reason);
            }
            return;
        };
        // A process ends once; a second report of it is an echo.
        if self.children.get(place).map(Child::state) != Some(State::Running { pid, exit: None }) {
            return;
        }
        self.children.set(place, State::Running { pid, exit: Some(reason) });
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
                let signal = if killed { Signal::Kill } else { Signal::Shutdown };
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

    /// The time to stop is up: whoever still runs is killed.
    pub(super) fn on_stop_limit(&mut self, timer: TimerKey, turn: &mut Turn<'_>) {
        match &mut self.wait {
            Some(Wait::Exit { place, pid, signal, limit }) if *limit == Some(timer) => {
                (*signal, *limit) = (Signal::Kill, None);
                let (place, pid) = (*place, *pid);
                self.kill_late(place, pid, turn);
            }
            Some(Wait::Exits { limit }) if *limit == Some(timer) => {
                for place in self.children.running() {
                    if let Some(State::Running { pid, .. }) =
                        self.children.get(place).map(Child::state)
                    {
                        self.kill_late(place, pid, turn);
                    }
                }
            }
            _ => {}
        }
    }

    fn kill_late(&mut self, place: Place, pid: Pid, turn: &mut Turn<'_>) {
        turn.report(Report::ShutdownTimedOut { child: self.id(place), pid });
        turn.act(Action::Exit { pid, signal: Signal::Kill });
    }

    pub(super) fn on_exit_requested(&mut self, reason: Reason, turn: &mut Turn<'_>) {
        // The first one counts.
        if self.is_ending() || self.exit.is_some() {
            return;
        }
        self.exit = Some(reason);
        self.refuse_all(turn);
        self.hasten_start(turn);
    }

    /// Begins the end: nothing else is taken up from here on.
    pub(super) fn end(&mut self, why: Why, turn: &mut Turn<'_>) {
        turn.report(Report::Stopping { why });
        if let Some(request) = self.asked() {
            turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
        }
        self.refuse_all(turn);
        self.work = if self.is_simple() {
            Work::Together { why, asked: false }
        } else {
            Work::Down { below: Place::MAX, floor: 0, then: Then::End { why } }
        };
    }

    /// Refuses the requests that wait. The other events in the queue are marks on children, which a stop sees anyway.
    fn refuse_all(&mut self, turn: &mut Turn<'_>) {
        for queued in std::mem::take(&mut self.queue) {
            if let Queued::Request(_, request) = queued {
                turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
            }
        }
    }

    pub(super) fn on_killed(&mut self, turn: &mut Turn<'_>) {
        if self.is_stopped() {
            return;
        }
        turn.report(Report::Stopping { why: Why::Killed });
        if let Some(request) = self.asked() {
            turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
        }
        self.refuse_all(turn);
        if let Some(Wait::Start { start, .. }) = self.wait {
            turn.act(Action::CancelStart { start, signal: Signal::Kill });
        }
        for place in self.children.running().into_iter().rev() {
            if let Some(State::Running { pid, exit: None }) =
                self.children.get(place).map(Child::state)
            {
                turn.act(Action::Exit { pid, signal: Signal::Kill });
            }
        }
        self.finish(Why::Killed, turn);
    }

    fn finish(&mut self, why: Why, turn: &mut Turn<'_>) {
        for timer in std::mem::take(&mut self.timers).into_keys() {
            turn.act(Action::Disarm { timer });
        }
        self.work = Work::Stopped;
        self.wait = None;
        self.exit = None;
        self.queue.clear();
        self.early.clear();
        self.children.clear();
        turn.act(Action::Stopped { why });
    }
}

fn first_signal(shutdown: Shutdown) -> Signal {
    if shutdown == Shutdown::Kill { Signal::Kill } else { Signal::Shutdown }
}
