use super::*;
use proptest::prelude::*;

/// A question of a program.
#[derive(Debug, Clone)]
enum Question {
    Choose(u32),
    Next(Vec<u64>),
    Fault(u32, u32),
    Event,
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        (1_u32..9).prop_map(Question::Choose),
        prop::collection::vec(0_u64..6, 1..6).prop_map(Question::Next),
        (2_u32..5, 0_u32..4).prop_map(|(of, kind)| Question::Fault(of, kind)),
        Just(Question::Event),
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        Just(Schedule::Random),
        (1_u32..4).prop_map(|depth| Schedule::Pct { depth }),
        (0_u32..8).prop_map(|bound| Schedule::Dfs { bound }),
        Just(Schedule::Fifo),
    ]
}

/// Asks which of several keys comes next.
fn next(source: &mut ChoiceSource, label: LabelId, keys: &[u64], at: f64) -> u32 {
    let of = u32::try_from(keys.len()).expect("few");
    source.next(label, of, |place| keys[place], at)
}

/// Asks the questions of a program. Returns the answers.
fn ask(source: &mut ChoiceSource, program: &[Question]) -> Vec<u32> {
    let label = source.labels.intern("question");
    let event = source.labels.intern("event");
    let mut answers = Vec::new();
    for (at, question) in (0_u32..).zip(program) {
        let at = f64::from(at);
        answers.push(match question {
            Question::Choose(of) => source.choose(label, *of, at),
            Question::Next(keys) => next(source, label, keys, at),
            Question::Fault(of, kind) => {
                let fault = Fault { kind: *kind, probability: 0.5 };
                source.fault(label, *of, fault, at)
            }
            Question::Event => {
                source.event(event, at);
                0
            }
        });
    }
    answers
}

proptest! {
    #[test]
    fn a_seed_repeats_and_answers_are_in_range(
        seed: u64,
        schedule in schedule(),
        program in prop::collection::vec(question(), 0..40),
        runs in 1_u64..4,
    ) {
        let mut once = ChoiceSource::new(seed, schedule);
        let mut again = ChoiceSource::new(seed, schedule);
        for run in 0..runs {
            let is_run = once.begin(run);
            prop_assert_eq!(is_run, again.begin(run));
            let answers = ask(&mut once, &program);
            prop_assert_eq!(&answers, &ask(&mut again, &program));
            prop_assert_eq!(once.digest(), again.digest());
            prop_assert_eq!(once.count_run(), again.count_run());
            for entry in once.entries().iter().filter(|entry| entry.is_choice()) {
                prop_assert!(entry.of >= 2 && entry.value < entry.of);
            }
            if schedule == Schedule::Fifo {
                prop_assert!(answers.iter().all(|&answer| answer == 0));
            }
        }
    }

    #[test]
    fn values_and_a_recording_repeat_a_run(
        seed: u64,
        schedule in schedule(),
        program in prop::collection::vec(question(), 0..40),
    ) {
        let mut source = ChoiceSource::new(seed, schedule);
        source.begin(0);
        let answers = ask(&mut source, &program);
        let (digest, values) = (source.digest(), source.values());
        let choices: Vec<Choice> = source.choices().collect();
        source.keep();

        source.begin_with(values);
        prop_assert_eq!(&ask(&mut source, &program), &answers);
        prop_assert_eq!(source.digest(), digest);
        prop_assert_eq!(source.difference(), None);

        source.begin_recorded(choices);
        prop_assert_eq!(&ask(&mut source, &program), &answers);
        source.end_recorded();
        prop_assert_eq!(source.divergence(), None);
        prop_assert_eq!(source.digest(), digest);
    }

    #[test]
    fn a_program_that_changed_diverges_at_its_first_other_question(
        program in prop::collection::vec(2_u32..5, 1..20),
        changed in any::<prop::sample::Index>(),
        end in any::<bool>(),
    ) {
        let changed = changed.index(program.len());
        let questions: Vec<Question> = program.iter().map(|&of| Question::Choose(of)).collect();
        let mut source = ChoiceSource::new(1, Schedule::Random);
        source.begin(0);
        ask(&mut source, &questions);
        let choices: Vec<Choice> = source.choices().collect();
        let mut other = questions;
        if end {
            other.truncate(changed);
        } else {
            other[changed] = Question::Choose(program[changed] + 1);
        }
        source.begin_recorded(choices);
        ask(&mut source, &other);
        source.end_recorded();
        let divergence = source.divergence().expect("another program").clone();
        prop_assert_eq!(divergence.choice, changed);
        prop_assert_eq!(divergence.expected, Some(("question".to_owned(), program[changed])));
        let found = (!end).then(|| ("question".to_owned(), program[changed] + 1));
        prop_assert_eq!(divergence.found, found);
    }

    #[test]
    fn a_file_has_the_whole_run(
        choices in prop::collection::vec(("[a-c]{1,2}", 2_u32..9, any::<u32>(), 0_u32..100), 0..30),
        seed in 0_u64..1 << 53,
    ) {
        let choices = choices.into_iter().map(|(label, of, value, at)| {
            Choice { label, of, value: value % of, at: f64::from(at) / 4.0 }
        });
        let recording = Recording { seed, choices: choices.collect(), ..recording() };
        prop_assert_eq!(Recording::from_json(&recording.to_json()), Ok(recording));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        // It must not panic.
        let _ = Recording::from_json(&text);
    }
}

