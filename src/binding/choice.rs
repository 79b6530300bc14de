//! The source of choices of a simulation: questions in, answers out; runs, files and shrinking as rare calls.

#![expect(
    clippy::needless_pass_by_value,
    reason = "Node-API hands texts and objects over by value"
)]

use std::collections::BTreeMap;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::binding::env::{Handles, Local, SharedArray};
use crate::binding::lane::{Area, Module, NONE, hot_lane};
use crate::core::choice::{
    Choice, ChoiceSource, Divergence, Failure, Fault, LabelId, RecordedSettings, Recording,
    RecordingError, RunEntry, Schedule, Shrinker,
};
use crate::protocol::{Code, lane_constants, lane_enum};

pub(crate) type Choices = Handles<Simulation>;

/// The source of a simulation, with what its runs need beside it.
pub(crate) struct Simulation {
    source: ChoiceSource,
    /// The keys of what waits, for `chooseNext`.
    keys: SharedArray,
    shrinker: Option<Shrinker>,
    recorded: Vec<Choice>,
}

lane_constants! { SIZES {
    /// The most things among which `chooseNext` chooses.
    const MOST_KEYS: usize = 1024;
    /// The answer to a question that the recording does not have.
    const DIVERGED: f64 = -2.0;
} }

lane_enum! {
    /// The schedules.
    enum ScheduleKind => SCHEDULE {
        /// Each answer alike.
        Random,
        /// Priorities with points of change.
        Pct,
        /// All answers in turn.
        Dfs,
        /// As production.
        Fifo,
    }
}

pub(crate) const PROTOCOL: Area = Area {
    name: "choice",
    doc: "The numbers in which JavaScript and the source of choices of a simulation speak.",
    parts: &[SIZES, &[SCHEDULE]],
};

pub(crate) const MODULE: Module = hot_lane! {
    Choices;
    /// Returns the number of a label.
    "choiceLabel"(str text, choices) => label;
    /// Returns the seed of a random stream of a run, below 2^53.
    "choiceSeed"(str name, choices, run) => seed;
    /// Begins a run that the schedule draws. Returns 0 when there is none left.
    "choiceBegin"(choices, run) => begin;
    /// Asks a question with `of` answers. Returns the answer, or `DIVERGED`.
    "choose"(choices, label, of, at) => choose;
    /// Asks which of the first `of` keys comes next. Returns its place, or `DIVERGED`.
    "chooseNext"(choices, label, of, at) => choose_next;
    /// Asks for a fault of a kind. Returns 0 for none, or its number below `of`, or `DIVERGED`.
    "chooseFault"(choices, label, of, kind, probability, at) => choose_fault;
    /// Notes an event.
    "choiceEvent"(choices, label, at) => event;
    /// Returns the number of entries of this run: its questions and events.
    "choiceSteps"(choices) => steps;
    /// Keeps this run, to compare another one with it.
    "choiceKeep"(choices) => keep;
    /// Begins a run with the answers of the run that was kept.
    "choiceRepeat"(choices) => repeat;
    /// Begins a run of the recording that was read.
    "choiceBeginRecorded"(choices) => begin_recorded;
    /// Ends a run of a recording. Returns `DIVERGED` if it has asked other questions.
    "choiceEndRecorded"(choices) => end_recorded;
    /// Begins to shrink this run, with that many runs at most.
    "choiceShrink"(choices, runs) => shrink;
    /// Begins a run with the next candidate. Returns 0 when there is none.
    "choiceShrinkNext"(choices) => shrink_next;
    /// Says whether that run failed in the same way.
    "choiceShrinkReport"(choices, failed) => shrink_report;
    /// Begins a run with the shortest list that failed. Returns 1 if it is 1-minimal.
    "choiceShrunk"(choices) => shrunk;
};

fn with(
    environment: &Local<Choices>,
    handle: f64,
    body: impl FnOnce(&mut Simulation) -> f64,
) -> f64 {
    environment.table.borrow_mut().get(handle).map_or(NONE, body)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes small integers, and others saturate"
)]
fn small(number: f64) -> u32 {
    number as u32
}

fn label(environment: &Local<Choices>, text: &str, handle: f64) -> f64 {
    with(environment, handle, |simulation| f64::from(simulation.source.labels.intern(text).0))
}

fn seed(environment: &Local<Choices>, name: &str, handle: f64, run: f64) -> f64 {
    with(environment, handle, |Simulation { source, .. }| {
        source.stream_seed(u64::from(small(run)), name) as f64
    })
}

