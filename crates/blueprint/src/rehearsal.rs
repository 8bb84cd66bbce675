//! The rehearsal: what would stop the roll half-way, looked for before anything is touched.

use crate::inventory::{Budget, Daemon, Inventory, Node, Pod};
use crate::obstacle::Obstacle;
use crate::order;
use crate::policy::{Policy, Unmanaged, Wanted};

/// Everything in `inventory` that would stop the roll; sorted, each once.
///
/// The inventory must hold the pods of every node. Budgets that cover no pod on a node that is to be rolled are nobody's
/// obstacle, unless they do not hold: the roll could not tell its own harm from theirs.
pub fn rehearse(inventory: &Inventory, wanted: &Wanted, policy: &Policy) -> Vec<Obstacle> {
    let due = order::order(inventory, policy);
    let due: Vec<_> = due
        .into_iter()
        .filter(|node| !order::is_done(node, &wanted.version))
        .collect();
    if due.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<_> = inventory
        .nodes
        .values()
        .filter_map(out_of_service)
        .collect();
    found.extend(due.iter().filter_map(|node| skew(inventory, node, wanted)));
    found.extend(due.iter().filter_map(|node| no_room(inventory, node)));
    for node in &due {
        let pods = leavers(inventory, &node.name);
        found.extend(pods.filter_map(|pod| stuck(pod, node, policy)));
    }
    let daemons = inventory.daemons.iter();
    found.extend(daemons.filter_map(|daemon| missing(inventory, &due, daemon)));
    let on_due = |budget: &Budget| {
        let mut pods = due.iter().flat_map(|node| leavers(inventory, &node.name));
        pods.any(|pod| budget.selects(pod))
    };
    let budgets = inventory.budgets.iter();
    found.extend(budgets.filter_map(|budget| refuses(inventory, budget, on_due(budget))));
    found.sort();
    found.dedup();
    found
}

/// The pods that have to leave `node`, as far as they were listed.
pub fn leavers<'a>(inventory: &'a Inventory, node: &str) -> impl Iterator<Item = &'a Pod> {
    let pods = inventory.pods.get(node).into_iter().flatten();
    pods.filter(|pod| pod.must_leave())
}

fn out_of_service(node: &Node) -> Option<Obstacle> {
    let state = match node {
        Node { roll: Some(_), .. } => return None,
        Node { ready: false, .. } => "not Ready",
        Node {
            schedulable: false, ..
        } => "cordoned",
        _ => return None,
    };
    Some(Obstacle::OutOfService {
        node: node.name.clone(),
        state: state.into(),
    })
}

fn skew(inventory: &Inventory, node: &Node, wanted: &Wanted) -> Option<Obstacle> {
    let reason = order::skew(&inventory.server, node, &wanted.version).err()?;
    let later = !node.control_plane
        && wanted.version >= node.version
        && order::passes_with_control_plane(inventory, &wanted.version);
    (!later).then(|| Obstacle::Skew {
        node: node.name.clone(),
        to: wanted.version.to_string(),
        reason: reason.to_string(),
    })
}

fn no_room(inventory: &Inventory, node: &Node) -> Option<Obstacle> {
    let others = inventory.nodes.values();
    let mut others = others.filter(|other| !other.control_plane && other.name != node.name);
    let pods = leavers(inventory, &node.name).count();
    let alone = pods > 0 && !node.control_plane && !others.any(Node::in_service);
    alone.then(|| Obstacle::NoRoom {
        node: node.name.clone(),
        pods,
    })
}

fn stuck(pod: &Pod, node: &Node, policy: &Policy) -> Option<Obstacle> {
    let name = format!("{}/{}", pod.namespace, pod.name);
    if pod.budgets.len() > 1 {
        return Some(Obstacle::ManyBudgets {
            pod: name,
            owner: pod.belongs_to(),
            budgets: pod.budget_names(),
        });
    }
    let alone = pod.kind == crate::PodKind::Unmanaged && policy.unmanaged == Unmanaged::Refuse;
    alone.then(|| Obstacle::Unmanaged {
        pod: name,
        node: node.name.clone(),
    })
}

fn missing(inventory: &Inventory, due: &[&Node], daemon: &Daemon) -> Option<Obstacle> {
    let node = due.iter().find(|node| inventory.owes(daemon, &node.name))?;
    Some(Obstacle::DaemonMissing {
        daemon: daemon.title(),
        node: node.name.clone(),
        counts: daemon.counts(),
    })
}

fn refuses(inventory: &Inventory, budget: &Budget, on_due: bool) -> Option<Obstacle> {
    let (title, owner) = (budget.title(), owner(inventory, budget));
    if !budget.observed {
        return Some(Obstacle::BudgetStale { budget: title });
    }
    if on_due && budget.never_allows() {
        return Some(Obstacle::NeverAllows {
            budget: title,
            owner,
            desired: budget.desired,
            expected: budget.expected,
        });
    }
    (!budget.holds()).then_some(Obstacle::BudgetBroken {
        budget: title,
        owner,
        current: budget.current,
        desired: budget.desired,
    })
}

/// Who keeps the pods of `budget` running.
fn owner(inventory: &Inventory, budget: &Budget) -> String {
    let pods = inventory.pods.values().flatten();
    let mut owners: Vec<_> = pods
        .filter(|pod| budget.selects(pod))
        .map(Pod::belongs_to)
        .collect();
    owners.sort();
    owners.dedup();
    if owners.is_empty() {
        return "no pod that was found".into();
    }
    owners.join(", ")
}
