//! Supervisors: events come in, and their actions go out through the scratch memory, in pages.

use std::collections::VecDeque;

use super::supervisor_protocol::{
    ActionCells, ActionKind, MOST_ACTIONS, NO_RULE, NO_START_TIMEOUT, PageHead, PolicyCells,
    RefusalKind, SHUTDOWN_KILLS, StartFailure, StopKind, SupervisorEvent,
};
use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Module, NONE, hot_lane};
use crate::binding::system::Systems;
use crate::core::actor::ExitKind;
use crate::core::actor::supervisor::{
    Action, Answer, AutoShutdown, Backoff, BudgetScope, ChildId, ChildKind, ChildPolicy, ChildSpec,
    Event, ExitReason, InvalidSpec, Jitter, Pid, Refusal, Report, RequestId, Restart, Shutdown,
    StartError, StartId, StartToken, Strategy, Supervisor, SupervisorConfig, TimerKey, Why,
};
use crate::core::random::Random;
use crate::protocol::record::records;
use crate::protocol::{Code, Record};

pub(crate) type Supervisors = Handles<Supervision>;

/// A supervisor, or the configuration to make it of.
pub(crate) struct Supervision {
    machine: Result<Supervisor, Box<SupervisorConfig>>,
    actions: VecDeque<Action>,
}

pub(crate) const MODULE: Module = hot_lane! {
    Supervisors;
    /// Opens a supervisor that is still to be made. Returns its handle.
    "supervisorOpen"(strategy, max_restarts, within_ms, scope, auto_shutdown) => open;
    /// Forgets a supervisor; a stale handle does nothing.
    "supervisorClose"(supervisor) => close;
    /// Adds a child to its configuration. Scratch before it: `Policy`.
    "supervisorChild"(supervisor, id) => child;
    /// Sets the template of the children of a simple_one_for_one supervisor. Scratch before it: `Policy`.
    "supervisorTemplate"(supervisor) => template;
    /// Notes that a child has turned out to supervise.
    "supervisorNested"(supervisor, id) => nested;
    /// Makes it. Returns 0, or the number of the rule that its configuration breaks.
    "supervisorMake"(supervisor) => make;
    /// Returns how many restarts it may still make within its window.
    "supervisorRestartsLeft"(supervisor, now) => restarts_left;
    /// Passes it an event, with up to two numbers. Actions: see `supervisorMore`. An event that starts a child has its
    /// `Policy` in the scratch memory.
    "supervisorTell"(supervisor, event, first, second, now, system) => tell;
    /// Writes the next actions to the scratch memory. Returns how many. First stands the `PageHead`, then an `Action`
    /// each.
    "supervisorMore"(supervisor) => more;
};

fn with(
    environment: &Local<Supervisors>,
    handle: f64,
    body: impl FnOnce(&mut Supervision) -> f64,
) -> f64 {
    environment.table.borrow_mut().get(handle).map_or(NONE, body)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a checked integer"
)]
fn open(
    environment: &Local<Supervisors>,
    strategy: f64,
    max_restarts: f64,
    within_ms: f64,
    scope: f64,
    auto_shutdown: f64,
) -> f64 {
    let config = SupervisorConfig {
        strategy: Strategy::from_f64(strategy).unwrap_or_default(),
        max_restarts: max_restarts as u32,
        within_ms,
        scope: BudgetScope::from_f64(scope).unwrap_or_default(),
        auto_shutdown: AutoShutdown::from_f64(auto_shutdown).unwrap_or_default(),
        forget_ended: true,
        ..SupervisorConfig::default()
    };
    let supervision = Supervision { machine: Err(Box::new(config)), actions: VecDeque::new() };
    environment.table.borrow_mut().open(supervision)
}

fn close(environment: &Local<Supervisors>, handle: f64) -> f64 {
    environment.table.borrow_mut().close(handle);
    0.0
}

