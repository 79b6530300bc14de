//! The search for an order that explains a history.

use std::collections::BTreeSet;

/// The times of an operation, on any scale that all clients share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperationSpan {
    /// The time of the call.
    pub called: f64,
    /// The time of the return; `None` if nobody knows what became of it.
    pub returned: Option<f64>,
}

/// The result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryVerdict {
    /// An order explains the history.
    Linearizable,
    /// No order does.
    NotLinearizable,
    /// There were too many orders to try.
    Undecided,
}

/// The next thing that a search wants to know, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// What does this operation do in this state? See [`Search::answer`].
    Step {
        /// The number of the state; the first one is 0.
        state: u32,
        /// The number of the operation.
        operation: u32,
    },
    /// The search is over.
    Over(HistoryVerdict),
}

/// The place at which every order fails: no order explains the history up to the return of this operation, and some
/// order explains what returned before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocked {
    /// The number of the operation whose result fits nowhere.
    pub operation: u32,
    /// The operations of an order that explains all returns before.
    pub order: Vec<u32>,
}

/// The place of an event in the list of events; the first place is the head of the list.
type ListIndex = usize;
const HEAD: ListIndex = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HistoryEvent {
    End,
    Call(u32),
    Return(u32),
}

/// Looks for an order of the operations of a history. See the [module](super).
///
/// ```
/// use keelson::core::linearizability::{Question, Search, OperationSpan, HistoryVerdict};
///
/// // A register: 0 writes 1; 1 reads 0, after the write has returned.
/// let write = OperationSpan { called: 0.0, returned: Some(1.0) };
/// let read = OperationSpan { called: 2.0, returned: Some(3.0) };
/// let mut search = Search::new(&[write, read], 1000);
/// let verdict = loop {
///     match search.question() {
///         Question::Over(verdict) => break verdict,
///         Question::Step { operation: 0, .. } => search.answer(Some(1)),
///         Question::Step { state, .. } => search.answer((state == 0).then_some(state)),
///     }
/// };
/// assert_eq!(verdict, HistoryVerdict::NotLinearizable);
/// assert_eq!(search.blocked().map(|blocked| blocked.operation), Some(1));
/// ```
#[derive(Debug)]
pub struct Search {
    events: Vec<HistoryEvent>,
    next: Vec<ListIndex>,
    previous: Vec<ListIndex>,
    /// The places of the call and the return of each operation; the head stands for no return.
    places: Vec<(ListIndex, ListIndex)>,
    at: ListIndex,
    state: u32,
    /// A bit for each operation that has its place in the order.
    placed: Vec<u64>,
    /// The sets of placed operations that were reached, with their states.
    seen: BTreeSet<(Vec<u64>, u32)>,
    /// The order so far: each operation, with the state before it.
    order: Vec<(u32, u32)>,
    /// The operations that have returned and have no place yet.
    left: usize,
    questions_left: u64,
    verdict: Option<HistoryVerdict>,
    /// The place of the return that blocks, with the order that came so far.
    blocked: Option<(ListIndex, Blocked)>,
}

const BITS: usize = u64::BITS as usize;

impl Search {
    /// Begins a search. It ends undecided after `questions` questions.
    pub fn new(history: &[OperationSpan], questions: u64) -> Self {
        let mut times: Vec<(f64, HistoryEvent)> = Vec::with_capacity(2 * history.len());
        for (number, span) in (0..).zip(history) {
            times.push((span.called, HistoryEvent::Call(number)));
            if let Some(returned) = span.returned {
                times.push((returned.max(span.called), HistoryEvent::Return(number)));
            }
        }
        // A call and a return of one time overlap.
        let is_return = |event| matches!(event, HistoryEvent::Return(_));
        times.sort_by(|&(at, event), &(other_at, other)| {
            at.total_cmp(&other_at).then(is_return(event).cmp(&is_return(other)))
        });
        let mut events = vec![HistoryEvent::End];
        let mut places = vec![(HEAD, HEAD); history.len()];
        for (_, event) in times {
            match event {
                HistoryEvent::Call(number) => places[number as usize].0 = events.len(),
                HistoryEvent::Return(number) => places[number as usize].1 = events.len(),
                HistoryEvent::End => {}
            }
            events.push(event);
        }
        let count = events.len();
        let left = history.iter().filter(|span| span.returned.is_some()).count();
        let mut search = Self {
            next: (0..count).map(|place| (place + 1) % count).collect(),
            previous: (0..count).map(|place| (place + count - 1) % count).collect(),
            events,
            places,
            at: HEAD,
            state: 0,
            placed: vec![0; history.len().div_ceil(BITS)],
            seen: BTreeSet::new(),
            order: Vec::new(),
            left,
            questions_left: questions,
            verdict: None,
            blocked: None,
        };
        search.at = search.next[HEAD];
        search
    }

