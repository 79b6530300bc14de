//! The view that holders of a shared cache have of each other's calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::super::{CacheLimits, EvictionPolicy};
use super::{
    CacheHold, CacheKey, CacheValue, Claim, Differs, Gone, Landed, Left, Load, Lookup,
    SharedCaches, Stored,
};
use crate::core::inbox::{Inbox, Wake};

const ROOMY: CacheLimits = CacheLimits { entries: 100, bytes: u64::MAX };

struct Silent;

impl Wake for Silent {
    fn wake(&self) {}
}

fn inbox() -> Inbox {
    Inbox::new(Box::new(Silent))
}

fn key(text: &str) -> CacheKey {
    CacheKey { number: false, text: text.into() }
}

fn value(text: &str) -> CacheValue {
    CacheValue {
        text: text.into(),
        bytes: None,
        fresh: f64::INFINITY,
        until: f64::INFINITY,
        sliding: 0.0,
        tags: Box::default(),
    }
}

fn tagged(text: &str, tag: &str) -> CacheValue {
    CacheValue { tags: [tag.into()].into(), ..value(text) }
}

fn hold(caches: &SharedCaches) -> CacheHold {
    caches.open("space", "name", ROOMY, EvictionPolicy::S3Fifo, 1).expect("the same limits")
}

fn read(hold: &CacheHold, text: &str, now: f64) -> Option<String> {
    let found = hold.cache().find(false, text, now, Lookup::Peek, &mut Vec::new())?;
    (found.past < 0.0).then(|| found.text.to_string())
}

fn claim(hold: &CacheHold, text: &str, inbox: &Inbox, token: u64) -> Claim {
    let who = (hold.holder(), inbox, token);
    hold.cache().claim(&key(text), 0.0, Box::default(), who, &mut Vec::new())
}

fn mine(claim: Claim) -> Load {
    let Claim::Mine(load) = claim else { panic!("{claim:?}") };
    load
}

#[test]
fn a_name_is_one_cache_until_the_last_hold_goes() {
    let caches = SharedCaches::default();
    let first = hold(&caches);
    let second = hold(&caches);
    first.cache().store(&key("a"), value("1"), 0.0, &mut Vec::new());
    assert_eq!(read(&second, "a", 0.0).as_deref(), Some("1"));
    let other =
        caches.open("elsewhere", "name", ROOMY, EvictionPolicy::Lru, 1).expect("another namespace");
    assert_eq!(read(&other, "a", 0.0), None);
    drop(first);
    assert_eq!(read(&second, "a", 0.0).as_deref(), Some("1"));
    drop((second, other));
    assert!(caches.is_empty());
    assert_eq!(read(&hold(&caches), "a", 0.0), None);
}

#[test]
fn limits_are_those_of_the_first() {
    let caches = SharedCaches::default();
    let _first = hold(&caches);
    let open = |limits, policy| caches.open("space", "name", limits, policy, 1).map(|_| ());
    let small = CacheLimits { entries: 1, ..ROOMY };
    assert_eq!(open(small, EvictionPolicy::S3Fifo), Err(Differs::Entries));
    assert_eq!(
        open(CacheLimits { bytes: 5, ..ROOMY }, EvictionPolicy::S3Fifo),
        Err(Differs::Bytes)
    );
    assert_eq!(open(ROOMY, EvictionPolicy::Lru), Err(Differs::Policy));
    assert_eq!(open(ROOMY, EvictionPolicy::S3Fifo), Ok(()));
}

#[test]
fn numbers_and_strings_are_keys_of_their_own() {
    let caches = SharedCaches::default();
    let hold = hold(&caches);
    let number = CacheKey { number: true, text: "1".into() };
    hold.cache().store(&number, value("number"), 0.0, &mut Vec::new());
    assert_eq!(read(&hold, "1", 0.0), None);
    assert!(hold.cache().find(true, "1", 0.0, Lookup::Peek, &mut Vec::new()).is_some());
}

