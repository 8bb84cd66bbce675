//! What a node lacks to be drained, acted on and given back: one function, for the preflight and for every decision.

use std::collections::BTreeSet;

use trireme_release::Version;
use trireme_release::skew::{ApiServers, Component, Violation, allow_upgrade};

use super::budget::Budget;
use super::inventory::{Inventory, Node, Pod, PodKind};
use crate::blocker::Blocker;
use crate::goal::Goal;
use crate::next;
use crate::planted::{Bug, planted};
use crate::policy::{Health, Policy, Unmanaged};
use crate::unit::{Role, Unit};

/// What is to be done with a node next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Cordon it and move its pods away.
    Drain,
    /// Start the Job that acts on it.
    Act,
    /// Uncordon it.
    Return,
}

/// What `node` lacks for `phase`; sorted, each once. `units` are the nodes as the planner sees them.
pub(crate) fn blockers(
    inventory: &Inventory,
    goal: &Goal,
    units: &[Unit],
    node: &Node,
    phase: Phase,
) -> Vec<Blocker> {
    let mut found = match phase {
        Phase::Drain => to_drain(inventory, goal, units, node),
        Phase::Act => to_act(inventory, goal, node),
        Phase::Return => to_return(inventory, goal, node),
    };
    found.sort();
    found.dedup();
    found
}

fn to_drain(inventory: &Inventory, goal: &Goal, units: &[Unit], node: &Node) -> Vec<Blocker> {
    let mut found = Vec::new();
    if !inventory.pods.contains_key(&node.name) {
        found.push(Blocker::PodsUnknown {
            node: node.name.clone(),
        });
    }
    found.extend(out_of_service(node));
    found.extend(zone_limit(units, goal, node));
    found.extend(no_room(inventory, units, node));
    for pod in inventory.pods_to_evict(&node.name) {
        found.extend(pod_blockers(pod, node, &goal.policy));
    }
    let touched: BTreeSet<_> = inventory
        .pods_to_evict(&node.name)
        .flat_map(budgets_of)
        .collect();
    for budget in &inventory.budgets {
        let touched = touched.contains(&(budget.namespace.as_str(), budget.name.as_str()));
        found.extend(budget_blocker(inventory, goal, budget, touched));
    }
    if goal.policy.health != Health::MadeWorse {
        found.extend(unready(inventory, node, &BTreeSet::new()));
    }
    if goal.policy.health == Health::Cluster {
        found.extend(inventory.nodes.values().filter_map(out_of_service));
    }
    found
}

fn to_act(inventory: &Inventory, goal: &Goal, node: &Node) -> Vec<Blocker> {
    let mut found: Vec<_> = skew(inventory, node, &goal.wanted.version)
        .into_iter()
        .collect();
    found.extend(control_plane_first(inventory, node, &goal.wanted.version));
    found
}

/// The version that its attempt brings, Ready, and everything on it healthy that was so before.
fn to_return(inventory: &Inventory, goal: &Goal, node: &Node) -> Vec<Blocker> {
    let to = node
        .roll
        .as_ref()
        .map_or(&goal.wanted.version, |roll| &roll.to);
    if !to.accepts(&node.version) {
        return vec![Blocker::WrongVersion {
            node: node.name.clone(),
            wanted: to.to_string(),
            found: node.version.to_string(),
        }];
    }
    if !node.ready {
        return vec![Blocker::NotReady {
            node: node.name.clone(),
        }];
    }
    if !inventory.pods.contains_key(&node.name) {
        return vec![Blocker::PodsUnknown {
            node: node.name.clone(),
        }];
    }
    let before = node.roll.as_ref().map(|roll| roll.unready_before.clone());
    let ignored = match goal.policy.health {
        Health::MadeWorse => before.unwrap_or_default(),
        Health::Nodes | Health::Cluster => BTreeSet::new(),
    };
    unready(inventory, node, &ignored)
}

/// Pods on `node` that should be Ready and are not, and DaemonSets without a pod there; without those named in `ignored`.
fn unready(inventory: &Inventory, node: &Node, ignored: &BTreeSet<String>) -> Vec<Blocker> {
    let mut pods: Vec<_> = unready_pods(inventory, node)
        .filter(|pod| !ignored.contains(&pod.belongs_to()))
        .map(Pod::path)
        .collect();
    pods.sort();
    let mut found = Vec::new();
    if !pods.is_empty() {
        found.push(Blocker::PodsNotReady {
            node: node.name.clone(),
            pods: some_of(&pods),
        });
    }
    let missing = inventory.daemon_sets.iter();
    let missing = missing.filter(|daemon_set| inventory.missing_pod(daemon_set, &node.name));
    let missing = missing.filter(|daemon_set| !ignored.contains(&daemon_set.title()));
    found.extend(missing.map(|daemon_set| Blocker::DaemonSetPodMissing {
        daemon_set: daemon_set.title(),
        node: node.name.clone(),
        counts: daemon_set.counts(),
    }));
    found
}

