//! The names of routes, each kept once: one text for all, and a table of slots by the hashes of their names.
//!
//! A table of a hundred thousand routes is mostly names. A string of its own takes 24 bytes beside its letters, a
//! B-tree that owns its keys takes it again, and 40 more. The order of the table is never seen: names are listed by
//! age.

use std::hash::{DefaultHasher, Hasher};

/// A cell that was never used; a search stops there.
const EMPTY: u32 = u32::MAX;
/// A cell whose name was removed; a search goes on.
const GONE: u32 = u32::MAX - 1;
/// Of a cell in use: a slot, and above it seven bits of the hash, which rule out most other names without reading them.
const SLOT_BITS: u32 = 24;
/// The cells of the smallest table.
const FEWEST: usize = 16;
/// Text that no name uses any more is kept up to this, and up to as much as is used.
const SLACK: usize = 4096;

/// The place of a name in the text.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// Names by slot, and slots by name. A slot is less than 2^24.
#[derive(Debug)]
pub(super) struct RouteNames {
    /// Every name, in the order of arrival, and some removed ones.
    text: String,
    /// By slot.
    spans: Vec<Span>,
    /// As many as a power of two, of which an eighth is [`EMPTY`].
    cells: Vec<u32>,
    /// Cells that are not empty, and those of them whose name was removed.
    taken: usize,
    gone: usize,
    /// Bytes of the text that belong to removed names.
    unused: usize,
    /// Clients may choose names: they are not to know which of them meet in the table.
    seed: u64,
}

impl RouteNames {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            text: String::new(),
            spans: Vec::new(),
            cells: vec![EMPTY; FEWEST],
            taken: 0,
            gone: 0,
            unused: 0,
            seed,
        }
    }

    /// Returns the slot that has this name.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let hash = self.hash(name);
        let tag = tag_of(hash);
        self.path(hash)
            .map(|cell| self.cells[cell])
            .take_while(|cell| *cell != EMPTY)
            .filter(|cell| cell >> SLOT_BITS == tag)
            .map(slot_of)
            .find(|slot| self.name(*slot) == name)
    }

    /// Returns the name of a slot that has one.
    pub(super) fn name(&self, slot: u32) -> &str {
        let Span { start, length } = self.spans[slot as usize];
        &self.text[start as usize..][..length as usize]
    }

    /// Gives a slot that has no name one that no slot has.
    pub(super) fn add(&mut self, name: &str, slot: u32) {
        let index = slot as usize;
        if self.spans.len() <= index {
            self.spans.resize(index + 1, Span::default());
        }
        self.spans[index] = self.write(name);
        if 8 * (self.taken + 1) > 7 * self.cells.len() {
            self.arrange();
        }
        self.enter(slot);
    }

    /// Takes the name of a slot that has one away.
    pub(super) fn remove(&mut self, slot: u32) {
        let hash = self.hash(self.name(slot));
        let full = cell_of(hash, slot);
        let Some(cell) = self.path(hash).find(|cell| self.cells[*cell] == full) else { return };
        self.cells[cell] = GONE;
        self.gone += 1;
        self.unused += self.spans[slot as usize].length as usize;
        if self.unused > SLACK.max(self.text.len() / 2) {
            self.rewrite();
        }
    }

    /// Returns the slots in the order in which they were named.
    pub(super) fn by_age(&self) -> Vec<u32> {
        let mut slots: Vec<u32> = live(&self.cells).collect();
        // A name without letters lies where the one after it begins.
        let age = |slot: &u32| {
            let Span { start, length } = self.spans[*slot as usize];
            (start, length)
        };
        slots.sort_unstable_by_key(age);
        slots
    }

    fn hash(&self, name: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    /// Returns the cells where a name of this hash may be, the likeliest first.
    fn path(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.cells.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "masked")]
        let first = hash as usize & mask;
        (0..=mask).map(move |step| (first + step) & mask)
    }

    /// Puts a slot into the first cell on its name's path that is free.
    fn enter(&mut self, slot: u32) {
        let hash = self.hash(self.name(slot));
        let Some(cell) = self.path(hash).find(|cell| self.cells[*cell] >= GONE) else { return };
        if self.cells[cell] == GONE {
            self.gone -= 1;
        } else {
            self.taken += 1;
        }
        self.cells[cell] = cell_of(hash, slot);
    }

    /// Puts all slots into new cells: twice as many where more than half are in use.
    fn arrange(&mut self) {
        let used = self.taken - self.gone;
        let length = self.cells.len();
        let wanted = if 2 * used > length { 2 * length } else { length };
        let cells = std::mem::replace(&mut self.cells, vec![EMPTY; wanted]);
        (self.taken, self.gone) = (0, 0);
        for slot in live(&cells) {
            self.enter(slot);
        }
    }

    fn write(&mut self, name: &str) -> Span {
        #[expect(clippy::expect_used, reason = "four gigabytes of names: a million of 4 kB")]
        let at = |length| u32::try_from(length).expect("room for names");
        let span = Span { start: at(self.text.len()), length: at(name.len()) };
        self.text.push_str(name);
        span
    }

    /// Leaves out what no name uses; the order stays.
    fn rewrite(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.text.reserve(text.len() - self.unused);
        self.unused = 0;
        for slot in self.by_age() {
            let Span { start, length } = self.spans[slot as usize];
            self.spans[slot as usize] = self.write(&text[start as usize..][..length as usize]);
        }
    }
}

