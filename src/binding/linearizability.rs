//! The search for an order that explains a history: it asks for steps of the model, which JavaScript has.

#![expect(clippy::needless_pass_by_value, reason = "Node-API hands arrays over by value")]

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Handles, Local};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::linearizability::{Blocked, HistoryVerdict, OperationSpan, Question, Search};
use crate::protocol::{lane_constants, lane_record};

pub(crate) type Searches = Handles<Search>;

lane_constants! { RESULTS {
    /// An answer: the operation would have had another result.
    const NO_FIT: f64 = -1.0;
    /// An answer: none, as nothing was asked.
    const NO_ANSWER: f64 = -2.0;
    /// The end: an order explains the history.
    const LINEARIZABLE: f64 = -2.0;
    /// The end: no order does.
    const NOT_LINEARIZABLE: f64 = -3.0;
    /// The end: there were too many orders to try.
    const UNDECIDED: f64 = -4.0;
} }

lane_record! {
    /// The question of `searchNext`.
    struct SearchStep => SEARCH_STEP {
        /// The number of the state before the operation.
        state: f64,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "linearizability",
    doc: "The numbers in which JavaScript and the search for an order of operations speak.",
    parts: &[RESULTS, &[SEARCH_STEP]],
};

pub(crate) const MODULE: Module = hot_lane! {
    Searches;
    /// Takes the answer to the question before: the number of a state, `NO_FIT` or `NO_ANSWER`. Returns the number of the
    /// operation that is asked for next, or the end. Scratch: `SearchStep`.
    "searchNext"(search, answer) => next;
};

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes numbers of states"
)]
fn next(environment: &Local<Searches>, handle: f64, answer: f64) -> f64 {
    let mut table = environment.table.borrow_mut();
    let Some(search) = table.get(handle) else { return NONE };
    if answer != NO_ANSWER {
        search.answer((answer != NO_FIT).then_some(answer as u32));
    }
    match search.question() {
        Question::Step { state, operation } => {
            environment.write(SearchStep { state: f64::from(state) });
            f64::from(operation)
        }
        Question::Over(HistoryVerdict::Linearizable) => LINEARIZABLE,
        Question::Over(HistoryVerdict::NotLinearizable) => NOT_LINEARIZABLE,
        Question::Over(HistoryVerdict::Undecided) => UNDECIDED,
    }
}

/// Begins a search.
///
/// `spans` has two numbers for each operation: the times of its call and of its return, infinite if that is not known.
#[napi(catch_unwind)]
pub fn search_open(env: Env, spans: Float64Array, questions: f64) -> Result<f64> {
    let environment = Local::<Searches>::of(&env)?;
    let (pairs, _) = spans.as_chunks::<2>();
    let history: Vec<OperationSpan> = pairs
        .iter()
        .map(|&[called, returned]| OperationSpan {
            called,
            returned: (returned != f64::INFINITY).then_some(returned),
        })
        .collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "TypeScript passes a safe integer"
    )]
    let search = Search::new(&history, questions as u64);
    Ok(environment.table.borrow_mut().open(search))
}

/// Forgets a search; a stale handle does nothing.
#[napi(catch_unwind)]
pub fn search_close(env: Env, handle: f64) -> Result<()> {
    let environment = Local::<Searches>::of(&env)?;
    environment.table.borrow_mut().close(handle);
    Ok(())
}

/// The place at which every order of a history fails.
#[napi(object)]
pub struct NativeBlocked {
    /// The number of the operation whose result fits nowhere.
    pub operation: u32,
    /// The operations of an order that explains what returned before.
    pub order: Vec<u32>,
}

/// Returns where every order fails, if the history is known not to be linearizable.
#[napi(catch_unwind)]
pub fn search_blocked(env: Env, handle: f64) -> Result<Option<NativeBlocked>> {
    let environment = Local::<Searches>::of(&env)?;
    let mut table = environment.table.borrow_mut();
    let blocked = table.get(handle).and_then(|search| search.blocked());
    Ok(blocked.map(|Blocked { operation, order }| NativeBlocked {
        operation: *operation,
        order: order.clone(),
    }))
}