fn restarts_left(environment: &Local<Supervisors>, handle: f64, now: f64) -> f64 {
    with(environment, handle, |supervision| {
        supervision.machine.as_ref().map_or(NONE, |machine| f64::from(machine.restarts_left(now)))
    })
}

fn policy(environment: &Local<Supervisors>) -> ChildPolicy {
    let cells: PolicyCells = environment.read();
    let PolicyCells { initial, longest, factor, jitter, .. } = cells;
    ChildPolicy {
        restart: Restart::from_f64(cells.restart).unwrap_or_default(),
        shutdown: match cells.shutdown {
            SHUTDOWN_KILLS => Shutdown::Kill,
            f64::INFINITY => Shutdown::Never,
            ms => Shutdown::After(ms),
        },
        // A child that supervises is found to do so when it has started.
        kind: ChildKind::Worker,
        significant: cells.significant.is_set(),
        start_timeout: (cells.start_timeout != NO_START_TIMEOUT).then_some(cells.start_timeout),
        backoff: cells.delays.is_set().then_some(Backoff {
            initial_ms: initial,
            max_ms: longest,
            factor,
            jitter: Jitter::Shorter(jitter),
        }),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number that TypeScript counted up to, or one that was handed to it"
)]
fn id(number: f64) -> u64 {
    number as u64
}

fn child(environment: &Local<Supervisors>, handle: f64, child: f64) -> f64 {
    let number = id(child);
    let spec =
        ChildSpec { id: ChildId(number), token: StartToken(number), policy: policy(environment) };
    with(environment, handle, |supervision| match &mut supervision.machine {
        Ok(_) => NONE,
        Err(config) => {
            config.children.push(spec);
            0.0
        }
    })
}

fn template(environment: &Local<Supervisors>, handle: f64) -> f64 {
    let policy = policy(environment);
    with(environment, handle, |supervision| match &mut supervision.machine {
        Ok(_) => NONE,
        Err(config) => {
            config.template = Some(policy);
            0.0
        }
    })
}

fn nested(environment: &Local<Supervisors>, handle: f64, child: f64) -> f64 {
    with(environment, handle, |supervision| {
        if let Ok(machine) = &mut supervision.machine {
            machine.found_to_supervise(ChildId(id(child)));
        }
        0.0
    })
}

fn make(environment: &Local<Supervisors>, handle: f64) -> f64 {
    with(environment, handle, |supervision| {
        let Err(config) = &mut supervision.machine else { return NONE };
        match Supervisor::new(std::mem::take(&mut **config)) {
            Ok(machine) => {
                supervision.machine = Ok(machine);
                NO_RULE
            }
            Err(invalid) => rule(invalid),
        }
    })
}

fn tell(
    environment: &Local<Supervisors>,
    handle: f64,
    event: f64,
    first: f64,
    second: f64,
    now: f64,
    system: f64,
) -> f64 {
    let Some(event) = read(environment, event, first, second) else { return NONE };
    with(environment, handle, |supervision| {
        let Ok(machine) = &mut supervision.machine else { return NONE };
        let mut actions = Vec::new();
        let mut systems = environment.local::<Systems>().table.borrow_mut();
        match systems.get(system) {
            Some(system) => machine.handle(event, now, system.random(), &mut actions),
            // The system was closed; chance only spreads restarts, and there are none any more.
            None => machine.handle(event, now, &mut Random::new(0), &mut actions),
        }
        supervision.actions.extend(actions);
        write(environment, &mut supervision.actions)
    })
}

fn more(environment: &Local<Supervisors>, handle: f64) -> f64 {
    with(environment, handle, |supervision| write(environment, &mut supervision.actions))
}

