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
