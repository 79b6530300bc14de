//! Supervisors: events come in, and what is to be done about them goes out through the scratch memory, in pages.

use std::collections::VecDeque;

use super::environment::{Environment, Handles};
use super::hot::{Export, NONE, hot_lane};
use crate::core::actor::supervisor::{
    Action, Answer, AutoShutdown, Backoff, BudgetScope, ChildId, ChildKind, ChildPolicy, ChildSpec,
    Event, ExitReason, ExitVerdict, InvalidSpec, Jitter, Pid, Refusal, Report, RequestId, Restart,
    Shutdown, StartError, StartId, StartToken, StopSignal, Strategy, Supervisor, SupervisorConfig,
    TimerKey, Why,
};
use crate::core::random::Random;

pub(super) type Supervisors = Handles<Supervision>;

/// A supervisor, or what it is to be made of.
pub(super) struct Supervision {
    machine: Result<Supervisor, Box<SupervisorConfig>>,
    actions: VecDeque<Action>,
}

/// Numbers of one action: what, and four more.
const ACTION: usize = 5;
/// Numbers before the actions of a page: how many there are, and how many are left.
const HEAD: usize = 2;

pub(super) const EXPORTS: &[Export] = hot_lane! {
    /// Opens a supervisor that is still to be made; its handle.
    "supervisorOpen"(strategy, max_restarts, within_ms, each_child, auto_shutdown) => open;
    /// Forgets a supervisor; a stale handle does nothing.
    "supervisorClose"(supervisor) => close;
    /// Adds a child to what it is made of. Its policy is read from the scratch memory.
    "supervisorChild"(supervisor, id) => child;
    /// Sets what the children of a simple_one_for_one supervisor are made after. Read from the scratch memory.
    "supervisorTemplate"(supervisor) => template;
    /// A child has turned out to supervise.
    "supervisorNested"(supervisor, id) => nested;
    /// Makes it; 0, or the number of the rule that its configuration breaks.
    "supervisorMake"(supervisor) => make;
    /// Tells it an event, with up to two numbers. Actions: see `supervisorMore`. What starts a child has its policy in scratch.
    "supervisorTell"(supervisor, event, first, second, now, system) => tell;
    /// Writes the next actions to the scratch memory: how many, how many are left, then five numbers each.
    "supervisorMore"(supervisor) => more;
};

fn with(environment: &Environment, handle: f64, body: impl FnOnce(&mut Supervision) -> f64) -> f64 {
    environment.supervisors.borrow_mut().get(handle).map_or(NONE, body)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes checked integers"
)]
fn open(
    environment: &Environment,
    strategy: f64,
    max_restarts: f64,
    within_ms: f64,
    each_child: f64,
    auto_shutdown: f64,
) -> f64 {
    let config = SupervisorConfig {
        strategy: match strategy as u32 {
            0 => Strategy::OneForOne,
            1 => Strategy::OneForAll,
            2 => Strategy::RestForOne,
            _ => Strategy::SimpleOneForOne,
        },
        max_restarts: max_restarts as u32,
        within_ms,
        scope: if each_child == 0.0 { BudgetScope::Supervisor } else { BudgetScope::Child },
        auto_shutdown: match auto_shutdown as u32 {
            0 => AutoShutdown::Never,
            1 => AutoShutdown::AnySignificant,
            _ => AutoShutdown::AllSignificant,
        },
        forget_ended: true,
        ..SupervisorConfig::default()
    };
    let supervision = Supervision { machine: Err(Box::new(config)), actions: VecDeque::new() };
    environment.supervisors.borrow_mut().open(supervision)
}

fn close(environment: &Environment, handle: f64) -> f64 {
    environment.supervisors.borrow_mut().close(handle);
    0.0
}

