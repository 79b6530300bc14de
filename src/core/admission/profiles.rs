//! Profiles and neighbours of routes: how users set them, and how gates follow them.

use std::sync::Arc;

use super::engine::Engine;
use super::gate::Gate;
use super::settings::{MAX_PROFILES, STANDARD, Settings};
use crate::core::resistance::{Budget, InvalidField, Profile, ProfileSpec};
use crate::core::slab::Handle;

impl Engine {
    /// Defines a profile that calls can name: `spec` over the one at `base`. Returns its index and time limits; `None`
    /// beyond [`MAX_PROFILES`] or for a base that is not there.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn define_profile(
        &mut self,
        base: usize,
        spec: &ProfileSpec,
    ) -> Result<Option<(usize, Budget)>, InvalidField> {
        let defined = &mut self.settings.defined;
        let Some(base) = defined.get(base) else { return Ok(None) };
        let profile = base.with(&self.config.resistance, spec)?;
        if defined.len() >= MAX_PROFILES {
            return Ok(None);
        }
        defined.push(Arc::new(profile));
        Ok(Some((defined.len() - 1, profile.budget)))
    }

    /// Sets the profile of the route of this name to `spec` over the profile at `base`, whether the route is known yet
    /// or not. Returns its time limits; `None` for a base that is not there, or when as many routes have profiles as may
    /// be kept.
    ///
    /// # Errors
    ///
    /// The first field that is out of its range; nothing changed then.
    pub fn set_profile(
        &mut self,
        name: &str,
        base: usize,
        spec: &ProfileSpec,
    ) -> Result<Option<Budget>, InvalidField> {
        let Settings { defined, profiles, .. } = &mut self.settings;
        let Some(base_profile) = defined.get(base) else { return Ok(None) };
        let plain = *spec == ProfileSpec::default();
        let profile = if plain {
            Arc::clone(base_profile)
        } else {
            Arc::new(base_profile.with(&self.config.resistance, spec)?)
        };
        if plain && base == STANDARD {
            profiles.remove(name);
        } else if profiles.contains_key(name) || profiles.len() < self.config.max_routes {
            profiles.insert(name.into(), Arc::clone(&profile));
        } else {
            return Ok(None);
        }
        let budget = profile.budget;
        if let Some(handle) = self.routes.find(name)
            && let Some(route) = self.routes.get_mut(handle)
        {
            route.physics.adopt(&profile.config);
            route.profile = profile;
            self.dress(handle);
        }
        Ok(Some(budget))
    }

    /// Sets the routes that feel it when this one opens; an empty list forgets them. Returns false when as many routes
    /// have some as may be kept.
    pub fn set_neighbours(&mut self, name: &str, neighbours: Box<[Box<str>]>) -> bool {
        let kept = &mut self.settings.neighbours;
        if neighbours.is_empty() {
            kept.remove(name);
        } else if kept.contains_key(name) || kept.len() < self.config.max_routes {
            kept.insert(name.into(), neighbours);
        } else {
            return false;
        }
        true
    }

    /// Makes a route's gate follow its profile.
    pub(crate) fn dress(&mut self, handle: Handle) {
        let Some(route) = self.routes.get_mut(handle) else { return };
        if let Some(gate) = &mut route.gate {
            gate.follow(&route.profile);
        }
    }
}

impl Gate {
    /// Returns the same gate, with the scars of the profile.
    pub(crate) fn under(mut self, profile: &Profile) -> Self {
        self.follow(profile);
        self
    }

    /// Follows a profile. A gate learns its own baselines; a profile sets how deep failures scar.
    fn follow(&mut self, profile: &Profile) {
        self.evidence.state().set_scar_factor(profile.config.scar_factor);
    }
}
