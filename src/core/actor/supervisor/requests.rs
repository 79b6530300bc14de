//! Requests: children that come, go and come back by somebody's wish.

use super::children::{Child, Place, State};
use super::event::{Action, ChildId, Event, Refusal, RequestId};
use super::machine::{Asked, By, Next, Queued, Supervisor, Then, Turn, Work};
use super::spec::ChildSpec;

impl Supervisor {
    /// Puts a request in line, or refuses it when its turn would never come.
    pub(super) fn on_request(&mut self, event: Event, request: RequestId, turn: &mut Turn<'_>) {
        if self.is_ending() || self.exit.is_some() {
            turn.act(Action::Reply { request, result: Err(Refusal::Stopping) });
        } else {
            self.queue.push_back(Queued::Request(event, request));
        }
    }

    /// Carries out a request whose turn has come: begins the work, or answers.
    pub(super) fn serve(&mut self, event: Event, request: RequestId, turn: &mut Turn<'_>) {
        let work = match event {
            Event::StartChild { spec, .. } => self.add(spec, request),
            Event::StartDynamic { child, token, .. } => match self.config.template {
                Some(policy) => self.enter(ChildSpec { id: child, token, policy }, request),
                None => Err(Refusal::NotSimpleOneForOne),
            },
            Event::TerminateChild { child, .. } => self.stop_work(child, request, Next::Keep),
            Event::RemoveChild { child, .. } => self.stop_work(child, request, Next::Delete),
            Event::RenewChild { child, .. } => self.renewal(child, request),
            Event::RestartChild { child, .. } => self
                .down_child(child)
                .map(|place| Work::StartOne { place, by: By::Request { request, fresh: false } }),
            Event::DeleteChild { child, .. } => {
                let then = Next::Delete;
                self.down_child(child).map(|place| Work::StopOne { place, request, then })
            }
            // Nothing else is a request.
            _ => return,
        };
        match work {
            Ok(work) => self.work = work,
            Err(refusal) => turn.act(Action::Reply { request, result: Err(refusal) }),
        }
    }

    fn add(&mut self, spec: ChildSpec, request: RequestId) -> Result<Work, Refusal> {
        if self.is_simple() {
            return Err(Refusal::SimpleOneForOne);
        }
        spec.policy.check(self.config.auto_shutdown).map_err(Refusal::Invalid)?;
        self.enter(spec, request)
    }

    fn enter(&mut self, spec: ChildSpec, request: RequestId) -> Result<Work, Refusal> {
        if let Some((_, present)) = self.children.find(spec.id) {
            return Err(match present.state() {
                State::Running { pid, .. } => Refusal::AlreadyStarted(pid),
                _ => Refusal::AlreadyPresent,
            });
        }
        if self.config.max_children.is_some_and(|most| self.children.len() >= most) {
            return Err(Refusal::MaxChildren);
        }
        let place = self.children.insert(spec).ok_or(Refusal::AlreadyPresent)?;
        Ok(Work::StartOne { place, by: By::Request { request, fresh: true } })
    }

    fn stop_work(&self, child: ChildId, request: RequestId, then: Next) -> Result<Work, Refusal> {
        let (place, _) = self.children.find(child).ok_or(Refusal::NotFound)?;
        Ok(Work::StopOne { place, request, then })
    }

    fn renewal(&self, child: ChildId, request: RequestId) -> Result<Work, Refusal> {
        let (place, _) = self.children.find(child).ok_or(Refusal::NotFound)?;
        let asked = Some(Asked { request, place });
        Ok(match self.broken_group(place) {
            // To start the child alone would leave the others behind.
            Some(floor) => Work::Down { below: Place::MAX, floor, then: Then::Up { asked } },
            None => Work::StopOne { place, request, then: Next::Start },
        })
    }

    /// The place of a child that neither runs nor waits for a restart.
    fn down_child(&self, child: ChildId) -> Result<Place, Refusal> {
        if self.is_simple() {
            return Err(Refusal::SimpleOneForOne);
        }
        let (place, found): (Place, &Child) = self.children.find(child).ok_or(Refusal::NotFound)?;
        match found.state() {
            State::Down => Ok(place),
            State::Running { .. } => Err(Refusal::Running),
            State::Starting | State::Restarting { .. } => Err(Refusal::Restarting),
        }
    }
}
