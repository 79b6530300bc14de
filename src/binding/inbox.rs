//! The environment's inbox of notifications from other threads.

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::Local;
use crate::binding::lane::{Module, NONE, hot_lane};

pub(crate) const MODULE: Module = hot_lane! {
    ();
    /// Returns the token that has waited longest in the environment's inbox, or -1 when there is none.
    "inboxTake"() => take;
    /// Puts a token of the environment's own into its inbox. Returns how many wait.
    "inboxPost"(token) => post;
    /// Returns the number of tokens that wait in the environment's inbox.
    "inboxWaiting"() => waiting;
};

fn take(environment: &Local<()>) -> f64 {
    environment.inbox.take().map_or(NONE, |token| token as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a token of js/inbox.ts, a positive integer"
)]
fn post(environment: &Local<()>, token: f64) -> f64 {
    environment.inbox.post(token as u64);
    waiting(environment)
}

fn waiting(environment: &Local<()>) -> f64 {
    environment.inbox.waiting() as f64
}

/// Gives the function that is called, soon, when the inbox has something; the last one given counts.
#[napi(catch_unwind)]
pub fn inbox_listen(env: Env, wake: Unknown) -> Result<()> {
    let environment = Local::<()>::of(&env)?;
    // SAFETY: on the environment's thread, with a value of this call.
    unsafe { environment.waker.connect(env.raw(), wake.raw()) }
}

/// Keeps the event loop open for tokens that the inbox still expects, or no longer.
#[napi(catch_unwind)]
pub fn inbox_hold(env: Env, held: bool) -> Result<()> {
    Local::<()>::of(&env)?.waker.hold(&env, held);
    Ok(())
}
