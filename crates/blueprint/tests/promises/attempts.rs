//! What becomes of a node that was begun.

use std::time::Duration;

use trireme_blueprint::*;
use trireme_release::Version;

use crate::world::*;

#[test]
fn a_drain_that_is_never_allowed_gives_the_node_back_after_its_deadline() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    assert_eq!(actions(world.next_after(Duration::from_mins(14))).len(), 2);
    let stop = stopped(world.next_after(Duration::from_mins(1)));
    assert!(matches!(&stop.last, Some(Action::GiveBack { node }) if node.name == "w-0"));
    assert!(stop.reason.to_string().contains("shop/web-0-0"));
    world.restart();
    assert_eq!(
        actions(world.next()).len(),
        2,
        "a new run has its full time"
    );
}

#[test]
fn a_failed_job_stops_this_run_and_is_tried_again_by_the_next() {
    let mut world = world(1, 0, 2, Policy::default());
    world.begin_job("w-0");
    world.inventory.jobs[0].state = JobState::Failed("BackoffLimitExceeded".into());
    let stop = stopped(world.next());
    assert_eq!((stop.last, stop.object.as_str()), (None, "node w-0 (az-0)"));
    world.restart();
    let first = world.node("w-0").roll.clone().unwrap().attempt;
    let again = actions(world.next());
    let [Action::Cordon { annotation, .. }] = &again[..] else {
        panic!("a new attempt: {again:?}");
    };
    assert!(annotation.attempt != first && annotation.acted);
    world.apply(&again[0]);
    let next = actions(world.next());
    assert!(matches!(&next[..], [Action::DeleteJob { .. }]), "{next:?}");
    world.apply(&next[0]);
    let next = actions(world.next());
    assert!(matches!(&next[..], [Action::StartJob { .. }]), "{next:?}");
}

#[test]
fn a_node_that_something_uncordons_again_and_again_is_given_up_after_the_time_of_a_drain() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    let attempt = world.node("w-0").roll.clone().unwrap().attempt;
    for _ in 0..3 {
        world.node("w-0").schedulable = true;
        let next = actions(world.next_after(Duration::from_mins(4)));
        let [Action::Cordon { annotation, .. }] = &next[..] else {
            panic!("a cordon: {next:?}");
        };
        assert_eq!(annotation.attempt, attempt);
        world.apply(&next[0]);
        assert_eq!(actions(world.next()).len(), 2, "two evictions");
    }
    world.node("w-0").schedulable = true;
    let stop = stopped(world.next_after(Duration::from_mins(4)));
    assert!(matches!(
        stop.reason,
        StopReason::Uncordoned { seconds: 900 }
    ));
    assert!(matches!(stop.last, Some(Action::GiveBack { .. })));
}

#[test]
fn a_job_that_is_gone_is_waited_for_by_the_version_of_its_node_and_not_started_again() {
    let mut world = world(1, 0, 2, Policy::default());
    world.begin_job("w-0");
    let job = world.inventory.jobs.pop().unwrap();
    let reason = waits(world.next());
    assert!(
        matches!(&reason, WaitReason::JobGone { job: gone, .. } if *gone == job.name),
        "{reason}"
    );
    let stop = stopped(world.next_after(Duration::from_mins(10)));
    assert!(matches!(
        &stop.reason,
        StopReason::JobGone { seconds: 600, .. }
    ));
    assert_eq!(stop.last, None, "something may have been done on it");
    // It had done its work, and somebody deleted it then.
    world.node("w-0").version = NEW;
    let next = actions(world.next());
    assert!(matches!(&next[..], [Action::Uncordon { .. }]), "{next:?}");
}

#[test]
fn a_node_whose_failed_job_has_expired_is_not_given_back_and_its_job_is_started_again_by_the_next_run()
 {
    let mut world = world(1, 0, 2, Policy::default());
    world.begin_job("w-0");
    world.inventory.jobs.clear();
    world.restart();
    assert_eq!(world.inventory.give_back("w-0"), None);
    let next = actions(world.next());
    let [
        Action::StartJob {
            annotation, start, ..
        },
    ] = &next[..]
    else {
        panic!("the Job again: {next:?}");
    };
    assert_eq!(*start, Start::AfterLost);
    assert!(next[0].to_string().contains("its outcome is not known"));
    // A request of the run before that comes late finds a Job of the same name.
    assert_eq!(
        annotation.attempt,
        world.node("w-0").roll.clone().unwrap().attempt
    );
    // Pods came back, and cannot leave: nothing is known of the node, so that it is not given back.
    world
        .inventory
        .pods
        .insert("w-0".into(), vec![pod("web-0-9")]);
    let stop = stopped(world.next_after(Duration::from_mins(15)));
    assert!(matches!(stop.reason, StopReason::DrainTimeout { .. }));
    assert_eq!(stop.last, None);
}

#[test]
fn a_node_whose_failed_job_has_expired_waits_under_a_goal_that_it_may_not_go_to() {
    let mut world = under_another_goal(1, Version::new(1, 37, 3));
    world.node("w-1").roll.as_mut().unwrap().started = true;
    waits_for_the_control_plane(&mut world);
}

#[test]
fn a_start_that_this_run_does_not_see_yet_is_no_lost_job() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    let next = actions(world.next());
    world.apply(&next[0]);
    world.inventory.jobs.clear();
    let next = actions(world.next());
    assert!(
        matches!(
            &next[..],
            [Action::StartJob {
                start: Start::Repeated,
                ..
            }]
        ),
        "{next:?}"
    );
}

