//! Evidence names the images that acted, and no others.

use std::collections::BTreeMap;

use trireme_blueprint::*;

use crate::world::*;

#[test]
fn a_node_that_another_blueprint_acted_on_is_not_counted_as_work_of_this_one() {
    let mut world = world(1, 0, 2, Policy::default());
    world.goal.blueprint = "first".into();
    world.begin_job("w-0");
    world.turn();
    // Killed here; the next put has another image.
    let image = ("act".to_owned(), "r/act@sha256:bb".to_owned());
    world.goal.wanted.images = BTreeMap::from([image]);
    world.goal.blueprint = "second".into();
    world.restart();
    let next = actions(world.next());
    let [Action::Uncordon { annotation, .. }] = &next[..] else {
        panic!("the node is back: {next:?}");
    };
    assert_eq!(annotation.blueprint, "first");
    assert!(!annotation.one_clock, "another run cordoned it");
    world.apply(&next[0]);
    let evidence = world.evidence();
    assert!(evidence.nodes.is_empty());
}

#[test]
fn evidence_names_the_images_that_acted() {
    let mut world = world(1, 0, 2, Policy::default());
    let images = BTreeMap::from([("act".to_owned(), "r/act@sha256:aa".to_owned())]);
    world.goal.wanted.images = images.clone();
    let identity = Identity::new(
        &world.inventory,
        &world.goal.wanted,
        &world.goal.policy,
        None,
    );
    world.goal.blueprint = identity.id();
    world.roll(None);
    assert_eq!(world.evidence().images, images);
}

#[test]
fn what_the_roll_before_did_is_neither_evidence_nor_a_canary_of_this_one() {
    let mut world = world(
        1,
        0,
        3,
        Policy {
            soak: std::time::Duration::from_mins(5),
            ..Policy::default()
        },
    );
    world.roll(None);
    world.goal.roll = "roll-2".into();
    let node = world.node("w-1");
    (node.version, node.rolled) = (OLD, None);
    world.cordons.clear();
    world.restart();
    let identity = Identity::new(
        &world.inventory,
        &world.goal.wanted,
        &world.goal.policy,
        None,
    );
    world.goal.blueprint = identity.id();
    world.roll(None);
    let nodes: Vec<_> = world
        .evidence()
        .nodes
        .into_iter()
        .map(|node| node.name)
        .collect();
    assert_eq!(nodes, ["w-1"]);
}