fn begin(environment: &Local<Choices>, handle: f64, run: f64) -> f64 {
    with(environment, handle, |simulation| {
        f64::from(u8::from(simulation.source.begin(u64::from(small(run)))))
    })
}

/// Returns an answer, unless the run asks what its recording does not.
fn answer(source: &ChoiceSource, value: u32) -> f64 {
    if source.divergence().is_some() { DIVERGED } else { f64::from(value) }
}

fn choose(environment: &Local<Choices>, handle: f64, label: f64, of: f64, at: f64) -> f64 {
    with(environment, handle, |Simulation { source, .. }| {
        let value = source.choose(LabelId(small(label)), small(of), at);
        answer(source, value)
    })
}

fn choose_next(environment: &Local<Choices>, handle: f64, label: f64, of: f64, at: f64) -> f64 {
    with(environment, handle, |Simulation { source, keys, .. }| {
        let cells = keys.cells();
        let of = small(of).min(u32::try_from(MOST_KEYS).unwrap_or(u32::MAX));
        let value =
            source.next(LabelId(small(label)), of, |place| cells[place].get().to_bits(), at);
        answer(source, value)
    })
}

fn choose_fault(
    environment: &Local<Choices>,
    handle: f64,
    label: f64,
    of: f64,
    kind: f64,
    probability: f64,
    at: f64,
) -> f64 {
    with(environment, handle, |Simulation { source, .. }| {
        let fault = Fault { kind: small(kind), probability };
        let value = source.fault(LabelId(small(label)), small(of), fault, at);
        answer(source, value)
    })
}

fn event(environment: &Local<Choices>, handle: f64, label: f64, at: f64) -> f64 {
    with(environment, handle, |simulation| {
        simulation.source.event(LabelId(small(label)), at);
        0.0
    })
}

fn steps(environment: &Local<Choices>, handle: f64) -> f64 {
    with(environment, handle, |simulation| simulation.source.entries().len() as f64)
}

fn keep(environment: &Local<Choices>, handle: f64) -> f64 {
    with(environment, handle, |simulation| {
        simulation.source.keep();
        0.0
    })
}

fn repeat(environment: &Local<Choices>, handle: f64) -> f64 {
    with(environment, handle, |simulation| {
        simulation.source.begin_again();
        0.0
    })
}

fn begin_recorded(environment: &Local<Choices>, handle: f64) -> f64 {
    with(environment, handle, |Simulation { source, recorded, .. }| {
        source.begin_recorded(recorded.clone());
        0.0
    })
}

fn end_recorded(environment: &Local<Choices>, handle: f64) -> f64 {
    with(environment, handle, |Simulation { source, .. }| {
        source.end_recorded();
        answer(source, 0)
    })
}

fn shrink(environment: &Local<Choices>, handle: f64, runs: f64) -> f64 {
    with(environment, handle, |Simulation { source, shrinker, .. }| {
        *shrinker = Some(Shrinker::new(source.values(), small(runs)));
        0.0
    })
}

fn shrink_next(environment: &Local<Choices>, handle: f64) -> f64 {
    with(environment, handle, |Simulation { source, shrinker, .. }| {
        let candidate = shrinker.as_mut().and_then(Shrinker::candidate);
        let is_run = candidate.is_some();
        if let Some(values) = candidate {
            source.begin_with(values);
        }
        f64::from(u8::from(is_run))
    })
}

fn shrink_report(environment: &Local<Choices>, handle: f64, failed: f64) -> f64 {
    with(environment, handle, |Simulation { source, shrinker, .. }| {
        if let Some(shrinker) = shrinker {
            shrinker.report((failed == 1.0).then(|| source.values()));
        }
        0.0
    })
}

fn shrunk(environment: &Local<Choices>, handle: f64) -> f64 {
    with(environment, handle, |Simulation { source, shrinker, .. }| {
        let Some(shrinker) = shrinker.take() else { return NONE };
        source.begin_with(shrinker.best().to_vec());
        f64::from(u8::from(shrinker.is_minimal()))
    })
}

/// A source of choices and the array of its keys.
#[napi(object)]
pub struct NativeChoices<'env> {
    /// Its handle.
    pub handle: f64,
    /// The keys of what waits, for `chooseNext`.
    #[napi(ts_type = "Float64Array")]
    pub keys: Unknown<'env>,
}

