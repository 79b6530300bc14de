//! Objects that JavaScript knows by numbers.

/// Objects of one kind, addressed by a number of slot and generation; a stale one finds nothing, nor does nonsense.
pub(crate) struct Handles<T> {
    entries: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

/// Bits of a handle that are the slot; the generation is above them.
const SLOT_BITS: u32 = 24;
const GENERATIONS: u32 = 1 << 28;

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Handles<T> {
    pub(crate) fn open(&mut self, value: T) -> f64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push((0, None));
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^24 objects")
        });
        let (generation, entry) = &mut self.entries[slot as usize];
        *entry = Some(value);
        f64::from(*generation) * f64::from(1 << SLOT_BITS) + f64::from(slot)
    }

    pub(crate) fn get(&mut self, handle: f64) -> Option<&mut T> {
        let (slot, generation) = Self::split(handle)?;
        let (current, entry) = self.entries.get_mut(slot)?;
        if *current == generation { entry.as_mut() } else { None }
    }

    /// Returns all objects.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|(_, entry)| entry.as_ref())
    }

    pub(crate) fn close(&mut self, handle: f64) {
        drop(self.take(handle));
    }

    /// Closes a handle. Returns the object that it stood for.
    pub(crate) fn take(&mut self, handle: f64) -> Option<T> {
        self.get(handle)?;
        let (slot, _) = Self::split(handle)?;
        let (generation, entry) = &mut self.entries[slot];
        let value = entry.take();
        *generation += 1;
        // A slot that was used up is retired, so that no handle ever names something else.
        if *generation < GENERATIONS
            && let Ok(slot) = u32::try_from(slot)
        {
            self.free.push(slot);
        }
        value
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, as checked"
    )]
    fn split(handle: f64) -> Option<(usize, u32)> {
        let limit = f64::from(GENERATIONS) * f64::from(1 << SLOT_BITS);
        if !(handle >= 0.0 && handle < limit) {
            return None;
        }
        let whole = handle as u64;
        Some(((whole & ((1 << SLOT_BITS) - 1)) as usize, (whole >> SLOT_BITS) as u32))
    }
}
