//! The rules, one a test. A desk is the driver here: it passes events and shows the actions.

mod budgets;
mod costs;
mod groups;
mod requests;
mod starts;
mod stops;
mod strategies;

use super::{
    Action, Answer, ChildId, ChildPolicy, ChildSpec, Event, ExitReason, Pid, Refusal, Report,
    RequestId, Restart, Shutdown, StartId, StartToken, StopSignal, Strategy, Supervisor,
    SupervisorConfig, TimerKey, Why,
};
use crate::core::random::Random;

pub(super) const BOOM: ExitReason = ExitReason::Error(1);

/// Returns a permanent child that has all the time that it needs to stop, so that it arms no timers.
pub(super) fn child(id: u64) -> ChildSpec {
    with(id, |policy| policy.shutdown = Shutdown::Never)
}

pub(super) fn with(id: u64, change: impl FnOnce(&mut ChildPolicy)) -> ChildSpec {
    let mut policy = ChildPolicy::worker();
    change(&mut policy);
    ChildSpec { id: ChildId(id), token: StartToken(id * 10), policy }
}

pub(super) fn restarting(id: u64, restart: Restart) -> ChildSpec {
    with(id, |policy| (policy.restart, policy.shutdown) = (restart, Shutdown::Never))
}

pub(super) fn config(strategy: Strategy, children: Vec<ChildSpec>) -> SupervisorConfig {
    SupervisorConfig { strategy, children, ..SupervisorConfig::default() }
}

pub(super) fn simple(change: impl FnOnce(&mut ChildPolicy)) -> SupervisorConfig {
    let mut policy = ChildPolicy::worker();
    change(&mut policy);
    SupervisorConfig { template: Some(policy), ..config(Strategy::SimpleOneForOne, Vec::new()) }
}

pub(super) struct Desk {
    pub(super) machine: Supervisor,
    random: Random,
    pub(super) now: f64,
    /// The actions of the last event.
    pub(super) actions: Vec<Action>,
    next_pid: u64,
    next_request: u64,
}

impl Desk {
    pub(super) fn new(config: SupervisorConfig) -> Self {
        let machine = Supervisor::new(config).expect("valid");
        let (random, actions) = (Random::new(1), Vec::new());
        Self { machine, random, now: 0.0, actions, next_pid: 0, next_request: 0 }
    }

    /// Returns a supervisor whose children all run.
    pub(super) fn up(config: SupervisorConfig) -> Self {
        let mut desk = Self::new(config);
        desk.tell(Event::Start);
        desk.let_start();
        desk
    }

    pub(super) fn tell(&mut self, event: Event) -> &[Action] {
        self.actions.clear();
        self.machine.handle(event, self.now, &mut self.random, &mut self.actions);
        &self.actions
    }

    pub(super) fn fresh(&mut self) -> Pid {
        self.next_pid += 1;
        Pid::from_f64(self.next_pid as f64)
    }

    /// Returns the start that was asked for last.
    pub(super) fn asked(&self) -> Option<(StartId, u64)> {
        self.actions.iter().rev().find_map(|action| match *action {
            Action::Start { start, child, .. } => Some((start, child.0)),
            _ => None,
        })
    }

    /// Lets the start under way succeed. Returns the pid.
    pub(super) fn started(&mut self) -> Pid {
        let (start, _) = self.asked().expect("a start");
        let pid = self.fresh();
        self.tell(Event::ChildStarted { start, pid });
        pid
    }

    pub(super) fn failed(&mut self) {
        let (start, _) = self.asked().expect("a start");
        self.tell(Event::ChildStartFailed { start, reason: BOOM });
    }

    /// Lets all requested starts succeed, one after the other. Returns the ids of the started.
    pub(super) fn let_start(&mut self) -> Vec<u64> {
        let mut ids = Vec::new();
        while let Some((_, id)) = self.asked() {
            ids.push(id);
            self.started();
        }
        ids
    }

    /// Stops all children that were asked to stop, one after the other. Returns their ids.
    pub(super) fn let_stop(&mut self) -> Vec<u64> {
        let mut ids = Vec::new();
        while let Some(&pid) = self.signalled().first() {
            ids.push(self.id(pid));
            self.tell(Event::ChildExited { pid, reason: ExitReason::Shutdown });
        }
        ids
    }

    pub(super) fn signalled(&self) -> Vec<Pid> {
        self.actions
            .iter()
            .filter_map(|action| match *action {
                Action::Exit { pid, .. } => Some(pid),
                _ => None,
            })
            .collect()
    }

    fn id(&self, pid: Pid) -> u64 {
        let mut running = self.machine.children();
        let standing = super::Standing::Running(pid);
        running.find(|view| view.standing == standing).map_or(0, |view| view.spec.id.0)
    }

    pub(super) fn pid(&self, id: u64) -> Pid {
        match self.machine.child(ChildId(id)).map(|view| view.standing) {
            Some(super::Standing::Running(pid)) => pid,
            other => panic!("child {id} does not run: {other:?}"),
        }
    }

    pub(super) fn crash(&mut self, id: u64) -> &[Action] {
        self.exits(id, BOOM)
    }

    pub(super) fn exits(&mut self, id: u64, reason: ExitReason) -> &[Action] {
        let pid = self.pid(id);
        self.tell(Event::ChildExited { pid, reason })
    }

    pub(super) fn stop(&mut self) -> &[Action] {
        self.tell(Event::ExitRequested { reason: ExitReason::Shutdown })
    }

    pub(super) fn request(&mut self, event: impl FnOnce(RequestId) -> Event) -> RequestId {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.tell(event(request));
        request
    }

    pub(super) fn reply(&self, request: RequestId) -> Option<Result<Answer, Refusal>> {
        self.actions.iter().find_map(|action| match *action {
            Action::Reply { request: answered, result } if answered == request => Some(result),
            _ => None,
        })
    }

    /// Asks, and expects an answer at once.
    pub(super) fn ask(
        &mut self,
        event: impl FnOnce(RequestId) -> Event,
    ) -> Result<Answer, Refusal> {
        let request = self.request(event);
        self.reply(request).expect("a reply")
    }

    /// Returns the timer that was armed last.
    pub(super) fn armed(&self) -> Option<(TimerKey, f64)> {
        self.actions.iter().rev().find_map(|action| match *action {
            Action::Arm { timer, at } => Some((timer, at)),
            _ => None,
        })
    }

    /// Moves to the time of the timer that was armed last, and fires it.
    pub(super) fn fire(&mut self) -> &[Action] {
        let (timer, at) = self.armed().expect("a timer");
        self.now = at;
        self.tell(Event::Timer { timer })
    }

    pub(super) fn why(&self) -> Option<Why> {
        self.actions.iter().find_map(|action| match *action {
            Action::Stopped { why } => Some(why),
            _ => None,
        })
    }

    pub(super) fn reported(&self, wanted: impl Fn(&Report) -> bool) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Report(report) if wanted(report)))
    }

    pub(super) fn did(&self, wanted: Action) -> bool {
        self.actions.contains(&wanted)
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.machine.children().map(|view| view.spec.id.0).collect()
    }
}

pub(super) fn kill(pid: Pid) -> Action {
    Action::Exit { pid, signal: StopSignal::Kill }
}

pub(super) fn shutdown(pid: Pid) -> Action {
    Action::Exit { pid, signal: StopSignal::Shutdown }
}
