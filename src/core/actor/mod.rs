//! Processes: one message at a time each, in the order in which a sender sent them, none lost without a word.
//!
//! A [`Runtime`] decides what runs next. JavaScript holds messages, state and handlers; here they are *slots*. It
//! submits what happened (a message was sent, a handler ended, a process exits), asks for the next [`Step`]s, and
//! carries them out.
//!
//! - **One at a time.** A process that runs gets no further message until its handler has ended, however long it takes.
//! - **Fair.** Processes with mail take turns, [`BUDGET`] messages each, so that a flood to one does not starve
//!   another.
//! - **Order.** User messages of a process are handled in the order of submission. System messages (exits, downs) have
//!   a lane of their own, which is unbounded and goes first.
//! - **Calls** have a deadline. One that passes while the call is queued means that it is never run; one that passes
//!   while it runs means that its reply is dropped. A call that would wait for itself is refused at once, by name.
//! - **Nothing vanishes.** A message that is not handled comes back as a step: a call as [`Step::CallFailed`], anything
//!   else as [`Step::Dropped`].
//! - **Exits** reach links and monitors once, in the order in which those were made.
//! - **Nothing stale acts.** Processes and slots have generations. A number that was released, or never given, names
//!   nothing. A process that has ended keeps its slot until no step names it any more ([`Step::Gone`]).
//!
//! A [`supervisor`] decides about restarts. It is a pure state machine, with the same driver as the runtime.
//!
//! Time is monotonic milliseconds, and always an argument. Everything is O(1) amortised a message; exits are O(log n) a
//! link or monitor.

mod backoff;
mod calls;
mod departures;
mod driven;
#[cfg(all(test, not(loom)))]
mod driven_test;
mod exit;
mod ids;
mod mail;
#[cfg(all(test, not(loom)))]
mod model_test;
mod process;
mod readings;
mod relations;
mod restart;
mod restart_window;
mod run_queue;
mod runtime;
mod step;
pub mod supervisor;
#[cfg(all(test, not(loom)))]
mod tests;

pub use backoff::{Backoff, Jitter};
pub use calls::CallFailure;
pub use exit::ExitKind;
pub use ids::{LinkId, MonitorId, Pid};
pub use mail::{Mail, MailKind, SlotId};
pub use process::{BUDGET, MailboxOverflow, Offer, SpawnOptions, Status};
pub use readings::ProcessReading;
pub use restart::{RestartBudget, RestartVerdict, Restarts};
pub use runtime::Runtime;
pub use step::Step;
