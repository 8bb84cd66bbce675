//! A node that is the old one again, after a roll that is over: the same blueprint once more.

use jiff::SignedDuration;

use super::*;

/// A world that was rolled an hour ago, in which `w-1` was made anew from its old image.
fn reinstalled() -> World {
    let mut world = world(1, 0, 3, Policy::default());
    world.roll(None);
    world.goal.history_until = Some(world.now);
    world.now += SignedDuration::from_hours(1);
    world.goal.started_at = world.now;
    world.cordons.clear();
    let node = world.inventory.nodes.get_mut("w-1").unwrap();
    node.version = OLD;
    node.rolled = None;
    world
}

#[test]
fn the_job_of_the_roll_before_is_not_taken_for_the_act() {
    let mut world = reinstalled();
    let identity = Identity::new(
        &world.inventory,
        &world.goal.wanted,
        &world.goal.policy,
        world.goal.history_until,
    );
    assert_eq!(identity.id(), world.goal.blueprint);
    world.cordon("w-1");
    let next = moves(&world.inventory, &world.goal, world.now);
    let retire = Moves::Go(vec![Act::RetireJob("w-1".into())], Vec::new());
    assert_eq!(next, retire);
    world.roll(None);
    let node = &world.inventory.nodes["w-1"];
    assert!(node.in_service() && node.version == NEW);
}

#[test]
fn what_the_roll_before_did_is_neither_evidence_nor_a_canary_of_this_one() {
    let mut world = reinstalled();
    assert_eq!(
        crate::order::canaries_owed(&world.inventory, &world.goal),
        1
    );
    world.roll(None);
    let evidence = Evidence::new(&world.inventory, &world.goal, Journal::default(), world.now);
    let nodes: Vec<_> = evidence.nodes.iter().map(|node| &node.name).collect();
    assert_eq!(nodes, ["w-1"]);
}
