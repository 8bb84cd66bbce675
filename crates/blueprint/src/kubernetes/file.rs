//! What was observed, as the file `inventory.json`.

use trireme_evidence::InventoryFile;
use trireme_evidence::inventory as file;

use super::annotation::{RollAnnotation, RolledAnnotation};
use super::budget::Budget;
use super::inventory::{ActionJob, DaemonSet, Inventory, JobState, Node, Owner, Pod, PodKind};

/// The file that says what `inventory` says.
pub fn inventory_file(inventory: &Inventory) -> InventoryFile {
    let nodes = inventory.nodes.iter();
    let pods = inventory.pods.iter();
    InventoryFile {
        format: trireme_evidence::Format,
        observed_at: inventory.observed_at,
        server: inventory.server.to_string(),
        nodes: nodes
            .map(|(name, node)| (name.clone(), of_node(node)))
            .collect(),
        pods: pods
            .map(|(node, pods)| (node.clone(), pods.iter().map(of_pod).collect()))
            .collect(),
        budgets: inventory.budgets.iter().map(of_budget).collect(),
        daemon_sets: inventory.daemon_sets.iter().map(of_daemon_set).collect(),
        jobs: inventory.jobs.iter().map(of_job).collect(),
    }
}

fn of_node(node: &Node) -> file::ObservedNode {
    file::ObservedNode {
        name: node.name.clone(),
        zone: node.zone.clone(),
        version: node.version.to_string(),
        image: node.image.clone(),
        ready: node.ready,
        schedulable: node.schedulable,
        control_plane: node.control_plane,
        roll: node.roll.as_ref().map(begun),
        rolled: node.rolled.as_ref().map(finished),
    }
}

fn begun(roll: &RollAnnotation) -> file::BegunAttempt {
    file::BegunAttempt {
        blueprint: roll.blueprint.clone(),
        attempt: roll.attempt.clone(),
        roll: roll.roll.clone(),
        epoch: roll.epoch,
        from: roll.from.to_string(),
        to: roll.to.to_string(),
        cordoned_at: roll.cordoned_at,
    }
}

fn finished(rolled: &RolledAnnotation) -> file::FinishedAttempt {
    file::FinishedAttempt {
        blueprint: rolled.blueprint.clone(),
        attempt: rolled.attempt.clone(),
        roll: rolled.roll.clone(),
        epoch: rolled.epoch,
        one_clock: rolled.one_clock,
        from: rolled.from.to_string(),
        to: rolled.to.to_string(),
        cordoned_at: rolled.cordoned_at,
        drained_at: rolled.drained_at,
        acted_at: rolled.acted_at,
        ready_at: rolled.ready_at,
        uncordoned_at: rolled.uncordoned_at,
    }
}

fn of_pod(pod: &Pod) -> file::Pod {
    file::Pod {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        owner: pod.owner.as_ref().map(owner),
        kind: kind(pod.kind).to_owned(),
        ready: pod.ready,
        terminating: pod.terminating,
        finalizers: pod.finalizers.clone(),
        budgets: pod.budgets.clone(),
    }
}

fn owner(owner: &Owner) -> file::Owner {
    file::Owner {
        kind: owner.kind.clone(),
        name: owner.name.clone(),
    }
}

fn kind(kind: PodKind) -> &'static str {
    match kind {
        PodKind::Managed => "managed",
        PodKind::Unmanaged => "unmanaged",
        PodKind::DaemonSet => "daemon_set",
        PodKind::Mirror => "mirror",
        PodKind::Finished => "finished",
        PodKind::Action => "action",
    }
}

fn of_budget(budget: &Budget) -> file::ObservedBudget {
    file::ObservedBudget {
        namespace: budget.namespace.clone(),
        name: budget.name.clone(),
        allowed: budget.allowed,
        current: budget.current,
        desired: budget.desired,
        expected: budget.expected,
        observed: budget.observed,
    }
}

fn of_daemon_set(daemon_set: &DaemonSet) -> file::DaemonSet {
    file::DaemonSet {
        namespace: daemon_set.namespace.clone(),
        name: daemon_set.name.clone(),
        desired: daemon_set.desired,
        current: daemon_set.current,
        observed: daemon_set.observed,
    }
}

fn of_job(job: &ActionJob) -> file::Job {
    let (state, reason) = match &job.state {
        JobState::Active => ("active", None),
        JobState::Succeeded => ("succeeded", None),
        JobState::Failed(reason) => ("failed", Some(reason.clone())),
        JobState::Terminating => ("terminating", None),
    };
    file::Job {
        name: job.name.clone(),
        node: job.node.clone(),
        attempt: job.attempt.clone(),
        blueprint: job.blueprint.clone(),
        state: state.to_owned(),
        reason,
    }
}
