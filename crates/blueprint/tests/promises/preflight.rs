//! What would stop a roll half-way is named before it begins.

use trireme_blueprint::*;
use trireme_release::Version;

use crate::world::*;

fn failures(world: &World) -> Vec<Blocker> {
    world.inventory.preflight(&world.goal).failures
}

fn text(found: &[Blocker]) -> String {
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn what_would_stop_the_roll_is_named_before_it_begins() {
    let mut world = world(1, 0, 2, Policy::default());
    assert_eq!(failures(&world), []);
    world.inventory.budgets[0].desired = 4;
    let pods = world.inventory.pods.get_mut("w-0").unwrap();
    pods[0].budgets.push("all".into());
    pods[1].kind = PodKind::Unmanaged;
    pods[1].finalizers = vec!["example.com/held".into()];
    world.inventory.server = OLD;
    let found = failures(&world);
    let text = text(&found);
    for part in [
        "PDB shop/web of Deployment shop/web never allows an eviction",
        "(all, web)",
        "pod shop/web-0-1 on node w-0 has no controller",
        "has the finalizer example.com/held",
        "newer than",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(found.iter().all(|blocker| !blocker.may_pass()), "{text}");
}

#[test]
fn a_pod_with_a_finalizer_that_the_policy_lists_may_leave() {
    let mut world = world(1, 0, 2, Policy::default());
    world.inventory.pods.get_mut("w-1").unwrap()[0].finalizers = vec!["example.com/mine".into()];
    assert!(
        matches!(&failures(&world)[..], [Blocker::HeldByFinalizer { node, .. }] if node == "w-1")
    );
    world
        .goal
        .policy
        .finalizers
        .insert("example.com/mine".into());
    assert_eq!(failures(&world), []);
}

#[test]
fn the_only_worker_has_no_room_for_its_pods() {
    let mut world = world(1, 1, 1, Policy::default());
    assert!(matches!(
        &failures(&world)[..],
        [Blocker::NoRoom { pods: 2, .. }]
    ));
    world.inventory.pods.insert("w-1".into(), Vec::new());
    assert_eq!(failures(&world), []);
}

#[test]
fn a_budget_that_selects_no_pods_blocks_nothing() {
    for health in [Health::MadeWorse, Health::Nodes, Health::Cluster] {
        let policy = Policy {
            health,
            ..Policy::default()
        };
        let mut world = world(1, 0, 2, policy);
        world.inventory.budgets.push(budget("empty", 0, 1, 0));
        world.goal.before = Before::default();
        assert_eq!(failures(&world), [], "{health:?}");
    }
}

#[test]
fn a_count_of_a_budget_whose_pods_still_start_is_waited_for() {
    let mut world = world(1, 0, 2, Policy::default());
    let budget = &mut world.inventory.budgets[0];
    (budget.counts_existing_pods, budget.desired) = (true, 4);
    for pods in world.inventory.pods.values_mut() {
        for pod in pods {
            pod.owner.as_mut().unwrap().kind = "StatefulSet".into();
        }
    }
    let found = failures(&world);
    assert!(
        matches!(&found[..], [Blocker::BudgetNeedsMorePods { .. }]),
        "{found:?}"
    );
    assert!(found[0].may_pass());
    world.inventory.budgets[0].counts_existing_pods = false;
    let found = failures(&world);
    assert!(
        matches!(&found[..], [Blocker::BudgetAllowsNone { .. }]),
        "{found:?}"
    );
}

#[test]
fn nodes_with_long_names_are_rolled() {
    let mut world = world(1, 0, 2, Policy::default());
    let long = format!("ip-10-0-0-1.{}.internal", "eu-central-1.compute".repeat(3));
    let pods = world.inventory.pods.remove("w-0").unwrap();
    world.inventory.nodes.remove("w-0");
    world
        .inventory
        .nodes
        .insert(long.clone(), node(&long, "az-0", false));
    world.inventory.pods.insert(long.clone(), pods);
    assert_eq!(failures(&world), []);
    world.roll(None);
    let jobs = world.inventory.jobs.iter();
    assert!(jobs.map(|job| job.name.len()).all(|length| length <= 52));
}

#[test]
fn a_version_that_the_skew_policy_does_not_allow_is_named_and_one_that_the_control_plane_brings_is_not()
 {
    for (planes, server, wanted, is_legal) in [
        (0, (1, 37), (1, 37, 2), true),
        (0, (1, 36), (1, 37, 2), false),
        (0, (1, 37), (1, 36, 3), false),
        (1, (1, 36), (1, 37, 2), true),
        (1, (1, 36), (1, 38, 0), false),
        (2, (1, 36), (1, 36, 9), true),
    ] {
        let mut world = world(1, planes, 2, Policy::default());
        world.inventory.server = Version::new(server.0, server.1, 4);
        world.goal.wanted.version = Version::new(wanted.0, wanted.1, wanted.2);
        let found = failures(&world);
        assert_eq!(
            found.is_empty(),
            is_legal,
            "{planes} {server:?} {wanted:?}: {found:?}"
        );
        let skew = |blocker: &Blocker| matches!(blocker, Blocker::Skew { lasting: true, .. });
        assert!(is_legal || found.iter().any(skew), "{found:?}");
    }
}