/// Restart, shutdown (-1 kills, infinity waits), kind, significance, start timeout (negative for none), then the back-off:
/// whether there is one, its first delay, its longest, its factor and its jitter.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript writes checked integers"
)]
fn policy(environment: &Environment) -> ChildPolicy {
    let numbers = environment.numbers();
    let at = |index: usize| numbers[index].get();
    ChildPolicy {
        restart: match at(0) as u32 {
            0 => Restart::Permanent,
            1 => Restart::Transient,
            _ => Restart::Temporary,
        },
        shutdown: match at(1) {
            ms if ms < 0.0 => Shutdown::Kill,
            f64::INFINITY => Shutdown::Never,
            ms => Shutdown::After(ms),
        },
        kind: if at(2) == 0.0 { ChildKind::Worker } else { ChildKind::Supervisor },
        significant: at(3) != 0.0,
        start_timeout: (at(4) >= 0.0).then(|| at(4)),
        backoff: (at(5) != 0.0).then(|| Backoff {
            initial_ms: at(6),
            max_ms: at(7),
            factor: at(8),
            jitter: Jitter::Shorter(at(9)),
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

fn child(environment: &Environment, handle: f64, child: f64) -> f64 {
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

fn template(environment: &Environment, handle: f64) -> f64 {
    let policy = policy(environment);
    with(environment, handle, |supervision| match &mut supervision.machine {
        Ok(_) => NONE,
        Err(config) => {
            config.template = Some(policy);
            0.0
        }
    })
}

fn nested(environment: &Environment, handle: f64, child: f64) -> f64 {
    with(environment, handle, |supervision| {
        if let Ok(machine) = &mut supervision.machine {
            machine.found_to_supervise(ChildId(id(child)));
        }
        0.0
    })
}

fn make(environment: &Environment, handle: f64) -> f64 {
    with(environment, handle, |supervision| {
        let Err(config) = &mut supervision.machine else { return NONE };
        match Supervisor::new(std::mem::take(&mut **config)) {
            Ok(machine) => {
                supervision.machine = Ok(machine);
                0.0
            }
            Err(invalid) => rule(invalid),
        }
    })
}

fn tell(
    environment: &Environment,
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
        let mut systems = environment.systems.borrow_mut();
        match systems.get(system) {
            Some(system) => machine.handle(event, now, system.random(), &mut actions),
            // The system was closed; chance only spreads restarts, and there are none any more.
            None => machine.handle(event, now, &mut Random::new(0), &mut actions),
        }
        supervision.actions.extend(actions);
        write(environment, &mut supervision.actions)
    })
}

fn more(environment: &Environment, handle: f64) -> f64 {
    with(environment, handle, |supervision| write(environment, &mut supervision.actions))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes the number of an event"
)]
fn read(environment: &Environment, event: f64, first: f64, second: f64) -> Option<Event> {
    let (request, child) = (RequestId(id(first)), ChildId(id(second)));
    let start = StartId::from_number(id(first));
    Some(match event as u32 {
        0 => Event::Start,
        1 => Event::ChildStarted { start, pid: Pid::from_f64(second) },
        2 => Event::ChildStartFailed { start, reason: reason(second) },
        3 => Event::ChildExited { pid: Pid::from_f64(first), reason: reason(second) },
        // What to run goes by the number of the request, as two requests may be for one child.
        4 => {
            let policy = policy(environment);
            Event::StartChild {
                request,
                spec: ChildSpec { id: child, token: StartToken(request.0), policy },
            }
        }
        5 => Event::StartDynamic { request, child, token: StartToken(request.0) },
        6 => Event::RemoveChild { request, child },
        7 => Event::RenewChild { request, child },
        8 => Event::Timer { timer: TimerKey::from_number(id(first)) },
        9 => Event::ExitRequested { reason: reason(first) },
        10 => Event::Killed,
        _ => return None,
    })
}

/// The numbers of `js/actor/protocol.ts`. What an error was stays in JavaScript.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes the number of a kind"
)]
fn reason(kind: f64) -> ExitReason {
    match kind as u32 {
        0 => ExitReason::Normal,
        1 => ExitReason::Shutdown,
        3 => ExitReason::Killed,
        _ => ExitReason::Error(0),
    }
}

/// Moves as many actions as fit to the scratch memory; how many.
fn write(environment: &Environment, actions: &mut VecDeque<Action>) -> f64 {
    let numbers = environment.numbers();
    let mut chunks = numbers[HEAD..].chunks_exact(ACTION);
    let mut written = 0_u32;
    while let Some(action) = actions.front() {
        if let Some(values) = encode(*action) {
            let Some(chunk) = chunks.next() else { break };
            for (cell, value) in chunk.iter().zip(values) {
                cell.set(value);
            }
            written += 1;
        }
        actions.pop_front();
    }
    numbers[0].set(f64::from(written));
    numbers[1].set(actions.len() as f64);
    f64::from(written)
}

