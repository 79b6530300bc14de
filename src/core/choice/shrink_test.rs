use super::Shrinker;
use super::measure::{Size, trimmed};
use proptest::prelude::*;

/// Shrinks with a predicate. Returns the result.
fn shrunk(values: Vec<u32>, fails: impl Fn(&[u32]) -> bool) -> Vec<u32> {
    let mut shrinker = Shrinker::new(values, 100_000);
    while let Some(candidate) = shrinker.candidate() {
        let failed = fails(&candidate).then_some(candidate);
        shrinker.report(failed);
    }
    assert!(shrinker.is_minimal());
    shrinker.best().to_vec()
}

/// A failure that needs values at least as large as these, in this order, with anything between.
fn has_in_order(values: &[u32], needed: &[u32]) -> bool {
    let mut left = needed.iter();
    let mut next = left.next();
    for value in values {
        if next.is_some_and(|needed| value >= needed) {
            next = left.next();
        }
    }
    next.is_none()
}

/// A failure that needs values at places, as a question that is always the same has.
fn has_at(values: &[u32], needed: &[(usize, u32)]) -> bool {
    needed.iter().all(|&(place, value)| values.get(place).is_some_and(|&found| found >= value))
}

/// Asserts that no answer can be left out.
fn assert_minimal(result: &[u32], fails: impl Fn(&[u32]) -> bool) {
    assert!(fails(result));
    for place in (0..result.len()).filter(|&place| result[place] != 0) {
        let with = |value: Option<u32>| {
            let mut values = result.to_vec();
            match value {
                Some(value) => values[place] = value,
                None => drop(values.remove(place)),
            }
            values
        };
        assert!(!fails(&with(Some(0))), "{result:?}: {place} can be 0");
        assert!(!fails(&with(Some(result[place] - 1))), "{result:?}: {place} can be lower");
        assert!(!fails(&with(None)), "{result:?}: {place} can be deleted");
    }
}

proptest! {
    #[test]
    fn what_remains_of_an_ordered_failure_is_the_failure(
        noise in prop::collection::vec(0_u32..6, 0..60),
        needed in prop::collection::vec(1_u32..6, 1..5),
        places in prop::collection::vec(any::<prop::sample::Index>(), 5),
    ) {
        let mut values = noise;
        let mut at = 0;
        for (value, place) in needed.iter().zip(&places) {
            at += place.index(values.len() - at + 1);
            values.insert(at, *value);
            at += 1;
        }
        let fails = |values: &[u32]| has_in_order(values, &needed);
        let result = shrunk(values, fails);
        prop_assert_eq!(&result, &needed);
        assert_minimal(&result, fails);
    }

    #[test]
    fn values_at_places_stay_there_and_the_rest_becomes_zero(
        noise in prop::collection::vec(0_u32..6, 40),
        needed in prop::collection::btree_map(0_usize..40, 1_u32..6, 1..6),
    ) {
        let needed: Vec<(usize, u32)> = needed.into_iter().collect();
        let mut values = noise;
        for &(place, value) in &needed {
            values[place] = values[place].max(value);
        }
        let fails = |values: &[u32]| has_at(values, &needed);
        let result = shrunk(values, fails);
        assert_minimal(&result, fails);
        let deviations = result.iter().filter(|&&value| value != 0).count();
        prop_assert_eq!(deviations, needed.len());
    }

    #[test]
    fn a_caller_that_begins_anew_with_each_failure_ends_one_minimal(
        values in prop::collection::vec(0_u32..5, 1..30),
        needed in prop::collection::vec(1_u32..5, 1..4),
    ) {
        let fails = |values: &[u32]| has_in_order(values, &needed);
        prop_assume!(fails(&values));
        let mut best = trimmed(values);
        while let Some(smaller) =
            Shrinker::candidates(best.clone()).into_iter().find(|candidate| fails(candidate))
        {
            prop_assert!(Size::of(&smaller) < Size::of(&best));
            best = smaller;
        }
        prop_assert_eq!(&trimmed(best.clone()), &best);
        assert_minimal(&best, fails);
    }

    #[test]
    fn any_failure_ends_one_minimal(
        values in prop::collection::vec(0_u32..5, 1..30),
        modulus in 2_u32..6,
        least in 1_u32..9,
    ) {
        // A failure that depends on all answers at once.
        let fails = |values: &[u32]| {
            let sum: u32 = values.iter().sum();
            sum >= least && sum.is_multiple_of(modulus)
        };
        prop_assume!(fails(&values));
        let mut shrinker = Shrinker::new(values.clone(), 100_000);
        // The answers as a run has them: the program asks as many questions as before.
        let length = values.len();
        let run = |mut candidate: Vec<u32>| {
            candidate.resize(length, 0);
            candidate
        };
        while let Some(candidate) = shrinker.candidate() {
            let ran = run(candidate);
            shrinker.report(fails(&ran).then_some(ran));
        }
        prop_assert!(shrinker.is_minimal());
        assert!(fails(&run(shrinker.best().to_vec())));
        let best = shrinker.best();
        for place in (0..best.len()).filter(|&place| best[place] != 0) {
            for value in [0, best[place] - 1] {
                let mut lower = best.to_vec();
                lower[place] = value;
                prop_assert!(!fails(&run(lower)));
            }
        }
    }
}

#[test]
fn a_failure_that_needs_no_answer_becomes_the_empty_list() {
    assert_eq!(shrunk(vec![3, 1, 4, 1, 5], |_| true), Vec::<u32>::new());
}

#[test]
fn runs_are_bounded() {
    let mut shrinker = Shrinker::new(vec![1; 100], 7);
    let mut runs = 0;
    while shrinker.candidate().is_some() {
        runs += 1;
        shrinker.report(None);
    }
    assert_eq!(runs, 7);
    assert!(!shrinker.is_minimal());
    assert_eq!(shrinker.best(), [1; 100]);
}
