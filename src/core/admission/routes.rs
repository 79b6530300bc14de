//! A bounded table of routes. A route with work is never forgotten; of the idle ones the coldest goes first.

use std::sync::Arc;

use super::gate::Gate;
use super::names::RouteNames;
use crate::core::resistance::{Normal, Profile, ResistanceState};
use crate::core::slab::list::{Link, Linked, List};
use crate::core::slab::{Handle, Slab};

#[derive(Debug)]
pub(crate) struct Route {
    /// The resistance by the reports of callers to `route()`.
    pub(crate) physics: ResistanceState,
    /// The normal levels of these reports; created by the second report.
    pub(crate) normal: Option<Box<Normal>>,
    /// The gate, which measures work itself; created by the first admission.
    pub(crate) gate: Option<Box<Gate>>,
    /// The profile.
    pub(crate) profile: Arc<Profile>,
    /// Tickets and waiters.
    work: u32,
    /// Its neighbours among the idle routes.
    link: Link,
}

impl Linked for Route {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

/// Routes by name and by slot.
#[derive(Debug)]
pub(crate) struct Routes {
    slab: Slab<Route>,
    names: RouteNames,
    /// Idle routes, the coldest first.
    idle: List,
    max: usize,
}

impl Routes {
    pub(crate) fn new(max: usize, seed: u64) -> Self {
        Self { slab: Slab::new(), names: RouteNames::new(seed), idle: List::EMPTY, max }
    }

    /// Changes the seed that hides which names meet in the table. It works only while there are no routes.
    pub(crate) fn reseed(&mut self, seed: u64) {
        if self.len() == 0 {
            self.names = RouteNames::new(seed);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Handle> {
        self.slab.handle(self.names.find(name)?)
    }

    /// Adds a route that is not there yet; says which one was forgotten for it. `None`: 2^24 busy routes.
    pub(crate) fn add(
        &mut self,
        name: &str,
        physics: ResistanceState,
        profile: Arc<Profile>,
    ) -> Option<(Handle, Option<Handle>)> {
        let evicted = (self.slab.len() >= self.max).then(|| self.forget_coldest()).flatten();
        let link = Link::ALONE;
        let route = Route { physics, normal: None, gate: None, profile, work: 0, link };
        let handle = self.slab.insert(route)?;
        self.names.add(name, handle.slot);
        self.idle.push_last(&mut self.slab, handle.slot);
        Some((handle, evicted))
    }

    fn forget_coldest(&mut self) -> Option<Handle> {
        let slot = self.idle.first();
        let handle = self.slab.handle(slot)?;
        self.idle.remove(&mut self.slab, slot);
        self.slab.remove(handle)?;
        self.names.remove(slot);
        Some(handle)
    }

    pub(crate) fn get(&self, id: Handle) -> Option<&Route> {
        self.slab.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Handle) -> Option<&mut Route> {
        self.slab.get_mut(id)
    }

    /// Returns the gate of a slot: for tickets and waiters, whose route cannot be forgotten.
    pub(crate) fn gate(&mut self, slot: u32) -> Option<&mut Gate> {
        self.slab.at_mut(slot)?.gate.as_deref_mut()
    }

    /// Marks a route as used: it is the warmest now.
    pub(crate) fn touch(&mut self, slot: u32) {
        if self.slab.at(slot).is_some_and(|route| route.work == 0) {
            self.idle.move_last(&mut self.slab, slot);
        }
    }

    /// Counts one more ticket or waiter of a route.
    pub(crate) fn begin(&mut self, slot: u32) {
        let Some(route) = self.slab.at_mut(slot) else { return };
        route.work += 1;
        if route.work == 1 {
            self.idle.remove(&mut self.slab, slot);
        }
    }

    /// Counts one ticket or waiter less.
    pub(crate) fn end(&mut self, slot: u32) {
        let Some(route) = self.slab.at_mut(slot) else { return };
        route.work -= 1;
        if route.work == 0 {
            self.idle.push_last(&mut self.slab, slot);
        }
    }

    /// Returns the name of a live route.
    pub(crate) fn name(&self, id: Handle) -> Option<&str> {
        self.slab.get(id).map(|_| self.names.name(id.slot))
    }

    /// Names in the order they were interned.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.by_age().into_iter().map(|slot| self.names.name(slot))
    }
}
