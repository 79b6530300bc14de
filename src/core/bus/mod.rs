//! Finds the subscriptions that match a topic, in the order in which they were made.
//!
//! Topics and patterns are segments between dots; a segment may be empty, and the empty text is one empty segment. In a
//! pattern these whole segments are special, and nothing else is:
//!
//! - `*` stands for exactly one segment. As the last segment after nothing but plain ones (`user.*`, or alone) it
//!   stands for one segment or more.
//! - `**` and `#` stand for any number of segments, none included, wherever they stand.
//!
//! A pattern always matches the topic that is written like it. A subscription is found once, however many ways its
//! pattern fits. A topic is walked through a trie: that costs its segments and the subscriptions found, not all that
//! exist. Memory is linear in the current subscriptions. Texts have limits, so that the cost of a topic is bounded.

mod pattern;
mod segments;
mod subscription;
mod subscriptions;
mod trie;

#[cfg(test)]
mod model_test;

pub use pattern::{MAX_BYTES, MAX_SEGMENTS, Refused};
pub use subscriptions::{SubscriptionId, Subscriptions};
