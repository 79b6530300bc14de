use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::core::inbox::{Inbox, Wake};

struct Silent;

impl Wake for Silent {
    fn wake(&self) {}
}

struct Count(Arc<AtomicUsize>);

impl Wake for Count {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn next(number: f64) -> NextCommit {
    NextCommit {
        value: AtomValue::Number(number),
        at: At { wall: number, mono: number },
        cause: None,
    }
}

fn cell(history: usize) -> Arc<AtomCell> {
    Arc::new(AtomCell::new(
        WordSlab::default().take(),
        AtomValue::Number(0.0),
        At::default(),
        history,
    ))
}

fn opened(hold: &AtomHold) -> Arc<AtomCell> {
    let SharedAtom::Atom(cell) = hold.shared() else { panic!("an atom") };
    Arc::clone(cell)
}

fn versions(commits: &[Arc<Commit>]) -> Vec<u64> {
    commits.iter().map(|commit| commit.version).collect()
}

#[test]
fn a_commit_needs_the_version_that_is_current() {
    let cell = cell(1);
    assert!(cell.is_current(0));
    let first = cell.compare_and_set(0, next(1.0)).expect("nobody else");
    assert_eq!((first.version, &first.value), (1, &AtomValue::Number(1.0)));
    let Conflict(current) = cell.compare_and_set(0, next(2.0)).expect_err("too late");
    assert_eq!(current, first);
    let Conflict(current) = cell.compare_and_set(7, next(2.0)).expect_err("never was");
    assert_eq!(current, first);
    assert_eq!(cell.current(), first);
    assert!(cell.is_current(1) && !cell.is_current(0));
}

#[test]
fn the_announced_version_lies_where_the_place_says() {
    let store = Store::default();
    let hold = store.atom("n", "a", AtomValue::Number(5.0), At::default(), 1).expect("new");
    let cell = opened(&hold);
    cell.compare_and_set(0, next(1.0)).expect("nobody else");
    let place = hold.shared().place();
    let (memory, bytes) = store.chunk(place.chunk).expect("in use").memory();
    let offset = place.index as usize * WORD_BYTES;
    assert!(offset + size_of::<u64>() <= bytes);
    // SAFETY: within the chunk, which the store keeps.
    let announced = unsafe { (*memory.byte_add(offset)).load(Ordering::Relaxed) };
    assert_eq!(announced, 1);
    assert!(store.chunk(99).is_none());
}

#[test]
fn history_keeps_the_newest_and_grows_to_the_most_that_was_asked_for() {
    let cell = cell(2);
    for version in 0..4_u32 {
        cell.compare_and_set(version.into(), next(version.into())).expect("nobody else");
    }
    assert_eq!(versions(&cell.history()), [3, 4]);
    cell.keep(3);
    cell.keep(1);
    cell.compare_and_set(4, next(9.0)).expect("nobody else");
    assert_eq!(versions(&cell.history()), [3, 4, 5]);
    cell.compare_and_set(5, next(9.0)).expect("nobody else");
    assert_eq!(versions(&cell.history()), [4, 5, 6]);
}

#[test]
fn watchers_get_all_or_the_newest_and_are_told_once() {
    let cell = cell(1);
    let rings = Arc::new(AtomicUsize::new(0));
    let inbox = Inbox::new(Box::new(Count(Arc::clone(&rings))));
    cell.compare_and_set(0, next(1.0)).expect("nobody else");
    let mut all = Subscription::new(&cell, inbox.clone(), 1, false);
    let mut newest = Subscription::new(&cell, inbox.clone(), 2, true);
    assert_eq!(all.since().version, 1);
    assert_eq!(all.take(), None);
    for version in 1..4 {
        cell.compare_and_set(version, next(0.0)).expect("nobody else");
    }
    assert_eq!(rings.load(Ordering::Relaxed), 1);
    assert_eq!((inbox.take(), inbox.take(), inbox.take()), (Some(1), Some(2), None));
    assert_eq!(all.waiting(), 3);
    let taken: Vec<_> = std::iter::from_fn(|| all.take()).collect();
    assert_eq!(versions(&taken), [2, 3, 4]);
    assert_eq!(newest.take().map(|commit| commit.version), Some(4));
    assert_eq!(newest.take(), None);
    cell.compare_and_set(4, next(0.0)).expect("nobody else");
    assert_eq!(inbox.take(), Some(1));
    assert_eq!(cell.watchers(), 2);
    drop(all);
    assert_eq!(cell.watchers(), 1);
}

#[test]
fn a_name_is_one_thing_until_its_last_hold_goes() {
    let store = Store::default();
    let first = store.atom("n", "a", AtomValue::Number(1.0), At::default(), 1).expect("new");
    let second = store.atom("n", "a", AtomValue::Number(2.0), At::default(), 1).expect("the same");
    assert!(Arc::ptr_eq(&opened(&first), &opened(&second)));
    let other = store.atom("m", "a", AtomValue::Number(3.0), At::default(), 1).expect("elsewhere");
    assert_eq!(opened(&other).current().value, AtomValue::Number(3.0));
    assert_eq!(store.counter("n", "a", 0).expect_err("an atom"), OtherKind(AtomKind::Atom));
    assert_eq!(store.flag("n", "a", false).expect_err("an atom"), OtherKind(AtomKind::Atom));
    drop(first);
    assert_eq!(store.len(), 2);
    opened(&second).compare_and_set(0, next(7.0)).expect("nobody else");
    drop(second);
    assert_eq!(store.len(), 1);
    let again = store.atom("n", "a", AtomValue::Number(2.0), At::default(), 1).expect("new again");
    assert_eq!(*opened(&again).current(), Commit::new(0, next_at_zero(2.0)));
    drop((other, again));
    assert!(store.is_empty());
    assert_ne!(store.namespace(), store.namespace());
}

fn next_at_zero(number: f64) -> NextCommit {
    NextCommit { value: AtomValue::Number(number), at: At::default(), cause: None }
}

#[test]
fn words_are_given_out_again_and_begin_at_zero() {
    let slab = WordSlab::default();
    let words: Vec<_> = (0..600).map(|_| slab.take()).collect();
    let mut places: Vec<_> =
        words.iter().map(|word| (word.place().chunk, word.place().index)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 600);
    for word in &words {
        word.store(9, Ordering::Relaxed);
    }
    drop(words);
    let again: Vec<_> = (0..600).map(|_| slab.take()).collect();
    assert!(again.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    assert!(slab.chunk(2).is_some() && slab.chunk(3).is_none());
}

#[test]
fn a_counter_refuses_to_leave_what_a_number_holds() {
    let store = Store::default();
    let hold = store.counter("n", "c", 5).expect("new");
    let SharedAtom::Counter(count) = hold.shared() else { panic!("a counter") };
    assert_eq!(count.add(-7), Some(-2));
    assert_eq!(count.set(LIMIT - 1), -2);
    assert_eq!(count.add(1), Some(LIMIT));
    assert_eq!(count.add(1), None);
    assert_eq!(count.add(i64::MAX), None);
    assert_eq!(count.get(), LIMIT);
    assert!(!count.compare_and_set(0, 1));
    assert!(count.compare_and_set(LIMIT, -LIMIT));
    assert_eq!(count.add(-1), None);
    assert_eq!(count.get(), -LIMIT);
}

#[test]
fn threads_that_increment_lose_nothing_and_a_watcher_sees_each_version() {
    const THREADS: u32 = 4;
    const EACH: u32 = 20_000;
    let cell = cell(1);
    let mut watcher = Subscription::new(&cell, Inbox::new(Box::new(Silent)), 1, false);
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                let mut seen = cell.current();
                for _ in 0..EACH {
                    loop {
                        let AtomValue::Number(number) = seen.value else { panic!("a number") };
                        match cell.compare_and_set(seen.version, next(number + 1.0)) {
                            Ok(commit) => {
                                seen = commit;
                                break;
                            }
                            Err(Conflict(current)) => {
                                assert!(current.version > seen.version);
                                seen = current;
                            }
                        }
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a committer ends");
    }
    let total = THREADS * EACH;
    assert_eq!(cell.current().value, AtomValue::Number(total.into()));
    for version in 1..=u64::from(total) {
        assert_eq!(watcher.take().map(|commit| commit.version), Some(version));
    }
    assert_eq!(watcher.take(), None);
}
