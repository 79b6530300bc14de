//! Random trees in a random world: whatever happens, the promises on top of `mod.rs` hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::world::{Manner, Outcome, Plan, SupervisorPlan, World};
use super::{
    AutoShutdown, Backoff, BudgetScope, ChildId, ChildPolicy, Event, ExitReason, Jitter, Pid,
    Report, RequestId, Restart, Shutdown, StartToken, Strategy as Group, SupervisorConfig,
};

/// Returns a supervisor, and the number of its parent among the earlier ones.
fn supervisor() -> impl Strategy<Value = (SupervisorPlan, ChildPolicy, usize)> {
    let strategy = prop::sample::select(vec![
        Group::OneForOne,
        Group::OneForAll,
        Group::RestForOne,
        Group::SimpleOneForOne,
    ]);
    let auto = prop::sample::select(vec![
        AutoShutdown::Never,
        AutoShutdown::AnySignificant,
        AutoShutdown::AllSignificant,
    ]);
    let parts = (strategy, 0..4_u32, 1..200_u32, auto, any::<bool>(), policy(), any::<usize>());
    parts.prop_map(|(strategy, max_restarts, within, auto_shutdown, own, policy, above)| {
        let config = SupervisorConfig {
            strategy,
            max_restarts,
            within_ms: f64::from(within),
            auto_shutdown,
            scope: if own { BudgetScope::Child } else { BudgetScope::Supervisor },
            ..SupervisorConfig::default()
        };
        (SupervisorPlan { name: String::new(), config, children: Vec::new() }, policy, above)
    })
}

fn policy() -> impl Strategy<Value = ChildPolicy> {
    let restart =
        prop::sample::select(vec![Restart::Permanent, Restart::Transient, Restart::Temporary]);
    let shutdown = prop_oneof![
        1 => Just(Shutdown::Kill),
        3 => (0..40_u32).prop_map(|ms| Shutdown::After(f64::from(ms))),
    ];
    let backoff = (1..20_u32, 1..5_u32).prop_map(|(ms, factor)| Backoff {
        initial_ms: f64::from(ms),
        max_ms: 60.0,
        factor: f64::from(factor),
        jitter: Jitter::Shorter(0.5),
    });
    let timeout = (0..30_u32).prop_map(f64::from);
    let optional = (prop::option::of(backoff), prop::option::weighted(0.2, timeout));
    (restart, shutdown, any::<bool>(), optional).prop_map(
        |(restart, shutdown, significant, (backoff, start_timeout))| ChildPolicy {
            restart,
            shutdown,
            significant,
            backoff,
            start_timeout,
            ..ChildPolicy::worker()
        },
    )
}

/// Returns a worker, and the number of its supervisor.
fn worker() -> impl Strategy<Value = (Plan, usize)> {
    let outcome = prop_oneof![
        8 => Just(Outcome::Runs),
        3 => Just(Outcome::Fails),
        1 => Just(Outcome::Nothing),
        1 => Just(Outcome::Never),
    ];
    let manner = prop_oneof![
        4 => (0..30_u32).prop_map(|ms| Manner::Ends { after: f64::from(ms), reason: ExitReason::Shutdown }),
        1 => Just(Manner::Ends { after: 1.0, reason: ExitReason::Error(1) }),
        1 => Just(Manner::Deaf),
    ];
    let parts = (policy(), prop::collection::vec(outcome, 1..5), 0..40_u32, manner, any::<usize>());
    parts.prop_map(|(policy, attempts, start_ms, manner, above)| {
        let start_ms = f64::from(start_ms);
        let name = String::new();
        (Plan { name, policy, supervisor: None, attempts, start_ms, manner }, above)
    })
}

