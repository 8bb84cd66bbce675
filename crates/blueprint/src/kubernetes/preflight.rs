//! The preflight: what would stop the roll half-way, looked for before anything is changed.

use super::blockers::{Phase, blockers, unready_before};
use super::inventory::{Inventory, Node};
use crate::blocker::Blocker;
use crate::goal::Goal;
use crate::next;
use crate::snapshot::Preflight;
use crate::unit::{Status, Unit};

/// Asks what each node that is due lacks to be drained and acted on. The inventory must hold the pods of every node.
pub(crate) fn preflight(inventory: &Inventory, goal: &Goal) -> Preflight {
    let mut units = super::units(inventory, goal);
    // What waits for the control plane is finished before another worker is begun: it is not away then.
    for unit in &mut units {
        unit.in_service |= unit.waits_for_control_plane;
    }
    let due = next::in_order(&units, &goal.policy);
    let due = due.into_iter().filter(|unit| unit.status == Status::Due);
    let due: Vec<&Node> = due
        .filter_map(|unit| inventory.nodes.get(&unit.name))
        .collect();
    let plane_is_due = inventory.due_control_plane(&goal.wanted.version).is_some();
    let mut found = Preflight::default();
    for node in due {
        let lacks = lacks(inventory, goal, &units, node);
        let later = |blocker: &Blocker| plane_is_due && passes_with_control_plane(blocker);
        found
            .failures
            .extend(lacks.into_iter().filter(|blocker| !later(blocker)));
        found.notices.extend(notice(inventory, node));
    }
    found.failures.sort();
    found.failures.dedup();
    found
}

fn lacks(inventory: &Inventory, goal: &Goal, units: &[Unit], node: &Node) -> Vec<Blocker> {
    let mut lacks = blockers(inventory, goal, units, node, Phase::Act);
    lacks.extend(blockers(inventory, goal, units, node, Phase::Drain));
    lacks
}

/// Whether `blocker` goes away when the control plane has gone first.
fn passes_with_control_plane(blocker: &Blocker) -> bool {
    matches!(
        blocker,
        Blocker::ControlPlaneFirst { .. } | Blocker::Skew { lasting: false, .. }
    )
}

/// What is not Ready on `node` before the roll.
fn notice(inventory: &Inventory, node: &Node) -> Option<Blocker> {
    let unready: Vec<_> = unready_before(inventory, node).into_iter().collect();
    (!unready.is_empty()).then(|| Blocker::PodsNotReady {
        node: node.name.clone(),
        pods: super::blockers::some_of(&unready),
    })
}
