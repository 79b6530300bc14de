//! Every interleaving of the commit path with itself, with readers that keep what they read, with watchers and closing.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::*;
use crate::core::inbox::{Inbox, Wake};

struct Silent;

impl Wake for Silent {
    fn wake(&self) {}
}

fn cell() -> Arc<AtomCell> {
    Arc::new(AtomCell::new(WordSlab::default().take(), AtomValue::Number(0.0), At::default(), 1))
}

fn next(number: f64) -> NextCommit {
    NextCommit { value: AtomValue::Number(number), at: At::default(), cause: None }
}

fn number(commit: &Commit) -> f64 {
    let AtomValue::Number(number) = commit.value else { panic!("a number") };
    number
}

/// Increments as `swap` does; the version that it got.
fn increment(cell: &AtomCell) -> u64 {
    let mut seen = cell.current();
    loop {
        match cell.compare_and_set(seen.version, next(number(&seen) + 1.0)) {
            Ok(commit) => {
                assert_eq!(commit.version as f64, number(&commit));
                return commit.version;
            }
            Err(Conflict(current)) => {
                assert!(current.version > seen.version, "a conflict has something newer");
                seen = current;
            }
        }
    }
}

#[test]
fn versions_are_unique_and_a_watcher_sees_each_in_order() {
    loom::model(|| {
        let cell = cell();
        let mut watcher = Subscription::new(&cell, Inbox::new(Box::new(Silent)), 1, false);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let cell = Arc::clone(&cell);
                thread::spawn(move || increment(&cell))
            })
            .collect();
        let mut seen = Vec::new();
        seen.extend(watcher.take().map(|commit| commit.version));
        let mut got: Vec<_> =
            others.into_iter().map(|thread| thread.join().expect("it ends")).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        seen.extend(std::iter::from_fn(|| watcher.take()).map(|commit| commit.version));
        assert_eq!(seen, [1, 2]);
        assert_eq!(number(&cell.current()), 2.0);
        assert!(cell.is_current(2));
    });
}

#[test]
fn a_reader_never_goes_back() {
    loom::model(|| {
        let cell = cell();
        let committers: Vec<_> = (0..2)
            .map(|_| {
                let cell = Arc::clone(&cell);
                thread::spawn(move || increment(&cell))
            })
            .collect();
        let mut cached = cell.current();
        for _ in 0..2 {
            if !cell.is_current(cached.version) {
                let current = cell.current();
                assert!(current.version >= cached.version);
                cached = current;
            }
        }
        for committer in committers {
            committer.join().expect("it ends");
        }
    });
}

/// One thread reads a new version and says so to another, which then must not take its own older copy for current.
#[test]
fn what_one_reader_saw_no_later_reader_misses() {
    loom::model(|| {
        let cell = cell();
        let told = Arc::new(AtomicU64::new(0));
        let committer = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || increment(&cell))
        };
        let teller = {
            let (cell, told) = (Arc::clone(&cell), Arc::clone(&told));
            thread::spawn(move || told.store(cell.current().version, Ordering::Release))
        };
        let cached = 0;
        let heard = told.load(Ordering::Acquire);
        let read = if cell.is_current(cached) { cached } else { cell.current().version };
        assert!(read >= heard, "read {read} after being told of {heard}");
        committer.join().expect("it ends");
        teller.join().expect("it ends");
    });
}

#[test]
fn closing_while_others_commit_loses_neither_the_name_nor_the_word() {
    loom::model(|| {
        let store = Store::default();
        let open = |store: &Store| {
            store.atom("n", "a", AtomValue::Number(0.0), At::default(), 1).expect("an atom")
        };
        let hold = open(&store);
        let SharedAtom::Atom(cell) = hold.shared() else { panic!("an atom") };
        let watcher = Subscription::new(cell, Inbox::new(Box::new(Silent)), 1, true);
        let committer = {
            let store = store.clone();
            thread::spawn(move || {
                let hold = open(&store);
                let SharedAtom::Atom(cell) = hold.shared() else { panic!("an atom") };
                // Either the atom that the other holds, or a new one after it was forgotten.
                assert_eq!(increment(cell), 1);
            })
        };
        drop(watcher);
        drop(hold);
        committer.join().expect("it ends");
        assert!(store.is_empty());
        let again = open(&store);
        assert_eq!(
            again.shared().place(),
            WordPlace { chunk: 0, index: again.shared().place().index }
        );
        assert!(store.chunk(1).is_none());
    });
}

#[test]
fn counts_lose_no_step() {
    loom::model(|| {
        let store = Store::default();
        let hold = store.counter("n", "c", 0).expect("new");
        let adders: Vec<_> = (0..2)
            .map(|_| {
                let SharedAtom::Counter(count) = hold.shared().clone() else { panic!("a counter") };
                thread::spawn(move || count.add(1).expect("far from the limit"))
            })
            .collect();
        let mut got: Vec<_> =
            adders.into_iter().map(|thread| thread.join().expect("it ends")).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}
