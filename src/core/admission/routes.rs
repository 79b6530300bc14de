//! A bounded table of routes: what has work is never forgotten, and of the idle ones the coldest goes first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gate::Gate;
use crate::core::resistance::{Profile, State};
use crate::core::slab::Handle;
use crate::core::slab::Slab;

const NONE: u32 = u32::MAX;
/// The list of idle routes, coldest first.
const IDLE: usize = 0;
/// The list of all routes, in the order they were interned.
const ORDER: usize = 1;

#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Box<str>,
    /// What callers reported by `route()`.
    pub(crate) physics: State,
    /// What we measured; made by the first admission.
    pub(crate) gate: Option<Box<Gate>>,
    /// What is normal here.
    pub(crate) profile: Arc<Profile>,
    /// Tickets and waiters.
    work: u32,
    links: [(u32, u32); 2],
}

#[derive(Debug, Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

/// Routes by name and by slot.
#[derive(Debug)]
pub(crate) struct Routes {
    slab: Slab<Route>,
    names: BTreeMap<Box<str>, u32>,
    lists: [List; 2],
    max: usize,
}

impl Routes {
    pub(crate) fn new(max: usize) -> Self {
        let empty = List { head: NONE, tail: NONE };
        Self { slab: Slab::new(), names: BTreeMap::new(), lists: [empty; 2], max }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Handle> {
        self.slab.handle(*self.names.get(name)?)
    }

    /// Adds a route that is not there yet; says which one was forgotten for it. `None`: 2^24 busy routes.
    pub(crate) fn add(
        &mut self,
        name: &str,
        physics: State,
        profile: Arc<Profile>,
    ) -> Option<(Handle, Option<Handle>)> {
        let evicted = (self.slab.len() >= self.max).then(|| self.forget_coldest()).flatten();
        let links = [(NONE, NONE); 2];
        let route = Route { name: name.into(), physics, gate: None, profile, work: 0, links };
        let handle = self.slab.insert(route)?;
        self.names.insert(name.into(), handle.slot);
        self.link(IDLE, handle.slot);
        self.link(ORDER, handle.slot);
        Some((handle, evicted))
    }

    fn forget_coldest(&mut self) -> Option<Handle> {
        let slot = self.lists[IDLE].head;
        let handle = self.slab.handle(slot)?;
        self.unlink(IDLE, slot);
        self.unlink(ORDER, slot);
        let route = self.slab.remove(handle)?;
        self.names.remove(&route.name);
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
        if self.lists[IDLE].tail != slot && self.slab.at(slot).is_some_and(|route| route.work == 0)
        {
            self.unlink(IDLE, slot);
            self.link(IDLE, slot);
        }
    }

    /// The route has one more ticket or waiter.
    pub(crate) fn begin(&mut self, slot: u32) {
        let Some(route) = self.slab.at_mut(slot) else { return };
        route.work += 1;
        if route.work == 1 {
            self.unlink(IDLE, slot);
        }
    }

    /// The route has one ticket or waiter less.
    pub(crate) fn end(&mut self, slot: u32) {
        let Some(route) = self.slab.at_mut(slot) else { return };
        route.work -= 1;
        if route.work == 0 {
            self.link(IDLE, slot);
        }
    }

    /// Names in the order they were interned.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let mut slot = self.lists[ORDER].head;
        std::iter::from_fn(move || {
            let route = self.slab.at(slot)?;
            slot = route.links[ORDER].1;
            Some(&*route.name)
        })
    }

    fn link(&mut self, list: usize, slot: u32) {
        let tail = std::mem::replace(&mut self.lists[list].tail, slot);
        match self.slab.at_mut(tail) {
            Some(route) => route.links[list].1 = slot,
            None => self.lists[list].head = slot,
        }
        if let Some(route) = self.slab.at_mut(slot) {
            route.links[list] = (tail, NONE);
        }
    }

    fn unlink(&mut self, list: usize, slot: u32) {
        let Some((before, after)) = self.slab.at(slot).map(|route| route.links[list]) else {
            return;
        };
        match self.slab.at_mut(before) {
            Some(route) => route.links[list].1 = after,
            None => self.lists[list].head = after,
        }
        match self.slab.at_mut(after) {
            Some(route) => route.links[list].0 = before,
            None => self.lists[list].tail = before,
        }
    }
}
