//! A small world to drive supervisors in: processes that start, crash and refuse to stop, in virtual time.
//!
//! It is the least driver there can be, and so an example of one. Supervisors are processes like others, to any depth.

use std::collections::BTreeMap;

use super::{
    Action, Answer, ChildId, ChildPolicy, ChildSpec, Event, ExitReason, Pid, Refusal, Report,
    RequestId, StartId, StartToken, StopSignal, Supervisor, SupervisorConfig, TimerKey,
};
use crate::core::random::Random;

/// The result of one attempt to start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    Runs,
    Fails,
    Nothing,
    /// The start never returns.
    Never,
}

/// The reaction of a worker that is asked to stop.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    Ends { after: f64, reason: ExitReason },
    Deaf,
}

/// One child of one supervisor of the plan.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) policy: ChildPolicy,
    /// The supervisor that it is, by its place in the plan.
    pub(super) supervisor: Option<usize>,
    /// The results of the attempts; the last goes on for ever.
    pub(super) attempts: Vec<Outcome>,
    pub(super) start_ms: f64,
    pub(super) manner: Manner,
}

impl Plan {
    pub(super) fn spec(&self, index: usize) -> ChildSpec {
        ChildSpec {
            id: ChildId(index as u64),
            token: StartToken(index as u64),
            policy: self.policy,
        }
    }
}

/// One supervisor of the plan. The children of its configuration are places among the children of the plan.
#[derive(Debug, Clone)]
pub(super) struct SupervisorPlan {
    pub(super) name: String,
    pub(super) config: SupervisorConfig,
    pub(super) children: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) plan: Option<usize>,
    pub(super) machine: Option<Supervisor>,
    pub(super) parent: Option<(Pid, StartId)>,
    pub(super) ready: bool,
    pub(super) alive: bool,
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    Tell { to: Pid, event: Event },
    StartDone { supervisor: Pid, start: StartId, plan: usize, outcome: Outcome },
    Die { pid: Pid, reason: ExitReason },
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) plans: Vec<Plan>,
    supervisors: Vec<SupervisorPlan>,
    pub(super) processes: BTreeMap<Pid, Process>,
    agenda: BTreeMap<(u64, u64), Happening>,
    timers: BTreeMap<(Pid, TimerKey), (u64, u64)>,
    tried: Vec<usize>,
    /// Starts that are no longer wanted, for supervisors that do not exist yet.
    cancelled: BTreeMap<(Pid, StartId), StopSignal>,
    order: u64,
    requests: u64,
    random: Random,
    /// The most milliseconds that news take to arrive.
    pub(super) latency: f64,
    pub(super) now: f64,
    pub(super) log: Vec<String>,
    pub(super) replies: BTreeMap<RequestId, Vec<Result<Answer, Refusal>>>,
    /// Requests in the order in which they were served, with their supervisors; refusals for a stop are not among them.
    pub(super) served: Vec<(Pid, RequestId)>,
    pub(super) reports: Vec<(f64, Pid, Report)>,
    pub(super) root: Pid,
}

impl World {
    /// Creates a world. The first supervisor of the plan is the root.
    pub(super) fn new(plans: Vec<Plan>, supervisors: Vec<SupervisorPlan>, seed: u64) -> Self {
        let tried = vec![0; plans.len()];
        Self {
            plans,
            supervisors,
            processes: BTreeMap::new(),
            agenda: BTreeMap::new(),
            timers: BTreeMap::new(),
            tried,
            cancelled: BTreeMap::new(),
            order: 0,
            requests: 0,
            random: Random::new(seed),
            latency: 0.0,
            now: 0.0,
            log: Vec::new(),
            replies: BTreeMap::new(),
            served: Vec::new(),
            reports: Vec::new(),
            root: Pid::from_f64(0.0),
        }
    }

    pub(super) fn start_root(&mut self) {
        self.root = self.found(0, None, None);
    }

    /// Runs what is due within `ms`, and moves time by it.
    pub(super) fn advance(&mut self, ms: f64) {
        let until = self.now + ms;
        let mut steps = 0;
        while let Some(at) = self.next_at().filter(|&at| at <= until) {
            self.step_to(at);
            steps += 1;
            assert!(steps < 200_000, "the world does not come to rest");
        }
        self.now = until;
    }

    /// Returns when something is due next.
    pub(super) fn next_at(&self) -> Option<f64> {
        self.agenda.keys().next().map(|&(at, _)| f64::from_bits(at))
    }

    /// Lets the next thing happen, at its time.
    pub(super) fn step_to(&mut self, at: f64) {
        self.now = self.now.max(at);
        if let Some((_, happening)) = self.agenda.pop_first() {
            self.happen(happening);
        }
    }

