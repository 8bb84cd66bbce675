//! Bugs that were planted: the simulator finds each, or it would not find others like it.

use trireme_blueprint::planted::{Bug, plant};

use crate::rollers::simulate;

/// So many schedules may be needed.
const SEEDS: u64 = 2_000;

/// Plants `bug`, and plays schedules until one of these promises is broken. One bug may break others before.
#[track_caller]
fn assert_found(bug: Bug, properties: &[&str]) {
    plant(Some(bug));
    let broken = |seed| Some((seed, simulate(seed, false).violation?));
    let mut found = (0..SEEDS).filter_map(broken);
    let found = found.find(|(_, violation)| properties.contains(&violation.property));
    plant(None);
    let (seed, violation) = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
    let (property, detail) = (violation.property, violation.detail);
    eprintln!("{bug:?}: found with seed {seed}: {property}: {detail}");
}

#[test]
fn two_clocks_that_are_compared_are_found() {
    assert_found(
        Bug::TwoClocks,
        &["an active Job is never deleted", "one Job an attempt"],
    );
}

#[test]
fn seconds_that_are_floored_are_found() {
    assert_found(
        Bug::SecondsFloored,
        &["an active Job is never deleted", "one Job an attempt"],
    );
}

#[test]
fn a_lease_without_fence_is_found() {
    assert_found(
        Bug::LeaseWithoutFence,
        &[
            "no write arrives after another roller has the Lease",
            // A request that is waited for so long is old when it arrives.
            "no write follows from an old observation",
        ],
    );
}

#[test]
fn a_background_delete_is_found() {
    assert_found(
        Bug::BackgroundDelete,
        &[
            "no attempt begins while an action runs on the node",
            "one action pod on a node",
            "an active Job is never deleted",
        ],
    );
}

#[test]
fn an_empty_budget_that_blocks_is_found() {
    assert_found(Bug::EmptyBudget, &["a roll that can end well does"]);
}

#[test]
fn an_ill_pod_that_is_not_seen_is_found() {
    assert_found(Bug::UnreadyPodNotSeen, &["a roll that can end well does"]);
}

#[test]
fn a_foreign_cordon_that_is_removed_is_found() {
    assert_found(
        Bug::ForeignCordon,
        &[
            "no node that a person cordoned is taken",
            "no foreign cordon is removed",
        ],
    );
}

#[test]
fn an_act_before_its_record_is_found() {
    assert_found(
        Bug::ActBeforeRecord,
        &["a Job belongs to the attempt on its node"],
    );
}

#[test]
fn a_budget_that_is_rounded_down_is_found() {
    assert_found(
        Bug::BudgetRoundedDown,
        &["no node is begun while a budget is not satisfied"],
    );
}

#[test]
fn a_stale_store_that_is_trusted_is_found() {
    assert_found(
        Bug::StaleStore,
        &[
            "no write follows from an old observation",
            "the control plane goes alone",
            "only a node that was begun is drained",
        ],
    );
}

#[test]
fn an_eviction_without_a_look_at_its_node_is_found() {
    assert_found(
        Bug::NodeNotAsked,
        &["no pod is evicted from a node that was taken back"],
    );
}

#[test]
fn a_start_that_is_not_recorded_is_found() {
    assert_found(
        Bug::StartNotRecorded,
        &[
            "a Job that is gone does not look as if it never ran",
            "only a node on which nothing was done is given back as it is",
        ],
    );
}
