//! Refusals in the words of the real API server: a `Status` object with reason, message, details and code.

use serde_json::{Value, json};

use super::kinds::Kind;

/// What the API answers instead of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub code: u16,
    reason: &'static str,
    message: String,
    details: Value,
}

/// One entry of `details.causes`.
pub(crate) fn cause(reason: &str, message: &str, field: &str) -> Value {
    let mut cause = json!({"reason": reason, "message": message});
    if !field.is_empty() {
        cause["field"] = field.into();
    }
    cause
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>, details: Value) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details,
        }
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized", Value::Null)
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message, Value::Null)
    }

    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.resource());
        Self::new(404, "NotFound", message, details(kind, name))
    }

    /// A path that names nothing that is served.
    pub fn no_such_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(404, "NotFound", message, json!({}))
    }

    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message, json!({}))
    }

    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.resource());
        Self::new(409, "AlreadyExists", message, details(kind, name))
    }

    /// Somebody else wrote the object in the meantime.
    pub fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            kind.resource()
        );
        Self::new(409, "Conflict", message, details(kind, name))
    }

    /// A deletion's precondition does not hold; the real server names the kind, not the resource, here.
    pub fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            kind.qualified()
        );
        let mut details = details(kind, name);
        details["kind"] = kind.kind.into();
        Self::new(409, "Conflict", message, details)
    }

    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message, Value::Null)
    }

    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message, json!({}))
    }

    pub fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", message, Value::Null)
    }

    /// One field is wrong. `what` is the sort of error (`Required value`, `Invalid value`, `Forbidden`).
    pub fn invalid(kind: &Kind, name: &str, field: &str, what: &str, why: &str) -> Self {
        let reason = match what {
            "Required value" => "FieldValueRequired",
            "Forbidden" => "FieldValueForbidden",
            _ => "FieldValueInvalid",
        };
        let text = if why.is_empty() {
            what.to_owned()
        } else {
            format!("{what}: {why}")
        };
        let message = format!("{} {name:?} is invalid: {field}: {text}", kind.qualified());
        let mut details =
            json!({"name": name, "kind": kind.kind, "causes": [cause(reason, &text, field)]});
        if !kind.group.is_empty() {
            details["group"] = kind.group.into();
        }
        if name.is_empty() {
            details = without(details, "name");
        }
        Self::new(422, "Invalid", message, details)
    }

    /// A `dryRun` that is not `All`; `options` is the kind of the request's options (`CreateOptions`).
    pub fn unsupported_dry_run(options: &str, asked: &str) -> Self {
        let why = format!("Unsupported value: [{asked:?}]: supported values: \"All\"");
        let message = format!("{options}.meta.k8s.io \"\" is invalid: dryRun: {why}");
        let causes = json!([cause("FieldValueNotSupported", &why, "dryRun")]);
        let details = json!({"group": "meta.k8s.io", "kind": options, "causes": causes});
        Self::new(422, "Invalid", message, details)
    }

    /// A JSON patch that cannot be applied, such as a `test` that does not hold.
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message, json!({}))
    }

    /// Refused for what the object is, not for who asks.
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", kind.resource());
        Self::new(403, "Forbidden", message, details(kind, name))
    }

    /// A budget in a state that no eviction may rely on; the real server names it in the singular here.
    pub fn forbidden_budget(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!(
            "poddisruptionbudget.{} {name:?} is forbidden: {why}",
            kind.group
        );
        let details = json!({"name": name, "group": kind.group, "kind": "poddisruptionbudget"});
        Self::new(403, "Forbidden", message, details)
    }

    /// Refused by the authoriser; `subject` is what was asked for, in its words.
    pub fn denied(message: String, details: Value) -> Self {
        Self::new(403, "Forbidden", message, details)
    }

    pub fn too_many_requests(message: &str, retry_after_s: u32, cause: Value) -> Self {
        let mut details = json!({"causes": [cause]});
        if retry_after_s > 0 {
            details["retryAfterSeconds"] = retry_after_s.into();
        }
        Self::new(429, "TooManyRequests", message, details)
    }

    /// A failure without reason and details, as the eviction of a pod under two budgets answers.
    pub fn bare(code: u16, message: &str) -> Self {
        Self::new(code, "", message, Value::Null)
    }

    pub fn internal(message: impl std::fmt::Display) -> Self {
        let text = message.to_string();
        let details = json!({"causes": [{"message": &text}]});
        Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {text}"),
            details,
        )
    }

    /// Adds a cause to its details.
    #[must_use]
    pub fn with_cause(mut self, cause: Value) -> Self {
        if let Value::Object(details) = &mut self.details {
            details.insert("causes".into(), json!([cause]));
        }
        self
    }

    /// Seconds after which the client may ask again.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.details.get("retryAfterSeconds")?.as_u64()
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::internal(format!("writing the log of changes: {error}"))
    }
}

fn details(kind: &Kind, name: &str) -> Value {
    let mut details = json!({"name": name, "kind": kind.plural});
    if !kind.group.is_empty() {
        details["group"] = kind.group.into();
    }
    details
}

fn without(mut object: Value, key: &str) -> Value {
    if let Value::Object(map) = &mut object {
        map.remove(key);
    }
    object
}
