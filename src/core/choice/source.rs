//! The one place that answers the questions of a run.

use super::dfs::Dfs;
use super::digest::Digest;
use super::entry::{Choice, RunEntry};
use super::labels::{LabelId, Labels};
use super::pct::Pct;
use super::schedule::Schedule;
use crate::core::random::Random;

/// A kind of fault, with the probability that one occurs when the question is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// The number of the kind, below 64. A run switches off a random subset of the kinds.
    pub kind: u32,
    /// The probability, from 0 to 1.
    pub probability: f64,
}

/// The first question that a recording does not have at its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// The number of the choice, from 0.
    pub choice: usize,
    /// The question of the recording; `None` when it has ended.
    pub expected: Option<(String, u32)>,
    /// The question of this run; `None` when it has ended.
    pub found: Option<(String, u32)>,
}

/// The first entry in which two runs differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The number of the entry, from 0.
    pub step: usize,
    /// The entry of the run that was kept; `None` when it had ended.
    pub before: Option<RunEntry>,
    /// The entry of this run; `None` when it has ended.
    pub now: Option<RunEntry>,
}

#[derive(Debug)]
enum Answers {
    Drawn,
    Values(Vec<u32>),
    Recorded(Vec<Choice>),
}

/// The share of steps in which the process that ran last goes on, in runs of [`Schedule::Random`].
const STAYS: [f64; 3] = [0.0, 0.5, 0.9];

/// Answers the questions of one run after the other. See the [module](super).
#[derive(Debug)]
pub struct ChoiceSource {
    seed: u64,
    schedule: Schedule,
    /// The names of questions and events.
    pub labels: Labels,
    answers: Answers,
    random: Random,
    faults_on: u64,
    stay: f64,
    pct: Pct,
    dfs: Dfs,
    entries: Vec<RunEntry>,
    kept: Vec<RunEntry>,
    choices: usize,
    divergence: Option<Divergence>,
    all_runs: Digest,
}

impl ChoiceSource {
    /// Creates a source. [`begin`](Self::begin) must come before the first question.
    pub fn new(seed: u64, schedule: Schedule) -> Self {
        let (mut depth, mut bound) = (1, 0);
        match schedule {
            Schedule::Pct { depth: wanted } => depth = wanted.max(1),
            Schedule::Dfs { bound: wanted } => bound = wanted,
            Schedule::Random | Schedule::Fifo => {}
        }
        Self {
            seed,
            schedule,
            labels: Labels::default(),
            answers: Answers::Drawn,
            random: Random::new(seed),
            faults_on: 0,
            stay: 0.0,
            pct: Pct::new(depth),
            dfs: Dfs::new(bound),
            entries: Vec::new(),
            kept: Vec::new(),
            choices: 0,
            divergence: None,
            all_runs: Digest::default(),
        }
    }

    /// Begins a run whose answers the schedule draws. Run `n` of a seed is the same however many ran before it, but
    /// for PCT, which learns how long runs are, and DFS, which goes on from the run before. Returns false when there is
    /// no further run: DFS has tried all.
    pub fn begin(&mut self, run: u64) -> bool {
        self.reset(Answers::Drawn);
        self.random = Random::new(Digest::default().with(self.seed).with(run).value());
        self.faults_on = self.random.bits();
        let stays = usize::try_from(self.random.below(STAYS.len() as u64)).unwrap_or(0);
        self.stay = STAYS[stays];
        match self.schedule {
            Schedule::Pct { .. } => self.pct.begin(&mut self.random, run == 0),
            Schedule::Dfs { .. } if run == 0 => self.dfs.restart(),
            Schedule::Dfs { .. } => return self.dfs.advance(),
            Schedule::Random | Schedule::Fifo => {}
        }
        true
    }

    /// Begins a run with these answers, and 0 after them.
    pub fn begin_with(&mut self, values: Vec<u32>) {
        self.reset(Answers::Values(values));
    }

    /// Begins a run with the answers of the run that was [kept](Self::keep).
    pub fn begin_again(&mut self) {
        let choices = self.kept.iter().filter(|entry| entry.is_choice());
        let values = choices.map(|entry| entry.value).collect();
        self.begin_with(values);
    }

    /// Begins a run that must ask the questions of a recording.
    pub fn begin_recorded(&mut self, choices: Vec<Choice>) {
        self.reset(Answers::Recorded(choices));
    }

    fn reset(&mut self, answers: Answers) {
        self.answers = answers;
        self.entries.clear();
        self.choices = 0;
        self.divergence = None;
    }

    /// Asks a question with `of` answers, each as likely as another. One with a single answer is not asked.
    pub fn choose(&mut self, label: LabelId, of: u32, at: f64) -> u32 {
        self.ask(label, of, at, |source| match source.schedule {
            Schedule::Fifo => 0,
            Schedule::Dfs { .. } => source.dfs.answer(of),
            Schedule::Random | Schedule::Pct { .. } => source.below(of),
        })
    }

    /// Asks which of `of` things that wait comes next; 0 is the one that production takes. `key` names the thing at a
    /// place: it stays the same for a thing over the run.
    pub fn next(&mut self, label: LabelId, of: u32, key: impl Fn(usize) -> u64, at: f64) -> u32 {
        self.ask(label, of, at, |source| match source.schedule {
            Schedule::Fifo => 0,
            Schedule::Dfs { .. } => source.dfs.answer(of),
            Schedule::Pct { .. } => {
                let keys: Vec<u64> = (0..of as usize).map(key).collect();
                source.pct.pick(&keys, &mut source.random)
            }
            Schedule::Random => {
                let stays = source.stay > 0.0 && source.random.unit() < source.stay;
                if stays { 0 } else { source.below(of) }
            }
        })
    }

