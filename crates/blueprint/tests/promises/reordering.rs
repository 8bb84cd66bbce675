//! An API lists objects in whatever order it likes: nothing that is decided or told follows from it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use proptest::prelude::*;
use trireme_blueprint::*;

use crate::world::*;

/// Another order of `items`, which follows from `seed` and their names.
fn shuffle<T>(items: &mut [T], seed: u64, name: impl Fn(&T) -> String) {
    items.sort_by_cached_key(|item| {
        let mut hasher = DefaultHasher::new();
        (seed, name(item)).hash(&mut hasher);
        hasher.finish()
    });
}

/// The same cluster, listed in another order.
fn reordered(inventory: &Inventory, seed: u64) -> Inventory {
    let mut other = inventory.clone();
    for pods in other.pods.values_mut() {
        shuffle(pods, seed, |pod| pod.uid.clone());
        for pod in pods {
            shuffle(&mut pod.budgets, seed, String::clone);
            shuffle(&mut pod.finalizers, seed, String::clone);
        }
    }
    shuffle(&mut other.budgets, seed, Budget::title);
    shuffle(&mut other.daemon_sets, seed, DaemonSet::title);
    shuffle(&mut other.jobs, seed, |job| job.name.clone());
    other
}

/// A world in the middle of a roll, with more budgets, some of which are not satisfied or share pods.
fn busy(observations: usize, budgets: &[(i32, i32, usize)], ill: usize) -> World {
    let policy = Policy {
        max_unavailable: Limit::Count(3),
        ..Policy::default()
    };
    let mut world = world(2, 2, 8, policy);
    world.advance(observations);
    let pods = world.inventory.pods.values_mut().flatten();
    for (index, pod) in pods.enumerate() {
        pod.ready &= index % 7 >= ill;
        for (number, (_, _, every)) in budgets.iter().enumerate() {
            if index % every == 0 {
                pod.budgets.push(format!("more-{number}"));
                pod.finalizers.push(format!("example.com/{number}"));
            }
        }
    }
    for (number, (current, desired, _)) in budgets.iter().enumerate() {
        world.inventory.daemon_sets.push(DaemonSet {
            namespace: "shop".into(),
            name: format!("log-{number}"),
            desired: *desired,
            current: *current,
            observed: true,
        });
        let more = budget(&format!("more-{number}"), *current, *desired, 3);
        world.inventory.budgets.push(more);
    }
    world
}

/// What is decided, without the order of evictions, which are asked for together.
fn sorted(next: NextActions<Action>) -> NextActions<Action> {
    match next {
        NextActions::Go(mut actions, waits) => {
            actions.sort_by_cached_key(|action| format!("{action:?}").replace(['[', ']'], ""));
            NextActions::Go(actions, waits)
        }
        other => other,
    }
}

/// All that is decided and told, for one order of the lists.
fn decided(world: &World, inventory: &Inventory) -> (Vec<String>, Preflight, NextActions<Action>) {
    let goal = &world.goal;
    let preflight = inventory.preflight(goal);
    let told = match plan(inventory, &goal.wanted, &goal.policy, None) {
        Plan::Blueprint(blueprint) => {
            let mut told = summarise(&blueprint);
            told.push(describe(&blueprint, &preflight));
            told
        }
        Plan::NoPlan(reason) => vec![format!("{reason:?}")],
    };
    let next = next_actions(inventory, goal, &world.timers, true);
    (told, preflight, sorted(next))
}

/// Evicted pods name their budgets in the order in which they were listed: only that may differ.
fn without_order(inventory: &Inventory) -> Inventory {
    reordered(inventory, 0)
}

proptest! {
    #[test]
    fn no_decision_and_no_message_follows_from_the_order_of_a_list(
        observations in 0usize..60,
        budgets in prop::collection::vec((0i32..4, 0i32..4, 1usize..5), 0..4),
        ill in 0usize..4,
        minutes in 0u64..40,
        seed in any::<u64>(),
    ) {
        let mut world = busy(observations, &budgets, ill);
        world.next_after(Duration::from_mins(minutes));
        let first = without_order(&world.inventory);
        let mut second = reordered(&world.inventory, seed);
        // The lists inside of a pod are copied into the eviction as they are.
        for (name, pods) in &mut second.pods {
            for pod in pods {
                let same = first.pods[name].iter().find(|other| other.uid == pod.uid);
                *pod = same.unwrap().clone();
            }
        }
        prop_assert_eq!(decided(&world, &first), decided(&world, &second));
        let third = reordered(&world.inventory, seed);
        let (told, preflight, _) = decided(&world, &third);
        let (told_first, preflight_first, _) = decided(&world, &first);
        prop_assert_eq!((told, preflight), (told_first, preflight_first));
    }
}
