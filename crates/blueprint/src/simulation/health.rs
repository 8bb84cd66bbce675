//! A node takes pods again only when everything on it is healthy.

use jiff::SignedDuration;

use super::*;

/// A node that is back, Ready and new, with this pod on it.
fn back_with(pod: Pod) -> World {
    let mut world = world(1, 0, 2, Policy::default());
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    world.start("w-0");
    world.turn();
    world.inventory.pods.insert("w-0".into(), vec![pod]);
    world
}

#[test]
fn what_runs_on_a_node_whatever_its_kind_must_be_ready_before_it_takes_pods_again() {
    for kind in [
        PodKind::Daemon,
        PodKind::Mirror,
        PodKind::Managed,
        PodKind::Unmanaged,
    ] {
        let ill = Pod {
            kind,
            ready: false,
            ..pod("log-1")
        };
        let mut world = back_with(ill);
        let late = world.now + SignedDuration::from_mins(10);
        let before = late - SignedDuration::from_secs(1);
        let waits = moves(&world.inventory, &world.goal, before);
        let what = "until these are Ready: shop/log-1".to_owned();
        let object = "node w-0 (az-0)".to_owned();
        let wait = Wait {
            object: object.clone(),
            what: what.clone(),
        };
        assert_eq!(waits, Moves::Go(Vec::new(), vec![wait]), "{kind:?}");
        let stop = Stop {
            object,
            reason: StopReason::NodeTimeout(600, what),
            restore: None,
        };
        let late = moves(&world.inventory, &world.goal, late);
        assert_eq!(late, Moves::Stop(stop), "{kind:?}");
        world.inventory.pods.get_mut("w-0").unwrap()[0].ready = true;
        let healthy = moves(&world.inventory, &world.goal, before);
        let given_back =
            matches!(&healthy, Moves::Go(acts, _) if matches!(acts[..], [Act::Uncordon(..)]));
        assert!(given_back, "{kind:?}: {healthy:?}");
    }
}

#[test]
fn pods_that_have_ended_or_are_leaving_hold_no_node_back() {
    let leaving = Pod {
        leaving: true,
        ready: false,
        kind: PodKind::Daemon,
        ..pod("log-1")
    };
    for kind in [PodKind::Finished, PodKind::Act] {
        let ended = Pod {
            kind,
            leaving: false,
            ..leaving.clone()
        };
        for pod in [ended, leaving.clone()] {
            let world = back_with(pod);
            let next = moves(&world.inventory, &world.goal, world.now);
            assert!(
                matches!(&next, Moves::Go(acts, _) if matches!(acts[..], [Act::Uncordon(..)])),
                "{next:?}"
            );
        }
    }
}

/// DaemonSet `shop/log`, of whose two pods so many are there.
fn log(current: i32, observed: bool) -> Daemon {
    Daemon {
        namespace: "shop".into(),
        name: "log".into(),
        desired: 2,
        current,
        observed,
    }
}

fn log_pod() -> Pod {
    let owner = Owner {
        kind: "DaemonSet".into(),
        name: "log".into(),
    };
    Pod {
        kind: PodKind::Daemon,
        owner: Some(owner),
        budgets: Vec::new(),
        ..pod("log-1")
    }
}

#[test]
fn a_daemon_that_may_owe_the_node_a_pod_is_waited_for() {
    let elsewhere = Pod {
        namespace: "bank".into(),
        ..log_pod()
    };
    let other = Pod {
        kind: PodKind::Managed,
        ..log_pod()
    };
    for (what, daemon, on_it, is_back) in [
        ("all its pods are there", log(2, true), None, true),
        ("it has no pod yet", log(1, true), None, false),
        ("its status is old", log(2, false), None, false),
        ("it has one here", log(1, true), Some(log_pod()), true),
        ("a namesake has", log(1, true), Some(elsewhere), false),
        ("no daemon of it", log(1, true), Some(other), false),
    ] {
        let mut world = back_with(on_it.unwrap_or_else(|| pod("web-1")));
        world.inventory.daemons.push(daemon);
        let next = moves(&world.inventory, &world.goal, world.now);
        let given_back =
            matches!(&next, Moves::Go(acts, _) if matches!(acts[..], [Act::Uncordon(..)]));
        assert_eq!(given_back, is_back, "{what}: {next:?}");
        if !is_back {
            assert!(format!("{next:?}").contains("until DaemonSet shop/log has a pod on it ("));
        }
    }
}

#[test]
fn a_daemon_that_does_not_come_stops_the_roll_and_is_named_before_a_roll_begins() {
    let mut world = back_with(pod("web-1"));
    world.inventory.daemons.push(log(1, true));
    let late = world.now + SignedDuration::from_mins(10);
    let Moves::Stop(stop) = moves(&world.inventory, &world.goal, late) else {
        panic!("the deadline has passed");
    };
    let what = "until DaemonSet shop/log has a pod on it (1 of 2 nodes have one)";
    assert_eq!(stop.reason, StopReason::NodeTimeout(600, what.into()));

    let mut fresh = self::world(1, 0, 2, Policy::default());
    fresh.inventory.daemons.push(log(1, true));
    let rehearsed = |world: &World| {
        let found = rehearse(&world.inventory, &world.goal.wanted, &world.goal.policy);
        found
            .first()
            .map(|obstacle| (obstacle.to_string(), obstacle.may_pass()))
    };
    let (text, may_pass) = rehearsed(&fresh).unwrap();
    let parts = [
        "DaemonSet shop/log has no pod on node w-0",
        "(1 of 2 nodes have one)",
    ];
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    assert!(may_pass);
    // Both nodes have one: where the other is missing, nothing is to be done.
    for pods in fresh.inventory.pods.values_mut() {
        pods.push(log_pod());
    }
    assert_eq!(rehearsed(&fresh), None);
}
