//! Who goes when: control plane, canaries, then zone by zone.

use trireme_release::Version;
use trireme_release::skew::{ApiServers, Component, Violation, allow_upgrade};

use crate::goal::Goal;
use crate::inventory::{Inventory, Node};
use crate::policy::Policy;

/// The nodes in the order in which they are rolled: control plane first, then by zone, then by name.
pub(crate) fn order<'a>(inventory: &'a Inventory, policy: &Policy) -> Vec<&'a Node> {
    let mut nodes: Vec<_> = inventory.nodes.values().collect();
    nodes.sort_by_key(|node| {
        let given = policy.zone_order.iter().position(|zone| *zone == node.zone);
        let rank = given.unwrap_or(usize::MAX);
        (!node.control_plane, rank, &node.zone, &node.name)
    });
    nodes
}

/// Whether `node` is where it shall be and takes pods.
pub(crate) fn is_done(node: &Node, wanted: &Version) -> bool {
    node.roll.is_none() && node.version == *wanted
}

/// How many canaries this roll still owes: workers that it has to finish alone before several may go together.
pub(crate) fn canaries_owed(inventory: &Inventory, goal: &Goal) -> usize {
    let passed = inventory
        .nodes
        .values()
        .filter(|node| is_canary(node, goal));
    (goal.policy.canary as usize).saturating_sub(passed.count())
}

/// Whether this roll has finished `node`, a worker.
pub(crate) fn is_canary(node: &Node, goal: &Goal) -> bool {
    !node.control_plane && is_done(node, &goal.wanted.version) && goal.finished(node).is_some()
}

/// How many nodes of the zone of `node` may be out of service at once when `node` is.
pub(crate) fn limit(inventory: &Inventory, goal: &Goal, node: &Node) -> usize {
    if node.control_plane || canaries_owed(inventory, goal) > 0 {
        return 1;
    }
    let peers = peers(inventory, node).count();
    // One worker at least stays in service, or the pods of the others have nowhere to go.
    let workers = inventory.nodes.values().filter(|node| !node.control_plane);
    let others = workers.count().saturating_sub(1).max(1);
    goal.policy.max_unavailable.of(peers).min(others)
}

/// The nodes of the same kind in the same zone, `node` included.
pub(crate) fn peers<'a>(
    inventory: &'a Inventory,
    node: &'a Node,
) -> impl Iterator<Item = &'a Node> {
    let all = inventory.nodes.values();
    all.filter(|peer| peer.zone == node.zone && peer.control_plane == node.control_plane)
}

/// Whether the version-skew policy lets `node` go to `wanted` now.
///
/// A worker's kubelet is never newer than the API server (rule 2). A control-plane node brings its own API server along,
/// which may be at most one minor ahead of the others (rule 1).
pub(crate) fn skew(server: &Version, node: &Node, wanted: &Version) -> Result<(), Violation> {
    if *wanted < node.version {
        return Err(Violation::Downgrade {
            from: node.version.clone(),
            to: wanted.clone(),
        });
    }
    if node.control_plane {
        return allow_upgrade(server.min(wanted), wanted);
    }
    ApiServers::single(server.clone()).allow(Component::Kubelet, wanted)
}

/// Whether a violation passes when the control plane has gone first.
pub(crate) fn passes_with_control_plane(inventory: &Inventory, wanted: &Version) -> bool {
    let mut planes = inventory.nodes.values().filter(|node| node.control_plane);
    planes.any(|node| !is_done(node, wanted))
}