#[test]
fn a_stamp_stands_for_one_value() {
    let caches = SharedCaches::default();
    let hold = hold(&caches);
    let store = |text| hold.cache().store(&key("a"), value(text), 0.0, &mut Vec::new());
    let old = store("1").expect("room");
    assert!(hold.cache().use_again(old, 0.0));
    let new = store("2").expect("room");
    assert_eq!(old.slot, new.slot);
    assert!(!hold.cache().use_again(old, 0.0) && hold.cache().use_again(new, 0.0));
    hold.cache().delete(false, "a", 0.0, &mut Vec::new());
    assert!(!hold.cache().use_again(new, 0.0));
    assert!(!hold.cache().use_again(Stored { slot: 77, stamp: 1 }, 0.0));
}

#[test]
fn time_is_the_latest_that_anybody_told() {
    let caches = SharedCaches::default();
    let hold = hold(&caches);
    let mut gone = Vec::new();
    let mortal = CacheValue { fresh: 10.0, until: 15.0, ..value("1") };
    hold.cache().store(&key("a"), mortal, 0.0, &mut gone);
    assert!(read(&hold, "a", 9.5).is_some());
    let stale = hold.cache().find(false, "a", 12.0, Lookup::Counted(5.0), &mut gone);
    assert_eq!(stale.map(|found| found.past), Some(2.0));
    // A thread that is behind does not make it good again.
    assert_eq!(read(&hold, "a", 3.0), None);
    assert!(gone.is_empty());
    assert!(hold.cache().find(false, "a", 15.0, Lookup::Counted(5.0), &mut gone).is_none());
    assert_eq!(gone, [Gone { key: key("a"), text: "1".into(), left: Left::Expired }]);
    let counts = hold.cache().counts();
    assert_eq!((counts.hits, counts.stale_hits, counts.misses, counts.expirations), (1, 1, 1, 1));
}

#[test]
fn one_loads_and_the_others_are_posted_to() {
    let caches = SharedCaches::default();
    let (first, second) = (hold(&caches), hold(&caches));
    let (here, there) = (inbox(), inbox());
    let load = mine(claim(&first, "a", &here, 1));
    assert_eq!(claim(&second, "a", &there, 7), Claim::Waiting);
    assert_eq!(there.waiting(), 0);
    let landed = first.cache().land(&key("a"), load, value("1"), 0.0, &mut Vec::new());
    assert!(matches!(landed, Landed::Stored(_)));
    assert_eq!((there.take(), there.take(), here.take()), (Some(7), None, None));
    assert_eq!(claim(&second, "a", &there, 7), Claim::There);
}

#[test]
fn whoever_waits_is_next_when_a_load_fails_or_its_holder_is_gone() {
    let caches = SharedCaches::default();
    let (first, second) = (hold(&caches), hold(&caches));
    let (here, there) = (inbox(), inbox());
    let load = mine(claim(&first, "a", &here, 1));
    assert_eq!(claim(&second, "a", &there, 7), Claim::Waiting);
    assert!(first.cache().fail(&key("a"), load));
    assert_eq!(there.take(), Some(7));
    let load = mine(claim(&first, "a", &here, 1));
    assert_eq!(claim(&second, "a", &there, 8), Claim::Waiting);
    drop(first);
    assert_eq!(there.take(), Some(8));
    let taken_over = mine(claim(&second, "a", &there, 9));
    // What the one that is gone still made is not stored.
    let late = second.cache().land(&key("a"), load, value("late"), 0.0, &mut Vec::new());
    assert_eq!(late, Landed::Overtaken);
    assert!(second.cache().is_current(&key("a"), taken_over));
    assert_eq!(second.cache().counts().load_failures, 1);
}

#[test]
fn nobody_posts_to_a_holder_that_is_gone() {
    let caches = SharedCaches::default();
    let (first, second) = (hold(&caches), hold(&caches));
    let (here, there) = (inbox(), inbox());
    let load = mine(claim(&first, "a", &here, 1));
    assert_eq!(claim(&second, "a", &there, 7), Claim::Waiting);
    drop(second);
    first.cache().land(&key("a"), load, value("1"), 0.0, &mut Vec::new());
    assert_eq!(there.waiting(), 0);
}

/// An operation of a holder, and the entries that it removed.
type Change<'a> = &'a dyn Fn(&mut Vec<Gone>);

