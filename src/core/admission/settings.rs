//! What users set for routes by name. It is kept apart from the routes, so that forgetting an idle one loses no setting.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::Engine;
use super::gate::Gate;
use crate::core::resistance::{self, Invalid, PROFILES, Profile, ProfileSpec};
use crate::core::slab::Handle;

/// Most profiles that have a name of their own.
pub const MAX_PROFILES: usize = 256;
/// The index of STANDARD.
const STANDARD: usize = 1;

/// Profiles by index (of [`PROFILES`], then as defined), and what each route was given.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) defined: Vec<Arc<Profile>>,
    profiles: BTreeMap<Box<str>, Arc<Profile>>,
    neighbours: BTreeMap<Box<str>, Box<[Box<str>]>>,
}

impl Settings {
    pub(crate) fn new(config: &resistance::Config) -> Self {
        let defined = PROFILES.iter().map(|workload| Arc::new(Profile::of(config, workload)));
        Self { defined: defined.collect(), profiles: BTreeMap::new(), neighbours: BTreeMap::new() }
    }

    /// The profile a route of this name has.
    pub(crate) fn profile_of(&self, name: &str) -> Arc<Profile> {
        Arc::clone(self.profiles.get(name).unwrap_or(&self.defined[STANDARD]))
    }

    pub(crate) fn neighbours_of(&self, name: &str) -> &[Box<str>] {
        self.neighbours.get(name).map_or(&[], |names| names)
    }
}

impl Engine {
    /// Makes a profile that calls can name: `spec` over the one at `base`. Its index, or `None` beyond
    /// [`MAX_PROFILES`] or for a base that is not there.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn define_profile(
        &mut self,
        base: usize,
        spec: &ProfileSpec,
    ) -> Result<Option<usize>, Invalid> {
        let defined = &mut self.settings.defined;
        let Some(base) = defined.get(base) else { return Ok(None) };
        let profile = base.with(&self.config.resistance, spec)?;
        if defined.len() >= MAX_PROFILES {
            return Ok(None);
        }
        defined.push(Arc::new(profile));
        Ok(Some(defined.len() - 1))
    }

    /// Gives the route of this name `spec` over the profile at `base`, whether it is known yet or not. False for a base
    /// that is not there, or when as many routes have profiles as may be kept.
    ///
    /// # Errors
    /// The first field that is out of its range; nothing changed then.
    pub fn set_profile(
        &mut self,
        name: &str,
        base: usize,
        spec: &ProfileSpec,
    ) -> Result<bool, Invalid> {
        let Settings { defined, profiles, .. } = &mut self.settings;
        let Some(base_profile) = defined.get(base) else { return Ok(false) };
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
            return Ok(false);
        }
        if let Some(handle) = self.routes.find(name)
            && let Some(route) = self.routes.get_mut(handle)
        {
            route.physics.adopt(&profile.config);
            route.profile = profile;
            self.dress(handle);
        }
        Ok(true)
    }

    /// Which routes feel it when this one opens; none forgets it. False when as many routes have some as may be kept.
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
    /// The same gate, scarring as the profile says.
    pub(crate) fn under(mut self, profile: &Profile) -> Self {
        self.follow(profile);
        self
    }

    /// A gate learns its own baselines; what a profile tells it is how deep failures scar.
    fn follow(&mut self, profile: &Profile) {
        self.evidence.state().set_scar_factor(profile.config.scar_factor);
    }
}
