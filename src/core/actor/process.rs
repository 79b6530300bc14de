//! One process, as the runtime sees it.

use super::exit::ExitKind;
use super::ids::Pid;
use super::mail::MailQueue;

/// Messages a process handles before the next one's turn.
pub const BUDGET: u32 = 64;

/// The phases of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Its `init` has not ended, or it is being restarted: mail waits.
    Starting = 0,
    /// It waits for mail, or for its turn.
    Running = 1,
    /// It runs `terminate`: mail is refused.
    Stopping = 2,
}

/// The ways in which a full mailbox takes a user message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MailboxOverflow {
    /// The new message is refused, and the sender learns it.
    Reject = 0,
    /// The oldest queued message is dropped.
    DropOldest = 1,
    /// The new message is dropped, and the sender learns it.
    DropNewest = 2,
}

/// The result of an offered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is queued.
    Queued,
    /// It is queued, and the oldest message was dropped for it, which comes back as a step.
    Displaced,
    /// The mailbox is full, and nothing changed.
    Full,
    /// There is no such process any more, and nothing changed.
    NoProcess,
}

/// The options of a process.
#[derive(Debug, Clone, Copy)]
pub struct SpawnOptions {
    /// Exit signals of links arrive as messages instead of ending it.
    pub trap_exit: bool,
    /// User messages it may have queued; `u32::MAX` for no bound.
    pub max_mailbox: u32,
    /// The way in which a full mailbox takes a message.
    pub overflow: MailboxOverflow,
}

impl Default for SpawnOptions {
    fn default() -> Self {
        Self { trap_exit: false, max_mailbox: u32::MAX, overflow: MailboxOverflow::Reject }
    }
}

/// The states of a process between two rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has handled all messages that it was handed.
    Idle,
    /// It was handed messages in the last round, and will have handled them by the next unless it says otherwise.
    Handed,
    /// A handler of it takes longer.
    Busy,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) status: Status,
    pub(super) overflow: MailboxOverflow,
    pub(super) trap_exit: bool,
    pub(super) turn: Turn,
    /// It was handed messages in this round, and some of them may not have been carried out.
    pub(super) is_handed: bool,
    /// It stands in the run queue.
    pub(super) queued: bool,
    /// It was asked to end: the kind, and the process whose end is the cause. It ends once its handler has ended.
    pub(super) condemned: Option<(ExitKind, Option<Pid>)>,
    /// Counts handler runs, so that calls of an earlier run do not count as waiting.
    pub(super) activation: u32,
    pub(super) max_mailbox: u32,
    pub(super) user: MailQueue,
    /// Requests to stop among them, which are no work.
    pub(super) stops: u32,
    pub(super) system: MailQueue,
    /// The number of messages that it was handed, requests to stop left out.
    pub(super) handed: u64,
}

impl Process {
    pub(super) fn new(options: SpawnOptions) -> Self {
        Self {
            status: Status::Starting,
            overflow: options.overflow,
            trap_exit: options.trap_exit,
            turn: Turn::Idle,
            is_handed: false,
            queued: false,
            condemned: None,
            activation: 0,
            max_mailbox: options.max_mailbox,
            user: MailQueue::default(),
            stops: 0,
            system: MailQueue::default(),
            handed: 0,
        }
    }

    /// Returns the number of user messages that wait.
    pub(super) fn waiting(&self) -> u32 {
        self.user.len() - self.stops
    }

    /// Notes that no handler of it runs. Messages that it was handed in this round may still come before its next turn.
    pub(super) fn rest(&mut self) {
        self.turn = if self.is_handed { Turn::Handed } else { Turn::Idle };
    }

    /// Returns whether there is something for it, and it has handled everything before.
    pub(super) fn is_ready(&self) -> bool {
        self.turn == Turn::Idle && (self.can_take() || self.is_condemned())
    }

    /// Returns whether it can take mail behind the messages that it has already.
    pub(super) fn can_take(&self) -> bool {
        let has_mail = self.user.len() > 0 || self.system.len() > 0;
        self.status == Status::Running
            && self.turn != Turn::Busy
            && (has_mail || self.is_condemned())
    }

    pub(super) fn is_condemned(&self) -> bool {
        self.status == Status::Running && self.condemned.is_some()
    }
}
