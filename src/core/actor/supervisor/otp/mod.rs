//! Plays the scenarios that were recorded from Erlang, and compares event by event.

use std::collections::BTreeMap;

use super::world::{Manner, Outcome, Plan, SupervisorPlan, World, reason};
use super::{
    Answer, AutoShutdown, ChildId, ChildKind, ChildPolicy, Event, ExitReason, InvalidSpec, Pid,
    Refusal, RequestId, Restart, Shutdown, Standing, StartToken, Strategy, SupervisorConfig,
};

/// The time that the recorder waits after a step, ms.
const SETTLE: f64 = 30.0;

fn policy(words: &[&str]) -> ChildPolicy {
    let kind = if words[2] == "supervisor" { ChildKind::Supervisor } else { ChildKind::Worker };
    ChildPolicy {
        restart: match words[0] {
            "permanent" => Restart::Permanent,
            "transient" => Restart::Transient,
            "temporary" => Restart::Temporary,
            other => panic!("{other}"),
        },
        shutdown: match words[1] {
            "infinity" => Shutdown::Never,
            "brutal_kill" => Shutdown::Kill,
            ms => Shutdown::After(ms.parse().expect("milliseconds")),
        },
        kind,
        significant: words.contains(&"significant"),
        ..ChildPolicy::worker()
    }
}

fn attempts(options: &BTreeMap<&str, &str>) -> Vec<Outcome> {
    let mut attempts = vec![Outcome::Runs; 12];
    for (word, outcome) in [("fail", Outcome::Fails), ("ignore", Outcome::Nothing)] {
        for part in options.get(word).into_iter().flat_map(|list| list.split(',')) {
            let first: usize = part.trim_end_matches('+').parse().expect("an attempt");
            let last = if part.ends_with('+') { attempts.len() } else { first };
            attempts[first - 1..last].fill(outcome);
        }
    }
    attempts
}

fn child(name: &str, words: &[&str]) -> Plan {
    let options: BTreeMap<_, _> =
        words[3..].iter().map(|word| word.split_once('=').unwrap_or((word, ""))).collect();
    let number = |word: &str| options.get(word).map(|ms| ms.parse().expect("milliseconds"));
    Plan {
        name: name.into(),
        policy: policy(words),
        supervisor: None,
        attempts: attempts(&options),
        start_ms: number("slow").unwrap_or(0.0),
        manner: if options.contains_key("deaf") {
            Manner::Deaf
        } else {
            let after = number("lazy").unwrap_or(0.0);
            Manner::Ends {
                after,
                reason: options.get("rude").map_or(ExitReason::Shutdown, |r| reason(r)),
            }
        },
    }
}

fn supervisor(words: &[&str]) -> SupervisorPlan {
    let seconds: f64 = words[4].parse().expect("seconds");
    let config = SupervisorConfig {
        strategy: match words[2] {
            "one_for_one" => Strategy::OneForOne,
            "one_for_all" => Strategy::OneForAll,
            "rest_for_one" => Strategy::RestForOne,
            "simple_one_for_one" => Strategy::SimpleOneForOne,
            other => panic!("{other}"),
        },
        max_restarts: words[3].parse().expect("a number"),
        within_ms: seconds * 1_000.0,
        auto_shutdown: match words[5] {
            "never" => AutoShutdown::Never,
            "any_significant" => AutoShutdown::AnySignificant,
            "all_significant" => AutoShutdown::AllSignificant,
            other => panic!("{other}"),
        },
        ..SupervisorConfig::default()
    };
    SupervisorPlan { name: words[1].into(), config, children: Vec::new() }
}

/// A scenario being played.
struct Play {
    world: World,
    asked: Vec<(RequestId, String, usize)>,
    up: bool,
}

