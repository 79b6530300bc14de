//! The quick mode: the order of the policies, and the same bytes for the same seeds.

use super::{Asked, Lab, PathBuf, examine, whole};
use crate::policy::Kind;
use crate::world::{Fault, Load, Scenario};

fn lab(threads: usize) -> Lab {
    Lab { seeds: 3, threads, quick: true }
}

/// The medians of every policy, ours last.
fn medians(scenario: &Scenario, of: impl Fn(&crate::world::Record) -> f64 + Sync) -> Vec<f64> {
    lab(2).compare(scenario, &Kind::all(), |_, r| [of(r)]).iter().map(|[f]| f.median).collect()
}

#[test]
fn the_same_seeds_are_the_same_page_on_any_number_of_threads() {
    let page = |threads| {
        let only = ["e1", "e2", "e8"].map(str::to_owned).to_vec();
        let asked = Asked { lab: lab(threads), out: PathBuf::new(), only };
        let page = examine(&asked, |_| {});
        (whole(&page, &asked.lab), page.pictures)
    };
    let once = page(1);
    assert_eq!(once, page(3));
    assert!(once.0.contains("## E1.") && once.1.iter().any(|(name, _)| name == "step.svg"));
}

#[test]
fn under_overload_ours_keeps_the_service_busy_and_spares_the_critical() {
    let scenario = Scenario::steady(2.0, 12.0);
    let goodput = medians(&scenario, |r| r.goodput(2.0, 12.0));
    let critical = medians(&scenario, |r| r.success_of(0, 2.0, 12.0));
    let (ours, rivals) = critical.split_last().expect("a policy at least");
    assert!(*ours >= 99.5 && rivals.iter().all(|rival| *rival < 60.0), "{critical:?}");
    let [none, .., ours] = goodput[..] else { panic!("{goodput:?}") };
    let breaker = goodput[Kind::all().iter().position(|k| *k == Kind::Breaker).expect("there")];
    assert!(none < 5.0 && breaker < 60.0 && ours > 96.5, "{goodput:?}");
}

#[test]
fn a_healthy_service_is_left_alone() {
    let refused = medians(&Scenario::steady(0.8, 12.0), |r| r.refused(0.0, 12.0));
    assert_eq!(refused.last(), Some(&0.0), "{refused:?}");
}

/// The trigger is gone, retries go on: without a door they keep the service down.
#[test]
fn ours_recovers_where_no_door_at_all_does_not() {
    let mut scenario = Scenario::standard(Load::Steps(vec![(25.0, 0.9)]), 25.0);
    scenario.retries = 2;
    scenario.faults = vec![Fault { slow: 10.0, ..Fault::of(5.0, 10.0) }];
    let success = medians(&scenario, |r| r.success(15.0, 25.0));
    let [none, .., ours] = success[..] else { panic!("{success:?}") };
    assert!(none < 5.0 && ours > 97.0, "{success:?}");
}
