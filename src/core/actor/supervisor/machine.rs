//! The machine: its current work, the event that it waits for, and the events that wait for it.

use std::collections::{BTreeMap, VecDeque};

use super::children::{Child, ChildPlace, ChildState, Children};
use super::event::{Action, Event};
use super::ids::{ChildId, Pid, RequestId, StartId, TimerKey};
use super::reason::{ExitReason, Why};
use super::report::Report;
use super::spec::{ChildSpec, InvalidSpec, Shutdown, StopSignal, Strategy, SupervisorConfig};
use crate::core::actor::restart_window::RestartWindow;
use crate::core::random::Random;

/// The activity of a supervisor at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Activity {
    /// It was not started yet.
    Unborn,
    Idle,
    /// Starting children in order, from `next` on: for the `first` time, or in a restart.
    Up {
        next: ChildPlace,
        first: bool,
        asked: Option<GroupRequest>,
    },
    /// Stopping the children in `floor..below`, the last first.
    Down {
        below: ChildPlace,
        floor: ChildPlace,
        then: Then,
    },
    /// Stopping all children at once.
    Together {
        why: Why,
        asked: bool,
    },
    /// Starting one child.
    StartOne {
        place: ChildPlace,
        by: By,
    },
    /// Stopping one child.
    StopOne {
        place: ChildPlace,
        request: RequestId,
        then: AfterStop,
    },
    /// It has ended.
    Stopped,
}

/// The step after a group is down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    /// It is started again, after the delay of the child that was the cause.
    Delay { cause: ChildPlace },
    /// It is started again.
    Up { asked: Option<GroupRequest> },
    /// The supervisor ends.
    End { why: Why },
}

/// A request for one child of a group that starts as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupRequest {
    pub(super) request: RequestId,
    pub(super) place: ChildPlace,
}

/// The step after one child is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterStop {
    /// Its specification stays, if it is one that stays.
    Keep,
    /// Its specification is deleted.
    Delete,
    /// It is started again.
    Start,
}

/// On whose behalf one child is started.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    Restart,
    /// `fresh`: the child is new, and not kept if its start fails.
    Request {
        request: RequestId,
        fresh: bool,
    },
    /// The child was there before. If its start fails it is tried again, like any other restart.
    Renewal {
        request: RequestId,
    },
}

/// The event that the activity waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    Start { start: StartId, place: ChildPlace, limit: Option<(TimerKey, f64)> },
    Exit { place: ChildPlace, pid: Pid, signal: StopSignal, limit: Option<TimerKey> },
    Exits { limit: Option<TimerKey> },
}

/// Events and restarts that wait for their turn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Queued {
    Exited {
        place: ChildPlace,
        pid: Pid,
    },
    /// A restart whose start failed is to be tried again, and counted.
    Retry {
        place: ChildPlace,
        ticket: u64,
    },
    /// A restart that was counted already has waited long enough.
    Due {
        place: ChildPlace,
        ticket: u64,
    },
    Request(Event, RequestId),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    StartLimit,
    StopLimit,
    Backoff { place: ChildPlace },
}

/// The things that one step may use beside the state.
#[derive(Debug)]
pub(super) struct StepOutput<'a> {
    pub(super) random: &'a mut Random,
    pub(super) actions: &'a mut Vec<Action>,
}

impl StepOutput<'_> {
    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(super) fn report(&mut self, report: Report) {
        self.actions.push(Action::Report(report));
    }
}

/// A supervisor that never loses a child: each one it knows of runs, waits for its restart, or was stopped for a reason
/// that was reported.
///
/// It is a pure function of its configuration, the events, their times and the chance it is lent.
#[derive(Debug)]
pub struct Supervisor {
    /// Without the children, which are in the table.
    pub(super) config: SupervisorConfig,
    pub(super) children: Children,
    pub(super) window: RestartWindow,
    pub(super) work: Activity,
    pub(super) wait: Option<Wait>,
    pub(super) queue: VecDeque<Queued>,
    /// A requested stop that has not begun.
    pub(super) exit: Option<ExitReason>,
    pub(super) timers: BTreeMap<TimerKey, Purpose>,
    /// Exits of processes that are not known, while a start is under way that may make them known.
    pub(super) early: BTreeMap<Pid, ExitReason>,
    pub(super) now: f64,
    last_number: u64,
}

impl Supervisor {
    /// Creates a supervisor that waits for [`Event::Start`].
    ///
    /// # Errors
    /// The rule that the configuration breaks.
    pub fn new(mut config: SupervisorConfig) -> Result<Self, InvalidSpec> {
        config.check()?;
        let mut children = Children::default();
        for child in std::mem::take(&mut config.children) {
            children.insert(child).ok_or(InvalidSpec::DuplicateChild(child.id))?;
        }
        Ok(Self {
            config,
            children,
            window: RestartWindow::default(),
            work: Activity::Unborn,
            wait: None,
            queue: VecDeque::new(),
            exit: None,
            timers: BTreeMap::new(),
            early: BTreeMap::new(),
            now: 0.0,
            last_number: 0,
        })
    }

    /// Counts a child as a supervisor although its specification does not say so. From now on it has all the time that
    /// it needs to stop. So have all children of the same template.
    pub fn found_to_supervise(&mut self, child: ChildId) {
        self.children.found_to_supervise(child);
        if let Some(template) = &mut self.config.template {
            template.shutdown = Shutdown::Never;
        }
    }