fn read(environment: &Local<Supervisors>, event: f64, first: f64, second: f64) -> Option<Event> {
    let (request, child) = (RequestId(id(first)), ChildId(id(second)));
    let start = StartId::from_number(id(first));
    Some(match SupervisorEvent::from_f64(event)? {
        SupervisorEvent::Start => Event::Start,
        SupervisorEvent::ChildStarted => Event::ChildStarted { start, pid: Pid::from_f64(second) },
        SupervisorEvent::ChildStartFailed => {
            Event::ChildStartFailed { start, reason: reason(second) }
        }
        SupervisorEvent::ChildExited => {
            Event::ChildExited { pid: Pid::from_f64(first), reason: reason(second) }
        }
        // What to run goes by the number of the request, as two requests may be for one child.
        SupervisorEvent::StartChild => {
            let policy = policy(environment);
            Event::StartChild {
                request,
                spec: ChildSpec { id: child, token: StartToken(request.0), policy },
            }
        }
        SupervisorEvent::StartDynamic => {
            Event::StartDynamic { request, child, token: StartToken(request.0) }
        }
        SupervisorEvent::RemoveChild => Event::RemoveChild { request, child },
        SupervisorEvent::RenewChild => Event::RenewChild { request, child },
        SupervisorEvent::Timer => Event::Timer { timer: TimerKey::from_number(id(first)) },
        SupervisorEvent::ExitRequested => Event::ExitRequested { reason: reason(first) },
        SupervisorEvent::Killed => Event::Killed,
    })
}

/// Decodes the reason of an end. The value of an error stays in JavaScript.
fn reason(kind: f64) -> ExitReason {
    match ExitKind::from_f64(kind) {
        Some(ExitKind::Normal) => ExitReason::Normal,
        Some(ExitKind::Shutdown) => ExitReason::Shutdown,
        Some(ExitKind::Killed) => ExitReason::Killed,
        Some(ExitKind::Error) | None => ExitReason::Error(0),
    }
}

/// Moves as many actions as fit to the scratch memory; how many.
fn write(environment: &Local<Supervisors>, actions: &mut VecDeque<Action>) -> f64 {
    let cells = &environment.numbers()[ActionCells::BASE..];
    let mut places = records::<ActionCells>(cells).iter().take(MOST_ACTIONS);
    let mut written = 0_u32;
    while let Some(action) = actions.front() {
        if let Some(cells) = encode(*action) {
            let Some(place) = places.next() else { break };
            place.set(cells);
            written += 1;
        }
        actions.pop_front();
    }
    environment.write(PageHead { left: actions.len() as f64 });
    f64::from(written)
}

/// Returns an action with up to three numbers.
fn action<const N: usize>(kind: ActionKind, numbers: [f64; N]) -> ActionCells {
    const { assert!(N <= 3) };
    let [first, second, third] =
        std::array::from_fn(|index| numbers.get(index).copied().unwrap_or_default());
    ActionCells { kind: kind.to_f64(), first, second, third }
}

/// Returns the numbers of an action; `None` for reports that no observer gets.
fn encode(asked: Action) -> Option<ActionCells> {
    Some(match asked {
        Action::Start { start, token, .. } => {
            action(ActionKind::Start, [start.number() as f64, token.0 as f64])
        }
        Action::CancelStart { start, signal } => {
            action(ActionKind::CancelStart, [start.number() as f64, signal.to_f64()])
        }
        Action::Exit { pid, signal } => action(ActionKind::Exit, [pid.to_f64(), signal.to_f64()]),
        Action::Arm { timer, at } => action(ActionKind::Arm, [timer.number() as f64, at]),
        Action::Disarm { timer } => action(ActionKind::Disarm, [timer.number() as f64]),
        Action::Reply { request, result: Ok(answer) } => {
            let pid = match answer {
                Answer::Started { pid: Some(pid), .. } => pid.to_f64(),
                Answer::Started { pid: None, .. } | Answer::Done => NONE,
            };
            action(ActionKind::Reply, [request.0 as f64, pid])
        }
        Action::Reply { request, result: Err(refusal) } => {
            let (kind, detail) = of_refusal(refusal);
            action(ActionKind::Refuse, [request.0 as f64, kind.to_f64(), detail])
        }
        Action::Forget { child, token } => {
            action(ActionKind::Forget, [child.0 as f64, token.0 as f64])
        }
        Action::Ready => action(ActionKind::Ready, []),
        Action::Stopped { why } => of_why(ActionKind::Stopped, why),
        Action::Report(report) => return of_report(report),
    })
}

