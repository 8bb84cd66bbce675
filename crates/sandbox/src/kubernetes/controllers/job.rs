//! Jobs: pods that run to their end.

use std::time::Duration;

use serde_json::Value;

use super::{
    clocks::Clocks,
    garbage,
    pods::{self, Name},
};
use crate::kubernetes::{
    delete,
    delete_options::Deletion,
    failure::Failure,
    kinds::stored,
    object::{self, condition, number, set, set_condition, text},
    store::World,
};

/// The finalizer of a pod of a Job until the pod is counted in the status of the Job.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

pub(super) fn reconcile(world: &mut World, clocks: &mut Clocks) -> Result<(), Failure> {
    for job in world.list("jobs", "") {
        if is_finished(&job) && !object::is_terminating(&job) {
            expire(world, &job, clocks)?;
        } else {
            reconcile_one(world, &job)?;
        }
    }
    remove_tracking_of_orphans(world)
}

/// Removes the finalizer of pods that have no Job any more: nothing counts them.
fn remove_tracking_of_orphans(world: &mut World) -> Result<(), Failure> {
    let mut tracked = world.list("pods", "");
    tracked.retain(|pod| is_tracked(pod));
    for pod in tracked {
        let owner = object::controller(&pod).map(|owner| text(owner, "/uid"));
        let jobs = world.list("jobs", object::namespace(&pod));
        if !jobs.iter().any(|job| Some(object::uid(job)) == owner) {
            garbage::remove_finalizer(world, stored("pods"), &pod, TRACKING)?;
        }
    }
    Ok(())
}

fn is_tracked(pod: &Value) -> bool {
    let finalizers = object::list(pod, "/metadata/finalizers");
    finalizers.iter().any(|finalizer| finalizer == TRACKING)
}

fn is_finished(job: &Value) -> bool {
    condition(job, "Complete") == "True" || condition(job, "Failed") == "True"
}

/// Deletes a finished Job when its `ttlSecondsAfterFinished` has passed.
fn expire(world: &mut World, job: &Value, clocks: &mut Clocks) -> Result<(), Failure> {
    let Some(seconds) = number(job, "/spec/ttlSecondsAfterFinished") else {
        return Ok(());
    };
    let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    if clocks.is_due(format!("{} expires", object::uid(job)), wait) {
        let at = (object::namespace(job), object::name(job));
        delete::delete(world, stored("jobs"), at, &Deletion::background())?;
    }
    Ok(())
}

fn reconcile_one(world: &mut World, job: &Value) -> Result<(), Failure> {
    if object::is_terminating(job) {
        return remove_tracking_of_ended(world, job);
    }
    let (counted, [succeeded, failed]) = count_ended(world, job)?;
    let spec = |key: &str, otherwise: i64| {
        let value = number(job, &format!("/spec/{key}")).unwrap_or(otherwise);
        usize::try_from(value).unwrap_or_default()
    };
    let exhausted = failed > spec("backoffLimit", 6);
    let complete = succeeded >= spec("completions", 1);
    if !complete && !exhausted && !object::flag(job, "/spec/suspend") {
        let missing = spec("completions", 1) - succeeded;
        add_pods(world, job, missing.min(spec("parallelism", 1)))?;
    }
    let owned = pods::owned(world, job);
    let active = owned.iter().filter(|pod| pods::is_active(pod));
    let ready = active.clone().filter(|pod| pods::is_ready(pod));
    let figures = [
        ("active", active.count()),
        ("ready", ready.count()),
        ("succeeded", succeeded),
        ("failed", failed),
    ];
    let mut new = pods::with_status(&counted, &figures);
    object::unset(&mut new, &["status", "observedGeneration"]);
    object::default(&mut new, &["status", "startTime"], world.time());
    if (complete || exhausted) && !is_finished(job) {
        finish(&mut new, complete, &world.time());
    }
    let now = world.get("jobs", object::namespace(job), object::name(job));
    super::put_changed(world, "jobs", now.as_deref().unwrap_or(job), new)?;
    Ok(())
}

/// A Job that is being deleted no longer counts its pods; only their finalizer is removed.
fn remove_tracking_of_ended(world: &mut World, job: &Value) -> Result<(), Failure> {
    let mut ended = pods::owned(world, job);
    ended.retain(|pod| is_tracked(pod) && !pods::is_active(pod));
    for pod in ended {
        garbage::remove_finalizer(world, stored("pods"), &pod, TRACKING)?;
    }
    Ok(())
}

/// The fields of the status that count ended pods.
const ENDS: [&str; 2] = ["succeeded", "failed"];

/// Counts the pods that have ended since the last pass, so that a kill at any instant neither loses nor repeats one: first their
/// uids are written into the status, then their finalizer is removed, then the uids become counts. Returns the Job with both
/// counts; a pod that is deleted before it has ended has failed.
fn count_ended(world: &mut World, job: &Value) -> Result<(Value, [usize; 2]), Failure> {
    let mut new = job.clone();
    let mut ended = pods::owned(world, job);
    ended.retain(|pod| is_tracked(pod) && !pods::is_active(pod));
    for pod in &ended {
        let how = usize::from(text(pod, "/status/phase") != "Succeeded");
        let mut noted = noted(&new, ENDS[how]);
        if !noted.iter().any(|uid| uid == object::uid(pod)) {
            noted.push(object::uid(pod).into());
        }
        set(&mut new, &["status", UNCOUNTED, ENDS[how]], noted);
    }
    if new != *job {
        new = Value::clone(&*world.put("jobs", new)?);
    }
    for pod in &ended {
        garbage::remove_finalizer(world, stored("pods"), pod, TRACKING)?;
    }
    let counts = ENDS.map(|how| {
        let counted = number(&new, &format!("/status/{how}")).unwrap_or_default();
        usize::try_from(counted).unwrap_or_default() + noted(&new, how).len()
    });
    object::unset(&mut new, &["status", UNCOUNTED]);
    Ok((new, counts))
}

const UNCOUNTED: &str = "uncountedTerminatedPods";

fn noted(job: &Value, how: &str) -> Vec<Value> {
    object::list(job, &format!("/status/{UNCOUNTED}/{how}")).to_vec()
}

fn add_pods(world: &mut World, job: &Value, wanted: usize) -> Result<(), Failure> {
    let owned = pods::owned(world, job);
    let active = owned.iter().filter(|pod| pods::is_active(pod)).count();
    for _ in active..wanted {
        let name = Name::Generated(format!("{}-", object::name(job)));
        pods::create(world, job, ("batch/v1", "Job"), name, |pod| {
            let mut finalizers = object::list(pod, "/metadata/finalizers").to_vec();
            finalizers.push(TRACKING.into());
            set(pod, &["metadata", "finalizers"], finalizers);
        })?;
    }
    Ok(())
}

fn finish(job: &mut Value, complete: bool, now: &str) {
    if complete {
        let reason = "CompletionsReached";
        set_condition(job, "SuccessCriteriaMet", "True", reason, now);
        set_condition(job, "Complete", "True", reason, now);
        set(job, &["status", "completionTime"], now);
    } else {
        let reason = "BackoffLimitExceeded";
        set_condition(job, "FailureTarget", "True", reason, now);
        set_condition(job, "Failed", "True", reason, now);
    }
}
