//! ReplicaSets: so many pods of one template.

use std::{cmp::Reverse, sync::Arc};

use serde_json::Value;

use super::pods::{self, Figures, Name};
use crate::kubernetes::{
    failure::Failure,
    object::{self, number, text},
    store::World,
};

pub(super) fn reconcile(world: &mut World) -> Result<(), Failure> {
    for set in world.list("replicasets", "") {
        if !object::is_terminating(&set) {
            reconcile_one(world, &set)?;
        }
    }
    Ok(())
}

fn reconcile_one(world: &mut World, set: &Value) -> Result<(), Failure> {
    let mut active = pods::owned(world, set);
    active.retain(|pod| pods::is_active(pod));
    let wanted = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or_default();
    for _ in active.len()..wanted {
        let prefix = format!("{}-", object::name(set));
        let kind = ("apps/v1", "ReplicaSet");
        pods::create(world, set, kind, Name::Generated(prefix), |_| {})?;
    }
    for pod in surplus(active, wanted) {
        pods::delete(world, &pod)?;
    }
    let figures = Figures::of(&pods::owned(world, set));
    let new = pods::with_status(
        set,
        &[
            ("replicas", figures.total),
            ("fullyLabeledReplicas", figures.total),
            ("readyReplicas", figures.ready),
            ("availableReplicas", figures.ready),
        ],
    );
    super::put_changed(world, "replicasets", set, new)?;
    Ok(())
}

/// Which pods go when there are too many: unplaced before placed, unready before ready, young before old.
fn surplus(mut pods: Vec<Arc<Value>>, wanted: usize) -> Vec<Arc<Value>> {
    pods.sort_by_key(|pod| {
        (
            !text(pod, "/spec/nodeName").is_empty(),
            pods::is_ready(pod),
            Reverse(text(pod, "/metadata/creationTimestamp").to_owned()),
        )
    });
    let surplus = pods.len().saturating_sub(wanted);
    pods.truncate(surplus);
    pods
}
