//! An API lists objects in whatever order it likes: nothing that is decided or told follows from it.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

/// Another order of `items`, which follows from `seed` and their names.
fn shuffle<T>(items: &mut [T], seed: u64, name: impl Fn(&T) -> String) {
    items.sort_by_cached_key(|item| Sha256::digest(format!("{seed} {}", name(item))));
}

/// The same cluster, listed in another order.
fn reordered(inventory: &Inventory, seed: u64) -> Inventory {
    let mut other = inventory.clone();
    let mut nodes: Vec<_> = other.nodes.into_iter().collect();
    shuffle(&mut nodes, seed, |(name, _)| name.clone());
    other.nodes = nodes.into_iter().collect();
    for pods in other.pods.values_mut() {
        shuffle(pods, seed, |pod| pod.uid.clone());
        for pod in pods {
            shuffle(&mut pod.budgets, seed, String::clone);
        }
    }
    shuffle(&mut other.budgets, seed, Budget::title);
    shuffle(&mut other.daemons, seed, Daemon::title);
    shuffle(&mut other.jobs, seed, |job| job.name.clone());
    other
}

/// A world in the middle of a roll, with more budgets, some of which do not hold or share pods.
fn busy(looks: usize, budgets: &[(i32, i32, usize)], ill: usize) -> World {
    let policy = Policy {
        max_unavailable: Limit::Count(3),
        ..Policy::default()
    };
    let mut world = world(2, 2, 8, policy);
    world.advance(looks);
    let pods = world.inventory.pods.values_mut().flatten();
    for (index, pod) in pods.enumerate() {
        pod.ready &= index % 7 >= ill;
        for (number, (_, _, every)) in budgets.iter().enumerate() {
            if index % every == 0 {
                pod.budgets.push(format!("more-{number}"));
            }
        }
    }
    for (number, (current, desired, _)) in budgets.iter().enumerate() {
        world.inventory.daemons.push(Daemon {
            namespace: "shop".into(),
            name: format!("log-{number}"),
            desired: *desired,
            current: *current,
            observed: true,
        });
        world.inventory.budgets.push(Budget {
            namespace: "shop".into(),
            name: format!("more-{number}"),
            allowed: 0,
            current: *current,
            desired: *desired,
            expected: 3,
            observed: true,
        });
    }
    world
}

/// All that is decided, for one order of the lists.
fn decided(world: &World, inventory: &Inventory, at: Timestamp) -> (Plan, Vec<Obstacle>, Moves) {
    let goal = &world.goal;
    (
        plan(inventory, &goal.wanted, &goal.policy, None),
        rehearse(inventory, &goal.wanted, &goal.policy),
        moves(inventory, goal, at),
    )
}

proptest! {
    #[test]
    fn no_decision_and_no_message_follows_from_the_order_of_a_list(
        looks in 0usize..60,
        budgets in prop::collection::vec((0i32..4, 0i32..4, 1usize..5), 0..4),
        ill in 0usize..4,
        minutes in 0i64..40,
        seed in any::<u64>(),
    ) {
        let world = busy(looks, &budgets, ill);
        let at = world.now + SignedDuration::from_mins(minutes);
        let other = reordered(&world.inventory, seed);
        let (first, second) = (decided(&world, &world.inventory, at), decided(&world, &other, at));
        prop_assert_eq!(&first, &second);
        let told = |(plan, obstacles, _): &(Plan, Vec<Obstacle>, Moves)| match plan {
            Plan::Blueprint(blueprint) => describe(blueprint, obstacles),
            Plan::Quiet(quiet) => format!("{quiet:?}"),
        };
        prop_assert_eq!(told(&first), told(&second));
    }
}
