//! The names of routes, each kept once: one text for all, and slots in the order of their names to find them by.
//!
//! A table of a hundred thousand routes is mostly names. A string of its own takes 24 bytes beside its letters, a B-tree
//! that owns its keys takes it again, and 40 more.

/// Most slots in one run of the order; half of it where names come in order.
const RUN: usize = 256;
/// Text that no name uses any more is kept up to this, and up to as much as is used.
const SLACK: usize = 4096;

/// Where a name lies in the text.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// Slots in the order of their names; never empty. The first name is kept beside them, so that a search for the run
/// touches no others.
#[derive(Debug)]
struct Run {
    first: Span,
    slots: Vec<u32>,
}

/// Names by slot, and slots by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Every name, in the order in which they came, and some that are gone.
    text: String,
    /// By slot.
    spans: Vec<Span>,
    /// All slots in the order of their names.
    runs: Vec<Run>,
    /// How much of the text belongs to names that are gone.
    unused: usize,
}

impl Names {
    /// The slot that has this name.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let (run, place) = self.locate(name).ok()?;
        Some(self.runs[run].slots[place])
    }

    /// The name of a slot that has one.
    pub(super) fn name(&self, slot: u32) -> &str {
        self.read(self.spans[slot as usize])
    }

    fn read(&self, Span { start, length }: Span) -> &str {
        &self.text[start as usize..][..length as usize]
    }

    /// Gives a slot that has no name one that no slot has.
    pub(super) fn add(&mut self, name: &str, slot: u32) {
        let Err((run, place)) = self.locate(name) else { return };
        let index = slot as usize;
        if self.spans.len() <= index {
            self.spans.resize(index + 1, Span::default());
        }
        let span = self.write(name);
        self.spans[index] = span;
        let Some(found) = self.runs.get_mut(run) else {
            self.runs.push(Run { first: span, slots: vec![slot] });
            return;
        };
        found.slots.insert(place, slot);
        if place == 0 {
            found.first = span;
        }
        if found.slots.len() > RUN {
            let slots = found.slots.split_off(RUN / 2);
            found.slots.shrink_to_fit();
            let first = self.spans[slots[0] as usize];
            self.runs.insert(run + 1, Run { first, slots });
        }
    }

    /// Takes the name of a slot that has one away.
    pub(super) fn remove(&mut self, slot: u32) {
        let Ok((run, place)) = self.locate(self.name(slot)) else { return };
        let slots = &mut self.runs[run].slots;
        slots.remove(place);
        match slots.first() {
            None => drop(self.runs.remove(run)),
            Some(first) if place == 0 => self.runs[run].first = self.spans[*first as usize],
            Some(_) => {}
        }
        self.unused += self.spans[slot as usize].length as usize;
        self.join(run);
        if self.unused > SLACK.max(self.text.len() / 2) {
            self.rewrite();
        }
    }

    /// Slots in the order in which they were named.
    pub(super) fn by_age(&self) -> Vec<u32> {
        let mut slots: Vec<u32> = self.runs.iter().flat_map(|run| &run.slots).copied().collect();
        // A name without letters lies where the one after it begins.
        let age = |slot: &u32| {
            let Span { start, length } = self.spans[*slot as usize];
            (start, length)
        };
        slots.sort_unstable_by_key(age);
        slots
    }

    /// The run and the place in it of a name, or where it belongs.
    fn locate(&self, name: &str) -> Result<(usize, usize), (usize, usize)> {
        // The last run that does not begin after it.
        let after = self.runs.partition_point(|run| self.read(run.first) <= name);
        let run = after.saturating_sub(1);
        let Some(found) = self.runs.get(run) else { return Err((0, 0)) };
        match found.slots.binary_search_by(|slot| self.name(*slot).cmp(name)) {
            Ok(place) => Ok((run, place)),
            Err(place) => Err((run, place)),
        }
    }

    fn write(&mut self, name: &str) -> Span {
        #[expect(clippy::expect_used, reason = "four gigabytes of names: a million of 4 kB")]
        let at = |length| u32::try_from(length).expect("room for names");
        let span = Span { start: at(self.text.len()), length: at(name.len()) };
        self.text.push_str(name);
        span
    }

    /// Joins a run that has become short with the one after it, or the one before.
    fn join(&mut self, run: usize) {
        if self.runs.get(run).is_none_or(|run| run.slots.len() >= RUN / 4) {
            return;
        }
        let short = |run: &Run| run.slots.len() <= RUN / 2;
        for first in [run, run.wrapping_sub(1)] {
            if self.runs.get(first).is_some_and(short)
                && self.runs.get(first + 1).is_some_and(short)
            {
                let rest = self.runs.remove(first + 1);
                self.runs[first].slots.extend(rest.slots);
                return;
            }
        }
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
        for run in &mut self.runs {
            run.first = self.spans[run.slots[0] as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Names, RUN};

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

    fn check(names: &Names) {
        let slots: Vec<_> = names.runs.iter().flat_map(|run| &run.slots).collect();
        assert!(slots.is_sorted_by(|a, b| names.name(**a) < names.name(**b)));
        assert!(names.runs.iter().all(|run| (1..=RUN).contains(&run.slots.len())));
        assert!(
            names.runs.iter().all(|run| names.read(run.first) == names.name(run.slots[0])),
            "{names:?}"
        );
        let used: usize = slots.iter().map(|slot| names.name(**slot).len()).sum();
        assert_eq!(used + names.unused, names.text.len());
    }

    proptest! {
        #[test]
        fn they_are_found_as_in_a_map(
            steps in prop::collection::vec((0_u32..12, "[a-cé]{0,3}"), 0..200),
        ) {
            let (mut names, mut model) = (Names::default(), Model::default());
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
        let mut names = Names::default();
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
        assert!(names.runs.len() <= 4 * 3000 / RUN, "{}", names.runs.len());
        for slot in 0..3000 {
            names.remove(slot);
        }
        assert!(names.runs.is_empty() && names.find("").is_none());
    }
}