/// Returns seven bits of the hash that depend little on the start of the path.
fn tag_of(hash: u64) -> u32 {
    (hash >> 57) as u32
}

fn cell_of(hash: u64, slot: u32) -> u32 {
    tag_of(hash) << SLOT_BITS | slot
}

fn slot_of(cell: u32) -> u32 {
    cell & ((1 << SLOT_BITS) - 1)
}

/// Returns the slots of the cells in use.
fn live(cells: &[u32]) -> impl Iterator<Item = u32> {
    cells.iter().filter(|cell| **cell < GONE).map(|cell| slot_of(*cell))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{RouteNames, live};

    /// Slots by name and when they were named, the simple way.
    #[derive(Default)]
    struct Model {
        slots: BTreeMap<String, (u32, usize)>,
        named: usize,
    }

    impl Model {
        fn name_of(&self, slot: u32) -> Option<&String> {
            self.slots.iter().find(|(_, (taken, _))| *taken == slot).map(|(name, _)| name)
        }

        fn by_age(&self) -> Vec<u32> {
            let mut all: Vec<_> = self.slots.values().collect();
            all.sort_by_key(|(_, named)| *named);
            all.into_iter().map(|(slot, _)| *slot).collect()
        }
    }

    fn check(names: &RouteNames) {
        let slots: Vec<_> = live(&names.cells).collect();
        assert!(slots.iter().all(|slot| names.find(names.name(*slot)) == Some(*slot)));
        let used: usize = slots.iter().map(|slot| names.name(*slot).len()).sum();
        assert_eq!(used + names.unused, names.text.len());
        assert_eq!(names.taken - names.gone, slots.len());
        assert!(8 * names.taken <= 7 * names.cells.len(), "a search would not end");
    }

    proptest! {
        #[test]
        fn they_are_found_as_in_a_map(
            steps in prop::collection::vec((0_u32..12, "[a-cé]{0,3}"), 0..200),
        ) {
            let (mut names, mut model) = (RouteNames::new(7), Model::default());
            for (slot, name) in steps {
                if model.name_of(slot).is_some() {
                    let old = model.name_of(slot).cloned().expect("just seen");
                    prop_assert_eq!(names.name(slot), &old);
                    names.remove(slot);
                    model.slots.remove(&old);
                } else if !model.slots.contains_key(&name) {
                    names.add(&name, slot);
                    model.named += 1;
                    model.slots.insert(name.clone(), (slot, model.named));
                }
                check(&names);
                prop_assert_eq!(names.find(&name), model.slots.get(&name).map(|(slot, _)| *slot));
                prop_assert_eq!(names.by_age(), model.by_age());
            }
        }
    }

    #[test]
    fn many_come_and_go_in_any_order_and_the_text_does_not_grow() {
        let mut names = RouteNames::new(7);
        let name_of = |number: u32| format!("GET /resource/{}", number.wrapping_mul(2_654_435_761));
        for number in 0..20_000 {
            // Three thousand slots, taken over and over.
            let slot = number % 3000;
            if number >= 3000 {
                assert_eq!(names.find(&name_of(number - 3000)), Some(slot));
                names.remove(slot);
                assert_eq!(names.find(&name_of(number - 3000)), None);
            }
            names.add(&name_of(number), slot);
        }
        check(&names);
        assert_eq!(names.by_age().len(), 3000);
        assert_eq!(names.name(names.by_age()[0]), name_of(17_000));
        assert!(names.text.len() <= 2 * 3000 * 25, "{}", names.text.len());
        assert!(names.cells.len() <= 8192, "{}", names.cells.len());
        for slot in 0..3000 {
            names.remove(slot);
        }
        assert!(names.by_age().is_empty() && names.find("").is_none());
    }
}
