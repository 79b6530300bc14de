//! Processes that have ended and that steps still name. A slot is used again when no further step names its process.

use std::collections::{BTreeMap, VecDeque};

use super::ids::Pid;

#[derive(Debug, Default)]
pub(super) struct Departures {
    /// Those that are why others will end: how many of these.
    mourned: BTreeMap<Pid, u32>,
    /// Those of whom that is still to be told.
    departed: VecDeque<Pid>,
    /// Those of whom that was told in the last round.
    gone: Vec<Pid>,
}

impl Departures {
    /// It has ended, and one more process will end because of it.
    pub(super) fn mourn(&mut self, ended: Pid) {
        *self.mourned.entry(ended).or_insert(0) += 1;
    }

    /// One of those will not, or has.
    pub(super) fn mourn_no_more(&mut self, ended: Option<Pid>) {
        let Some(ended) = ended else { return };
        let Some(count) = self.mourned.get_mut(&ended) else { return };
        *count -= 1;
        if *count == 0 {
            self.mourned.remove(&ended);
            self.departed.push_back(ended);
        }
    }

    /// It has ended, and all who have to be told of it are known.
    pub(super) fn ended(&mut self, pid: Pid) {
        if !self.mourned.contains_key(&pid) {
            self.departed.push_back(pid);
        }
    }

    /// One that no further step names.
    pub(super) fn next(&mut self) -> Option<Pid> {
        let pid = self.departed.pop_front()?;
        self.gone.push(pid);
        Some(pid)
    }

    /// Those that [`next`](Self::next) gave in the last round: their slots can be given away.
    pub(super) fn take_gone(&mut self) -> impl Iterator<Item = Pid> {
        self.gone.drain(..)
    }

    /// Returns whether [`next`](Self::next) has none.
    pub(super) fn is_empty(&self) -> bool {
        self.departed.is_empty()
    }

    /// Returns how many are still named by steps to come.
    pub(super) fn len(&self) -> usize {
        self.mourned.len() + self.departed.len()
    }
}
