//! The id of a blueprint stays what it is, from the first node to the last and from one release of Trireme to the next.

use std::collections::BTreeSet;

use serde::Deserialize;
use trireme_blueprint::*;
use trireme_release::Version;

use crate::world::*;

/// An identity and the id that the first release gave it.
#[derive(Deserialize)]
struct Known {
    id: String,
    identity: Identity,
}

/// The code of the first release gives the identities in `tests/data/ids.json` these ids. They do not change: an id that does would break
/// rolls that are under way, and trigger every pipeline.
fn known() -> Vec<Known> {
    serde_json::from_str(include_str!("../data/ids.json")).unwrap()
}

#[test]
fn the_ids_of_the_first_release_stay_for_ever() {
    let known = known();
    assert_eq!(known.len(), 3);
    for Known { id, identity } in known {
        assert_eq!(identity.id(), id, "{identity:?}");
    }
}

#[test]
fn a_new_key_of_the_policy_that_is_set_gives_another_id() {
    for Known { id, identity } in known() {
        let mut health = identity.clone();
        health.policy.health = Health::Cluster;
        assert_ne!(health.id(), id);
        let mut finalizers = identity;
        finalizers.policy.finalizers = BTreeSet::from(["example.com/mine".into()]);
        assert_ne!(finalizers.id(), id);
        assert_ne!(finalizers.id(), health.id());
    }
}

fn identity(world: &World, roll: Option<&str>) -> Identity {
    let current = roll.map(|roll| CurrentRoll {
        roll,
        blueprint: &world.goal.blueprint,
    });
    Identity::new(
        &world.inventory,
        &world.goal.wanted,
        &world.goal.policy,
        current,
    )
}

#[test]
fn a_finished_roll_is_history_for_the_next() {
    let mut world = world(1, 0, 2, Policy::default());
    world.roll(None);
    let late = world.node("w-1");
    (late.version, late.rolled) = (Version::new(1, 37, 1), None);
    assert_eq!(identity(&world, Some("roll-1")).from(), Some(&OLD));
    let other = Some(&Version::new(1, 37, 1)).cloned();
    assert_eq!(identity(&world, Some("roll-2")).from(), other.as_ref());
    assert_eq!(identity(&world, None).from(), other.as_ref());
}

#[test]
fn the_id_stays_while_a_roll_goes_on_and_the_same_roll_again_has_the_same() {
    let mut world = world(2, 1, 3, Policy::default());
    let id = world.goal.blueprint.clone();
    for _ in 0..200 {
        world.advance(1);
        assert_eq!(identity(&world, Some("roll-1")).id(), id);
    }
    world.check_end();
    for node in world.inventory.nodes.values_mut() {
        node.version = OLD;
    }
    assert_eq!(identity(&world, Some("roll-2")).id(), id);
}
