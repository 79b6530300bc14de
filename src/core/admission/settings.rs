//! The settings of users for routes, by name. They are kept apart from the routes, so that forgetting an idle one loses
//! no setting.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::resistance::{self, PROFILES, Profile};

/// Most profiles that have a name of their own.
pub const MAX_PROFILES: usize = 256;
/// The index of STANDARD.
pub(super) const STANDARD: usize = 1;

/// Profiles by index (of [`PROFILES`], then as defined), and the profile of each route.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) defined: Vec<Arc<Profile>>,
    pub(super) profiles: BTreeMap<Box<str>, Arc<Profile>>,
    pub(super) neighbours: BTreeMap<Box<str>, Box<[Box<str>]>>,
}

impl Settings {
    pub(crate) fn new(config: &resistance::ResistanceConfig) -> Self {
        let defined = PROFILES.iter().map(|workload| Arc::new(Profile::of(config, workload)));
        Self { defined: defined.collect(), profiles: BTreeMap::new(), neighbours: BTreeMap::new() }
    }

    /// Returns the profile of a route of this name.
    pub(crate) fn profile_of(&self, name: &str) -> Arc<Profile> {
        Arc::clone(self.profiles.get(name).unwrap_or(&self.defined[STANDARD]))
    }

    pub(crate) fn neighbours_of(&self, name: &str) -> &[Box<str>] {
        self.neighbours.get(name).map_or(&[], |names| names)
    }
}
