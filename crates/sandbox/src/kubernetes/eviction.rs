//! The eviction subresource: a deletion that the disruption budgets must allow.
//!
//! Case by case as `pkg/registry/core/pod/storage/eviction.go` of Kubernetes 1.37. The real server reads the pod and the
//! budget one after another and guards against changes in between with preconditions; here the world is locked for the
//! whole, so those retries have no counterpart.

use serde_json::{Value, json};

use super::{
    budget,
    delete::{check_preconditions, delete},
    delete_options::Deletion,
    failure::{Failure, cause},
    kinds::stored,
    object::{self, condition, number, set, text},
    store::World,
    write::{Mode, Part, check_namespace, update},
};

const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// Evicts a pod, or says why not. `body` is the `Eviction` that was sent.
///
/// # Errors
/// 400, 404, 409; 403 when the namespace is being deleted; 422 for unknown options; 429 when the budget allows nothing now; 500 when
/// two budgets cover the pod.
pub(crate) fn evict(
    world: &mut World,
    (namespace, name): (&str, &str),
    body: &Value,
    mode: Mode,
) -> Result<Value, Failure> {
    check_fields(body, mode)?;
    // What a body leaves out the server takes from the URL, which says policy/v1; kube sends neither.
    let known = ["", "policy/v1", "policy/v1beta1"].contains(&text(body, "/apiVersion"));
    if !known || !["", "Eviction"].contains(&text(body, "/kind")) {
        let message = "no kind \"Eviction\" is registered for the sent version; send policy/v1";
        return Err(Failure::bad_request(message));
    }
    if !["", namespace].contains(&object::namespace(body)) {
        let message =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(message));
    }
    check_namespace(world, stored("pods"), namespace, name)?;
    if object::name(body) != name {
        let message = "name in URL does not match name in Eviction object";
        return Err(Failure::bad_request(message));
    }
    let mut how = Deletion::of(&body["deleteOptions"])?;
    how.dry_run |= mode.dry_run;
    let pod = world
        .get("pods", namespace, name)
        .ok_or_else(|| Failure::not_found(stored("pods"), name))?;
    if !ignores_budgets(&pod) && ask_budget(world, &pod, how.dry_run)? == Grant::Uncounted {
        // It must not have become Ready since; the server forgets what the client asked for here.
        how.resource_version = Some(text(&pod, "/metadata/resourceVersion").to_owned());
    }
    mark_and_delete(world, (namespace, name), &how)?;
    Ok(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    }))
}

/// Refuses a field that no Eviction has, where the client wants to know (`fieldValidation=Strict`).
fn check_fields(body: &Value, mode: Mode) -> Result<(), Failure> {
    let known = ["apiVersion", "kind", "metadata", "deleteOptions"];
    let mut fields = body.as_object().into_iter().flatten();
    match fields.find(|(field, _)| !known.contains(&field.as_str())) {
        Some((field, _)) if mode.strict => Err(Failure::bad_request(format!(
            "Eviction in version \"v1\" cannot be handled as a Eviction: strict decoding error: unknown field {field:?}"
        ))),
        _ => Ok(()),
    }
}

/// A pod that has ended, has not started or is being deleted is disrupted already, or serves nothing.
fn ignores_budgets(pod: &Value) -> bool {
    ["Succeeded", "Failed", "Pending"].contains(&text(pod, "/status/phase"))
        || object::is_terminating(pod)
}

/// How a budget allowed an eviction.
#[derive(Debug, PartialEq, Eq)]
enum Grant {
    /// The eviction counts against the budget, or there is no budget.
    Counted,
    /// The budget does not count the pod.
    Uncounted,
}

fn ask_budget(world: &mut World, pod: &Value, dry_run: bool) -> Result<Grant, Failure> {
    let mut budgets = budget::budgets_of(world, pod);
    if budgets.len() > 1 {
        let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        return Err(Failure::bare(500, message));
    }
    let Some(mut budget) = budgets.pop() else {
        return Ok(Grant::Counted);
    };
    if may_go_uncounted(pod, &budget) {
        return Ok(Grant::Uncounted);
    }
    check(&budget)?;
    if dry_run {
        return Ok(Grant::Counted);
    }
    let now = world.now();
    let allowed = number(&budget, "/status/disruptionsAllowed").unwrap_or_default() - 1;
    set(&mut budget, &["status", "disruptionsAllowed"], allowed);
    let path = ["status", "disruptedPods", object::name(pod)];
    set(&mut budget, &path, object::time(now));
    if allowed == 0 {
        let generation = number(&budget, "/metadata/generation").unwrap_or(1);
        budget::set_allowed_condition(&mut budget, 0, generation, now);
    }
    world.put("poddisruptionbudgets", budget)?;
    Ok(Grant::Counted)
}

/// A pod that is not Ready does not count as healthy, so it may go while enough others are, or whenever its budget
/// says `AlwaysAllow`.
fn may_go_uncounted(pod: &Value, budget: &Value) -> bool {
    if condition(pod, "Ready") == "True" {
        return false;
    }
    let figure = |name: &str| number(budget, &format!("/status/{name}")).unwrap_or_default();
    let desired = figure("desiredHealthy");
    text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow"
        || (figure("currentHealthy") >= desired && desired > 0)
}

fn check(budget: &Value) -> Result<(), Failure> {
    let name = object::name(budget);
    let figure = |pointer: &str| number(budget, pointer).unwrap_or_default();
    let because = |message: &str| cause("DisruptionBudget", message, "");
    if figure("/status/observedGeneration") < figure("/metadata/generation") {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(Failure::too_many_requests(REFUSED, 10, because(&why)));
    }
    let allowed = figure("/status/disruptionsAllowed");
    if allowed <= 0 {
        return Err(Failure::too_many_requests(
            REFUSED,
            0,
            because(&exhausted(budget)),
        ));
    }
    Ok(())
}

/// Why a budget allows nothing now.
fn exhausted(budget: &Value) -> String {
    let name = object::name(budget);
    let figure = |pointer: &str| number(budget, pointer).unwrap_or_default();
    let (desired, current) = (
        figure("/status/desiredHealthy"),
        figure("/status/currentHealthy"),
    );
    if current <= desired {
        return format!(
            "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
        );
    }
    format!("The disruption budget {name} does not allow evicting pods currently")
}

/// Writes the reason into the pod, then deletes it. When a precondition fails, the pod is not changed, but the budget is: the
/// real server has counted the eviction by then, and so do we.
fn mark_and_delete(world: &mut World, at: (&str, &str), how: &Deletion) -> Result<(), Failure> {
    let kind = stored("pods");
    let mut how = how.clone();
    if !how.dry_run
        && let Some(pod) = world.get("pods", at.0, at.1)
    {
        check_preconditions(kind, &pod, &how)?;
        let mut pod = Value::clone(&pod);
        let reason = "EvictionByEvictionAPI";
        object::set_condition(&mut pod, "DisruptionTarget", "True", reason, &world.time());
        object::set_message(&mut pod, "DisruptionTarget", "Eviction API: evicting");
        let marked = update(world, kind, at, pod, Part::Status, Mode::default())?;
        let version = text(&marked, "/metadata/resourceVersion");
        how.resource_version = how.resource_version.map(|_| version.to_owned());
    }
    delete(world, kind, at, &how)?;
    Ok(())
}