    /// Asks whether a fault occurs: 0 for none, or one of the `of - 1` faults, each as likely as another.
    pub fn fault(&mut self, label: LabelId, of: u32, fault: Fault, at: f64) -> u32 {
        self.ask(label, of, at, |source| match source.schedule {
            Schedule::Fifo => 0,
            Schedule::Dfs { .. } => source.dfs.answer(of),
            Schedule::Random | Schedule::Pct { .. } => {
                // Drawn in any case, so that a kind which is switched off leaves the other answers alone.
                let occurs = source.random.unit() < fault.probability;
                let which = 1 + source.below(of - 1);
                let is_on = source.faults_on >> (fault.kind % 64) & 1 == 1;
                if occurs && is_on { which } else { 0 }
            }
        })
    }

    /// Returns the seed of a random stream of a run, below 2^53. Each name has a stream of its own.
    pub fn stream_seed(&self, run: u64, name: &str) -> u64 {
        Digest::default().with(self.seed).with(run).with_text(name).value() >> 11
    }

    /// Notes that something happened.
    pub fn event(&mut self, label: LabelId, at: f64) {
        self.entries.push(RunEntry { label, of: 0, value: 0, at });
    }

    fn below(&mut self, of: u32) -> u32 {
        u32::try_from(self.random.below(u64::from(of))).unwrap_or(0)
    }

    fn ask(
        &mut self,
        label: LabelId,
        of: u32,
        at: f64,
        draw: impl FnOnce(&mut Self) -> u32,
    ) -> u32 {
        if of < 2 {
            return 0;
        }
        let asked = self.choices;
        self.choices += 1;
        let value = match &self.answers {
            Answers::Drawn => draw(self),
            Answers::Values(values) => values.get(asked).map_or(0, |&value| value.min(of - 1)),
            Answers::Recorded(choices) => {
                let recorded = choices.get(asked);
                let same = recorded
                    .filter(|choice| choice.label == self.labels.text(label) && choice.of == of);
                if let Some(choice) = same {
                    choice.value.min(of - 1)
                } else {
                    let expected = recorded.map(|choice| (choice.label.clone(), choice.of));
                    let found = Some((self.labels.text(label).to_owned(), of));
                    let divergence = Divergence { choice: asked, expected, found };
                    self.divergence.get_or_insert(divergence);
                    0
                }
            }
        };
        self.entries.push(RunEntry { label, of, value, at });
        value
    }

    /// Returns the first question that the recording of this run does not have.
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.as_ref()
    }

    /// Ends a run of a recording. A recording with further questions is a divergence too.
    pub fn end_recorded(&mut self) {
        let Answers::Recorded(choices) = &self.answers else { return };
        if let Some(next) = choices.get(self.choices)
            && self.divergence.is_none()
        {
            let expected = Some((next.label.clone(), next.of));
            self.divergence = Some(Divergence { choice: self.choices, expected, found: None });
        }
    }

    /// Returns what happened in this run.
    pub fn entries(&self) -> &[RunEntry] {
        &self.entries
    }

    /// Returns the questions of this run with their answers.
    pub fn choices(&self) -> impl Iterator<Item = Choice> {
        self.entries.iter().filter(|entry| entry.is_choice()).map(|entry| Choice {
            label: self.labels.text(entry.label).to_owned(),
            of: entry.of,
            value: entry.value,
            at: entry.at,
        })
    }

    /// Returns the answers of this run.
    pub fn values(&self) -> Vec<u32> {
        self.entries.iter().filter(|entry| entry.is_choice()).map(|entry| entry.value).collect()
    }

    /// Returns the digest of this run: of its labels, answers, times and events. It does not depend on other runs.
    pub fn digest(&self) -> Digest {
        self.entries.iter().fold(Digest::default(), |digest, entry| {
            let answer = u64::from(entry.of) << 32 | u64::from(entry.value);
            digest.with(self.labels.digest(entry.label)).with(answer).with(entry.at.to_bits())
        })
    }

    /// Adds this run to the digest of all runs, and returns that.
    pub fn count_run(&mut self) -> Digest {
        self.all_runs = self.all_runs.with(self.digest().value());
        self.all_runs
    }

    /// Keeps this run, to compare another one with it.
    pub fn keep(&mut self) {
        self.kept.clone_from(&self.entries);
    }

    /// Returns the first entry in which this run differs from the one that was kept.
    pub fn difference(&self) -> Option<Difference> {
        let length = self.kept.len().max(self.entries.len());
        let same = |a: &RunEntry, b: &RunEntry| {
            (a.label, a.of, a.value, a.at.to_bits()) == (b.label, b.of, b.value, b.at.to_bits())
        };
        (0..length).find_map(|step| {
            let (before, now) = (self.kept.get(step).copied(), self.entries.get(step).copied());
            let is_same = matches!((before, now), (Some(before), Some(now)) if same(&before, &now));
            (!is_same).then_some(Difference { step, before, now })
        })
    }
}