#[test]
fn a_load_is_overtaken_by_every_change_of_its_key() {
    let caches = SharedCaches::default();
    let (first, second) = (hold(&caches), hold(&caches));
    let (here, there) = (inbox(), inbox());
    let mut gone = Vec::new();
    let changes: [Change<'_>; 4] = [
        &|gone| {
            let _ = second.cache().store(&key("a"), value("new"), 0.0, gone);
        },
        &|gone| {
            let _ = second.cache().delete(false, "a", 0.0, gone);
        },
        &|gone| {
            let _ = second.cache().invalidate("t", gone);
        },
        &|gone| second.cache().clear(gone),
    ];
    for change in changes {
        second.cache().clear(&mut gone);
        let who = (first.holder(), &here, 1);
        let load = mine(first.cache().claim(&key("a"), 0.0, ["t".into()].into(), who, &mut gone));
        assert_eq!(claim(&second, "a", &there, 7), Claim::Waiting);
        change(&mut gone);
        assert_eq!(there.take(), Some(7));
        assert!(!first.cache().is_current(&key("a"), load));
        let landed = first.cache().land(&key("a"), load, value("old"), 0.0, &mut gone);
        assert_eq!(landed, Landed::Overtaken);
        assert_ne!(read(&first, "a", 0.0).as_deref(), Some("old"));
    }
}

#[test]
fn tags_are_those_of_the_value_that_is_there() {
    let caches = SharedCaches::default();
    let hold = hold(&caches);
    let mut gone = Vec::new();
    hold.cache().store(&key("a"), tagged("1", "t"), 0.0, &mut gone);
    hold.cache().store(&key("b"), tagged("2", "t"), 0.0, &mut gone);
    hold.cache().store(&key("b"), value("3"), 0.0, &mut gone);
    gone.clear();
    assert_eq!(hold.cache().invalidate("t", &mut gone), 1);
    assert_eq!(gone, [Gone { key: key("a"), text: "1".into(), left: Left::Invalidated }]);
    assert_eq!(hold.cache().list(), [(key("b"), Arc::from("3"))]);
}

#[test]
fn what_would_not_fit_alone_goes_at_once() {
    let caches = SharedCaches::default();
    let limits = CacheLimits { entries: 10, bytes: 10 };
    let hold = caches.open("space", "name", limits, EvictionPolicy::Lru, 1).expect("new");
    let mut gone = Vec::new();
    hold.cache().store(&key("a"), value("1234"), 0.0, &mut gone);
    assert_eq!(hold.cache().counts().bytes, 5);
    assert!(hold.cache().store(&key("a"), value("0123456789"), 0.0, &mut gone).is_none());
    let left: Vec<_> = gone.iter().map(|gone| (&*gone.text, gone.left)).collect();
    assert_eq!(left, [("1234", Left::Replaced), ("0123456789", Left::Evicted)]);
    assert_eq!((hold.cache().counts().size, hold.cache().counts().bytes), (0, 0));
}

#[test]
fn threads_load_once() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 200;
    let caches = SharedCaches::default();
    let loads = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (caches, loads) = (caches.clone(), Arc::clone(&loads));
            // Held before anybody begins: otherwise a thread that is through would take the content along.
            let hold = hold(&caches);
            std::thread::spawn(move || {
                let inbox = inbox();
                for round in 0..ROUNDS {
                    let key = key(&(round % 50).to_string());
                    loop {
                        let who = (hold.holder(), &inbox, 1);
                        match hold.cache().claim(&key, 0.0, Box::default(), who, &mut Vec::new()) {
                            Claim::There => break,
                            Claim::Waiting => {
                                while inbox.take().is_none() {
                                    std::thread::yield_now();
                                }
                            }
                            Claim::Mine(load) => {
                                loads.fetch_add(1, Ordering::Relaxed);
                                hold.cache().land(&key, load, value("v"), 0.0, &mut Vec::new());
                            }
                        }
                    }
                }
                hold
            })
        })
        .collect();
    let holds: Vec<_> = workers.into_iter().map(|worker| worker.join().expect("ends")).collect();
    assert_eq!(loads.load(Ordering::Relaxed), 50);
    assert_eq!(holds[0].cache().counts().size, 50);
}

