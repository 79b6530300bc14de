//! The numbers of a runtime and of its processes, for those who look on.

use super::ids::Pid;
use super::process::{Process, Status, Turn};
use super::runtime::Runtime;

/// The numbers of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessReading {
    /// The process.
    pub pid: Pid,
    /// Its phase.
    pub status: Status,
    /// The number of user messages that wait in its mailbox.
    pub mailbox: u32,
    /// The number of messages that it was handed since it exists. Requests to stop do not count.
    pub handed: u64,
    /// True while a handler takes longer than its turn.
    pub is_busy: bool,
}

impl Runtime {
    /// Returns the phase of a process; `None` when there is no such process.
    pub fn status(&self, pid: Pid) -> Option<Status> {
        self.processes.get(pid.0).map(|process| process.status)
    }

    /// Returns how many user messages it has queued. Requests to stop do not count.
    pub fn mailbox_len(&self, pid: Pid) -> u32 {
        self.processes.get(pid.0).map_or(0, Process::waiting)
    }

    /// Returns how many processes are alive.
    pub fn len(&self) -> usize {
        self.processes.len()
    }

    /// Returns how many processes have ended and are still named by steps to come.
    pub fn untold(&self) -> usize {
        self.departures.len()
    }

    /// Returns whether no process is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many links and monitors there are.
    pub fn relation_counts(&self) -> (usize, usize) {
        self.relations.counts()
    }

    /// Returns the processes that one is linked to, and those that it monitors, in the order in which that began.
    pub fn related(&self, pid: Pid) -> (Vec<Pid>, Vec<Pid>) {
        self.relations.of(pid)
    }

    /// Returns how many calls are unanswered or still queued.
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// Returns how many messages processes were handed since the runtime exists, those that have ended included.
    pub fn handed(&self) -> u64 {
        let alive: u64 = self.processes.iter().map(|(_, process)| process.handed).sum();
        self.handed_before + alive
    }

    /// Returns the numbers of a process; `None` when it has ended.
    pub fn reading(&self, pid: Pid) -> Option<ProcessReading> {
        self.processes.get(pid.0).map(|process| reading_of(pid, process))
    }

    /// Returns how many user messages each process has queued, by the slot of its pid.
    pub fn mailboxes(&self) -> Vec<u32> {
        let mut sizes = Vec::with_capacity(self.processes.len());
        for (handle, process) in self.processes.iter() {
            sizes.resize(handle.slot as usize + 1, 0);
            sizes[handle.slot as usize] = process.waiting();
        }
        sizes
    }

    /// Returns the numbers of each process, in the order of slots.
    pub fn readings(&self) -> impl Iterator<Item = ProcessReading> {
        self.processes.iter().map(|(handle, process)| reading_of(Pid(handle), process))
    }
}

fn reading_of(pid: Pid, process: &Process) -> ProcessReading {
    ProcessReading {
        pid,
        status: process.status,
        mailbox: process.waiting(),
        handed: process.handed,
        is_busy: process.turn == Turn::Busy,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::{ExitKind, Mail, MailKind, SlotId, SpawnOptions};
    use super::*;

    fn all(runtime: &mut Runtime) {
        while runtime.round(0.0, 100, |_| {}) {}
    }

    #[test]
    fn links_are_seen_from_both_sides_and_monitors_from_the_side_that_watches() {
        let mut runtime = Runtime::default();
        let [one, other, third] =
            [(); 3].map(|()| runtime.spawn(SpawnOptions::default()).expect("room"));
        runtime.link(one, other);
        runtime.monitor(one, third);
        let link = runtime.link(third, one).expect("alive");
        assert_eq!(runtime.related(one), (vec![other, third], vec![third]));
        assert_eq!(runtime.related(other), (vec![one], vec![]));
        runtime.unlink(link);
        assert_eq!(runtime.related(third), (vec![], vec![]));
    }

    #[test]
    fn counts_what_each_process_was_handed_also_after_it_has_ended() {
        let mut runtime = Runtime::default();
        let [one, other] = [(); 2].map(|()| runtime.spawn(SpawnOptions::default()).expect("room"));
        runtime.started(one);
        for (pid, kind) in [(one, MailKind::Cast), (one, MailKind::Stop), (other, MailKind::Info)] {
            runtime.send(pid, Mail { kind, slot: SlotId::new(1, 1) });
        }
        all(&mut runtime);
        let numbers = |runtime: &Runtime| -> Vec<_> {
            let number = |it: ProcessReading| (it.pid, it.status, it.mailbox, it.handed);
            runtime.readings().map(number).collect()
        };
        let waiting = (other, Status::Starting, 1, 0);
        assert_eq!(runtime.mailboxes(), [0, 1]);
        assert_eq!(numbers(&runtime), [(one, Status::Running, 0, 1), waiting]);
        assert_eq!(runtime.reading(one).map(|it| it.is_busy), Some(true), "it is to stop");
        runtime.exited(one, ExitKind::Normal);
        all(&mut runtime);
        assert_eq!(numbers(&runtime), [waiting]);
        assert_eq!((runtime.handed(), runtime.reading(one)), (1, None));
    }
}
