//! Subscriptions in any order against a list of patterns and a matcher that tries everything.

use proptest::prelude::*;

use super::*;

/// Returns whether a pattern wants a topic, by the contract.
fn wants(pattern: &str, topic: &str) -> bool {
    let pattern: Vec<_> = pattern.split('.').collect();
    let topic: Vec<_> = topic.split('.').collect();
    let (last, before) = pattern.split_last().unwrap();
    let is_plain = |segment: &&str| !["*", "**", "#"].contains(segment);
    if *last == "*" && before.iter().all(is_plain) {
        return topic.len() > before.len() && topic.starts_with(before);
    }
    fits(&pattern, &topic)
}

fn fits(pattern: &[&str], topic: &[&str]) -> bool {
    match pattern.split_first() {
        None => topic.is_empty(),
        Some((&("**" | "#"), rest)) => (0..=topic.len()).any(|taken| fits(rest, &topic[taken..])),
        Some((&segment, rest)) => {
            topic.first().is_some_and(|first| segment == "*" || segment == *first)
                && fits(rest, &topic[1..])
        }
    }
}

fn text(segments: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let segment = proptest::sample::select(segments);
    proptest::collection::vec(segment, 1..=most).prop_map(|list| list.join("."))
}

fn pattern() -> impl Strategy<Value = String> {
    text(&["a", "b", "", "a very long segment", "*", "*", "**", "#", "*a"], 6)
}

/// Topics have stars too: they mean nothing there.
fn topic() -> impl Strategy<Value = String> {
    text(&["a", "a", "b", "", "a very long segment", "*", "**", "*a", "unheard"], 8)
}

#[derive(Debug, Clone)]
enum Op {
    Subscribe(String),
    Unsubscribe(usize),
    Match(String),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => pattern().prop_map(Op::Subscribe),
        2 => any::<usize>().prop_map(Op::Unsubscribe),
        6 => topic().prop_map(Op::Match),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_matcher_that_tries_everything_finds(ops in proptest::collection::vec(op(), 1..80)) {
        let mut subscriptions = Subscriptions::default();
        let mut model: Vec<(SubscriptionId, String)> = Vec::new();
        for op in ops {
            match op {
                Op::Subscribe(pattern) => model.push((subscriptions.subscribe(&pattern).unwrap(), pattern)),
                Op::Unsubscribe(index) if !model.is_empty() => {
                    let (id, _) = model.remove(index % model.len());
                    prop_assert!(subscriptions.unsubscribe(id));
                    prop_assert!(!subscriptions.unsubscribe(id));
                }
                Op::Unsubscribe(_) => {}
                Op::Match(topic) => {
                    let wanted = model.iter().filter(|(_, pattern)| wants(pattern, &topic));
                    let wanted: Vec<_> = wanted.map(|(id, _)| id.slot()).collect();
                    let found: Vec<_> = subscriptions.matches(&topic).unwrap().collect();
                    prop_assert_eq!(&found, &wanted, "topic {:?} of {:?}", topic, model);
                    prop_assert_eq!(subscriptions.found().collect::<Vec<_>>(), wanted);
                }
            }
            prop_assert_eq!(subscriptions.len(), model.len());
            let [nodes, edges, words] = subscriptions.trie().sizes();
            let segments: usize = model.iter().map(|(_, pattern)| pattern.split('.').count()).sum();
            // The long segment is two parts of a word.
            prop_assert!(nodes <= segments && edges <= nodes && words <= 2 * nodes);
        }
        for (id, _) in model {
            subscriptions.unsubscribe(id);
        }
        prop_assert_eq!(subscriptions.trie().sizes(), [0, 0, 0]);
    }
}

fn found(patterns: &[&str], topic: &str) -> Vec<u32> {
    let mut subscriptions = Subscriptions::default();
    for pattern in patterns {
        subscriptions.subscribe(pattern).unwrap();
    }
    subscriptions.matches(topic).unwrap().collect()
}

#[test]
fn order_is_that_of_subscription_whatever_the_kind_of_pattern() {
    let patterns = ["#", "a.b", "*.b", "a.*", "**.b", "a.#", "*", "a.b"];
    assert_eq!(found(&patterns, "a.b"), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_pattern_that_fits_in_many_ways_is_found_once() {
    assert_eq!(found(&["**.a.**", "#.#.a.#", "**.a.**.a.**", "**.**"], "a.a.a.a"), [0, 1, 2, 3]);
}

#[test]
fn the_same_pattern_may_be_subscribed_to_again_and_each_ends_alone() {
    let mut subscriptions = Subscriptions::default();
    let ids: Vec<_> = (0..5).map(|_| subscriptions.subscribe("a.*").unwrap()).collect();
    for index in [2, 0, 4] {
        assert!(subscriptions.unsubscribe(ids[index]));
    }
    assert_eq!(subscriptions.matches("a.b").unwrap().collect::<Vec<_>>(), [1, 3]);
    // A slot that is used again is the last in the order.
    let again = subscriptions.subscribe("a.*").unwrap();
    assert_eq!(subscriptions.matches("a.b").unwrap().collect::<Vec<_>>(), [1, 3, again.slot()]);
}

#[test]
fn what_is_longer_than_the_limits_is_refused_and_changes_nothing() {
    let mut subscriptions = Subscriptions::default();
    let longest = "x".repeat(MAX_BYTES);
    let deepest = ".".repeat(MAX_SEGMENTS - 1);
    for taken in [&longest, &deepest] {
        let id = subscriptions.subscribe(taken).unwrap();
        assert_eq!(subscriptions.matches(taken).unwrap().len(), 1);
        subscriptions.unsubscribe(id);
    }
    let (longer, deeper) = (format!("{longest}x"), format!("{deepest}."));
    for (text, refused) in [(&longer, Refused::TooLong), (&deeper, Refused::TooManySegments)] {
        assert_eq!(subscriptions.subscribe(text).err(), Some(refused));
        assert_eq!(subscriptions.matches(text).err(), Some(refused));
    }
    assert!(subscriptions.is_empty());
    assert_eq!(subscriptions.trie().sizes(), [0, 0, 0]);
}

#[test]
fn the_worst_pattern_for_the_worst_topic_takes_its_segments_times_those_of_the_topic() {
    let mut subscriptions = Subscriptions::default();
    let pattern = vec!["**.a"; MAX_SEGMENTS / 2].join(".");
    subscriptions.subscribe(&pattern).unwrap();
    let mut topic = vec!["a"; MAX_SEGMENTS];
    assert_eq!(subscriptions.matches(&topic.join(".")).unwrap().len(), 1);
    // Every way to fit but the last segment: a matcher that goes back would never end.
    topic[MAX_SEGMENTS - 1] = "b";
    assert_eq!(subscriptions.matches(&topic.join(".")).unwrap().len(), 0);
}
