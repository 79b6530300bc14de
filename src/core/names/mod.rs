//! Names of a system: each belongs to at most one owner at a time.

use std::collections::BTreeMap;

/// The names of one system. A name has one owner until it is released, and listing follows registration order.
///
/// The values that names stand for stay in JavaScript, under the returned slot.
#[derive(Debug, Default)]
pub struct Names {
    by_name: BTreeMap<String, u32>,
    slots: Vec<Option<(String, u64)>>,
    free: Vec<u32>,
    registered: u64,
}

/// The name has an owner already: its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken(pub u32);

impl Names {
    /// Gives a name to a new slot.
    ///
    /// # Errors
    ///
    /// [`Taken`] when the name has an owner; nothing changes.
    pub fn register(&mut self, name: &str) -> Result<u32, Taken> {
        if let Some(&slot) = self.by_name.get(name) {
            return Err(Taken(slot));
        }
        let entry = Some((name.to_owned(), self.registered));
        self.registered += 1;
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = entry;
            slot
        } else {
            self.slots.push(entry);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 names")
        };
        self.by_name.insert(name.to_owned(), slot);
        Ok(slot)
    }

    /// Returns the slot that has this name.
    pub fn whereis(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// Frees a name; the slot it had.
    pub fn release(&mut self, name: &str) -> Option<u32> {
        let slot = self.by_name.remove(name)?;
        self.slots[slot as usize] = None;
        self.free.push(slot);
        Some(slot)
    }

    /// Returns all names in the order in which they were registered.
    pub fn list(&self) -> Vec<&str> {
        let mut all: Vec<_> = self.slots.iter().flatten().collect();
        all.sort_unstable_by_key(|(_, order)| *order);
        all.into_iter().map(|(name, _)| name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_owner_until_released() {
        let mut names = Names::default();
        assert_eq!(names.register("b"), Ok(0));
        assert_eq!(names.register("a"), Ok(1));
        assert_eq!(names.register("b"), Err(Taken(0)));
        assert_eq!(names.list(), ["b", "a"]);
        assert_eq!(names.release("b"), Some(0));
        assert_eq!(names.release("b"), None);
        assert_eq!(names.whereis("b"), None);
        assert_eq!(names.register("c"), Ok(0));
        assert_eq!(names.list(), ["a", "c"]);
    }
}