    /// Takes an event at monotonic time `now`, and appends what is to be done about it to `actions`.
    ///
    /// A time before that of an earlier event counts as that earlier time. Chance is drawn for jitter alone.
    pub fn handle(
        &mut self,
        event: Event,
        now: f64,
        random: &mut Random,
        actions: &mut Vec<Action>,
    ) {
        // `max` also drops a NaN.
        self.now = self.now.max(now);
        let turn = &mut StepOutput { random, actions };
        match event {
            Event::Start => self.begin(),
            Event::ChildStarted { start, pid } => self.on_started(start, pid, turn),
            Event::ChildIgnored { start } => self.on_ignored(start, turn),
            Event::ChildStartFailed { start, reason } => self.on_start_failed(start, reason, turn),
            Event::ChildExited { pid, reason } => self.on_exited(pid, reason, turn),
            Event::Timer { timer } => self.on_timer(timer, turn),
            Event::ExitRequested { reason } => self.on_exit_requested(reason, turn),
            Event::Killed => self.on_killed(turn),
            Event::StartChild { request, .. }
            | Event::StartDynamic { request, .. }
            | Event::TerminateChild { request, .. }
            | Event::RemoveChild { request, .. }
            | Event::RestartChild { request, .. }
            | Event::RenewChild { request, .. }
            | Event::DeleteChild { request, .. } => self.on_request(event, request, turn),
        }
        self.run(turn);
    }

    /// Works until there is nothing to do, or something to wait for. A loop and no recursion, because a group may be
    /// long.
    fn run(&mut self, turn: &mut StepOutput<'_>) {
        while self.wait.is_none() {
            // A stop on request has an answer to give first.
            if !matches!(self.work, Activity::StopOne { .. })
                && let Some(reason) = self.exit.take()
                && !self.is_ending()
            {
                self.end(Why::Requested(reason), turn);
            }
            match self.work {
                Activity::Unborn | Activity::Stopped => break,
                Activity::Idle => match self.queue.pop_front() {
                    Some(queued) => self.take_up(queued, turn),
                    None => break,
                },
                Activity::Up { next, first, .. } => self.climb(next, first, turn),
                Activity::Down { below, floor, then } => self.descend(below, floor, then, turn),
                Activity::Together { why, asked } => self.stop_together(why, asked, turn),
                Activity::StartOne { place, .. } => self.start(place, turn),
                Activity::StopOne { place, request, then } => {
                    self.stop_one(place, request, then, turn);
                }
            }
        }
    }

    fn begin(&mut self) {
        if matches!(self.work, Activity::Unborn) {
            self.work = Activity::Up { next: 0, first: true, asked: None };
        }
    }

    fn take_up(&mut self, queued: Queued, turn: &mut StepOutput<'_>) {
        match queued {
            Queued::Exited { place, pid } => self.on_fallen(place, pid, turn),
            Queued::Retry { place, ticket } if self.holds(place, ticket) => {
                self.restart(place, turn);
            }
            Queued::Due { place, ticket } if self.holds(place, ticket) => self.rebuild(place),
            Queued::Retry { .. } | Queued::Due { .. } => {}
            Queued::Request(event, request) => self.serve(event, request, turn),
        }
    }

    /// Returns whether a child still waits for the restart that this ticket stands for.
    fn holds(&self, place: ChildPlace, ticket: u64) -> bool {
        let state = self.children.get(place).map(Child::state);
        matches!(state, Some(ChildState::Restarting { ticket: held, .. }) if held == ticket)
    }

    fn on_timer(&mut self, timer: TimerKey, turn: &mut StepOutput<'_>) {
        match self.timers.remove(&timer) {
            None => {}
            Some(Purpose::StartLimit) => self.on_start_limit(timer, turn),
            Some(Purpose::StopLimit) => self.on_stop_limit(timer, turn),
            Some(Purpose::Backoff { place }) => {
                let state = self.children.get(place).map(Child::state);
                if let Some(ChildState::Restarting { ticket, timer: Some(armed) }) = state
                    && armed == timer
                {
                    self.queue.push_back(Queued::Due { place, ticket });
                }
            }
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn arm(&mut self, at: f64, purpose: Purpose, turn: &mut StepOutput<'_>) -> TimerKey {
        let timer = TimerKey(self.number());
        self.timers.insert(timer, purpose);
        turn.act(Action::Arm { timer, at });
        timer
    }

    pub(super) fn disarm(&mut self, timer: Option<TimerKey>, turn: &mut StepOutput<'_>) {
        if let Some(timer) = timer
            && self.timers.remove(&timer).is_some()
        {
            turn.act(Action::Disarm { timer });
        }
    }

    pub(super) fn is_simple(&self) -> bool {
        self.config.strategy == Strategy::SimpleOneForOne
    }

    /// Returns the request that the work is about, if it was not answered.
    pub(super) fn asked(&self) -> Option<RequestId> {
        match self.work {
            Activity::Up { asked, .. } | Activity::Down { then: Then::Up { asked }, .. } => {
                asked.map(|asked| asked.request)
            }
            Activity::StartOne {
                by: By::Request { request, .. } | By::Renewal { request },
                ..
            }
            | Activity::StopOne { request, .. } => Some(request),
            _ => None,
        }
    }

    /// Returns whether it stops its children for good, or has.
    pub(super) fn is_ending(&self) -> bool {
        matches!(
            self.work,
            Activity::Down { then: Then::End { .. }, .. }
                | Activity::Together { .. }
                | Activity::Stopped
        )
    }

    pub(super) fn id(&self, place: ChildPlace) -> ChildId {
        self.children.get(place).map_or(ChildId(u64::MAX), |child| child.spec.id)
    }

    /// Deletes a child's specification and gives its token back.
    pub(super) fn forget(&mut self, place: ChildPlace, turn: &mut StepOutput<'_>) {
        if let Some(child) = self.children.remove(place) {
            let ChildSpec { id, token, .. } = child.spec;
            turn.act(Action::Forget { child: id, token });
        }
    }
}
