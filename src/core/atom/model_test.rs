//! Holds, commits and watchers in any order, against a list of values.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::core::inbox::{Inbox, Wake};

#[derive(Debug, Clone)]
enum Op {
    Open {
        name: usize,
        history: usize,
    },
    Close(usize),
    /// Commits through a hold, over the version `behind` commits before the current one.
    Commit {
        hold: usize,
        behind: u64,
        number: f64,
        text: bool,
    },
    Read(usize),
    Watch {
        hold: usize,
        newest_only: bool,
    },
    Take(usize),
    Unwatch(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let index = any::<usize>;
    prop_oneof![
        3 => (0..3_usize, 1..5_usize).prop_map(|(name, history)| Op::Open { name, history }),
        2 => index().prop_map(Op::Close),
        8 => (index(), 0..3_u64, -9..9_i32, any::<bool>()).prop_map(|(hold, behind, number, text)| {
            Op::Commit { hold, behind: behind / 2, number: number.into(), text }
        }),
        2 => index().prop_map(Op::Read),
        2 => (index(), any::<bool>()).prop_map(|(hold, newest_only)| Op::Watch { hold, newest_only }),
        3 => index().prop_map(Op::Take),
        1 => index().prop_map(Op::Unwatch),
    ]
}

/// The specification: all values there were, and how many holds there are.
#[derive(Default)]
struct Model {
    values: Vec<AtomValue>,
    /// The list of `history()`, and how long it may get.
    kept: Vec<u64>,
    history: usize,
    holds: usize,
    /// Counts the lives of the name, so that a watcher of an earlier one is recognised.
    life: usize,
}

struct Watcher {
    name: usize,
    subscription: Subscription,
    newest_only: bool,
    /// The last version that it received.
    last: u64,
    alive: usize,
}

struct Silent;

impl Wake for Silent {
    fn wake(&self) {}
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn pick(index: usize, length: usize) -> Option<usize> {
    index.checked_rem(length)
}

fn cell(hold: &AtomHold) -> &Arc<AtomCell> {
    let SharedAtom::Atom(cell) = hold.shared() else { panic!("only atoms here") };
    cell
}

/// Returns the versions that a watcher of all commits must get, by the specification.
fn expected(watcher: &Watcher, model: &Model) -> Vec<u64> {
    let current = model.values.len() as u64 - 1;
    if !watcher.newest_only {
        return (watcher.last + 1..=current).collect();
    }
    (current > watcher.last).then_some(current).into_iter().collect()
}

proptest! {
    #[test]
    fn behaves_as_a_list_of_values(ops in prop::collection::vec(op(), 1..120)) {
        let store = Store::default();
        let inbox = Inbox::new(Box::new(Silent));
        let mut models: [Model; 3] = Default::default();
        let mut holds: Vec<(usize, AtomHold)> = Vec::new();
        let mut watchers: Vec<Watcher> = Vec::new();
        for op in ops {
            match op {
                Op::Open { name, history } => {
                    let model = &mut models[name];
                    let initial = AtomValue::Number(1000.0);
                    if model.holds == 0 {
                        model.values = vec![initial.clone()];
                        model.kept = vec![0];
                        model.history = 1;
                        model.life += 1;
                        // A watcher keeps its own cell alive, not the name.
                        watchers.retain(|watcher| watcher.name != name);
                    }
                    model.history = model.history.max(history);
                    model.holds += 1;
                    let hold = store.atom("n", NAMES[name], initial, At::default(), history);
                    holds.push((name, hold.expect("always an atom")));
                }
                Op::Close(index) => if let Some(index) = pick(index, holds.len()) {
                    let (name, hold) = holds.swap_remove(index);
                    drop(hold);
                    models[name].holds -= 1;
                },
                Op::Commit { hold, behind, number, text } => if let Some(index) = pick(hold, holds.len()) {
                    let (name, hold) = &holds[index];
                    let model = &mut models[*name];
                    let current = model.values.len() as u64 - 1;
                    let value = if text { AtomValue::Text(number.to_string().into()) } else { AtomValue::Number(number) };
                    let next = NextCommit { value: value.clone(), at: At::default(), cause: None };
                    let result = cell(hold).compare_and_set(current.saturating_sub(behind), next);
                    if behind == 0 || current == 0 {
                        prop_assert_eq!(result.expect("the current version").version, current + 1);
                        model.values.push(value);
                        model.kept.push(current + 1);
                        if model.kept.len() > model.history {
                            model.kept.remove(0);
                        }
                    } else {
                        prop_assert_eq!(result.expect_err("an old version").0.version, current);
                    }
                },
                Op::Read(index) => if let Some(index) = pick(index, holds.len()) {
                    let (name, hold) = &holds[index];
                    let model = &models[*name];
                    let version = model.values.len() as u64 - 1;
                    let commit = cell(hold).current();
                    prop_assert_eq!(commit.version, version);
                    prop_assert_eq!(Some(&commit.value), model.values.last());
                    prop_assert!(cell(hold).is_current(version));
                    let kept: Vec<_> = cell(hold).history().iter().map(|commit| commit.version).collect();
                    prop_assert_eq!(&kept, &model.kept);
                },
                Op::Watch { hold, newest_only } => if let Some(index) = pick(hold, holds.len()) {
                    let (name, hold) = &holds[index];
                    let subscription = Subscription::new(cell(hold), inbox.clone(), watchers.len() as u64, newest_only);
                    let last = models[*name].values.len() as u64 - 1;
                    prop_assert_eq!(subscription.since().version, last);
                    watchers.push(Watcher { name: *name, subscription, newest_only, last, alive: models[*name].life });
                },
                Op::Take(index) => if let Some(index) = pick(index, watchers.len()) {
                    let watcher = &mut watchers[index];
                    let model = &models[watcher.name];
                    prop_assert_eq!(watcher.alive, model.life);
                    let expected = expected(watcher, model);
                    prop_assert_eq!(watcher.subscription.waiting(), expected.len());
                    let taken: Vec<_> = std::iter::from_fn(|| watcher.subscription.take()).collect();
                    let versions: Vec<_> = taken.iter().map(|commit| commit.version).collect();
                    prop_assert_eq!(&versions, &expected);
                    for commit in taken {
                        let index = usize::try_from(commit.version).expect("small");
                        prop_assert_eq!(&commit.value, &model.values[index]);
                        watcher.last = commit.version;
                    }
                },
                Op::Unwatch(index) => if let Some(index) = pick(index, watchers.len()) {
                    drop(watchers.swap_remove(index));
                },
            }
            prop_assert_eq!(store.len(), models.iter().filter(|model| model.holds > 0).count());
        }
    }

    #[test]
    fn a_count_behaves_as_an_integer_with_bounds(
        initial in -LIMIT..=LIMIT,
        steps in prop::collection::vec((0..3_u8, -LIMIT..=LIMIT), 1..50),
    ) {
        let store = Store::default();
        let hold = store.counter("n", "c", initial).expect("new");
        let SharedAtom::Counter(count) = hold.shared() else { panic!("a counter") };
        let mut model = initial;
        for (kind, number) in steps {
            match kind {
                0 => {
                    let sum = model + number;
                    let fits = sum.abs() <= LIMIT;
                    prop_assert_eq!(count.add(number), fits.then_some(sum));
                    if fits {
                        model = sum;
                    }
                }
                1 => {
                    prop_assert_eq!(count.set(number), model);
                    model = number;
                }
                _ => {
                    prop_assert!(model == number || !count.compare_and_set(number, 0));
                    prop_assert!(count.compare_and_set(model, number));
                    model = number;
                }
            }
            prop_assert_eq!(count.get(), model);
        }
    }
}
