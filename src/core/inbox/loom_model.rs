//! Every interleaving of two posters and an owner that takes when it is rung.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::*;

struct Count(Arc<AtomicUsize>);

impl Wake for Count {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn no_post_is_lost_and_whatever_waits_was_rung_for() {
    loom::model(|| {
        let rings = Arc::new(AtomicUsize::new(0));
        let inbox = Inbox::new(Box::new(Count(Arc::clone(&rings))));
        let posters: Vec<_> = [1, 2]
            .map(|token| {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.post(token))
            })
            .into_iter()
            .collect();
        let mut taken = Vec::new();
        // An owner that was rung takes until there is nothing; a ring that comes later is answered below.
        let answered = rings.load(Ordering::SeqCst);
        if answered > 0 {
            taken.extend(std::iter::from_fn(|| inbox.take()));
        }
        for poster in posters {
            poster.join().expect("a poster ends");
        }
        let rest: Vec<_> = std::iter::from_fn(|| inbox.take()).collect();
        assert!(
            rest.is_empty() || rings.load(Ordering::SeqCst) > answered,
            "waiting without a ring"
        );
        taken.extend(rest);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
    });
}
