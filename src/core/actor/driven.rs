//! A runtime whose owner picks what runs next: a simulation.
//!
//! [`Runtime::round`] hands out many messages at once, in its own order. Here the owner takes one message at a time,
//! from any process that is ready. What is no message (exits, calls that fail, mail that comes back) leaves no choice:
//! [`Runtime::settle`] hands it out in the same order as a round.

use super::ids::Pid;
use super::process::Process;
use super::runtime::Runtime;
use super::step::Step;

impl Runtime {
    /// Hands out up to `limit` steps that are no messages, as [`round`](Self::round) does before any message. Returns
    /// whether there may be more of them already.
    pub fn settle(&mut self, now: f64, limit: usize, mut take: impl FnMut(Step)) -> bool {
        let now = self.begin_round(now);
        let mut left = self.fail_overdue(now, limit, &mut take);
        while left > 0
            && let Some(step) = self.next_urgent()
        {
            take(step);
            left -= 1;
        }
        left == 0 || self.calls.has_unwatched()
    }

    /// Returns the next step that comes before any message. A function of its own for [`round`](Self::round), too, costs
    /// three instructions a message.
    fn next_urgent(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.urgent.pop_front() {
                return Some(step);
            }
            if self.orphans.is_empty() {
                return self.departures.next().map(|pid| Step::Gone { pid });
            }
            self.hand_back_one();
        }
    }

    /// Returns the processes that have a message to handle, in the order in which production lets them go on. The one
    /// that ran last goes on first, until it has used its budget.
    pub fn ready(&self) -> Vec<Pid> {
        let can_take = |pid: &Pid| self.processes.get(pid.0).is_some_and(Process::can_take);
        let mut ready: Vec<Pid> = self.queue.iter().filter(can_take).collect();
        let goes_on = self.queue.goes_on();
        if let Some(place) = ready.iter().position(|&pid| Some(pid) == goes_on) {
            ready[..=place].rotate_right(1);
        }
        ready
    }

    /// Hands out one message of a process that is [`ready`](Self::ready), or its end. Does nothing for another process.
    pub fn run_one(&mut self, pid: Pid, mut take: impl FnMut(Step)) {
        if !self.queue.remove(pid) {
            return;
        }
        self.turn(pid, 1, &mut take);
        self.queue.note_one(pid);
    }
}