fn of_report(report: Report) -> Option<ActionCells> {
    Some(match report {
        Report::Started { child, pid, instance } => {
            action(ActionKind::Started, [child.0 as f64, pid.to_f64(), f64::from(instance)])
        }
        Report::StartFailed { child, error } => {
            action(ActionKind::StartFailed, [child.0 as f64, of_start_error(error)])
        }
        Report::Exited { child, pid, .. } => {
            action(ActionKind::Exited, [child.0 as f64, pid.to_f64()])
        }
        Report::Terminated { child, pid, .. } => {
            action(ActionKind::Terminated, [child.0 as f64, pid.to_f64()])
        }
        Report::Stopping { why } => of_why(ActionKind::Stopping, why),
        Report::LateStart { start, pid } => {
            action(ActionKind::LateStart, [start.number() as f64, pid.to_f64()])
        }
        _ => return None,
    })
}

fn of_start_error(error: StartError) -> f64 {
    let failure = match error {
        StartError::Failed(_) => StartFailure::Failed,
        StartError::TimedOut => StartFailure::TimedOut,
        StartError::PidTaken => StartFailure::PidTaken,
    };
    failure.to_f64()
}

fn of_why(kind: ActionKind, why: Why) -> ActionCells {
    let (stop, child, detail) = match why {
        Why::Requested(_) => (StopKind::Requested, 0, 0.0),
        Why::MaxRestarts { child } => (StopKind::MaxRestarts, child.0, 0.0),
        Why::AutoShutdown { child } => (StopKind::AutoShutdown, child.0, 0.0),
        Why::StartFailed { child, error } => {
            (StopKind::StartFailed, child.0, of_start_error(error))
        }
        Why::Killed => (StopKind::Killed, 0, 0.0),
    };
    action(kind, [stop.to_f64(), child as f64, detail])
}

fn of_refusal(refusal: Refusal) -> (RefusalKind, f64) {
    match refusal {
        Refusal::Stopping => (RefusalKind::Stopping, 0.0),
        Refusal::NotFound => (RefusalKind::NotFound, 0.0),
        Refusal::AlreadyStarted(_) | Refusal::AlreadyPresent => (RefusalKind::Duplicate, 0.0),
        Refusal::SimpleOneForOne => (RefusalKind::Specification, 0.0),
        Refusal::NotSimpleOneForOne => (RefusalKind::Arguments, 0.0),
        Refusal::Invalid(invalid) => (RefusalKind::Invalid, rule(invalid)),
        Refusal::StartFailed(error) => (RefusalKind::StartFailed, of_start_error(error)),
        Refusal::Running | Refusal::Restarting | Refusal::MaxChildren => (RefusalKind::Other, 0.0),
    }
}

/// Returns the number of a rule, for an error message; 0 stands for none.
fn rule(invalid: InvalidSpec) -> f64 {
    match invalid {
        InvalidSpec::Within => 1.0,
        InvalidSpec::Shutdown => 2.0,
        InvalidSpec::StartTimeout => 3.0,
        InvalidSpec::Backoff => 4.0,
        InvalidSpec::DuplicateChild(_) => 5.0,
        InvalidSpec::SignificantUnderNever => 6.0,
        InvalidSpec::SignificantPermanent => 7.0,
        InvalidSpec::TemplateMissing => 8.0,
        InvalidSpec::TemplateUnexpected => 9.0,
        InvalidSpec::StaticChildren => 10.0,
        InvalidSpec::MaxChildren => 11.0,
    }
}