#[derive(Debug, Clone)]
enum Op {
    Store { key: u8, ttl: Option<u8>, tag: bool },
    Delete { key: u8 },
    Claim { by: usize, key: u8 },
    Land { which: usize },
    Fail { which: usize },
    Invalidate,
    Release { by: usize },
    Pass { by: u8 },
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..6_u8;
    prop_oneof![
        6 => (key(), proptest::option::of(1..20_u8), any::<bool>())
            .prop_map(|(key, ttl, tag)| Op::Store { key, ttl, tag }),
        2 => key().prop_map(|key| Op::Delete { key }),
        8 => (0..3_usize, key()).prop_map(|(by, key)| Op::Claim { by, key }),
        5 => any::<usize>().prop_map(|which| Op::Land { which }),
        2 => any::<usize>().prop_map(|which| Op::Fail { which }),
        1 => Just(Op::Invalidate),
        1 => (0..3_usize).prop_map(|by| Op::Release { by }),
        3 => (1..10_u8).prop_map(|by| Op::Pass { by }),
        1 => Just(Op::Clear),
    ]
}

/// The specification: maps that are searched in full.
#[derive(Default)]
struct Model {
    values: BTreeMap<u8, (String, f64, bool)>,
    /// The loading thread of each key, its load, and the threads that wait.
    flights: BTreeMap<u8, (usize, Load, Vec<usize>)>,
    posts: [usize; 3],
}

impl Model {
    fn wake(&mut self, key: u8) {
        for waiter in self.flights.remove(&key).map(|(_, _, waiters)| waiters).unwrap_or_default() {
            self.posts[waiter] += 1;
        }
    }

    fn keep(&mut self, now: f64) {
        self.values.retain(|_, (_, until, _)| *until > now);
    }
}

proptest! {
    #[test]
    fn holders_see_what_the_maps_say(ops in proptest::collection::vec(op(), 1..120)) {
        let caches = SharedCaches::default();
        let mut holds = [0, 1, 2].map(|_| hold(&caches));
        let inboxes = [0, 1, 2].map(|_| inbox());
        let mut model = Model::default();
        let mut claimed: Vec<(usize, u8, Load)> = Vec::new();
        let (mut now, mut token, mut gone) = (0.0, 0, Vec::new());
        for (at, op) in ops.into_iter().enumerate() {
            let cache = holds[at % 3].cache();
            let text = at.to_string();
            match op {
                Op::Store { key: name, ttl, tag } => {
                    let until = ttl.map_or(f64::INFINITY, |ttl| now + f64::from(ttl));
                    let tags = if tag { ["t".into()].into() } else { Box::default() };
                    let new = CacheValue { fresh: until, until, tags, ..value(&text) };
                    cache.store(&key(&name.to_string()), new, now, &mut gone);
                    model.wake(name);
                    model.values.insert(name, (text, until, tag));
                }
                Op::Delete { key: name } => {
                    let was = cache.delete(false, &name.to_string(), now, &mut gone);
                    model.keep(now);
                    prop_assert_eq!(was, model.values.remove(&name).is_some());
                    model.wake(name);
                }
                Op::Claim { by, key: name } => {
                    token += 1;
                    let who = (holds[by].holder(), &inboxes[by], token);
                    let cache = holds[by].cache();
                    let claim = cache.claim(&key(&name.to_string()), now, Box::default(), who, &mut gone);
                    model.keep(now);
                    match claim {
                        Claim::There => prop_assert!(model.values.contains_key(&name)),
                        Claim::Waiting => {
                            prop_assert!(!model.values.contains_key(&name));
                            model.flights.get_mut(&name).expect("under way").2.push(by);
                        }
                        Claim::Mine(load) => {
                            prop_assert!(!model.values.contains_key(&name));
                            prop_assert!(model.flights.insert(name, (by, load, Vec::new())).is_none());
                            claimed.push((by, name, load));
                        }
                    }
                }
                Op::Land { which } | Op::Fail { which } => {
                    if claimed.is_empty() { continue }
                    let (by, name, load) = claimed.swap_remove(which % claimed.len());
                    let is_current =
                        model.flights.get(&name).is_some_and(|(_, current, _)| *current == load);
                    let key = key(&name.to_string());
                    if matches!(op, Op::Land { .. }) {
                        let landed = holds[by].cache().land(&key, load, value(&text), now, &mut gone);
                        prop_assert_eq!(landed != Landed::Overtaken, is_current);
                        if is_current {
                            model.values.insert(name, (text, f64::INFINITY, false));
                        }
                    } else {
                        prop_assert_eq!(holds[by].cache().fail(&key, load), is_current);
                    }
                    if is_current { model.wake(name) }
                }
                Op::Invalidate => {
                    let count = cache.invalidate("t", &mut gone);
                    let names: Vec<_> = model.values.iter()
                        .filter(|(_, (_, _, tag))| *tag).map(|(name, _)| *name).collect();
                    // What is over but was not met is counted too.
                    prop_assert_eq!(count, names.len());
                    for name in names {
                        model.values.remove(&name);
                        model.wake(name);
                    }
                }
                Op::Release { by } => {
                    holds[by] = hold(&caches);
                    claimed.retain(|(holder, _, _)| *holder != by);
                    for (_, _, waiters) in model.flights.values_mut() {
                        waiters.retain(|waiter| *waiter != by);
                    }
                    let left: Vec<_> = model.flights.iter()
                        .filter(|(_, (holder, _, _))| *holder == by).map(|(name, _)| *name).collect();
                    for name in left { model.wake(name) }
                }
                Op::Pass { by } => {
                    now += f64::from(by);
                    cache.sweep(now, &mut gone);
                    model.keep(now);
                }
                Op::Clear => {
                    cache.clear(&mut gone);
                    model.values.clear();
                    for name in 0..6 { model.wake(name) }
                }
            }
            for name in 0..6 {
                let seen = read(&holds[(at + 1) % 3], &name.to_string(), now);
                let said = model.values.get(&name).map(|(text, _, _)| text.clone());
                prop_assert_eq!(seen, said);
            }
            prop_assert_eq!(holds[0].cache().counts().loading, model.flights.len());
            for (inbox, posts) in inboxes.iter().zip(&mut model.posts) {
                let taken = std::iter::from_fn(|| inbox.take()).count();
                prop_assert_eq!(taken, std::mem::take(posts));
            }
        }
    }
}

