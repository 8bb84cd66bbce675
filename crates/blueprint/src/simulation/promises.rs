//! What [`crate::moves`], [`crate::plan`] and [`crate::rehearse`] promise.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use trireme_release::Version;

use super::*;

#[test]
fn a_crash_after_any_write_is_resumed_and_no_node_is_disturbed_twice() {
    let policy = Policy {
        max_unavailable: Limit::Count(2),
        ..Policy::default()
    };
    let writes = world(2, 3, 6, policy.clone()).roll(None);
    assert!(
        writes > 9 * 3,
        "each node takes at least cordon, Job, uncordon"
    );
    for crash in 1..=writes {
        let mut world = world(2, 3, 6, policy.clone());
        world.roll(Some(crash));
        world.check_end();
    }
}

#[test]
fn the_order_is_control_plane_canary_then_zone_by_zone() {
    let policy = Policy {
        zone_order: vec!["az-1".into()],
        ..Policy::default()
    };
    let mut world = world(2, 2, 4, policy);
    let Plan::Blueprint(blueprint) = plan(
        &world.inventory,
        &world.goal.wanted,
        &world.goal.policy,
        None,
    ) else {
        panic!("every node differs");
    };
    let names: Vec<_> = blueprint
        .waves
        .iter()
        .map(|wave| wave.name.as_str())
        .collect();
    assert_eq!(names, ["control plane", "canary", "zone az-1", "zone az-0"]);
    assert_eq!(blueprint.waves[0].steps[0].state, StepState::Ready);
    assert_eq!(
        blueprint.waves[1].steps[0].state,
        StepState::Waiting("the control plane".into())
    );
    world.roll(None);
    let evidence = Evidence::new(&world.inventory, &world.goal, Journal::default(), world.now);
    let done: Vec<_> = evidence
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    let planned = blueprint.waves.iter().flat_map(|wave| &wave.steps);
    let planned: Vec<_> = planned.map(|step| step.node.as_str()).collect();
    assert_eq!(done, planned);
    assert_eq!(
        plan(
            &world.inventory,
            &world.goal.wanted,
            &world.goal.policy,
            None
        ),
        Plan::Quiet(Quiet::AllThere)
    );
}

#[test]
fn a_drain_that_is_never_allowed_gives_the_node_back_after_its_deadline() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    let before = world.now + SignedDuration::from_mins(14);
    assert!(matches!(
        moves(&world.inventory, &world.goal, before),
        Moves::Go(..)
    ));
    let after = world.now + SignedDuration::from_mins(15);
    let Moves::Stop(stop) = moves(&world.inventory, &world.goal, after) else {
        panic!("the deadline has passed");
    };
    assert_eq!(stop.restore.as_deref(), Some("w-0"));
    assert!(stop.reason.to_string().contains("shop/web-0-0"));
    world.goal.started_at = after;
    assert!(
        matches!(moves(&world.inventory, &world.goal, after), Moves::Go(..)),
        "a new run has its full time"
    );
}

#[test]
fn a_failed_job_stops_this_run_and_is_tried_again_by_the_next() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    world.start("w-0");
    world.now += SignedDuration::from_secs(5);
    world.inventory.jobs[0].state = JobState::Failed(world.now, "BackoffLimitExceeded".into());
    let Moves::Stop(stop) = moves(&world.inventory, &world.goal, world.now) else {
        panic!("the act failed");
    };
    assert_eq!(
        (stop.restore, stop.object.as_str()),
        (None, "node w-0 (az-0)")
    );
    world.now += SignedDuration::from_secs(5);
    world.goal.started_at = world.now;
    let again = moves(&world.inventory, &world.goal, world.now);
    assert_eq!(
        again,
        Moves::Go(vec![Act::RetireJob("w-0".into())], Vec::new())
    );
}

#[test]
fn a_job_that_fails_in_the_second_in_which_the_run_began_is_not_one_of_an_earlier_run() {
    let mut world = world(1, 0, 2, Policy::default());
    world.goal.started_at = world.now + SignedDuration::from_millis(300);
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    world.start("w-0");
    // What happened at 0.9 s is told as 0 s.
    world.inventory.jobs[0].state = JobState::Failed(world.now, "BackoffLimitExceeded".into());
    let next = moves(&world.inventory, &world.goal, world.goal.started_at);
    assert!(matches!(next, Moves::Stop(_)), "{next:?}");
}

