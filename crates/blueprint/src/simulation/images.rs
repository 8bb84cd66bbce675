//! Evidence names the images that acted, and no others.

use super::*;

#[test]
fn a_node_that_another_blueprint_acted_on_is_not_counted_as_work_of_this_one() {
    let mut world = world(1, 0, 2, Policy::default());
    let image = |hex: &str| BTreeMap::from([("act".to_owned(), format!("r/act@sha256:{hex}"))]);
    world.goal.wanted.images = image("aa");
    world.goal.blueprint = "first".into();
    world.cordon("w-0");
    world.inventory.pods.insert("w-0".into(), Vec::new());
    world.start("w-0");
    let created_at = world.now;
    world.turn();
    // Killed here; the next put has another image.
    world.goal.wanted.images = image("bb");
    world.goal.blueprint = "second".into();
    world.goal.started_at = world.now;
    let Moves::Go(acts, _) = moves(&world.inventory, &world.goal, world.now) else {
        panic!("it goes on");
    };
    let [Act::Uncordon(_, rolled)] = &acts[..] else {
        panic!("the node is back: {acts:?}");
    };
    assert_eq!(rolled.blueprint, "first");
    assert_eq!(
        (rolled.drained_at, rolled.acted_at),
        (created_at, world.now)
    );
    world.apply(&acts[0]);
    let evidence = Evidence::new(&world.inventory, &world.goal, Journal::default(), world.now);
    assert_eq!((evidence.nodes.len(), evidence.images), (0, None));
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
    let evidence = Evidence::new(&world.inventory, &world.goal, Journal::default(), world.now);
    assert_eq!(evidence.images, Some(images));
}
