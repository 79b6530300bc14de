//! All interleavings of an owner that enters twice with readers.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::OwnerLock;

struct Owned {
    lock: OwnerLock,
    /// loom refuses a read while another thread writes.
    number: UnsafeCell<u64>,
}

fn read(owned: &Owned) -> u64 {
    // SAFETY: loom checks it.
    owned.lock.read(|| owned.number.with(|number| unsafe { *number }))
}

fn turns(readers: usize, turns: u64) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let owned = Arc::new(Owned { lock: OwnerLock::default(), number: UnsafeCell::new(0) });
        let readers: Vec<_> = (0..readers)
            .map(|_| {
                let owned = Arc::clone(&owned);
                thread::spawn(move || read(&owned))
            })
            .collect();
        for _ in 0..turns {
            owned.lock.enter();
            // SAFETY: loom checks it.
            owned.number.with_mut(|number| unsafe { *number += 1 });
            owned.lock.leave();
        }
        for reader in readers {
            assert!(reader.join().expect("no reader fails") <= turns);
        }
        assert_eq!(read(&owned), turns);
    });
}

#[test]
fn an_owner_that_enters_twice_and_a_reader() {
    turns(1, 2);
}

#[test]
fn an_owner_and_two_readers() {
    turns(2, 1);
}
