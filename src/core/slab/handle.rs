//! Handles that may outlive their object, never name another one, and fit a JS number.

/// Slot and generation in 52 bits, so that it is an exact integer in an `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

const SLOT_BITS: u32 = 24;
/// Most slots a slab can have.
pub(crate) const MAX_SLOTS: usize = 1 << SLOT_BITS;
const GENERATION_BITS: u32 = 28;
pub(crate) const MAX_PACKED: u64 = 1 << (SLOT_BITS + GENERATION_BITS);

impl Handle {
    pub(crate) fn pack(self) -> u64 {
        (u64::from(self.generation) << SLOT_BITS) | u64::from(self.slot)
    }

    pub(crate) fn unpack(packed: u64) -> Self {
        let slot = packed & (MAX_SLOTS as u64 - 1);
        let generation = (packed >> SLOT_BITS) & ((1 << GENERATION_BITS) - 1);
        #[expect(clippy::cast_possible_truncation, reason = "masked to 24 and 28 bits")]
        Self { slot: slot as u32, generation: generation as u32 }
    }

    /// Returns the generation after this one. It starts over after 2^28, never at 0.
    pub(crate) fn next(generation: u32) -> u32 {
        let next = (generation + 1) & ((1 << GENERATION_BITS) - 1);
        if next == 0 { 1 } else { next }
    }
}

/// Declares an id: a handle under a name of its own.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub(crate) $crate::core::slab::Handle);

        impl $name {
            /// Returns the handle as an integer below 2^52, exact in a JS number; never 0.
            #[must_use]
            pub fn to_f64(self) -> f64 {
                // Signed, as the processor converts signed integers in one instruction.
                self.0.pack().cast_signed() as f64
            }

            /// Returns the handle of a result of [`Self::to_f64`]. Anything else yields an id that is not live.
            #[must_use]
            pub fn from_f64(id: f64) -> Self {
                #[expect(clippy::cast_possible_truncation, reason = "range checked")]
                let packed = if (0.0..$crate::core::slab::handle::MAX_PACKED as f64).contains(&id) { id as i64 } else { 0 };
                Self($crate::core::slab::Handle::unpack(packed.cast_unsigned()))
            }

            /// Returns the slot: stable and unique while what the id names lives.
            #[must_use]
            pub fn slot(self) -> u32 {
                self.0.slot
            }
        }
    };
}

pub(crate) use id;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro declares ids for other modules")]
mod tests {
    use super::Handle;

    id! {
        /// An id.
        TestId
    }

    #[test]
    fn survives_a_trip_through_a_js_number() {
        for (slot, generation) in [(0, 1), (1, 1), ((1 << 24) - 1, (1 << 28) - 1), (77, 1234)] {
            let id = TestId(Handle { slot, generation });
            assert_eq!(TestId::from_f64(id.to_f64()), id);
            assert_eq!(id.slot(), slot);
            assert!(id.to_f64() > 0.0 && id.to_f64() < 9_007_199_254_740_992.0);
        }
    }

    #[test]
    fn nonsense_numbers_name_generation_zero_which_never_lives() {
        for x in [f64::NAN, -1.0, f64::INFINITY, 1e300, 0.0] {
            assert_eq!(TestId::from_f64(x).0.generation, 0);
        }
        assert_eq!(Handle::next((1 << 28) - 1), 1);
    }
}
