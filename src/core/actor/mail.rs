//! Mailboxes: lists of slots in one pool, so that an empty one costs nothing and a deep one is never moved.

use crate::core::slab::list::NIL;

/// The kind of a queued message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MailKind {
    /// A message without a reply.
    Cast = 0,
    /// A message whose sender waits for a reply.
    Call = 1,
    /// A message from the runtime or a timer.
    Info = 2,
    /// A request to stop, once everything before it was handled.
    Stop = 3,
    /// The end of another process: on the system lane, which no bound keeps it out of.
    System = 4,
}

impl MailKind {
    /// Returns the kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        let all = [Self::Cast, Self::Call, Self::Info, Self::Stop, Self::System];
        all.into_iter().nth(number as usize)
    }
}

/// The place where JavaScript keeps a message or a call, and the use of that place. A stale one names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotId(u64);

impl SlotId {
    /// Creates the id of a place, from 0, in one of its generations.
    #[must_use]
    pub fn new(index: u32, generation: u32) -> Self {
        Self((u64::from(generation) << u32::BITS) | u64::from(index))
    }

    pub(super) fn index(self) -> usize {
        self.place() as usize
    }

    /// Returns the place.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub fn place(self) -> u32 {
        self.0 as u32
    }

    /// Returns the use of the place.
    #[must_use]
    pub fn generation(self) -> u32 {
        (self.0 >> u32::BITS) as u32
    }
}

/// A queued message: its kind, and the caller's slot for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mail {
    /// Its kind.
    pub kind: MailKind,
    /// The place where JavaScript keeps it.
    pub slot: SlotId,
}

#[derive(Debug, Clone, Copy)]
struct MailNode {
    slot: SlotId,
    next: u32,
    kind: MailKind,
}

/// The nodes of all mailboxes of a runtime; freed ones are used again, the last one first.
#[derive(Debug)]
pub(super) struct Pool {
    nodes: Vec<MailNode>,
    free: u32,
}

/// A first-in, first-out list in a [`Pool`].
#[derive(Debug)]
pub(super) struct MailQueue {
    head: u32,
    tail: u32,
    len: u32,
}

impl Default for Pool {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: NIL }
    }
}

impl Default for MailQueue {
    fn default() -> Self {
        Self { head: NIL, tail: NIL, len: 0 }
    }
}

impl Pool {
    fn take(&mut self, mail: Mail) -> u32 {
        let node = MailNode { slot: mail.slot, next: NIL, kind: mail.kind };
        if self.free == NIL {
            self.nodes.push(node);
            return u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 messages");
        }
        let index = self.free;
        self.free = self.nodes[index as usize].next;
        self.nodes[index as usize] = node;
        index
    }
}

impl MailQueue {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn push(&mut self, pool: &mut Pool, mail: Mail) {
        let index = pool.take(mail);
        if self.tail == NIL {
            self.head = index;
        } else {
            pool.nodes[self.tail as usize].next = index;
        }
        self.tail = index;
        self.len += 1;
    }

    pub(super) fn pop(&mut self, pool: &mut Pool) -> Option<Mail> {
        if self.head == NIL {
            return None;
        }
        let index = self.head;
        let MailNode { slot, next, kind } = pool.nodes[index as usize];
        self.head = next;
        if next == NIL {
            self.tail = NIL;
        }
        self.len -= 1;
        pool.nodes[index as usize].next = pool.free;
        pool.free = index;
        Some(Mail { kind, slot })
    }

    /// Puts all of `other` behind what is here, in constant time.
    pub(super) fn append(&mut self, pool: &mut Pool, other: &mut Self) {
        if other.head == NIL {
            return;
        }
        if self.tail == NIL {
            self.head = other.head;
        } else {
            pool.nodes[self.tail as usize].next = other.head;
        }
        self.tail = other.tail;
        self.len += other.len;
        *other = Self::default();
    }
}