    /// Returns what the search wants to know next, the same until it is answered.
    pub fn question(&mut self) -> Question {
        loop {
            if let Some(verdict) = self.verdict {
                return Question::Over(verdict);
            }
            if self.left == 0 {
                self.verdict = Some(HistoryVerdict::Linearizable);
                continue;
            }
            match self.events[self.at] {
                HistoryEvent::Call(_) if self.questions_left == 0 => {
                    self.verdict = Some(HistoryVerdict::Undecided);
                }
                HistoryEvent::Call(operation) => {
                    return Question::Step { state: self.state, operation };
                }
                HistoryEvent::Return(operation) => self.go_back(operation),
                // While an operation that has returned is left, its return comes before the end.
                HistoryEvent::End => self.verdict = Some(HistoryVerdict::NotLinearizable),
            }
        }
    }

    /// Answers a [`Step`](Question::Step): the number of the next state, or `None` if the operation would have had another
    /// result.
    pub fn answer(&mut self, next: Option<u32>) {
        let HistoryEvent::Call(operation) = self.events[self.at] else { return };
        if self.verdict.is_some() || self.questions_left == 0 {
            return;
        }
        self.questions_left -= 1;
        let has_returned = self.places[operation as usize].1 != HEAD;
        // One without a result that changes nothing need not take effect.
        let state = next.filter(|&state| has_returned || state != self.state);
        if let Some(state) = state {
            let mut placed = self.placed.clone();
            flip(&mut placed, operation);
            if self.seen.insert((placed.clone(), state)) {
                self.order.push((operation, self.state));
                self.placed = placed;
                self.state = state;
                self.left -= usize::from(has_returned);
                self.lift(operation);
                self.at = self.next[HEAD];
                return;
            }
        }
        self.at = self.next[self.at];
    }

    /// Returns where every order fails, once the history is known not to be linearizable.
    pub fn blocked(&self) -> Option<&Blocked> {
        let is_known = self.verdict == Some(HistoryVerdict::NotLinearizable);
        self.blocked.as_ref().filter(|_| is_known).map(|(_, blocked)| blocked)
    }

    /// Takes the last operation out of the order: the return of `operation` came before its place.
    fn go_back(&mut self, operation: u32) {
        let is_further = self.blocked.as_ref().is_none_or(|&(place, _)| place < self.at);
        if is_further {
            let order = self.order.iter().map(|&(placed, _)| placed).collect();
            self.blocked = Some((self.at, Blocked { operation, order }));
        }
        let Some((last, before)) = self.order.pop() else {
            self.verdict = Some(HistoryVerdict::NotLinearizable);
            return;
        };
        self.state = before;
        flip(&mut self.placed, last);
        let (call, returned) = self.places[last as usize];
        self.left += usize::from(returned != HEAD);
        self.put_back(last);
        self.at = self.next[call];
    }

    /// Takes the events of an operation out of the list.
    fn lift(&mut self, operation: u32) {
        let (call, returned) = self.places[operation as usize];
        self.unlink(call);
        if returned != HEAD {
            self.unlink(returned);
        }
    }

    /// Puts the events of an operation back, in the reverse order of [`lift`](Self::lift).
    fn put_back(&mut self, operation: u32) {
        let (call, returned) = self.places[operation as usize];
        if returned != HEAD {
            self.link(returned);
        }
        self.link(call);
    }

    fn unlink(&mut self, place: ListIndex) {
        let (previous, next) = (self.previous[place], self.next[place]);
        self.next[previous] = next;
        self.previous[next] = previous;
    }

    fn link(&mut self, place: ListIndex) {
        let (previous, next) = (self.previous[place], self.next[place]);
        self.next[previous] = place;
        self.previous[next] = place;
    }
}

fn flip(bits: &mut [u64], operation: u32) {
    let place = operation as usize;
    bits[place / BITS] ^= 1 << (place % BITS);
}