#[derive(Debug, Clone)]
enum Op {
    Wait(u32),
    /// The n-th living process ends.
    Die(usize, ExitReason),
    /// A request to the n-th supervisor that ever was, about the m-th child of the plan.
    Ask(u8, usize, usize),
    /// An event that is not expected.
    Stale(u8, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let reason = prop::sample::select(vec![
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::Killed,
        ExitReason::Error(1),
        ExitReason::Error(2),
    ]);
    prop_oneof![
        3 => (0..60_u32).prop_map(Op::Wait),
        4 => (any::<usize>(), reason).prop_map(|(which, reason)| Op::Die(which, reason)),
        4 => (any::<u8>(), any::<usize>(), any::<usize>()).prop_map(|(k, s, c)| Op::Ask(k, s, c)),
        1 => (any::<u8>(), any::<usize>()).prop_map(|(kind, which)| Op::Stale(kind, which)),
    ]
}

/// Makes a plan whose parts fit: what a rule forbids is bent until it is allowed.
fn fit(
    above: Vec<(SupervisorPlan, ChildPolicy, usize)>,
    workers: Vec<(Plan, usize)>,
) -> (Vec<Plan>, Vec<SupervisorPlan>) {
    let mut plans = Vec::new();
    let mut supervisors: Vec<SupervisorPlan> = Vec::new();
    for (number, (mut plan, policy, parent)) in above.into_iter().enumerate() {
        plan.name = format!("s{number}");
        if plan.config.strategy == Group::SimpleOneForOne {
            plan.config.template = Some(bend(policy, plan.config.auto_shutdown));
        }
        if number > 0 {
            let parent = parent % number;
            let policy = ChildPolicy { shutdown: Shutdown::Never, ..policy };
            let child = Plan {
                name: plan.name.clone(),
                policy: bend(policy, supervisors[parent].config.auto_shutdown),
                supervisor: Some(number),
                attempts: vec![Outcome::Runs],
                start_ms: 1.0,
                manner: Manner::Deaf,
            };
            enter(child, parent, &mut plans, &mut supervisors);
        }
        supervisors.push(plan);
    }
    for (number, (mut plan, parent)) in workers.into_iter().enumerate() {
        let parent = parent % supervisors.len();
        plan.name = format!("w{number}");
        plan.policy = bend(plan.policy, supervisors[parent].config.auto_shutdown);
        enter(plan, parent, &mut plans, &mut supervisors);
    }
    (plans, supervisors)
}

fn enter(plan: Plan, parent: usize, plans: &mut Vec<Plan>, supervisors: &mut [SupervisorPlan]) {
    // A third of the children wait to be started by request.
    if supervisors[parent].config.template.is_none() && plans.len() % 3 != 2 {
        supervisors[parent].children.push(plans.len());
    }
    plans.push(plan);
}

fn bend(policy: ChildPolicy, auto_shutdown: AutoShutdown) -> ChildPolicy {
    let allowed = auto_shutdown != AutoShutdown::Never && policy.restart != Restart::Permanent;
    ChildPolicy { significant: policy.significant && allowed, ..policy }
}

/// Watches a world while it runs.
struct Watch {
    world: World,
    /// The order of children, as it was before the end began.
    orders: BTreeMap<Pid, Vec<ChildId>>,
    asked: BTreeMap<RequestId, Pid>,
}

impl Watch {
    fn run(&mut self, ms: f64) {
        let until = self.world.now + ms;
        while let Some(at) = self.world.next_at().filter(|&at| at <= until) {
            self.world.step_to(at);
            self.look();
        }
        self.world.now = until;
    }

    fn look(&mut self) {
        let mut instances = BTreeMap::<(Pid, usize), usize>::new();
        for (&pid, process) in &self.world.processes {
            if let Some(machine) = &process.machine
                && !machine.is_ending()
            {
                self.orders.insert(pid, machine.children().map(|view| view.spec.id).collect());
            }
            if !process.alive {
                continue;
            }
            let Some((plan, (parent, _))) = process.plan.zip(process.parent) else { continue };
            // An abandoned start may lead to a process that lives until the news of it arrive.
            if self.world.plans[plan].policy.start_timeout.is_none()
                && self.world.machine(parent).is_some_and(|machine| {
                    machine.template().is_none_or(|policy| policy.start_timeout.is_none())
                })
            {
                *instances.entry((parent, plan)).or_default() += 1;
            }
        }
        assert!(instances.values().all(|&alive| alive <= 1), "two of one child: {instances:?}");
    }

    fn supervisors(&self) -> Vec<Pid> {
        let all = self.world.processes.iter();
        all.filter(|(_, process)| process.machine.is_some()).map(|(&pid, _)| pid).collect()
    }

    fn carry_out(&mut self, op: &Op) {
        match *op {
            Op::Wait(ms) => self.run(f64::from(ms)),
            Op::Die(which, reason) => {
                let root = self.world.root;
                let living: Vec<Pid> = self
                    .world
                    .processes
                    .iter()
                    .filter(|&(&pid, process)| process.alive && pid != root)
                    .map(|(&pid, _)| pid)
                    .collect();
                if !living.is_empty() {
                    self.world.die(living[which % living.len()], reason);
                }
            }
            Op::Ask(kind, which, child) => {
                let supervisors = self.supervisors();
                if self.world.plans.is_empty() {
                    return;
                }
                let index = child % self.world.plans.len();
                // Mostly the supervisor that has the child, sometimes any earlier one.
                let owner = supervisors.iter().copied().find(|&pid| {
                    let machine = self.world.machine(pid);
                    machine.is_some_and(|machine| machine.child(ChildId(index as u64)).is_some())
                });
                let any = supervisors[which % supervisors.len()];
                let to = if which % 4 == 0 { any } else { owner.unwrap_or(any) };
                // A supervisor's plan belongs to one place in the tree, or the tree would have no end.
                if self.world.plans[index].supervisor.is_some() && kind % 7 < 2 {
                    return;
                }
                let (spec, child) = (self.world.plans[index].spec(index), ChildId(index as u64));
                let request = self.world.request(to, |request| match kind % 7 {
                    0 => Event::StartChild { request, spec },
                    1 => Event::StartDynamic { request, child, token: StartToken(index as u64) },
                    2 => Event::TerminateChild { request, child },
                    3 => Event::RestartChild { request, child },
                    4 => Event::DeleteChild { request, child },
                    5 => Event::RemoveChild { request, child },
                    _ => Event::RenewChild { request, child },
                });
                self.asked.insert(request, to);
            }
            Op::Stale(kind, which) => {
                let supervisors = self.supervisors();
                let to = supervisors[which % supervisors.len()];
                let (start, number) = (super::StartId(1), which as u64 % 1_000 + 1_000_000);
                self.world.tell(
                    to,
                    match kind % 5 {
                        0 => Event::ChildExited {
                            pid: Pid::from_f64(number as f64),
                            reason: ExitReason::Normal,
                        },
                        1 => Event::Timer { timer: super::TimerKey(number) },
                        2 => Event::Start,
                        3 => Event::ChildStartFailed {
                            start: super::StartId(number),
                            reason: ExitReason::Normal,
                        },
                        _ => Event::ChildIgnored {
                            start: if number % 2 == 0 {
                                super::StartId(number)
                            } else {
                                super::StartId(start.0 + number)
                            },
                        },
                    },
                );
            }
        }
    }