impl Play {
    fn new(plan: &[Vec<&str>]) -> Self {
        let (mut plans, mut supervisors) = (Vec::new(), Vec::<SupervisorPlan>::new());
        for words in plan {
            let owner = |all: &[SupervisorPlan]| {
                all.iter().position(|one| one.name == words[1]).expect("declared before")
            };
            match words[0] {
                "sup" => supervisors.push(supervisor(words)),
                "child" => {
                    let at = owner(&supervisors);
                    supervisors[at].children.push(plans.len());
                    plans.push(child(words[2], &words[3..]));
                }
                "spec" => plans.push(child(words[2], &words[3..])),
                "template" => {
                    let at = owner(&supervisors);
                    supervisors[at].config.template = Some(policy(&words[2..]));
                }
                other => panic!("{other}"),
            }
        }
        for plan in &mut plans {
            plan.supervisor = supervisors.iter().position(|one| one.name == plan.name);
        }
        Self { world: World::new(plans, supervisors, 1), asked: Vec::new(), up: false }
    }

    fn step(&mut self, words: &[&str]) {
        match words {
            ["wait", ms] => self.advance(ms.parse().expect("milliseconds")),
            ["+", rest @ ..] => self.carry_out(rest),
            words => {
                self.carry_out(words);
                self.advance(SETTLE);
            }
        }
    }

    fn carry_out(&mut self, words: &[&str]) {
        match words {
            ["start"] => {
                // `start_link` blocks the recorder.
                self.world.start_root();
                self.note_start();
                while !self.up {
                    self.world.step_to(self.world.next_at().expect("a start returns"));
                    self.note_start();
                }
            }
            ["stop", why] => {
                let event = Event::ExitRequested { reason: reason(why) };
                self.world.tell(self.world.root, event);
            }
            ["die", name, why] => self.world.die(self.pid(name), reason(why)),
            ["kill", name] => self.world.die(self.pid(name), ExitReason::Killed),
            ["which", name] => {
                let children = self.world.machine(self.pid(name)).expect("runs").children();
                let mut line = format!("which {name}");
                for view in children {
                    let index = usize::try_from(view.spec.id.0).expect("small");
                    let standing = match view.standing {
                        Standing::Running(_) => "up",
                        Standing::Down => "down",
                        Standing::Restarting | Standing::Starting => "restarting",
                    };
                    line = format!("{line} {}={standing}", self.world.plans[index].name);
                }
                self.world.log.push(line);
            }
            ["count", name] => {
                let machine = self.world.machine(self.pid(name)).expect("runs");
                let counts = machine.counts();
                // Erlang counts the template as the one specification.
                let specs = if machine.is_simple() { 1 } else { counts.specs };
                let (active, supervisors, workers) =
                    (counts.active, counts.supervisors, counts.workers);
                let line = format!("count {name} {specs} {active} {supervisors} {workers}");
                self.world.log.push(line);
            }
            [what, name, child] => self.ask(what, name, child),
            other => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, what: &str, name: &str, child: &str) {
        let index = self.world.index(child);
        let (spec, child_id) = (self.world.plans[index].spec(index), ChildId(index as u64));
        let request = self.world.request(self.pid(name), |request| match what {
            "start_child" => Event::StartChild { request, spec },
            "dynamic" => {
                Event::StartDynamic { request, child: child_id, token: StartToken(index as u64) }
            }
            "terminate" => Event::TerminateChild { request, child: child_id },
            "delete" => Event::DeleteChild { request, child: child_id },
            "restart" => Event::RestartChild { request, child: child_id },
            other => panic!("{other}"),
        });
        self.asked.push((request, format!("reply {what} {name} {child}"), 0));
    }

    /// Returns the last process of a name.
    fn pid(&self, name: &str) -> Pid {
        self.world.pid(name).unwrap_or(self.world.root)
    }

    /// Moves time, and writes replies between the other lines, where they came.
    fn advance(&mut self, ms: f64) {
        let until = self.world.now + ms;
        while let Some(at) = self.world.next_at().filter(|&at| at <= until) {
            self.world.step_to(at);
            for (request, text, written) in &mut self.asked {
                for reply in self.world.replies[request].iter().skip(*written) {
                    self.world.log.push(format!("{text} {}", answer(reply)));
                    *written += 1;
                }
            }
        }
        self.world.advance(until - self.world.now);
    }

    /// Notes the result of `start_link`, which returns when the tree is up, or has failed.
    fn note_start(&mut self) {
        if self.up {
            return;
        }
        let root = &self.world.processes[&self.world.root];
        if root.ready {
            self.up = true;
            self.world.log.push("reply start ok".into());
        } else if !root.alive {
            self.up = true;
            self.world.log.push("reply start shutdown:failed".into());
        }
    }
}

fn answer(reply: &Result<Answer, Refusal>) -> &'static str {
    match reply {
        Ok(Answer::Started { pid: None, .. }) => "nothing",
        Ok(_) => "ok",
        Err(Refusal::Stopping) => "stopping",
        Err(Refusal::NotFound) => "not_found",
        Err(Refusal::AlreadyStarted(_)) => "already_started",
        Err(Refusal::AlreadyPresent) => "already_present",
        Err(Refusal::Running) => "running",
        Err(Refusal::Restarting) => "restarting",
        Err(Refusal::SimpleOneForOne) => "simple_one_for_one",
        Err(Refusal::StartFailed(_)) => "start_failed",
        Err(Refusal::NotSimpleOneForOne | Refusal::MaxChildren | Refusal::Invalid(_)) => "refused",
    }
}

