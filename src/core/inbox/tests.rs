use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

struct Count(Arc<AtomicUsize>);

impl Wake for Count {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn inbox() -> (Inbox, Arc<AtomicUsize>) {
    let rings = Arc::new(AtomicUsize::new(0));
    (Inbox::new(Box::new(Count(Arc::clone(&rings)))), rings)
}

#[test]
fn keeps_the_order_of_first_posts_and_rings_once() {
    let (inbox, rings) = inbox();
    for token in [3, 1, 3, 2, 1] {
        inbox.post(token);
    }
    assert_eq!(rings.load(Ordering::Relaxed), 1);
    assert_eq!(inbox.waiting(), 3);
    let taken: Vec<_> = std::iter::from_fn(|| inbox.take()).collect();
    assert_eq!(taken, [3, 1, 2]);
}

#[test]
fn a_post_after_a_take_rings_again() {
    let (inbox, rings) = inbox();
    inbox.post(1);
    assert_eq!(inbox.take(), Some(1));
    inbox.post(1);
    assert_eq!(rings.load(Ordering::Relaxed), 2);
    assert_eq!(inbox.take(), Some(1));
    assert_eq!(inbox.take(), None);
}

#[test]
fn a_post_while_others_wait_needs_no_second_ring() {
    let (inbox, rings) = inbox();
    inbox.post(1);
    inbox.post(2);
    assert_eq!(inbox.take(), Some(1));
    // The owner is still taking, and will come to this one.
    inbox.post(1);
    assert_eq!(rings.load(Ordering::Relaxed), 1);
    assert_eq!(inbox.take(), Some(2));
    assert_eq!(inbox.take(), Some(1));
}
