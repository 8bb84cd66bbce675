//! Jobs: pods that run to their end.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    clocks::Clocks,
    pods::{self, Name},
};
use crate::kubernetes::{
    deletion::Deletion,
    failure::Failure,
    kinds::stored,
    object::{self, condition, number, set, set_condition, text},
    store::World,
    write,
};

pub(super) fn reconcile(world: &mut World, clocks: &mut Clocks) -> Result<(), Failure> {
    for job in world.list("jobs", "") {
        if object::is_terminating(&job) {
            continue;
        }
        if is_finished(&job) {
            expire(world, &job, clocks)?;
        } else {
            reconcile_one(world, &job)?;
        }
    }
    Ok(())
}

fn is_finished(job: &Value) -> bool {
    condition(job, "Complete") == "True" || condition(job, "Failed") == "True"
}

/// A finished Job goes when its `ttlSecondsAfterFinished` has passed.
fn expire(world: &mut World, job: &Value, clocks: &mut Clocks) -> Result<(), Failure> {
    let Some(seconds) = number(job, "/spec/ttlSecondsAfterFinished") else {
        return Ok(());
    };
    let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    if clocks.is_due(format!("{} expires", object::uid(job)), wait) {
        let at = (object::namespace(job), object::name(job));
        write::delete(world, stored("jobs"), at, &Deletion::default())?;
    }
    Ok(())
}

fn reconcile_one(world: &mut World, job: &Value) -> Result<(), Failure> {
    let pods = pods::owned(world, job);
    let count = |phase: &str| {
        let in_phase = |pod: &&Arc<Value>| text(pod, "/status/phase") == phase;
        pods.iter().filter(in_phase).count()
    };
    let (succeeded, failed) = (count("Succeeded"), count("Failed"));
    let active = pods.iter().filter(|pod| pods::is_active(pod)).count();
    let spec = |key: &str, otherwise: i64| {
        let value = number(job, &format!("/spec/{key}")).unwrap_or(otherwise);
        usize::try_from(value).unwrap_or_default()
    };
    let (completions, parallelism) = (spec("completions", 1), spec("parallelism", 1));
    let exhausted = failed > spec("backoffLimit", 6);
    let complete = succeeded >= completions;
    if !complete && !exhausted && !object::flag(job, "/spec/suspend") {
        let missing = completions - succeeded;
        for _ in active..missing.min(parallelism) {
            let prefix = format!("{}-", object::name(job));
            pods::create(
                world,
                job,
                ("batch/v1", "Job"),
                Name::Generated(prefix),
                |_| {},
            )?;
        }
    }
    let owned = pods::owned(world, job);
    let active = owned.iter().filter(|pod| pods::is_active(pod)).count();
    let ready = owned
        .iter()
        .filter(|pod| pods::is_active(pod) && pods::is_ready(pod));
    let figures = [
        ("active", active),
        ("ready", ready.count()),
        ("succeeded", succeeded),
        ("failed", failed),
    ];
    let mut new = pods::with_status(job, &figures);
    object::unset(&mut new, &["status", "observedGeneration"]);
    object::default(&mut new, &["status", "startTime"], object::now());
    if complete || exhausted {
        finish(&mut new, complete);
    }
    super::put_changed(world, "jobs", job, new)?;
    Ok(())
}

fn finish(job: &mut Value, complete: bool) {
    let now = object::now();
    if complete {
        let reason = "CompletionsReached";
        set_condition(job, "SuccessCriteriaMet", "True", reason, &now);
        set_condition(job, "Complete", "True", reason, &now);
        set(job, &["status", "completionTime"], now);
    } else {
        let reason = "BackoffLimitExceeded";
        set_condition(job, "FailureTarget", "True", reason, &now);
        set_condition(job, "Failed", "True", reason, &now);
    }
}
