//! `check`: does the cluster differ from what is wanted?

use std::collections::BTreeMap;

use trireme_blueprint::{CurrentRoll, Identity, Inventory, Wanted};
use trireme_kubernetes::{Mark, Pods, Record};
use trireme_protocol::StepContext;

use crate::wanted::wanted;
use crate::{Source, Version};

/// The blueprint that is due, or else the one that was finished for what is wanted.
///
/// Pods are not listed: what a blueprint is does not depend on them.
pub(crate) async fn check(
    step: &StepContext,
    source: &Source,
    last: Option<Version>,
) -> anyhow::Result<Vec<Version>> {
    let cluster = source.connect().await?;
    let record = cluster.record().await?;
    let Some(wanted) = wanted(source, &record)? else {
        step.info(
            "cluster",
            "nothing is wanted yet: no `version` in the source, none recorded by a put",
        );
        return Ok(Vec::new());
    };
    let inventory = cluster.inventory(Pods::None).await?;
    let now = step.now().to_string();
    let current = current(source, &record, &inventory, &wanted, &now);
    let Some(mark) = current else {
        step.info("cluster", format!("every node runs {}", wanted.version));
        return Ok(Vec::new());
    };
    // A cluster that differs once more, under the id of a roll that is over, is news.
    let over = |last: &Version| {
        record
            .finished
            .as_ref()
            .is_some_and(|done| is_of(last, done))
    };
    let same = last.filter(|last| {
        last.blueprint == mark.blueprint && !(mark.finished_at.is_none() && over(last))
    });
    Ok(vec![same.unwrap_or_else(|| Version::from(&mark))])
}

/// The blueprint of the cluster: due, under way, or finished; none when it never needed one.
pub(crate) fn current(
    source: &Source,
    record: &Record,
    inventory: &Inventory,
    wanted: &Wanted,
    now: &str,
) -> Option<Mark> {
    if !inventory.differs_from(&wanted.version) {
        // One that was begun and not recorded as finished is the newer one.
        let known = record.begun.iter().chain(&record.finished);
        return known
            .into_iter()
            .find(|mark| mark.to == wanted.version)
            .cloned();
    }
    let identity = Identity::new(inventory, wanted, &source.policy(), current_roll(record));
    let due = mark(identity, now);
    Some(Mark {
        since: since(record, &due),
        ..due
    })
}

/// The roll that was begun and is not finished.
pub(crate) fn current_roll(record: &Record) -> Option<CurrentRoll<'_>> {
    record.begun.as_ref().map(|begun| CurrentRoll {
        roll: &begun.roll,
        blueprint: &begun.blueprint,
    })
}

/// When the roll that is due was first seen. Of a roll that was finished and is due once more under the same id, it is the time
/// at which it was finished: every `check` finds the same, and no clock is asked.
fn since(record: &Record, due: &Mark) -> String {
    let same = |mark: &&Mark| mark.blueprint == due.blueprint;
    let begun = record.begun.as_ref().filter(same);
    let finished = record.finished.as_ref().filter(same);
    let again = finished.and_then(|done| done.finished_at);
    match (begun, again) {
        (Some(begun), _) => begun.since.clone(),
        (None, Some(finished_at)) => finished_at.to_string(),
        (None, None) => due.since.clone(),
    }
}

/// Whether `version` is of the finished roll `done`, and not of a later one under the same id.
pub(crate) fn is_of(version: &Version, done: &Mark) -> bool {
    let again = done.finished_at.map(|at| at.to_string());
    version.blueprint == done.blueprint && again.as_ref() != Some(&version.since)
}

/// The roll of this identity, first seen `now`.
pub(crate) fn mark(identity: Identity, now: &str) -> Mark {
    Mark {
        blueprint: identity.id(),
        from: identity.from().unwrap_or(&identity.wanted.version).clone(),
        to: identity.wanted.version.clone(),
        since: now.into(),
        finished_at: None,
        identity: Some(identity),
        roll: String::new(),
    }
}

/// What the roll of `mark` brings about, whatever is wanted by now. A mark of the first release does not say its images.
pub(crate) fn rolled(mark: &Mark) -> Wanted {
    let noted = mark.identity.as_ref();
    noted.map_or_else(
        || Wanted {
            version: mark.to.clone(),
            images: BTreeMap::new(),
        },
        |identity| identity.wanted.clone(),
    )
}
