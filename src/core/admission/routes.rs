//! A bounded table of routes: what has work is never forgotten, and of the idle ones the coldest goes first.

use std::sync::Arc;

use super::gate::Gate;
use super::names::Names;
use crate::core::resistance::{Normal, Profile, State};
use crate::core::slab::Handle;
use crate::core::slab::Slab;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Route {
    /// What callers reported by `route()`.
    pub(crate) physics: State,
    /// What they say is normal; made by the second report.
    pub(crate) normal: Option<Box<Normal>>,
    /// What we measured; made by the first admission.
    pub(crate) gate: Option<Box<Gate>>,
    /// What is normal here.
    pub(crate) profile: Arc<Profile>,
    /// Tickets and waiters.
    work: u32,
    /// The idle routes before and after it.
    links: (u32, u32),
}

/// Routes by name and by slot.
#[derive(Debug)]
pub(crate) struct Routes {
    slab: Slab<Route>,
    names: Names,
    /// Of the list of idle routes, coldest first.
    head: u32,
    tail: u32,
    max: usize,
}

impl Routes {
    pub(crate) fn new(max: usize, seed: u64) -> Self {
        Self { slab: Slab::new(), names: Names::new(seed), head: NONE, tail: NONE, max }
    }

    /// Nobody who does not know the seed knows which names meet in the table. Counts while there are none.
    pub(crate) fn reseed(&mut self, seed: u64) {
        if self.len() == 0 {
            self.names = Names::new(seed);
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
        physics: State,
        profile: Arc<Profile>,
    ) -> Option<(Handle, Option<Handle>)> {
        let evicted = (self.slab.len() >= self.max).then(|| self.forget_coldest()).flatten();
        let links = (NONE, NONE);
        let route = Route { physics, normal: None, gate: None, profile, work: 0, links };
        let handle = self.slab.insert(route)?;
        self.names.add(name, handle.slot);
        self.link(handle.slot);
        Some((handle, evicted))
    }

    fn forget_coldest(&mut self) -> Option<Handle> {
        let slot = self.head;
        let handle = self.slab.handle(slot)?;
        self.unlink(slot);
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

    /// By slot: for tickets and waiters, whose route cannot be forgotten.
    pub(crate) fn gate(&mut self, slot: u32) -> Option<&mut Gate> {
        self.slab.at_mut(slot)?.gate.as_deref_mut()
    }

    /// The route was used: it is the warmest now.
    pub(crate) fn touch(&mut self, slot: u32) {
        if self.tail != slot && self.slab.at(slot).is_some_and(|route| route.work == 0) {
            self.unlink(slot);
            self.link(slot);
        }
    }

    /// The route has one more ticket or waiter.
    pub(crate) fn begin(&mut self, slot: u32) {
        let Some(route) = self.slab.at_mut(slot) else { return };
        route.work += 1;
        if route.work == 1 {
            self.unlink(slot);
        }
    }

    /// The route has one ticket or waiter less.
    pub(crate) fn end(&mut self, slot: u32) {
        let Some(route) = self.slab.at_mut(slot) else { return };
        route.work -= 1;
        if route.work == 0 {
            self.link(slot);
        }
    }

    /// The name of a live route.
    pub(crate) fn name(&self, id: Handle) -> Option<&str> {
        self.slab.get(id).map(|_| self.names.name(id.slot))
    }

    /// Names in the order they were interned.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.by_age().into_iter().map(|slot| self.names.name(slot))
    }

    fn link(&mut self, slot: u32) {
        let tail = std::mem::replace(&mut self.tail, slot);
        match self.slab.at_mut(tail) {
            Some(route) => route.links.1 = slot,
            None => self.head = slot,
        }
        if let Some(route) = self.slab.at_mut(slot) {
            route.links = (tail, NONE);
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Some((before, after)) = self.slab.at(slot).map(|route| route.links) else { return };
        match self.slab.at_mut(before) {
            Some(route) => route.links.1 = after,
            None => self.head = after,
        }
        match self.slab.at_mut(after) {
            Some(route) => route.links.0 = before,
            None => self.tail = before,
        }
    }
}