/// Opens a source of choices. `bound` is the depth of `PCT`, or the number of questions that `DFS` varies.
#[napi(catch_unwind)]
pub fn choices_open(env: &Env, seed: f64, schedule: u32, bound: u32) -> Result<NativeChoices<'_>> {
    let environment = Local::<Choices>::of(env)?;
    let schedule = match ScheduleKind::from_code(schedule) {
        Some(ScheduleKind::Pct) => Schedule::Pct { depth: bound },
        Some(ScheduleKind::Dfs) => Schedule::Dfs { bound },
        Some(ScheduleKind::Fifo) => Schedule::Fifo,
        Some(ScheduleKind::Random) | None => Schedule::Random,
    };
    let (keys, array) = SharedArray::create(env, MOST_KEYS)?;
    let source = ChoiceSource::new(whole(seed), schedule);
    let simulation = Simulation { source, keys, shrinker: None, recorded: Vec::new() };
    let handle = environment.table.borrow_mut().open(simulation);
    Ok(NativeChoices { handle, keys: array })
}

/// Begins a run with these answers, and 0 after them.
#[napi(catch_unwind)]
pub fn choices_begin_with(env: Env, handle: f64, answers: Vec<u32>) -> Result<()> {
    let environment = Local::<Choices>::of(&env)?;
    if let Some(simulation) = environment.table.borrow_mut().get(handle) {
        simulation.source.begin_with(answers);
    }
    Ok(())
}

/// Returns the lists of answers to try next to one that fails, in their order, if none of them fails.
#[napi(catch_unwind)]
pub fn choices_smaller(answers: Vec<u32>) -> Vec<Vec<u32>> {
    Shrinker::candidates(answers)
}

