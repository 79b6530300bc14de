use super::{HistoryVerdict, OperationSpan, Question, Search};
use proptest::prelude::*;

/// An operation of a register, with the value that was written or read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Write(u32),
    Read(u32),
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    act: Act,
    span: OperationSpan,
}

/// The register: the state is its value.
fn apply(seen: Seen, value: u32) -> Option<u32> {
    match seen.act {
        Act::Write(written) => Some(written),
        Act::Read(read) => (read == value || seen.span.returned.is_none()).then_some(value),
    }
}

fn searched(history: &[Seen], questions: u64) -> (HistoryVerdict, Search) {
    let spans: Vec<OperationSpan> = history.iter().map(|seen| seen.span).collect();
    let mut search = Search::new(&spans, questions);
    loop {
        match search.question() {
            Question::Over(verdict) => return (verdict, search),
            Question::Step { state, operation } => {
                search.answer(apply(history[operation as usize], state));
            }
        }
    }
}

/// Tries every order.
fn brute_force(history: &[Seen], placed: &mut Vec<usize>, value: u32) -> bool {
    let left = |seen: &Seen| seen.span.returned.is_some();
    if (0..history.len()).all(|number| placed.contains(&number) || !left(&history[number])) {
        return true;
    }
    (0..history.len()).any(|number| {
        let is_free = !placed.contains(&number)
            && (0..history.len()).all(|other| {
                placed.contains(&other)
                    || history[other]
                        .span
                        .returned
                        .is_none_or(|returned| returned > history[number].span.called)
            });
        let Some(next) = apply(history[number], value).filter(|_| is_free) else { return false };
        placed.push(number);
        let found = brute_force(history, placed, next);
        placed.pop();
        found
    })
}

/// Histories of a few operations, most of them of clients that overlap.
fn history() -> impl Strategy<Value = Vec<Seen>> {
    let act = prop_oneof![(0_u32..3).prop_map(Act::Write), (0_u32..3).prop_map(Act::Read)];
    prop::collection::vec((act, any::<prop::sample::Index>(), 0_u8..8), 1..7).prop_map(|drawn| {
        let mut open: Vec<usize> = Vec::new();
        let mut history: Vec<Seen> = Vec::new();
        let mut place = 0.0;
        for (act, which, way) in drawn {
            while !open.is_empty() && (way % 2 == 1 || open.len() > 2) {
                let number = open.remove(which.index(open.len()));
                place += 1.0;
                history[number].span.returned = (way != 7).then_some(place);
                if way < 4 {
                    break;
                }
            }
            place += 1.0;
            open.push(history.len());
            history.push(Seen { act, span: OperationSpan { called: place, returned: None } });
        }
        for number in open {
            place += 1.0;
            history[number].span.returned = Some(place);
        }
        history
    })
}

proptest! {
    #[test]
    fn says_what_trying_every_order_says(history in history()) {
        let (verdict, search) = searched(&history, u64::MAX);
        let expected = brute_force(&history, &mut Vec::new(), 0);
        prop_assert_eq!(verdict == HistoryVerdict::Linearizable, expected);
        prop_assert_eq!(search.blocked().is_some(), !expected);
    }

    /// The history ends to make sense with the return that is blamed: up to there no order explains it, and before it
    /// one does, which is the order that is given.
    #[test]
    fn blames_the_first_return_that_no_order_explains(history in history()) {
        let (_, search) = searched(&history, u64::MAX);
        let Some(blocked) = search.blocked() else { return Ok(()) };
        let end = history[blocked.operation as usize].span.returned.expect("it has returned");
        let until = |last: f64| -> Vec<Seen> {
            let called = history.iter().filter(|seen| seen.span.called <= last);
            let cut = |seen: &Seen| Seen {
                span: OperationSpan { returned: seen.span.returned.filter(|&at| at <= last), ..seen.span },
                ..*seen
            };
            called.map(cut).collect()
        };
        prop_assert!(!brute_force(&until(end), &mut Vec::new(), 0));
        prop_assert!(brute_force(&until(end - 1.0), &mut Vec::new(), 0));
        let mut value = 0;
        for &number in &blocked.order {
            value = apply(history[number as usize], value).expect("the order explains it");
        }
        for (number, seen) in history.iter().enumerate() {
            let is_before = seen.span.returned.is_some_and(|at| at < end);
            prop_assert!(!is_before || blocked.order.contains(&u32::try_from(number).expect("few")));
        }
    }
}

fn span(called: u32, returned: Option<u32>) -> OperationSpan {
    OperationSpan { called: called.into(), returned: returned.map(f64::from) }
}

fn write(value: u32, called: u32, returned: Option<u32>) -> Seen {
    Seen { act: Act::Write(value), span: span(called, returned) }
}

fn read(value: u32, called: u32, returned: u32) -> Seen {
    Seen { act: Act::Read(value), span: span(called, Some(returned)) }
}

#[test]
fn an_empty_history_is_linearizable() {
    assert_eq!(searched(&[], 0).0, HistoryVerdict::Linearizable);
}

#[test]
fn an_operation_without_a_return_may_take_effect_late_or_never() {
    let lost = write(1, 0, None);
    assert_eq!(searched(&[lost, read(0, 1, 2)], 100).0, HistoryVerdict::Linearizable);
    assert_eq!(
        searched(&[lost, read(0, 1, 2), read(1, 3, 4)], 100).0,
        HistoryVerdict::Linearizable
    );
    let (verdict, search) = searched(&[lost, read(1, 1, 2), read(0, 3, 4)], 100);
    assert_eq!(verdict, HistoryVerdict::NotLinearizable);
    assert_eq!(search.blocked().map(|blocked| blocked.operation), Some(2));
}

#[test]
fn a_read_sees_a_write_that_overlaps_it_or_not() {
    for value in [0, 1] {
        let history = [write(1, 0, Some(3)), read(value, 1, 2)];
        assert_eq!(searched(&history, 100).0, HistoryVerdict::Linearizable);
    }
    assert_eq!(
        searched(&[write(1, 0, Some(1)), read(0, 2, 3)], 100).0,
        HistoryVerdict::NotLinearizable
    );
}

#[test]
fn ends_undecided_when_there_are_too_many_orders() {
    let mut history: Vec<Seen> =
        (0..40).map(|value| write(value, value, Some(200 + value))).collect();
    history.push(read(1000, 300, 301));
    assert_eq!(searched(&history, 10_000).0, HistoryVerdict::Undecided);
    assert!(searched(&history, 10_000).1.blocked().is_none());
}
