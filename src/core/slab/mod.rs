//! Slots that are reused without allocating. Each has a generation, so that a stale handle finds nothing.

pub(crate) mod handle;
pub(crate) mod list;

pub(crate) use handle::{Handle, MAX_SLOTS};

#[derive(Debug)]
struct SlabEntry<T> {
    generation: u32,
    value: Option<T>,
}

/// A growable table of `T` with stable slots; the last freed slot is taken first.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<SlabEntry<T>>,
    free: Vec<u32>,
    /// Slots without a value that may not be reused yet.
    retired: usize,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), retired: 0 }
    }

    /// Returns how many values are live.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len() - self.retired
    }

    /// Returns whether one more fits.
    pub(crate) fn has_room(&self) -> bool {
        self.len() < MAX_SLOTS
    }

    /// Inserts a value. Returns `None` when all 2^24 slots are live.
    pub(crate) fn insert(&mut self, value: T) -> Option<Handle> {
        if let Some(slot) = self.free.pop() {
            let entry = &mut self.entries[slot as usize];
            entry.value = Some(value);
            return Some(Handle { slot, generation: entry.generation });
        }
        if self.entries.len() >= MAX_SLOTS {
            return None;
        }
        let slot = u32::try_from(self.entries.len()).ok()?;
        self.entries.push(SlabEntry { generation: 1, value: Some(value) });
        Some(Handle { slot, generation: 1 })
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&T> {
        let entry = self.entries.get(handle.slot as usize)?;
        if entry.generation == handle.generation { entry.value.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let entry = self.entries.get_mut(handle.slot as usize)?;
        if entry.generation == handle.generation { entry.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<T> {
        let entry = self.entries.get_mut(handle.slot as usize)?;
        if entry.generation != handle.generation {
            return None;
        }
        let value = entry.value.take()?;
        entry.generation = Handle::next(entry.generation);
        self.free.push(handle.slot);
        Some(value)
    }

    /// Removes a value and keeps its slot back until [`release`](Self::release): nothing new is found under it
    /// meanwhile.
    pub(crate) fn retire(&mut self, handle: Handle) -> Option<T> {
        let value = self.remove(handle)?;
        self.free.pop();
        self.retired += 1;
        Some(value)
    }

    /// Gives the slot of a [retired](Self::retire) handle away.
    pub(crate) fn release(&mut self, handle: Handle) {
        self.retired -= 1;
        self.free.push(handle.slot);
    }

    /// Returns the live value of a slot, whatever its generation.
    pub(crate) fn at(&self, slot: u32) -> Option<&T> {
        self.entries.get(slot as usize)?.value.as_ref()
    }

    /// Returns the live value of a slot, whatever its generation.
    pub(crate) fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entries.get_mut(slot as usize)?.value.as_mut()
    }

    /// Returns the live values with their handles, in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.entries.iter().zip(0..).filter_map(|(entry, slot)| {
            let handle = Handle { slot, generation: entry.generation };
            entry.value.as_ref().map(|value| (handle, value))
        })
    }

    /// Returns the handle of the live value of a slot.
    pub(crate) fn handle(&self, slot: u32) -> Option<Handle> {
        let entry = self.entries.get(slot as usize)?;
        entry.value.as_ref().map(|_| Handle { slot, generation: entry.generation })
    }
}