fn play(script: &str) -> Vec<String> {
    let lines: Vec<Vec<&str>> = script
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    let middle = lines.iter().position(|words| words[0] == "do").expect("a `do`");
    let mut play = Play::new(&lines[..middle]);
    for words in &lines[middle + 1..] {
        play.step(words);
    }
    play.advance(50.0);
    play.world.log
}

/// Compares one scenario with its log; what differs is returned.
fn differs(script: &str, log: &str) -> Option<String> {
    let ours = play(script);
    let theirs: Vec<&str> = log.lines().collect();
    let line = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    let line =
        line.or_else(|| (ours.len() != theirs.len()).then(|| ours.len().min(theirs.len())))?;
    Some(format!(
        "line {}: Erlang says {:?}, the machine {:?}\nours: {ours:#?}",
        line + 1,
        theirs.get(line),
        ours.get(line)
    ))
}

#[test]
fn every_scenario_goes_as_it_went_in_erlang() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/core/actor/supervisor/otp");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("readable");
    let mut scripts: Vec<_> = std::fs::read_dir(format!("{root}/scenarios"))
        .expect("scenarios")
        .map(|entry| entry.expect("readable").path())
        .collect();
    scripts.sort();
    let readme = read(format!("{root}/README.md").as_ref());
    let (mut failures, mut differences) = (Vec::new(), 0);
    for path in &scripts {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        // `README.md` gives the reason of each intended difference.
        let meant = format!("{root}/meant/{name}.txt");
        let erlang = format!("{root}/logs/{name}.txt");
        let log = if std::fs::exists(&meant).expect("readable") {
            differences += 1;
            assert!(readme.contains(&format!("`{name}`")), "{name} is not in README.md");
            assert_ne!(read(meant.as_ref()), read(erlang.as_ref()), "{name} is no difference");
            read(meant.as_ref())
        } else {
            read(erlang.as_ref())
        };
        if let Some(difference) = differs(&read(path), &log) {
            failures.push(format!("{name}, {difference}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(scripts.len() >= 205, "scenarios are missing: {} found", scripts.len());
    assert!(differences <= 3, "{differences} scenarios differ");
}

#[test]
fn a_difference_would_be_seen() {
    let script = "sup root one_for_one 3 5 never\nchild root a permanent 5000 worker\ndo\nstart";
    let log = "begin root\nstart a\nreply start ok";
    assert_eq!(differs(script, log), None);
    for wrong in ["begin root\nreply start ok\nstart a", "begin root\nstart a", ""] {
        assert!(differs(script, wrong).is_some(), "{wrong}");
    }
}

#[test]
fn significance_has_the_validity_rules_of_otp() {
    let check = |restart, auto_shutdown| {
        ChildPolicy { restart, significant: true, ..ChildPolicy::worker() }.check(auto_shutdown)
    };
    assert_eq!(
        check(Restart::Transient, AutoShutdown::Never),
        Err(InvalidSpec::SignificantUnderNever)
    );
    for auto in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
        assert_eq!(check(Restart::Permanent, auto), Err(InvalidSpec::SignificantPermanent));
        assert_eq!(check(Restart::Transient, auto), Ok(()));
        assert_eq!(check(Restart::Temporary, auto), Ok(()));
    }
}