#[test]
fn a_hit_moves_the_end_of_a_value_that_slides() {
    let caches = SharedCaches::default();
    let hold = hold(&caches);
    let sliding = CacheValue { fresh: 10.0, until: 15.0, sliding: 10.0, ..value("1") };
    let stored = hold.cache().store(&key("a"), sliding, 0.0, &mut Vec::new()).expect("room");
    let left = |now| hold.cache().dump(now).first().map(|entry| entry.left);
    // A look is no use.
    assert_eq!((read(&hold, "a", 4.0).as_deref(), left(4.0)), (Some("1"), Some(6.0)));
    assert!(hold.cache().use_again(stored, 8.0));
    assert_eq!(left(8.0), Some(10.0));
    let counted = hold.cache().find(false, "a", 17.0, Lookup::Counted(0.0), &mut Vec::new());
    assert!(counted.is_some_and(|found| found.past < 0.0));
    assert_eq!(left(17.0), Some(10.0));
    hold.cache().sweep(26.0, &mut Vec::new());
    assert_eq!(hold.cache().counts().size, 1);
    // A stale value does not slide.
    let stale = hold.cache().find(false, "a", 28.0, Lookup::Counted(5.0), &mut Vec::new());
    assert_eq!((stale.map(|found| found.past), left(28.0)), (Some(1.0), None));
    hold.cache().sweep(32.0, &mut Vec::new());
    assert_eq!(hold.cache().counts().size, 0);
}

#[test]
fn a_dump_has_what_is_good_with_its_tags() {
    let caches = SharedCaches::default();
    let hold = hold(&caches);
    hold.cache().store(&key("a"), tagged("1", "t"), 0.0, &mut Vec::new());
    let brief = CacheValue { fresh: 5.0, until: 5.0, ..value("2") };
    hold.cache().store(&key("b"), brief, 0.0, &mut Vec::new());
    let dump = hold.cache().dump(3.0);
    let rows: Vec<_> = dump.iter().map(|each| (&*each.key.text, &*each.text, each.left)).collect();
    assert_eq!(rows, [("a", "1", f64::INFINITY), ("b", "2", 2.0)]);
    assert_eq!(dump[0].tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["t"]);
    assert_eq!(hold.cache().dump(5.0).len(), 1);
}
