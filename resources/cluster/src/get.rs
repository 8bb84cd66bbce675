//! `get`: writes down what was observed, what is planned, and what was done.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trireme_blueprint::{Blueprint, Identity, Snapshot as _, describe, inventory_file};
use trireme_kubernetes::Pods;
use trireme_protocol::{Fault, Outcome, StepContext};

use crate::check::{current, is_of, rolled};
use crate::done::Known;
use crate::wanted::wanted;
use crate::{Source, Version};

/// A `get` has no parameters.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct GetParams {}

/// Writes `inventory.json`, `blueprint.json`, `plan.txt` and `state`; and of a roll that has ended `roll.json` and `report.html`.
pub(crate) async fn get(
    step: &StepContext,
    source: &Source,
    version: Version,
    _params: &GetParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let cluster = source.connect().await?;
    let record = cluster.record().await?;
    let wanted = wanted(source, &record)?.ok_or_else(|| stale(&version))?;
    let inventory = cluster.inventory(Pods::All).await?;
    let finished = record.finished.as_ref();
    let now = step.now().to_string();
    let mark = match finished.filter(|mark| is_of(&version, mark)) {
        Some(mark) => Some(mark.clone()),
        None => current(source, &record, &inventory, &wanted, &now),
    };
    let mark = mark
        .filter(|mark| mark.blueprint == version.blueprint)
        .ok_or_else(|| stale(&version))?;
    let done = finished == Some(&mark);
    // What was rolled, not what is wanted by now.
    let identity = mark.identity.clone().unwrap_or_else(|| Identity {
        wanted: rolled(&mark),
        policy: source.policy(),
        pools: Vec::new(),
    });
    let known = Known {
        record: &record,
        inventory: &inventory,
        mark: &mark,
        identity: &identity,
    };
    let evidence = known.evidence(step, source, done).await?;
    let found = inventory.preflight(&identity.goal());
    let blueprint = Blueprint {
        id: mark.blueprint,
        from: mark.from,
        ..Blueprint::new(&inventory, identity)
    };
    let state = if done { "done" } else { "pending" };
    let inventory_json = inventory_file(&inventory).to_json();
    tokio::fs::write(dir.join("inventory.json"), inventory_json).await?;
    write_json(dir, "blueprint.json", &blueprint).await?;
    tokio::fs::write(dir.join("plan.txt"), describe(&blueprint, &found)).await?;
    tokio::fs::write(dir.join("state"), state).await?;
    if let Some(evidence) = &evidence {
        evidence.write(dir).await?;
    }
    step.done(
        "cluster",
        format!("{} to {}: {state}", version.from, version.to),
    );
    let outcome = Outcome::new(version.clone())
        .with("from", version.from)
        .with("to", version.to)
        .with("state", state)
        .with("nodes", inventory.nodes.len().to_string())
        .with("preflight_failures", found.failures.len().to_string());
    Ok(match evidence.and_then(|evidence| evidence.reference) {
        Some(reference) => outcome.with("evidence", reference),
        None => outcome,
    })
}

fn stale(version: &Version) -> Fault {
    Fault::operational(format!(
        "blueprint {} ({} to {}) is not what the cluster needs any more; {}",
        version.blueprint,
        version.from,
        version.to,
        trireme_protocol::run_again()
    ))
}

async fn write_json(dir: &Path, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_vec_pretty(value)?;
    tokio::fs::write(dir.join(name), text).await?;
    Ok(())
}
