//! The status of the disruption budgets follows the pods.

use std::time::Duration;

use super::clocks::Clocks;
use crate::kubernetes::{budget, failure::Failure, object, store::World};

/// A granted eviction is looked at again after so long: then it no longer counts, should its pod still be there.
const RECHECK: Duration = Duration::from_secs(121);

pub(super) fn reconcile(world: &mut World, clocks: &mut Clocks) -> Result<(), Failure> {
    let now = world.now();
    for old in world.list("poddisruptionbudgets", "") {
        let status = budget::status_of(world, &old, now);
        let granted = status.get("disruptedPods").map(ToString::to_string);
        if let Some(granted) = granted {
            clocks.is_due(format!("{} {granted}", object::uid(&old)), RECHECK);
        }
        let mut new = (*old).clone();
        object::set(&mut new, &["status"], status);
        super::put_changed(world, "poddisruptionbudgets", &old, new)?;
    }
    Ok(())
}