#[test]
fn a_node_that_never_becomes_ready_stops_the_roll_and_stays_cordoned() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    world.start("w-0");
    world.turn();
    world.inventory.nodes.get_mut("w-0").unwrap().ready = false;
    assert!(
        matches!(moves(&world.inventory, &world.goal, world.now), Moves::Go(acts, _) if acts.is_empty())
    );
    let late = world.now + SignedDuration::from_mins(10);
    let Moves::Stop(stop) = moves(&world.inventory, &world.goal, late) else {
        panic!("the deadline has passed");
    };
    assert_eq!(
        stop.reason,
        StopReason::NodeTimeout(600, "until it is Ready".into())
    );
    assert_eq!(stop.restore, None);
}

#[test]
fn pods_that_were_not_listed_are_not_gone() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.clear();
    let next = moves(&world.inventory, &world.goal, world.now);
    assert!(matches!(next, Moves::Go(acts, waits) if acts.is_empty() && waits.len() == 1));
}

#[test]
fn no_node_is_begun_while_a_budget_or_another_node_is_not_healthy() {
    let idle = |world: &World| matches!(moves(&world.inventory, &world.goal, world.now), Moves::Go(acts, _) if acts.is_empty());
    let mut stale = world(1, 0, 3, Policy::default());
    stale.inventory.budgets[0].observed = false;
    assert!(idle(&stale));
    let mut broken = world(1, 0, 3, Policy::default());
    broken.inventory.budgets[0].current = 0;
    assert!(idle(&broken));
    let mut away = world(1, 0, 3, Policy::default());
    away.inventory.nodes.get_mut("w-2").unwrap().ready = false;
    assert!(idle(&away));
    away.now += SignedDuration::from_mins(10);
    assert!(
        matches!(moves(&away.inventory, &away.goal, away.now), Moves::Stop(stop) if stop.reason.to_string().contains("w-2"))
    );
}

#[test]
fn the_soak_follows_the_canary() {
    let policy = Policy {
        soak: Duration::from_mins(5),
        ..Policy::default()
    };
    let mut world = world(1, 0, 3, policy);
    let begun = world.now;
    world.roll(None);
    let nodes: Vec<_> =
        Evidence::new(&world.inventory, &world.goal, Journal::default(), begun).nodes;
    let pause = nodes[1].cordoned_at.duration_since(nodes[0].uncordoned_at);
    assert!(pause >= SignedDuration::from_mins(5), "{pause}");
    let pause = nodes[2].cordoned_at.duration_since(nodes[1].uncordoned_at);
    assert!(pause < SignedDuration::from_mins(5), "{pause}");
}

#[test]
fn what_would_stop_the_roll_is_named_before_it_begins() {
    let mut world = world(1, 0, 2, Policy::default());
    let rehearse_it =
        |world: &World| rehearse(&world.inventory, &world.goal.wanted, &world.goal.policy);
    assert_eq!(rehearse_it(&world), []);
    world.inventory.budgets[0].desired = 4;
    let pods = world.inventory.pods.get_mut("w-0").unwrap();
    pods[0].budgets.push("all".into());
    pods[1].kind = PodKind::Unmanaged;
    world.inventory.server = OLD;
    let found = rehearse_it(&world);
    let text = found
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    for part in [
        "budget shop/web of Deployment shop/web can never",
        "(all, web)",
        "shop/web-0-1 on node w-0",
        "newer than API server",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(found.iter().all(|obstacle| !obstacle.may_pass()));
}

#[test]
fn a_finished_roll_is_history_for_the_next() {
    let mut world = world(1, 0, 2, Policy::default());
    world.roll(None);
    let late = world.inventory.nodes.get_mut("w-1").unwrap();
    late.version = Version::new(1, 37, 1);
    late.rolled = None;
    let identity = |at| Identity::new(&world.inventory, &world.goal.wanted, &world.goal.policy, at);
    assert_eq!(identity(None).from(), Some(&OLD));
    assert_eq!(
        identity(Some(world.now)).from(),
        Some(&Version::new(1, 37, 1))
    );
}

proptest! {
    #[test]
    fn any_world_is_rolled_within_its_limits(
        zones in 1usize..4,
        planes in 0usize..4,
        workers in 2usize..9,
        canary in 0u32..3,
        count in 1u32..4,
        crash in 1usize..60,
    ) {
        let policy = Policy { canary, max_unavailable: Limit::Count(count), ..Policy::default() };
        let mut world = world(zones, planes, workers, policy);
        world.roll(Some(crash));
        world.check_end();
    }
}
