//! The way of a roll: order, limits, soak, crashes.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use trireme_blueprint::*;

use crate::world::*;

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
    let planned = |world: &World| {
        plan(
            &world.inventory,
            &world.goal.wanted,
            &world.goal.policy,
            None,
        )
    };
    let Plan::Blueprint(blueprint) = planned(&world) else {
        panic!("every node differs");
    };
    let waves = blueprint.waves.iter();
    let names: Vec<_> = waves.map(|wave| wave.name.as_str()).collect();
    assert_eq!(names, ["control plane", "canary", "zone az-1", "zone az-0"]);
    assert_eq!(blueprint.waves[0].steps[0].state, StepState::Ready);
    let canary = &blueprint.waves[1].steps[0].state;
    assert_eq!(*canary, StepState::Waiting("the control plane".into()));
    world.roll(None);
    let done = world.evidence().nodes.into_iter().map(|node| node.name);
    let steps = blueprint.waves.iter().flat_map(|wave| &wave.steps);
    assert!(done.eq(steps.map(|step| step.node.clone())));
    assert_eq!(planned(&world), Plan::NoPlan(NoPlan::UpToDate));
}

/// From the end of each node to the beginning of the next.
fn pauses(world: &World) -> Vec<SignedDuration> {
    let nodes = world.evidence().nodes;
    let pairs = nodes.windows(2);
    pairs
        .map(|pair| {
            let (begun, ended) = (pair[1].cordoned_at.unwrap(), pair[0].uncordoned_at.unwrap());
            begun.duration_since(ended)
        })
        .collect()
}

#[test]
fn the_soak_follows_the_canary() {
    let policy = Policy {
        soak: Duration::from_mins(5),
        ..Policy::default()
    };
    let mut world = world(1, 0, 3, policy);
    world.roll(None);
    let long: Vec<_> = pauses(&world)
        .iter()
        .map(|pause| *pause >= SignedDuration::from_mins(5))
        .collect();
    assert_eq!(long, [true, false]);
}

#[test]
fn without_canaries_there_is_no_soak_after_the_control_plane_either() {
    let policy = Policy {
        canary: 0,
        soak: Duration::from_mins(5),
        ..Policy::default()
    };
    let mut world = world(1, 1, 2, policy);
    world.roll(None);
    let longest = pauses(&world).into_iter().max().unwrap();
    assert!(longest < SignedDuration::from_mins(1), "{longest}");
}

#[test]
fn no_node_is_begun_while_a_budget_or_another_node_is_not_healthy() {
    let mut stale = world(1, 0, 3, Policy::default());
    stale.inventory.budgets[0].observed = false;
    let found = waits(stale.next());
    assert!(
        matches!(
            found,
            WaitReason::Blocked(Blocker::BudgetNotProcessed { .. })
        ),
        "{found}"
    );
    let mut broken = world(1, 0, 3, Policy::default());
    broken.inventory.budgets[0].current = 0;
    let found = waits(broken.next());
    assert!(
        matches!(
            found,
            WaitReason::Blocked(Blocker::BudgetNotSatisfied { .. })
        ),
        "{found}"
    );
    let mut away = world(1, 0, 3, Policy::default());
    away.node("w-2").ready = false;
    let found = waits(away.next());
    assert!(
        matches!(found, WaitReason::Blocked(Blocker::ZoneLimit { .. })),
        "{found}"
    );
    let stop = stopped(away.next_after(Duration::from_mins(10)));
    assert!(matches!(
        &stop.reason,
        StopReason::BeginTimeout { seconds: 600, .. }
    ));
    assert!(stop.reason.to_string().contains("w-2"));
}

#[test]
fn a_zone_has_as_many_nodes_out_of_service_as_its_limit_whatever_the_cause() {
    let policy = Policy {
        canary: 0,
        max_unavailable: Limit::Count(2),
        ..Policy::default()
    };
    let mut world = world(1, 0, 4, policy);
    world.node("w-3").ready = false;
    let first = actions(world.next());
    assert_eq!(first.len(), 1);
    world.apply(&first[0]);
    world.inventory.pods.insert("w-0".into(), Vec::new());
    let next = world.next();
    assert!(
        matches!(&next, NextActions::Go(_, waits) if waits.iter().any(|wait| {
            matches!(wait.reason, WaitReason::Blocked(Blocker::ZoneLimit { limit: 2, .. }))
        })),
        "{next:?}"
    );
    world.node("w-3").ready = true;
    let begun = actions(world.next());
    assert!(
        matches!(&begun[..], [Action::StartJob { .. }, Action::Cordon { .. }]),
        "{begun:?}"
    );
}

#[test]
fn a_closed_window_begins_no_node_and_finishes_one_that_was_begun() {
    let mut world = world(1, 0, 2, Policy::default());
    let opens_at = world.now().wall;
    world.goal.window = Window::ClosedUntil(opens_at);
    assert_eq!(waits(world.next()), WaitReason::WindowClosed(opens_at));
    world.begin_job("w-0");
    world.turn();
    assert!(matches!(
        &actions(world.next())[..],
        [Action::Uncordon { .. }]
    ));
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
