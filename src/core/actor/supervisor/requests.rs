//! Requests to start, stop, restart and delete children.

use super::children::{Child, ChildPlace, ChildState};
use super::event::{Action, Event, Refusal};
use super::ids::{ChildId, RequestId};
use super::machine::{Activity, AfterStop, By, GroupRequest, Queued, StepOutput, Supervisor, Then};
use super::spec::ChildSpec;

impl Supervisor {
    /// Puts a request in line, or refuses it when its turn would never come.
    pub(super) fn on_request(
        &mut self,
        event: Event,
        request: RequestId,
        turn: &mut StepOutput<'_>,
    ) {
        if self.is_ending() || self.exit.is_some() {
            turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
        } else {
            self.queue.push_back(Queued::Request(event, request));
        }
    }

    /// Carries out a request whose turn has come: begins the work, or answers.
    pub(super) fn serve(&mut self, event: Event, request: RequestId, turn: &mut StepOutput<'_>) {
        let work = match event {
            Event::StartChild { spec, .. } => self.add(spec, request),
            Event::StartDynamic { child, token, .. } => match self.config.template {
                Some(policy) => self.enter(ChildSpec { id: child, token, policy }, request),
                None => Err(Refusal::NotSimpleOneForOne),
            },
            Event::TerminateChild { child, .. } => self.stop_work(child, request, AfterStop::Keep),
            Event::RemoveChild { child, .. } => self.stop_work(child, request, AfterStop::Delete),
            Event::RenewChild { child, .. } => self.renewal(child, request),
            Event::RestartChild { child, .. } => self.down_child(child).map(|place| {
                Activity::StartOne { place, by: By::Request { request, fresh: false } }
            }),
            Event::DeleteChild { child, .. } => {
                let then = AfterStop::Delete;
                self.down_child(child).map(|place| Activity::StopOne { place, request, then })
            }
            // Nothing else is a request.
            _ => return,
        };
        match work {
            Ok(work) => self.work = work,
            Err(refusal) => turn.act(Action::Reply { request, result: Err(refusal) }),
        }
    }

    fn add(&mut self, spec: ChildSpec, request: RequestId) -> Result<Activity, Refusal> {
        if self.is_simple() {
            return Err(Refusal::SimpleOneForOne);
        }
        spec.policy.check(self.config.auto_shutdown).map_err(Refusal::Invalid)?;
        self.enter(spec, request)
    }

    fn enter(&mut self, spec: ChildSpec, request: RequestId) -> Result<Activity, Refusal> {
        if let Some((_, present)) = self.children.find(spec.id) {
            return Err(match present.state() {
                ChildState::Running { pid, .. } => Refusal::AlreadyStarted(pid),
                _ => Refusal::AlreadyPresent,
            });
        }
        if self.config.max_children.is_some_and(|most| self.children.len() >= most) {
            return Err(Refusal::MaxChildren);
        }
        let place = self.children.insert(spec).ok_or(Refusal::AlreadyPresent)?;
        Ok(Activity::StartOne { place, by: By::Request { request, fresh: true } })
    }

    fn stop_work(
        &self,
        child: ChildId,
        request: RequestId,
        then: AfterStop,
    ) -> Result<Activity, Refusal> {
        let (place, _) = self.children.find(child).ok_or(Refusal::NotFound)?;
        Ok(Activity::StopOne { place, request, then })
    }

    fn renewal(&self, child: ChildId, request: RequestId) -> Result<Activity, Refusal> {
        let (place, _) = self.children.find(child).ok_or(Refusal::NotFound)?;
        let asked = Some(GroupRequest { request, place });
        Ok(match self.broken_group(place) {
            // To start the child alone would leave the others behind.
            Some(floor) => {
                Activity::Down { below: ChildPlace::MAX, floor, then: Then::Up { asked } }
            }
            None => Activity::StopOne { place, request, then: AfterStop::Start },
        })
    }

    /// Returns the place of a child that neither runs nor waits for a restart.
    fn down_child(&self, child: ChildId) -> Result<ChildPlace, Refusal> {
        if self.is_simple() {
            return Err(Refusal::SimpleOneForOne);
        }
        let (place, found): (ChildPlace, &Child) =
            self.children.find(child).ok_or(Refusal::NotFound)?;
        match found.state() {
            ChildState::Down => Ok(place),
            ChildState::Running { .. } => Err(Refusal::Running),
            ChildState::Starting | ChildState::Restarting { .. } => Err(Refusal::Restarting),
        }
    }
}
