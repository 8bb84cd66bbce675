//! A node takes pods again when everything on it is healthy that was so before.

use std::collections::BTreeSet;
use std::time::Duration;

use trireme_blueprint::*;

use crate::world::*;

/// A node that is back, Ready and new, with this pod on it.
fn back_with(pod: Pod) -> World {
    let mut world = world(1, 0, 2, Policy::default());
    world.begin_job("w-0");
    world.turn();
    world.inventory.pods.insert("w-0".into(), vec![pod]);
    world
}

fn is_given_back(world: &mut World) -> bool {
    matches!(&actions(world.next())[..], [Action::Uncordon { .. }])
}

#[test]
fn what_runs_on_a_node_whatever_its_kind_must_be_ready_before_it_takes_pods_again() {
    for kind in [
        PodKind::DaemonSet,
        PodKind::Mirror,
        PodKind::Managed,
        PodKind::Unmanaged,
    ] {
        let ill = Pod {
            kind,
            ready: false,
            ..pod("log-1")
        };
        let mut world = back_with(ill.clone());
        let reason = waits(world.next_after(Duration::from_secs(599)));
        assert_eq!(
            reason.to_string(),
            "waiting: pods on node w-0 are not Ready: shop/log-1."
        );
        let stop = stopped(world.next_after(Duration::from_secs(1)));
        assert!(
            matches!(stop.reason, StopReason::ReturnTimeout { seconds: 600, .. }),
            "{kind:?}"
        );
        assert_eq!(stop.last, None);
        let mut healthy = back_with(Pod { ready: true, ..ill });
        assert!(is_given_back(&mut healthy), "{kind:?}");
    }
}

#[test]
fn pods_that_have_ended_or_are_leaving_hold_no_node_back() {
    let leaving = Pod {
        terminating: true,
        ready: false,
        kind: PodKind::DaemonSet,
        ..pod("log-1")
    };
    let ended = |kind| Pod {
        kind,
        ended: true,
        terminating: false,
        ..leaving.clone()
    };
    for pod in [
        ended(PodKind::Finished),
        ended(PodKind::Action),
        leaving.clone(),
    ] {
        assert!(is_given_back(&mut back_with(pod.clone())), "{pod:?}");
    }
}

/// DaemonSet `shop/log`, of whose two pods so many are there.
fn log(current: i32, observed: bool) -> DaemonSet {
    DaemonSet {
        namespace: "shop".into(),
        name: "log".into(),
        desired: 2,
        current,
        observed,
    }
}

fn log_pod() -> Pod {
    Pod {
        kind: PodKind::DaemonSet,
        owner: Some(Owner {
            kind: "DaemonSet".into(),
            name: "log".into(),
        }),
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
    for (what, daemon_set, on_it, is_back) in [
        ("all its pods are there", log(2, true), None, true),
        ("it has no pod yet", log(1, true), None, false),
        ("its status is old", log(2, false), None, false),
        ("it has one here", log(1, true), Some(log_pod()), true),
        ("a namesake has", log(1, true), Some(elsewhere), false),
        ("no pod of a DaemonSet", log(1, true), Some(other), false),
    ] {
        let mut world = back_with(on_it.unwrap_or_else(|| pod("web-1")));
        world.inventory.daemon_sets.push(daemon_set);
        match is_back {
            true => assert!(is_given_back(&mut world), "{what}"),
            false => {
                let reason = waits(world.next()).to_string();
                assert!(
                    reason.contains("DaemonSet shop/log has no pod on node w-0"),
                    "{what}: {reason}"
                );
                let stop = stopped(world.next_after(Duration::from_mins(10)));
                assert!(
                    stop.reason.to_string().contains("DaemonSet shop/log"),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn what_was_not_ready_before_is_named_and_does_not_count_against_the_node() {
    for on_it in [
        Some(Pod {
            ready: false,
            ..log_pod()
        }),
        None,
    ] {
        let mut world = world(1, 0, 2, Policy::default());
        world.inventory.daemon_sets.push(log(1, true));
        world
            .inventory
            .pods
            .insert("w-0".into(), on_it.into_iter().collect());
        let found = world.inventory.preflight(&world.goal);
        assert_eq!(found.failures, []);
        assert!(
            found
                .notices
                .iter()
                .any(|notice| notice.to_string().contains("shop/log")),
            "{found:?}"
        );
        let ill = world.inventory.pods["w-0"].clone();
        world.begin_job("w-0");
        let written = world.node("w-0").roll.clone().unwrap().unready_before;
        assert_eq!(written, BTreeSet::from(["DaemonSet shop/log".to_owned()]));
        world.turn();
        world.inventory.pods.insert("w-0".into(), ill);
        assert!(is_given_back(&mut world));
    }
}

#[test]
fn a_policy_may_let_everything_that_is_not_healthy_count() {
    let ill = Pod {
        ready: false,
        ..log_pod()
    };
    for (health, on_node, far) in [
        (Health::MadeWorse, false, false),
        (Health::Nodes, true, false),
        (Health::Cluster, true, true),
    ] {
        let policy = Policy {
            health,
            ..Policy::default()
        };
        let mut near = world(1, 0, 2, policy.clone());
        near.inventory
            .pods
            .get_mut("w-0")
            .unwrap()
            .push(ill.clone());
        assert_eq!(
            !near.inventory.preflight(&near.goal).failures.is_empty(),
            on_node,
            "{health:?}"
        );
        let mut away = world(2, 0, 4, policy.clone());
        let node = away.node("w-1");
        (node.version, node.ready) = (NEW, false);
        let failures = away.inventory.blockers(&away.goal, "w-0");
        assert_eq!(!failures.is_empty(), far, "{health:?}: {failures:?}");
        let mut elsewhere = world(1, 0, 2, policy);
        elsewhere.inventory.budgets.push(budget("far", 0, 1, 2));
        elsewhere.goal.before = elsewhere.inventory.before(&elsewhere.goal);
        let failures = elsewhere.inventory.preflight(&elsewhere.goal).failures;
        assert_eq!(!failures.is_empty(), far, "{health:?}: {failures:?}");
    }
}