/// Forgets a source; a stale handle does nothing.
#[napi(catch_unwind)]
pub fn choices_close(env: Env, handle: f64) -> Result<()> {
    let environment = Local::<Choices>::of(&env)?;
    if let Some(simulation) = environment.table.borrow_mut().take(handle) {
        simulation.keys.release(env);
    }
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "TypeScript passes a safe integer"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

/// A question with its answer, or an event.
#[napi(object)]
pub struct NativeChoice {
    /// The name of the question or the event.
    pub label: String,
    /// The number of answers; 0 for an event.
    pub of: u32,
    /// The answer.
    pub value: u32,
    /// The virtual time, in ms.
    pub at: f64,
}

fn native_entry(source: &ChoiceSource, entry: &RunEntry) -> NativeChoice {
    let label = source.labels.text(entry.label).to_owned();
    NativeChoice { label, of: entry.of, value: entry.value, at: entry.at }
}

/// Returns the questions of this run with their answers.
#[napi(catch_unwind)]
pub fn choices_of_run(env: Env, handle: f64) -> Result<Vec<NativeChoice>> {
    let environment = Local::<Choices>::of(&env)?;
    let mut table = environment.table.borrow_mut();
    let Some(Simulation { source, .. }) = table.get(handle) else { return Ok(Vec::new()) };
    let choices = source.entries().iter().filter(|entry| entry.is_choice());
    Ok(choices.map(|entry| native_entry(source, entry)).collect())
}

/// Returns the digest of this run. With `counts`, adds it to the digest of all runs and returns that.
#[napi(catch_unwind)]
pub fn choices_digest(env: Env, handle: f64, counts: bool) -> Result<String> {
    let environment = Local::<Choices>::of(&env)?;
    let mut table = environment.table.borrow_mut();
    let Some(Simulation { source, .. }) = table.get(handle) else { return Ok(String::new()) };
    let digest = if counts { source.count_run() } else { source.digest() };
    Ok(format!("{:016x}", digest.value()))
}

/// The first step in which two runs differ.
#[napi(object)]
pub struct NativeDifference {
    /// The number of the step, from 0.
    pub step: u32,
    /// The step of the run that was kept, unless it had ended.
    pub before: Option<NativeChoice>,
    /// The step of this run, unless it had ended.
    pub now: Option<NativeChoice>,
}

/// Returns the first step in which this run differs from the one that was kept, if there is one.
#[napi(catch_unwind)]
pub fn choices_difference(env: Env, handle: f64) -> Result<Option<NativeDifference>> {
    let environment = Local::<Choices>::of(&env)?;
    let mut table = environment.table.borrow_mut();
    let Some(Simulation { source, .. }) = table.get(handle) else { return Ok(None) };
    Ok(source.difference().map(|difference| NativeDifference {
        step: u32::try_from(difference.step).unwrap_or(u32::MAX),
        before: difference.before.map(|entry| native_entry(source, &entry)),
        now: difference.now.map(|entry| native_entry(source, &entry)),
    }))
}

/// The first question that differs from a recording.
#[napi(object)]
pub struct NativeDivergence {
    /// The number of the choice, from 0.
    pub choice: u32,
    /// The question of the recording, unless it has ended.
    pub expected: Option<String>,
    /// The question of this run, unless it has ended.
    pub found: Option<String>,
}

/// Returns the first question of this run that its recording does not have, if there is one.
#[napi(catch_unwind)]
pub fn choices_divergence(env: Env, handle: f64) -> Result<Option<NativeDivergence>> {
    let environment = Local::<Choices>::of(&env)?;
    let mut table = environment.table.borrow_mut();
    let Some(Simulation { source, .. }) = table.get(handle) else { return Ok(None) };
    let words =
        |question: Option<(String, u32)>| question.map(|(label, of)| format!("{label} (of {of})"));
    Ok(source.divergence().cloned().map(|Divergence { choice, expected, found }| {
        let choice = u32::try_from(choice).unwrap_or(u32::MAX);
        NativeDivergence { choice, expected: words(expected), found: words(found) }
    }))
}

/// The content of a file beside the choices.
#[napi(object)]
pub struct NativeRecording {
    /// The version of keelson.
    pub keelson: String,
    /// The version of Node.
    pub node: String,
    /// The seed of the exploration.
    pub seed: f64,
    /// The number of the run, from 0.
    pub run: f64,
    /// The digest of the run.
    pub digest: String,
    /// The kinds of faults, and the probability of each.
    pub faults: BTreeMap<String, f64>,
    /// The treatment of real timers: `error` or `virtual`.
    pub timers: String,
    /// The most steps of a run.
    pub steps: u32,
    /// Tells the failure apart from others.
    pub failure_name: String,
    /// The message of the error.
    pub failure_message: String,
    /// The events of the run, a line each.
    pub events: Vec<String>,
}

/// Returns the text of a file that repeats this run.
#[napi(catch_unwind)]
pub fn recording_text(env: Env, handle: f64, recording: NativeRecording) -> Result<String> {
    let environment = Local::<Choices>::of(&env)?;
    let mut table = environment.table.borrow_mut();
    let Some(Simulation { source, .. }) = table.get(handle) else { return Ok(String::new()) };
    let NativeRecording { faults, timers, steps, .. } = recording;
    Ok(Recording {
        keelson: recording.keelson,
        node: recording.node,
        seed: whole(recording.seed),
        run: whole(recording.run),
        digest: recording.digest,
        settings: RecordedSettings { faults, timers, steps },
        failure: Failure { name: recording.failure_name, message: recording.failure_message },
        choices: source.choices().collect(),
        events: recording.events,
    }
    .to_json())
}

/// The reason why a file cannot be replayed.
#[napi(object)]
pub struct NativeRecordingError {
    /// The version of its format, if it is another one.
    pub version: Option<f64>,
    /// The fault, if it is no recording.
    pub malformed: Option<String>,
}

/// Reads the text of a file, for `choiceBeginRecorded`. Returns what it says, or the reason why it cannot be replayed.
#[napi(catch_unwind, ts_return_type = "NativeRecording | NativeRecordingError")]
pub fn recording_read(
    env: Env,
    handle: f64,
    text: String,
) -> Result<Either<NativeRecording, NativeRecordingError>> {
    let environment = Local::<Choices>::of(&env)?;
    let mut table = environment.table.borrow_mut();
    let recording = match Recording::from_json(&text) {
        Ok(recording) => recording,
        Err(error) => {
            let (version, malformed) = match error {
                RecordingError::Version(version) => (Some(version as f64), None),
                RecordingError::Malformed(text) => (None, Some(text)),
            };
            return Ok(Either::B(NativeRecordingError { version, malformed }));
        }
    };
    if let Some(simulation) = table.get(handle) {
        simulation.recorded = recording.choices;
    }
    Ok(Either::A(NativeRecording {
        keelson: recording.keelson,
        node: recording.node,
        seed: recording.seed as f64,
        run: recording.run as f64,
        digest: recording.digest,
        faults: recording.settings.faults,
        timers: recording.settings.timers,
        steps: recording.settings.steps,
        failure_name: recording.failure.name,
        failure_message: recording.failure.message,
        events: recording.events,
    }))
}