#[test]
fn no_job_starts_while_a_pod_of_an_earlier_action_runs_on_the_node() {
    let mut world = world(1, 0, 2, Policy::default());
    world.begin_job("w-0");
    world.inventory.jobs[0].state = JobState::Failed("DeadlineExceeded".into());
    let running = Pod {
        kind: PodKind::Action,
        budgets: Vec::new(),
        ..pod("trireme-w-0-pod")
    };
    world.inventory.pods.insert("w-0".into(), vec![running]);
    world.restart();
    let reason = waits(world.next());
    assert!(matches!(reason, WaitReason::ActionPod(_)), "{reason}");
    let stop = stopped(world.next_after(Duration::from_mins(30)));
    assert!(matches!(stop.reason, StopReason::EarlierTimeout { .. }));
    world.inventory.pods.get_mut("w-0").unwrap()[0].ended = true;
    for _ in 0..2 {
        let next = actions(world.next());
        assert!(!matches!(next[0], Action::StartJob { .. }), "{next:?}");
        world.apply(&next[0]);
    }
    assert!(matches!(
        &actions(world.next())[..],
        [Action::StartJob { .. }]
    ));
}

#[test]
fn an_active_job_of_another_attempt_is_waited_for_and_never_deleted() {
    let mut world = world(1, 0, 2, Policy::default());
    world.begin_job("w-0");
    world.inventory.jobs[0].attempt = "another".into();
    let reason = waits(world.next());
    assert!(matches!(reason, WaitReason::EarlierJob(_)), "{reason}");
}

#[test]
fn times_of_the_api_server_decide_nothing() {
    for seconds in [-300, -6, -1, 0, 6, 300] {
        let mut world = world(1, 0, 2, Policy::default());
        world.begin_job("w-0");
        let created_at = world.now().wall + jiff::SignedDuration::from_secs(seconds);
        world.inventory.jobs[0].created_at = Some(created_at);
        let reason = waits(world.next());
        assert!(
            matches!(reason, WaitReason::JobRunning(_)),
            "{seconds} s: {reason}"
        );
    }
}

#[test]
fn a_node_that_never_becomes_ready_stops_the_roll_and_stays_cordoned() {
    let mut world = world(1, 0, 2, Policy::default());
    world.begin_job("w-0");
    world.turn();
    world.node("w-0").ready = false;
    waits(world.next());
    let stop = stopped(world.next_after(Duration::from_mins(10)));
    assert!(
        matches!(&stop.reason, StopReason::ReturnTimeout { seconds: 600, lacks } if lacks.contains("not Ready"))
    );
    assert_eq!(stop.last, None);
}

#[test]
fn pods_that_were_not_listed_are_not_gone() {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.clear();
    let reason = waits(world.next());
    assert!(
        matches!(reason, WaitReason::Blocked(Blocker::PodsUnknown { .. })),
        "{reason}"
    );
}

/// The control plane is begun, and what has begun already waits for it.
fn waits_for_the_control_plane(world: &mut World) {
    let NextActions::Go(next, waits) = world.next() else {
        panic!("it goes on");
    };
    assert!(
        matches!(&next[..], [Action::Cordon { node, .. }] if node.name == "cp-0"),
        "{next:?}"
    );
    assert!(matches!(
        &waits[0].reason,
        WaitReason::Blocked(Blocker::ControlPlaneFirst { .. })
    ));
}

/// A world in which `w-1` was begun, and whose goal is another version now.
fn under_another_goal(planes: usize, version: Version) -> World {
    let mut world = world(1, planes, 2, Policy::default());
    for node in world
        .inventory
        .nodes
        .values_mut()
        .filter(|node| node.control_plane)
    {
        node.version = NEW;
    }
    world.inventory.server = NEW;
    let worker = if planes == 0 { "w-0" } else { "w-1" };
    world.cordon(worker);
    world.goal.wanted.version = version;
    world.goal.blueprint = "another".into();
    world.restart();
    world
}

#[test]
fn a_node_that_was_begun_for_another_goal_gets_a_new_attempt_for_this_one() {
    let mut world = under_another_goal(0, Version::new(1, 37, 1));
    let next = actions(world.next());
    let [Action::Cordon { annotation, .. }] = &next[..] else {
        panic!("a new attempt: {next:?}");
    };
    assert_eq!(
        (&annotation.blueprint[..], &annotation.to),
        ("another", &Version::new(1, 37, 1))
    );
    assert_eq!(annotation.from, OLD);
}

#[test]
fn a_node_that_may_not_go_on_under_another_goal_is_given_back() {
    let mut world = under_another_goal(1, Version::new(1, 38, 0));
    let next = actions(world.next());
    assert!(
        next.iter()
            .any(|action| matches!(action, Action::GiveBack { node } if node.name == "w-1")),
        "{next:?}"
    );
}

#[test]
fn a_node_on_which_an_action_failed_waits_for_the_control_plane_of_another_goal() {
    let mut world = under_another_goal(1, Version::new(1, 37, 3));
    world.node("w-1").roll.as_mut().unwrap().acted = true;
    waits_for_the_control_plane(&mut world);
    let preflight = world.inventory.preflight(&world.goal);
    assert_eq!(preflight.failures, []);
    let plane = world.node("cp-0");
    plane.version = Version::new(1, 37, 3);
    world.inventory.server = Version::new(1, 37, 3);
    let next = actions(world.next());
    assert!(
        matches!(&next[..], [Action::Cordon { node, .. }] if node.name == "w-1"),
        "{next:?}"
    );
}
