//! Journals in memory: which sequence an entry gets, and which entries are dropped for it. The entries stay in JavaScript.
//!
//! Such a journal has one appender, the thread that holds it. So the core can decide on its next appends beforehand, many
//! at once: a [`Grant`] says which sequences they get, and whether each of them drops the oldest entry. The thread says
//! how many of them it has made when it asks for the next grant, or clears the journal.

use super::config::JournalOverflow;

/// The most appends that one grant is for.
pub const MOST_GRANTED: u64 = 1024;

/// The decision on the next appends of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The sequence of the first of them; the others follow without a gap.
    pub sequence: u64,
    /// How many appends may be made. None when the journal is full and refuses.
    pub appends: u64,
    /// Each of them drops the oldest entry.
    pub drops: bool,
}

/// A journal is over its bound, and its policy is to refuse. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverBound;

/// The state of a journal in memory: the sequences that it holds, its bound, and the grant that is out.
#[derive(Debug)]
pub struct MemoryJournal {
    first: u64,
    next: u64,
    most: Option<u64>,
    overflow: JournalOverflow,
    grant: Grant,
}

impl MemoryJournal {
    /// Opens a journal that holds the entries from `first` to before `next`. Beyond the bound it keeps the newest, or
    /// refuses, as its policy says. A bound without a policy counts for nothing.
    ///
    /// # Errors
    ///
    /// [`OverBound`] when there are more entries than it may hold and its policy is to refuse.
    pub fn open(
        first: u64,
        next: u64,
        most: Option<u64>,
        overflow: JournalOverflow,
    ) -> Result<Self, OverBound> {
        let most = if overflow == JournalOverflow::Ignore { None } else { most };
        let first = first.min(next);
        let over = (next - first).saturating_sub(most.unwrap_or(u64::MAX));
        if over > 0 && overflow == JournalOverflow::Refuse {
            return Err(OverBound);
        }
        let grant = Grant { sequence: next, appends: 0, drops: false };
        Ok(Self { first: first + over, next, most, overflow, grant })
    }

    /// Returns the first sequence that it holds; the next one when it is empty.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Returns the sequence of the next append.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes note of how many appends of the last grant were made, and decides on the next ones.
    pub fn grant(&mut self, made: u64) -> Grant {
        self.settle(made);
        let room = self.most.map_or(u64::MAX, |most| most - (self.next - self.first));
        let (appends, drops) = match (room, self.overflow) {
            (0, JournalOverflow::DropOldest) => (MOST_GRANTED, true),
            (room, _) => (room.min(MOST_GRANTED), false),
        };
        self.grant = Grant { sequence: self.next, appends, drops };
        self.grant
    }

    /// Takes note of how many appends of the last grant were made, takes the rest back, and drops all entries. Returns
    /// how many there were.
    pub fn clear(&mut self, made: u64) -> u64 {
        self.settle(made);
        let count = self.next - self.first;
        self.first = self.next;
        count
    }

    /// Carries out the appends that were made. More than were granted count for none.
    fn settle(&mut self, made: u64) {
        let made = made.min(self.grant.appends);
        self.next += made;
        if self.grant.drops {
            self.first += made;
        }
        self.grant.appends = 0;
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open(most: u64, overflow: JournalOverflow) -> MemoryJournal {
        MemoryJournal::open(0, 0, Some(most), overflow).expect("it is empty")
    }

    #[test]
    fn grants_what_fits_and_then_drops_the_oldest() {
        let mut journal = open(3, JournalOverflow::DropOldest);
        assert_eq!(journal.grant(0), Grant { sequence: 0, appends: 3, drops: false });
        assert_eq!(journal.grant(3), Grant { sequence: 3, appends: MOST_GRANTED, drops: true });
        assert_eq!(journal.grant(2).sequence, 5);
        assert_eq!((journal.first(), journal.next()), (2, 5));
    }

    #[test]
    fn grants_nothing_when_it_is_full_and_refuses() {
        let mut journal = open(2, JournalOverflow::Refuse);
        assert_eq!(journal.grant(0).appends, 2);
        assert_eq!(journal.grant(2).appends, 0);
        assert_eq!(journal.clear(0), 2);
        assert_eq!(journal.grant(0), Grant { sequence: 2, appends: 2, drops: false });
    }

    #[test]
    fn keeps_the_newest_of_too_many_or_refuses_them() {
        let kept = MemoryJournal::open(4, 9, Some(3), JournalOverflow::DropOldest);
        assert_eq!(kept.map(|journal| (journal.first(), journal.next())), Ok((6, 9)));
        let refused = MemoryJournal::open(4, 9, Some(3), JournalOverflow::Refuse);
        assert_eq!(refused.map(|_| ()), Err(OverBound));
        let unbounded = MemoryJournal::open(4, 9, Some(3), JournalOverflow::Ignore);
        assert_eq!(unbounded.map(|journal| journal.first()), Ok(4));
    }

    #[test]
    fn appends_beyond_the_grant_count_for_none() {
        let mut journal = open(2, JournalOverflow::Refuse);
        journal.grant(0);
        assert_eq!(journal.grant(7).sequence, 2);
    }

    proptest! {
        /// Appends one at a time, with the sequences and drops of a list that is kept by hand.
        #[test]
        fn decides_as_a_list_would(
            most in 1_u64..6,
            overflow in prop_oneof![
                Just(JournalOverflow::Ignore), Just(JournalOverflow::DropOldest), Just(JournalOverflow::Refuse)
            ],
            ops in prop::collection::vec(prop_oneof![9 => Just(true), 1 => Just(false)], 0..80),
        ) {
            let mut journal = open(most, overflow);
            let mut list = std::collections::VecDeque::new();
            let mut next = 0;
            let mut grant = journal.grant(0);
            let mut made = 0;
            for append in ops {
                if !append {
                    prop_assert_eq!(journal.clear(made), list.len() as u64);
                    list.clear();
                    made = 0;
                    grant = journal.grant(0);
                    continue;
                }
                if made == grant.appends {
                    grant = journal.grant(made);
                    made = 0;
                }
                let full = overflow != JournalOverflow::Ignore && list.len() as u64 == most;
                if full && overflow == JournalOverflow::Refuse {
                    prop_assert_eq!(grant.appends, 0);
                    continue;
                }
                prop_assert!(grant.appends > 0);
                prop_assert_eq!(grant.drops, full);
                prop_assert_eq!(grant.sequence + made, next);
                if full {
                    list.pop_front();
                }
                list.push_back(next);
                next += 1;
                made += 1;
            }
            journal.grant(made);
            prop_assert_eq!(journal.next(), next);
            prop_assert_eq!(journal.first(), list.front().copied().unwrap_or(next));
        }
    }
}