    /// Sends a request to the current process of a supervisor, or says that there is none.
    pub(super) fn request(
        &mut self,
        supervisor: Pid,
        event: impl FnOnce(RequestId) -> Event,
    ) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.replies.insert(request, Vec::new());
        let event = event(request);
        self.later(0.0, Happening::Tell { to: supervisor, event });
        request
    }

    pub(super) fn tell(&mut self, to: Pid, event: Event) {
        self.later(0.0, Happening::Tell { to, event });
    }

    /// Ends a process that stops by itself.
    pub(super) fn die(&mut self, pid: Pid, reason: ExitReason) {
        self.later(0.0, Happening::Die { pid, reason });
    }

    /// Returns the living process of a name.
    pub(super) fn pid(&self, name: &str) -> Option<Pid> {
        let living = self.processes.iter().filter(|(_, process)| process.alive);
        living.rev().find(|(_, process)| self.name(process) == name).map(|(&pid, _)| pid)
    }

    pub(super) fn index(&self, name: &str) -> usize {
        self.plans.iter().position(|plan| plan.name == name).expect("a child of the plan")
    }

    pub(super) fn alive(&self) -> usize {
        self.processes.values().filter(|process| process.alive).count()
    }

    fn name(&self, process: &Process) -> &str {
        process.plan.map_or(&self.supervisors[0].name, |plan| &self.plans[plan].name)
    }

    fn later(&mut self, ms: f64, happening: Happening) -> (u64, u64) {
        self.order += 1;
        let key = ((self.now + ms).max(0.0).to_bits(), self.order);
        self.agenda.insert(key, happening);
        key
    }

    fn news(&mut self, to: Pid, event: Event) {
        let ms = if self.latency > 0.0 { self.random.unit() * self.latency } else { 0.0 };
        self.later(ms, Happening::Tell { to, event });
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tell { to, event } => self.handle(to, event),
            Happening::StartDone { supervisor, start, plan, outcome } => {
                self.start_done(supervisor, start, plan, outcome);
            }
            Happening::Die { pid, reason } => self.end(pid, reason),
        }
    }

    fn start_done(&mut self, supervisor: Pid, start: StartId, plan: usize, outcome: Outcome) {
        let name = self.plans[plan].name.clone();
        match outcome {
            Outcome::Never => {}
            Outcome::Fails => {
                self.log.push(format!("fail {name}"));
                self.news(
                    supervisor,
                    Event::ChildStartFailed { start, reason: ExitReason::Error(0) },
                );
            }
            Outcome::Nothing => {
                self.log.push(format!("ignore {name}"));
                self.news(supervisor, Event::ChildIgnored { start });
            }
            Outcome::Runs => {
                if let Some(index) = self.plans[plan].supervisor {
                    self.found(index, Some(plan), Some((supervisor, start)));
                } else {
                    let parent = Some((supervisor, start));
                    let pid = self.spawn(Some(plan), None, parent);
                    self.log.push(format!("start {name}"));
                    self.news(supervisor, Event::ChildStarted { start, pid });
                }
            }
        }
    }

    fn spawn(
        &mut self,
        plan: Option<usize>,
        machine: Option<Supervisor>,
        parent: Option<(Pid, StartId)>,
    ) -> Pid {
        let pid = Pid::from_f64(self.processes.len() as f64 + 1.0);
        let ready = machine.is_none();
        self.processes.insert(pid, Process { plan, machine, parent, ready, alive: true });
        pid
    }

    fn found(&mut self, index: usize, plan: Option<usize>, parent: Option<(Pid, StartId)>) -> Pid {
        let SupervisorPlan { name, config, children } = &self.supervisors[index];
        let children = children.iter().map(|&child| self.plans[child].spec(child)).collect();
        let config = SupervisorConfig { children, ..config.clone() };
        self.log.push(format!("begin {name}"));
        let pid = self.spawn(plan, Some(Supervisor::new(config).expect("valid")), parent);
        self.handle(pid, Event::Start);
        if let Some(signal) = parent.and_then(|start| self.cancelled.remove(&start)) {
            self.send(pid, signal);
        }
        pid
    }

    fn handle(&mut self, to: Pid, event: Event) {
        let Some(process) = self.processes.get_mut(&to) else { return };
        let Some(machine) = &mut process.machine else { return };
        let mut actions = Vec::new();
        machine.handle(event, self.now, &mut self.random, &mut actions);
        for action in actions {
            self.carry_out(to, action);
        }
    }

    fn carry_out(&mut self, of: Pid, action: Action) {
        match action {
            Action::Start { start, token, .. } => {
                let plan = usize::try_from(token.0).expect("small");
                let tried = self.tried[plan];
                self.tried[plan] += 1;
                let attempts = &self.plans[plan].attempts;
                let outcome = attempts.get(tried).or(attempts.last()).copied();
                let outcome = outcome.unwrap_or(Outcome::Runs);
                let done = Happening::StartDone { supervisor: of, start, plan, outcome };
                self.later(self.plans[plan].start_ms, done);
            }
            Action::CancelStart { start, signal } => {
                let starting = self.processes.iter().find(|(_, process)| {
                    process.alive && !process.ready && process.parent == Some((of, start))
                });
                let pid = starting.map(|(&pid, _)| pid);
                match pid {
                    Some(pid) => self.send(pid, signal),
                    None => drop(self.cancelled.insert((of, start), signal)),
                }
            }
            Action::Exit { pid, signal } => self.send(pid, signal),
            Action::Arm { timer, at } => {
                let tell = Happening::Tell { to: of, event: Event::Timer { timer } };
                let key = self.later((at - self.now).max(0.0), tell);
                self.timers.insert((of, timer), key);
            }
            Action::Disarm { timer } => {
                let key = self.timers.remove(&(of, timer)).expect("armed");
                self.agenda.remove(&key);
            }
            Action::Reply { request, result } => {
                if result != Err(Refusal::Stopping) {
                    self.served.push((of, request));
                }
                self.replies.get_mut(&request).expect("asked").push(result);
            }
            Action::Report(report) => self.reports.push((self.now, of, report)),
            Action::Forget { .. } => {}
            Action::Ready => self.ready(of),
            Action::Stopped { why } => self.end(of, why.reason()),
        }
    }

    fn ready(&mut self, pid: Pid) {
        let process = self.processes.get_mut(&pid).expect("exists");
        process.ready = true;
        if let Some((parent, start)) = process.parent {
            self.news(parent, Event::ChildStarted { start, pid });
        }
    }

    fn send(&mut self, pid: Pid, signal: StopSignal) {
        let process = &self.processes[&pid];
        if process.machine.is_some() {
            let event = match signal {
                StopSignal::Shutdown => Event::ExitRequested { reason: ExitReason::Shutdown },
                StopSignal::Kill => Event::Killed,
            };
            self.later(0.0, Happening::Tell { to: pid, event });
            return;
        }
        let manner = self.plans[process.plan.expect("a worker")].manner;
        let (after, reason) = match (signal, manner) {
            (StopSignal::Kill, _) => (0.0, ExitReason::Killed),
            (StopSignal::Shutdown, Manner::Ends { after, reason }) => (after, reason),
            (StopSignal::Shutdown, Manner::Deaf) => return,
        };
        self.later(after, Happening::Die { pid, reason });
    }

    fn end(&mut self, pid: Pid, reason: ExitReason) {
        let process = self.processes.get_mut(&pid).expect("exists");
        if !process.alive {
            return;
        }
        if let Some(machine) = &process.machine
            && !machine.is_stopped()
        {
            // A supervisor ends from outside: only killing does that.
            return self.handle(pid, Event::Killed);
        }
        process.alive = false;
        let (parent, ready) = (process.parent, process.ready);
        let line = format!("exit {} {}", self.name(&self.processes[&pid]), text(reason));
        self.log.push(line);
        if let Some((parent, start)) = parent {
            self.news(
                parent,
                if ready {
                    Event::ChildExited { pid, reason }
                } else {
                    Event::ChildStartFailed { start, reason }
                },
            );
        }
    }

    /// Returns the machine of a living supervisor.
    pub(super) fn machine(&self, pid: Pid) -> Option<&Supervisor> {
        self.processes.get(&pid)?.machine.as_ref()
    }
}

const DETAILS: [&str; 4] = ["failed", "boom", "x", "other"];

pub(super) fn text(reason: ExitReason) -> String {
    let detail = |number: u64| DETAILS[usize::try_from(number).expect("small") % DETAILS.len()];
    match reason {
        ExitReason::Normal => "normal".into(),
        ExitReason::Shutdown => "shutdown".into(),
        ExitReason::ShutdownWith(number) => format!("shutdown:{}", detail(number)),
        ExitReason::Killed => "killed".into(),
        ExitReason::Error(number) => detail(number).into(),
    }
}

pub(super) fn reason(text: &str) -> ExitReason {
    let number = |detail: &str| {
        DETAILS.iter().position(|&known| known == detail).expect("a known detail") as u64
    };
    match text {
        "normal" => ExitReason::Normal,
        "shutdown" => ExitReason::Shutdown,
        "killed" => ExitReason::Killed,
        _ => match text.strip_prefix("shutdown:") {
            Some(detail) => ExitReason::ShutdownWith(number(detail)),
            None => ExitReason::Error(number(text)),
        },
    }
}