fn unready_pods<'a>(inventory: &'a Inventory, node: &Node) -> impl Iterator<Item = &'a Pod> {
    let pods = inventory.pods_of(&node.name);
    pods.filter(|pod| pod.should_be_ready() && !pod.ready)
}

/// What is not Ready on `node`, by owner: pods, and DaemonSets that have no pod there. It is written down when the node is
/// begun, so that it does not count against the node afterwards.
pub fn unready_before(inventory: &Inventory, node: &Node) -> BTreeSet<String> {
    if planted(Bug::UnreadyPodNotSeen) {
        return BTreeSet::new();
    }
    let pods = unready_pods(inventory, node).map(Pod::belongs_to);
    let missing = inventory.daemon_sets.iter();
    let missing = missing.filter(|daemon_set| inventory.missing_pod(daemon_set, &node.name));
    pods.chain(missing.map(super::inventory::DaemonSet::title))
        .collect()
}

/// The first few names, and how many more there are.
pub(crate) fn some_of(names: &[String]) -> String {
    /// More names than these do not help a reader.
    const SHOWN: usize = 5;
    let shown: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn state(node: &Node, found: &str) -> Blocker {
    Blocker::OutOfService {
        unit: node.title(),
        found: found.into(),
    }
}

/// A node that is out of service, and not by a roll.
fn out_of_service(node: &Node) -> Option<Blocker> {
    match node {
        Node { roll: Some(_), .. } => None,
        Node { ready: false, .. } => Some(state(node, "not Ready")),
        Node {
            schedulable: false, ..
        } if !planted(Bug::ForeignCordon) => Some(state(node, "cordoned")),
        _ => None,
    }
}

fn zone_limit(units: &[Unit], goal: &Goal, node: &Node) -> Option<Blocker> {
    let own = units.iter().find(|unit| unit.name == node.name)?;
    let limit = next::limit(units, goal, own);
    let away: Vec<_> = units
        .iter()
        .filter(|other| other.is_beside(own) && other.name != own.name && !other.in_service)
        .map(|other| other.name.clone())
        .collect();
    (away.len() >= limit).then(|| Blocker::ZoneLimit {
        zone: node.zone.clone(),
        units: some_of(&away),
        limit,
    })
}

fn no_room(inventory: &Inventory, units: &[Unit], node: &Node) -> Option<Blocker> {
    let mut workers = units.iter().filter(|unit| unit.role == Role::Worker);
    let pods = inventory.pods_to_evict(&node.name).count();
    let alone = pods > 0
        && !node.control_plane
        && !workers.any(|other| other.name != node.name && other.in_service);
    alone.then(|| Blocker::NoRoom {
        node: node.name.clone(),
        pods,
    })
}

fn pod_blockers(pod: &Pod, node: &Node, policy: &Policy) -> Vec<Blocker> {
    let mut found = Vec::new();
    if pod.budgets.len() > 1 {
        found.push(Blocker::SeveralBudgets {
            pod: pod.path(),
            owner: pod.belongs_to(),
            budgets: pod.budget_names(),
        });
    }
    if pod.kind == PodKind::Unmanaged && policy.unmanaged == Unmanaged::Refuse {
        found.push(Blocker::Unmanaged {
            pod: pod.path(),
            node: node.name.clone(),
        });
    }
    let unknown = pod.finalizers.iter();
    let mut unknown: Vec<_> = unknown
        .filter(|finalizer| !policy.finalizers.contains(finalizer.as_str()))
        .map(String::as_str)
        .collect();
    unknown.sort_unstable();
    if !unknown.is_empty() {
        found.push(Blocker::HeldByFinalizer {
            pod: pod.path(),
            node: node.name.clone(),
            finalizers: unknown.join(", "),
        });
    }
    found
}

/// Namespace and name of each budget that selects `pod`.
fn budgets_of(pod: &Pod) -> impl Iterator<Item = (&str, &str)> {
    let names = pod.budgets.iter();
    names.map(|name| (pod.namespace.as_str(), name.as_str()))
}

/// What `budget` has against draining a node; `touched` says whether it selects a pod that would be evicted. Those count, and
/// budgets that this roll made worse; with `health: cluster` all.
fn budget_blocker(
    inventory: &Inventory,
    goal: &Goal,
    budget: &Budget,
    touched: bool,
) -> Option<Blocker> {
    let before = goal.before.unsatisfied_budgets.as_ref();
    let made_worse = before.is_none_or(|before| !before.contains(&budget.title()));
    let counts = touched || made_worse || goal.policy.health == Health::Cluster;
    if !counts || budget.is_empty() {
        return None;
    }
    let (title, owner) = (budget.title(), owner(inventory, budget));
    let (current, desired, expected) = (budget.current, budget.desired, budget.expected);
    if !budget.observed {
        return Some(Blocker::BudgetNotProcessed { budget: title });
    }
    if touched && budget.allows_none() {
        let (budget, more_may_come) = (title, more_may_come(inventory, budget));
        return Some(match more_may_come {
            true => Blocker::BudgetNeedsMorePods {
                budget,
                owner,
                desired,
                expected,
            },
            false => Blocker::BudgetAllowsNone {
                budget,
                owner,
                desired,
                expected,
            },
        });
    }
    (!budget.is_satisfied()).then_some(Blocker::BudgetNotSatisfied {
        budget: title,
        owner,
        current,
        desired,
    })
}

/// Whether the pods that `budget` counts may become more without anybody's help: it counts the pods that exist, and some are
/// missing, not Ready, or of a controller that starts its pods one after another.
fn more_may_come(inventory: &Inventory, budget: &Budget) -> bool {
    let pods = inventory.pods.values().flatten();
    let mut pods = pods.filter(|pod| budget.selects(pod));
    let slow = |pod: &Pod| {
        let owner = pod.owner.as_ref();
        owner.is_none_or(|owner| !matches!(owner.kind.as_str(), "Deployment" | "ReplicaSet"))
    };
    let starting = budget.current < budget.expected || budget.desired > budget.expected;
    budget.counts_existing_pods && (starting || pods.any(slow))
}

/// The owners of the pods of `budget`.
fn owner(inventory: &Inventory, budget: &Budget) -> String {
    let pods = inventory.pods.values().flatten();
    let owners = pods.filter(|pod| budget.selects(pod)).map(Pod::belongs_to);
    let owners: Vec<_> = owners.collect::<BTreeSet<_>>().into_iter().collect();
    match owners.as_slice() {
        [] => "unknown pods".into(),
        owners => some_of(owners),
    }
}

/// Whether the version-skew policy lets `node` go to `wanted` now.
///
/// A worker's kubelet is never newer than the API server (rule 2). A control-plane node brings its own API server along,
/// which may be at most one minor ahead of the others (rule 1).
fn skew(inventory: &Inventory, node: &Node, wanted: &Version) -> Option<Blocker> {
    let violation = violation(&inventory.server, node, wanted)?;
    let downgrade = wanted.release() < node.version.release();
    // A worker waits for the control plane; what the API server reports may lag a little behind its last node.
    let has_control_plane = inventory.nodes.values().any(|node| node.control_plane);
    Some(Blocker::Skew {
        node: node.name.clone(),
        to: wanted.to_string(),
        reason: violation.to_string(),
        lasting: node.control_plane || downgrade || !has_control_plane,
    })
}

pub(crate) fn violation(server: &Version, node: &Node, wanted: &Version) -> Option<Violation> {
    let (server, from, to) = (server.release(), node.version.release(), wanted.release());
    if to < from {
        return Some(Violation::Downgrade { from, to });
    }
    let allowed = match node.control_plane {
        true => allow_upgrade(&server.min(to.clone()), &to),
        false => ApiServers::single(server).allow(Component::Kubelet, &to),
    };
    allowed.err()
}

/// The control plane goes before every worker, also when the version-skew policy would allow otherwise.
fn control_plane_first(inventory: &Inventory, node: &Node, wanted: &Version) -> Option<Blocker> {
    let first = inventory.due_control_plane(wanted);
    let first = first.filter(|_| !node.control_plane)?;
    Some(Blocker::ControlPlaneFirst {
        node: node.name.clone(),
        waits_for: first.name.clone(),
        to: wanted.to_string(),
    })
}