fn recording() -> Recording {
    Recording {
        keelson: "1.0.0".into(),
        node: "v20.0.0".into(),
        seed: 1,
        run: 7,
        digest: "0f".into(),
        settings: RecordedSettings {
            faults: [("crash".to_owned(), 0.5)].into(),
            timers: "error".into(),
            steps: 100,
        },
        failure: Failure { name: "no money is made".into(), message: "it was".into() },
        choices: Vec::new(),
        events: vec!["a line".into()],
    }
}

#[test]
fn a_file_of_another_version_is_named() {
    let text = recording().to_json().replace("\"version\":1", "\"version\":2,\"more\":0");
    assert_eq!(Recording::from_json(&text), Err(RecordingError::Version(2)));
    let other = recording().to_json().replace("keelson simulation", "something else");
    assert!(matches!(Recording::from_json(&other), Err(RecordingError::Malformed(_))));
}

#[test]
fn a_file_with_an_answer_out_of_range_is_refused() {
    let choices = vec![Choice { label: "a".into(), of: 2, value: 1, at: 0.0 }];
    let text = Recording { choices, ..recording() }.to_json();
    for damaged in
        [text.replace("[0,2,1,0.0]", "[0,2,2,0.0]"), text.replace("[0,2,1,0.0]", "[1,2,1,0.0]")]
    {
        assert!(matches!(Recording::from_json(&damaged), Err(RecordingError::Malformed(_))));
    }
}

#[test]
fn dfs_tries_all_answers_once_and_ends() {
    let mut source = ChoiceSource::new(1, Schedule::Dfs { bound: 3 });
    let program = [2, 3, 2, 4].map(Question::Choose);
    let mut seen = Vec::new();
    let mut run = 0;
    while source.begin(run) {
        seen.push(ask(&mut source, &program));
        run += 1;
    }
    assert_eq!(seen.len(), 2 * 3 * 2);
    assert!(seen.iter().all(|answers| answers[3] == 0), "answers beyond the bound are 0");
    let mut distinct = seen.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), seen.len());
    assert_eq!(seen[0], [0, 0, 0, 0]);
}

#[test]
fn a_fault_that_a_run_switches_off_does_not_occur_in_it() {
    let mut source = ChoiceSource::new(3, Schedule::Random);
    let label = source.labels.intern("crash");
    let (mut with, mut without) = (0, 0);
    for run in 0..200 {
        source.begin(run);
        let fault = Fault { kind: 0, probability: 0.9 };
        let faults = (0..20).filter(|_| source.fault(label, 2, fault, 0.0) > 0).count();
        // Either as often as it should, or never.
        assert!(faults == 0 || faults >= 8, "{faults}");
        if faults == 0 { without += 1 } else { with += 1 }
    }
    assert!((60..140).contains(&with) && (60..140).contains(&without), "{with} and {without}");
}

#[test]
fn pct_of_depth_one_runs_the_process_of_highest_priority_to_its_end() {
    let mut source = ChoiceSource::new(5, Schedule::Pct { depth: 1 });
    let label = source.labels.intern("next");
    let mut firsts = [0; 3];
    for run in 0..300 {
        source.begin(run);
        let first = next(&mut source, label, &[10, 11, 12], 0.0);
        firsts[first as usize] += 1;
        for _ in 0..5 {
            assert_eq!(next(&mut source, label, &[10, 11, 12], 0.0), first);
        }
    }
    assert!(firsts.iter().all(|&count| count > 60), "{firsts:?}");
}

#[test]
fn pct_of_depth_two_changes_its_mind_once_a_run_at_most() {
    let mut source = ChoiceSource::new(5, Schedule::Pct { depth: 2 });
    let label = source.labels.intern("next");
    let mut total = 0;
    for run in 0..200 {
        source.begin(run);
        let picks: Vec<u32> = (0..64).map(|_| next(&mut source, label, &[10, 11], 0.0)).collect();
        let changes = picks.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes <= 1, "{picks:?}");
        total += changes;
    }
    assert!(total > 150, "{total}");
}

#[test]
fn the_first_step_that_differs_is_named() {
    let mut source = ChoiceSource::new(1, Schedule::Fifo);
    let label = source.labels.intern("a");
    source.begin(0);
    source.event(label, 1.0);
    source.event(label, 2.0);
    source.keep();
    source.begin(0);
    source.event(label, 1.0);
    source.event(label, 2.5);
    let difference = source.difference().expect("another time");
    assert_eq!(difference.step, 1);
    assert_eq!(difference.before.map(|entry| entry.at), Some(2.0));
    assert_eq!(difference.now.map(|entry| entry.at), Some(2.5));
}