/// The numbers of an action; none for reports that nobody is told.
fn encode(action: Action) -> Option<[f64; ACTION]> {
    Some(match action {
        Action::Start { start, token, .. } => {
            [0.0, start.number() as f64, token.0 as f64, 0.0, 0.0]
        }
        Action::CancelStart { start, signal } => {
            [1.0, start.number() as f64, of_signal(signal), 0.0, 0.0]
        }
        Action::Exit { pid, signal } => [2.0, pid.to_f64(), of_signal(signal), 0.0, 0.0],
        Action::Arm { timer, at } => [3.0, timer.number() as f64, at, 0.0, 0.0],
        Action::Disarm { timer } => [4.0, timer.number() as f64, 0.0, 0.0, 0.0],
        Action::Reply { request, result: Ok(answer) } => {
            let pid = match answer {
                Answer::Started { pid: Some(pid), .. } => pid.to_f64(),
                Answer::Started { pid: None, .. } | Answer::Done => NONE,
            };
            [5.0, request.0 as f64, pid, 0.0, 0.0]
        }
        Action::Reply { request, result: Err(refusal) } => {
            let [what, detail] = of_refusal(refusal);
            [6.0, request.0 as f64, what, detail, 0.0]
        }
        Action::Forget { child, token } => [7.0, child.0 as f64, token.0 as f64, 0.0, 0.0],
        Action::Ready => [8.0, 0.0, 0.0, 0.0, 0.0],
        Action::Stopped { why } => of_why(9.0, why),
        Action::Report(report) => return of_report(report),
    })
}

fn of_report(report: Report) -> Option<[f64; ACTION]> {
    Some(match report {
        Report::Started { child, pid, instance } => {
            [10.0, child.0 as f64, pid.to_f64(), f64::from(instance), 0.0]
        }
        Report::StartFailed { child, error } => {
            [11.0, child.0 as f64, of_start_error(error), 0.0, 0.0]
        }
        Report::Exited { child, pid, verdict, .. } => {
            let restarts = f64::from(u8::from(verdict == ExitVerdict::Restart));
            [12.0, child.0 as f64, pid.to_f64(), restarts, 0.0]
        }
        Report::Terminated { child, pid, .. } => [13.0, child.0 as f64, pid.to_f64(), 0.0, 0.0],
        Report::Stopping { why } => of_why(14.0, why),
        Report::LateStart { start, pid } => [15.0, start.number() as f64, pid.to_f64(), 0.0, 0.0],
        _ => return None,
    })
}

fn of_signal(signal: StopSignal) -> f64 {
    f64::from(u8::from(signal == StopSignal::Kill))
}

fn of_start_error(error: StartError) -> f64 {
    match error {
        StartError::Failed(_) => 0.0,
        StartError::TimedOut => 1.0,
        StartError::PidTaken => 2.0,
    }
}

fn of_why(action: f64, why: Why) -> [f64; ACTION] {
    match why {
        Why::Requested(_) => [action, 0.0, 0.0, 0.0, 0.0],
        Why::MaxRestarts { child } => [action, 1.0, child.0 as f64, 0.0, 0.0],
        Why::AutoShutdown { child } => [action, 2.0, child.0 as f64, 0.0, 0.0],
        Why::StartFailed { child, error } => {
            [action, 3.0, child.0 as f64, of_start_error(error), 0.0]
        }
        Why::Killed => [action, 4.0, 0.0, 0.0, 0.0],
    }
}

fn of_refusal(refusal: Refusal) -> [f64; 2] {
    match refusal {
        Refusal::Stopping => [0.0, 0.0],
        Refusal::NotFound => [1.0, 0.0],
        Refusal::AlreadyStarted(_) | Refusal::AlreadyPresent => [2.0, 0.0],
        Refusal::SimpleOneForOne => [3.0, 0.0],
        Refusal::NotSimpleOneForOne => [4.0, 0.0],
        Refusal::Invalid(invalid) => [5.0, rule(invalid)],
        Refusal::StartFailed(error) => [6.0, of_start_error(error)],
        Refusal::Running | Refusal::Restarting | Refusal::MaxChildren => [7.0, 0.0],
    }
}

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
