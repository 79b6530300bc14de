//! The settings that all holders of a shared cache agree on.

use super::super::{CacheLimits, EvictionPolicy};

/// Limits and policy of a shared cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct CacheSettings {
    pub(super) limits: CacheLimits,
    pub(super) policy: EvictionPolicy,
}

/// The difference of a cache that the name stands for already. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// In how many entries it keeps.
    Entries,
    /// In how many bytes it keeps.
    Bytes,
    /// In the choice of the entry to evict.
    Policy,
}

impl CacheSettings {
    /// Compares with the settings of another holder.
    pub(super) fn agree(&self, other: Self) -> Result<(), Differs> {
        if self.limits.entries != other.limits.entries {
            return Err(Differs::Entries);
        }
        if self.limits.bytes != other.limits.bytes {
            return Err(Differs::Bytes);
        }
        if self.policy == other.policy { Ok(()) } else { Err(Differs::Policy) }
    }
}
