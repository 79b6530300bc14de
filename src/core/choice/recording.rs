//! The text of a file that repeats a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::Choice;

/// The version of the format. A file of another version is refused.
pub const FORMAT_VERSION: u32 = 1;
/// The value of the field `format`.
const FORMAT: &str = "keelson simulation";

/// The failure of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Tells failures apart: the property that broke, or the name of the error.
    pub name: String,
    /// The message of the error.
    pub message: String,
}

/// The settings of the program's run that decide which questions are asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedSettings {
    /// The probability of each kind of fault.
    pub faults: BTreeMap<String, f64>,
    /// The treatment of real timers: `error` or `virtual`.
    pub timers: String,
    /// The most steps of a run.
    pub steps: u32,
}

/// A run as a file: who made it, what it was asked, and what it answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The version of keelson.
    pub keelson: String,
    /// The version of Node.
    pub node: String,
    /// The seed of the exploration.
    pub seed: u64,
    /// The number of the run, from 0.
    pub run: u64,
    /// The digest of the run, in hexadecimal digits.
    pub digest: String,
    /// The settings of the run.
    pub settings: RecordedSettings,
    /// The way in which it failed.
    pub failure: Failure,
    /// The questions with their answers.
    pub choices: Vec<Choice>,
    /// The events of the run, a line each, for people.
    pub events: Vec<String>,
}

/// The reason why a text is no recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingError {
    /// It is no JSON, or not that of a recording; the text says where.
    Malformed(String),
    /// It has another version of the format.
    Version(u64),
}

/// As it stands in the file: a label once, and four numbers a choice.
#[derive(Serialize, Deserialize)]
struct RecordingText {
    format: String,
    version: u32,
    keelson: String,
    node: String,
    seed: u64,
    run: u64,
    digest: String,
    settings: RecordedSettings,
    failure: Failure,
    labels: Vec<String>,
    /// Label, number of answers, answer, time.
    choices: Vec<(u32, u32, u32, f64)>,
    events: Vec<String>,
}

impl Recording {
    /// Returns the text of the file.
    pub fn to_json(&self) -> String {
        let mut labels: Vec<String> = Vec::new();
        let mut places: BTreeMap<&str, u32> = BTreeMap::new();
        let mut choices = Vec::with_capacity(self.choices.len());
        for Choice { label, of, value, at } in &self.choices {
            let next = u32::try_from(labels.len()).unwrap_or(u32::MAX);
            let place = *places.entry(label).or_insert(next);
            if place == next {
                labels.push(label.clone());
            }
            choices.push((place, *of, *value, *at));
        }
        let file = RecordingText {
            format: FORMAT.into(),
            version: FORMAT_VERSION,
            keelson: self.keelson.clone(),
            node: self.node.clone(),
            seed: self.seed,
            run: self.run,
            digest: self.digest.clone(),
            settings: self.settings.clone(),
            failure: self.failure.clone(),
            labels,
            choices,
            events: self.events.clone(),
        };
        // Maps with text keys and finite numbers always have a text.
        serde_json::to_string(&file).unwrap_or_default()
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] for what is no recording, or one of another version.
    pub fn from_json(text: &str) -> Result<Self, RecordingError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
        }
        let malformed = |error: serde_json::Error| RecordingError::Malformed(error.to_string());
        // First, so that a file of a later version is named as one, whatever fields it has.
        let head: Head = serde_json::from_str(text).map_err(malformed)?;
        if head.format != FORMAT {
            return Err(RecordingError::Malformed(format!("its format is {:?}", head.format)));
        }
        if head.version != u64::from(FORMAT_VERSION) {
            return Err(RecordingError::Version(head.version));
        }
        let file: RecordingText = serde_json::from_str(text).map_err(malformed)?;
        let mut choices = Vec::with_capacity(file.choices.len());
        for (place, of, value, at) in file.choices {
            let Some(label) = file.labels.get(place as usize) else {
                return Err(RecordingError::Malformed(format!("it has no label {place}")));
            };
            if value >= of {
                return Err(RecordingError::Malformed(format!("{value} is no answer of {of}")));
            }
            choices.push(Choice { label: label.clone(), of, value, at });
        }
        Ok(Self {
            keelson: file.keelson,
            node: file.node,
            seed: file.seed,
            run: file.run,
            digest: file.digest,
            settings: file.settings,
            failure: file.failure,
            choices,
            events: file.events,
        })
    }
}
