//! The options of a deletion (`DeleteOptions`) and their rules (`ValidateDeleteOptions` of Kubernetes).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::{Value, json};

use super::{
    failure::{Failure, Wrong},
    kinds::Kind,
    object::text,
};

/// The finalizer of an object that waits until its dependents are orphaned.
pub(crate) const ORPHAN: &str = "orphan";
/// The finalizer of an object that waits until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";

const POLICIES: [&str; 3] = ["Foreground", "Background", "Orphan"];

/// How a deletion is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deletion {
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    pub grace_period_s: Option<i64>,
    pub dry_run: bool,
    propagation: Option<String>,
    orphan_dependents: Option<bool>,
    /// The values of `dryRun` when one is not `All`.
    unsupported: Vec<String>,
}

impl Deletion {
    /// The object at once, its dependents later: how controllers delete.
    pub fn background() -> Self {
        Self {
            propagation: Some("Background".into()),
            ..Self::default()
        }
    }

    /// Reads a `DeleteOptions` object; `null` is the default.
    ///
    /// # Errors
    /// 400 when it is of another kind, or a field of another type.
    pub fn of(options: &Value) -> Result<Self, Failure> {
        if options.is_null() {
            return Ok(Self::default());
        }
        let (version, kind) = (text(options, "/apiVersion"), text(options, "/kind"));
        if !["", "DeleteOptions"].contains(&kind) {
            let message = format!("no kind {kind:?} is registered for version {version:?}");
            return Err(Failure::bad_request(message));
        }
        let mut options = options.clone();
        // The type takes one version of its own; the server takes it in every group's.
        for (key, value) in [("apiVersion", "v1"), ("kind", "DeleteOptions")] {
            if let Some(options) = options.as_object_mut() {
                options.insert(key.into(), value.into());
            }
        }
        let read = serde_json::from_value::<DeleteOptions>(options);
        read.map(Self::from)
            .map_err(|error| Failure::bad_request(format!("json: {error}")))
    }

    /// Reads the options that a query gives; the server looks at them only where there is no body.
    ///
    /// # Errors
    /// 400 for a value that is not a number.
    pub fn of_query<'q>(query: impl Fn(&str) -> &'q str) -> Result<Self, Failure> {
        let mut options = json!({});
        let grace = query("gracePeriodSeconds");
        if !grace.is_empty() {
            options["gracePeriodSeconds"] = super::failure::integer(grace)?.into();
        }
        if !query("propagationPolicy").is_empty() {
            options["propagationPolicy"] = query("propagationPolicy").into();
        }
        if !query("orphanDependents").is_empty() {
            options["orphanDependents"] = ["true", "1"].contains(&query("orphanDependents")).into();
        }
        if !query("dryRun").is_empty() {
            options["dryRun"] = json!([query("dryRun")]);
        }
        Self::of(&options)
    }

    /// Refuses unknown values, so that nothing is deleted in another way than the client asked for.
    ///
    /// # Errors
    /// 422 with all that is wrong.
    pub fn check(&self) -> Result<(), Failure> {
        const FIELD: &str = "propagationPolicy";
        let mut wrong = Vec::new();
        if let Some(policy) = &self.propagation {
            if self.orphan_dependents.is_some() {
                let why = format!(
                    "{policy:?}: orphanDependents and deletionPropagation cannot be both set"
                );
                wrong.push(Wrong::new(FIELD, "Invalid value", why));
            }
            if !POLICIES.contains(&policy.as_str()) {
                let known = "\"Foreground\", \"Background\", \"Orphan\", \"nil\"";
                let why = format!("{policy:?}: supported values: {known}");
                wrong.push(Wrong::new(FIELD, "Unsupported value", why));
            }
        }
        if !self.unsupported.is_empty() {
            let asked: Vec<&str> = self.unsupported.iter().map(String::as_str).collect();
            wrong.push(Wrong::dry_run(&asked));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let options = ("meta.k8s.io", "DeleteOptions");
        Err(Failure::invalid_fields(options, "", &wrong))
    }

    /// The finalizers that an object with these has once its deletion has begun: what the request says of its dependents
    /// replaces what an earlier one, or the object itself, said of them (`deletionFinalizersForGarbageCollection`). Where
    /// nothing is said, a Job lets its pods live on; every other kind takes its dependents along.
    pub fn finalizers(&self, kind: &Kind, before: &[Value]) -> Vec<Value> {
        let has = |name: &str| before.iter().any(|finalizer| finalizer == name);
        let (orphan, foreground) = match (self.orphan_dependents, self.propagation.as_deref()) {
            (Some(orphan), _) => (orphan, false),
            (None, Some(policy)) => (policy == "Orphan", policy == "Foreground"),
            (None, None) if has(ORPHAN) || has(FOREGROUND) => (has(ORPHAN), !has(ORPHAN)),
            (None, None) => (kind.plural == "jobs", false),
        };
        let mut after = before.to_vec();
        after.retain(|finalizer| finalizer != ORPHAN && finalizer != FOREGROUND);
        for (wanted, finalizer) in [(orphan, ORPHAN), (foreground, FOREGROUND)] {
            if wanted {
                after.push(finalizer.into());
            }
        }
        after
    }
}

impl From<DeleteOptions> for Deletion {
    fn from(options: DeleteOptions) -> Self {
        let preconditions = options.preconditions.unwrap_or_default();
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let dry_run = options.dry_run.unwrap_or_default();
        Self {
            uid: given(preconditions.uid),
            resource_version: given(preconditions.resource_version),
            grace_period_s: options.grace_period_seconds,
            // With any value: a request that will be refused changes nothing.
            dry_run: !dry_run.is_empty(),
            unsupported: if dry_run.iter().all(|value| value == "All") {
                Vec::new()
            } else {
                dry_run
            },
            propagation: given(options.propagation_policy),
            orphan_dependents: options.orphan_dependents,
        }
    }
}