    /// Compares the beliefs of the machines with the world.
    fn beliefs_hold(&self) {
        for pid in self.supervisors() {
            let machine = self.world.machine(pid).expect("a supervisor");
            let alive = self
                .world
                .processes
                .values()
                .filter(|process| process.alive && process.ready)
                .filter(|process| process.parent.is_some_and(|(parent, _)| parent == pid))
                .count();
            assert_eq!(machine.counts().active, alive, "of {pid:?}");
        }
    }

    fn orders_hold(&self) {
        for (pid, order) in &self.orders {
            if self.world.machine(*pid).is_none_or(|machine| machine.template().is_some()) {
                continue;
            }
            let mut ending = false;
            let mut last = usize::MAX;
            for (_, of, report) in &self.world.reports {
                match report {
                    Report::Stopping { .. } if of == pid => ending = true,
                    Report::Terminated { child, .. } if of == pid && ending => {
                        let place = order.iter().position(|one| one == child).expect("known");
                        assert!(place < last, "{child:?} was stopped after one before it");
                        last = place;
                    }
                    _ => {}
                }
            }
        }
    }

    /// Checks that a crash beyond the budget ends the supervisor, and that nothing else does so for that reason.
    fn budgets_hold(&self) {
        for pid in self.supervisors() {
            let Some(config) = self.world.machine(pid).map(|machine| &machine.config) else {
                continue;
            };
            if config.scope == BudgetScope::Child {
                continue;
            }
            let (mut crashes, mut all) = (Vec::new(), Vec::new());
            let mut over = false;
            for (at, of, report) in &self.world.reports {
                if *of != pid {
                    continue;
                }
                match report {
                    Report::Exited { verdict: super::ExitVerdict::Restart, .. } => {
                        crashes.push(*at);
                        all.push(*at);
                    }
                    Report::StartFailed { .. } => all.push(*at),
                    Report::GivingUp { .. } => {
                        let recent = all.iter().filter(|&&one| one >= at - config.within_ms);
                        assert!(
                            recent.count() > config.max_restarts as usize,
                            "it gave up too early"
                        );
                        over = false;
                    }
                    Report::Started { .. } | Report::RestartDelayed { .. } => {
                        assert!(!over, "it went on over budget");
                    }
                    _ => {}
                }
                let recent = crashes.iter().filter(|&&one| one >= at - config.within_ms);
                over = over
                    || (recent.count() > config.max_restarts as usize
                        && matches!(
                            report,
                            Report::Exited { verdict: super::ExitVerdict::Restart, .. }
                        ));
            }
            assert!(!over, "it did not give up");
        }
    }

    fn requests_hold(&self) {
        for (request, replies) in &self.world.replies {
            assert_eq!(replies.len(), 1, "replies to {request:?}");
        }
        let mut last = BTreeMap::new();
        for (of, request) in &self.world.served {
            let before = last.insert(of, request);
            assert!(before.is_none_or(|before| before < request), "{request:?} was served early");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_happens_the_promises_hold(
        above in prop::collection::vec(supervisor(), 1..5),
        workers in prop::collection::vec(worker(), 0..10),
        ops in prop::collection::vec(op(), 0..40),
        latency in 0..6_u32,
        kill_root in prop::bool::weighted(0.2),
        seed: u64,
    ) {
        let (plans, supervisors) = fit(above, workers);
        let mut world = World::new(plans, supervisors, seed);
        world.latency = f64::from(latency);
        world.start_root();
        let mut watch = Watch { world, orders: BTreeMap::new(), asked: BTreeMap::new() };
        watch.look();
        for op in &ops {
            watch.carry_out(op);
        }
        if ops.len() % 2 == 0 {
            watch.run(20_000.0);
            // A tree that goes on crashing always has news under way.
            if watch.world.next_at().is_none() {
                watch.beliefs_hold();
            }
        }
        let event = if kill_root { Event::Killed } else { Event::ExitRequested { reason: ExitReason::Shutdown } };
        watch.world.tell(watch.world.root, event);
        watch.run(60_000.0);
        prop_assert!(watch.world.machine(watch.world.root).is_some_and(super::Supervisor::is_stopped));
        prop_assert_eq!(watch.world.alive(), 0, "orphans");
        watch.orders_hold();
        watch.budgets_hold();
        watch.requests_hold();
    }
}
