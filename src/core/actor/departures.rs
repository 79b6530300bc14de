//! Processes that have ended and that steps still name. A slot is used again when no further step names its process.

use std::collections::{BTreeMap, VecDeque};

use super::ids::Pid;

#[derive(Debug, Default)]
pub(super) struct Departures {
    /// Processes whose end makes others end, with the number of these.
    mourned: BTreeMap<Pid, u32>,
    /// Processes whose end is still to be reported.
    departed: VecDeque<Pid>,
    /// Processes whose end was reported in the last round.
    gone: Vec<Pid>,
}

impl Departures {
    /// Notes that a process has ended, and that one more will end because of it.
    pub(super) fn mourn(&mut self, ended: Pid) {
        *self.mourned.entry(ended).or_insert(0) += 1;
    }

    /// Notes that one of the processes that would end because of `ended` has ended, or will not.
    pub(super) fn mourn_no_more(&mut self, ended: Option<Pid>) {
        let Some(ended) = ended else { return };
        let Some(count) = self.mourned.get_mut(&ended) else { return };
        *count -= 1;
        if *count == 0 {
            self.mourned.remove(&ended);
            self.departed.push_back(ended);
        }
    }

    /// Notes that a process has ended, and that all who must learn of it are known.
    pub(super) fn ended(&mut self, pid: Pid) {
        if !self.mourned.contains_key(&pid) {
            self.departed.push_back(pid);
        }
    }

    /// Returns a process that no further step names.
    pub(super) fn next(&mut self) -> Option<Pid> {
        let pid = self.departed.pop_front()?;
        self.gone.push(pid);
        Some(pid)
    }

    /// Takes the processes that [`next`](Self::next) returned in the last round: their slots may be reused.
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
