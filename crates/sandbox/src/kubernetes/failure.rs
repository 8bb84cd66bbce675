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
    /// The token with which a list can continue at the present revision.
    continue_token: String,
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
            continue_token: String::new(),
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

    /// A precondition of a deletion is not met; here the real server names the kind, not the resource.
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

    /// A list of a time that has not come yet.
    pub fn revision_too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let cause = cause("ResourceVersionTooLarge", "Too large resource version", "");
        let details = json!({"causes": [cause], "retryAfterSeconds": 1});
        Self::new(504, "Timeout", message, details)
    }

    /// The server gave up; the request may have been done or not.
    pub fn timed_out() -> Self {
        let message = "Timeout: request did not complete within the allotted duration";
        Self::new(504, "Timeout", message, json!({}))
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
    pub fn invalid(kind: &Kind, name: &str, field: &str, what: &'static str, why: &str) -> Self {
        Self::invalid_fields(
            (kind.group, kind.kind),
            name,
            &[Wrong::new(field, what, why)],
        )
    }

    /// Some fields are wrong; there is one at least.
    pub fn invalid_fields((group, kind): (&str, &str), name: &str, wrong: &[Wrong]) -> Self {
        let of = if group.is_empty() { "" } else { "." };
        let fields: Vec<String> = wrong.iter().map(Wrong::told).collect();
        let told = match fields.as_slice() {
            [one] => one.clone(),
            all => format!("[{}]", all.join(", ")),
        };
        let message = format!("{kind}{of}{group} {name:?} is invalid: {told}");
        let causes: Vec<Value> = wrong.iter().map(Wrong::cause).collect();
        let mut details = json!({"kind": kind, "causes": causes});
        for (key, value) in [("group", group), ("name", name)] {
            if !value.is_empty() {
                details[key] = value.into();
            }
        }
        Self::new(422, "Invalid", message, details)
    }

    /// A `dryRun` that is not `All`; `options` is the kind of the request's options (`CreateOptions`).
    pub fn unsupported_dry_run(options: &str, asked: &[&str]) -> Self {
        Self::invalid_fields(("meta.k8s.io", options), "", &[Wrong::dry_run(asked)])
    }

    /// A JSON patch that cannot be applied, such as a `test` that fails.
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message, json!({}))
    }

    /// Refused because of the object, not because of the user.
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", kind.resource());
        Self::new(403, "Forbidden", message, details(kind, name))
    }

    /// Refused by the authorizer.
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

    /// Adds a token with which the client may go on with its list.
    #[must_use]
    pub fn with_continue(mut self, token: String) -> Self {
        self.continue_token = token;
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
        if !self.continue_token.is_empty() {
            status["metadata"]["continue"] = self.continue_token.as_str().into();
        }
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

/// A number in a query.
///
/// # Errors
/// 400, in the words of the real server.
pub(crate) fn integer(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| {
        Failure::bad_request(format!(
            "strconv.ParseInt: parsing {text:?}: invalid syntax"
        ))
    })
}

/// A field that is wrong, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wrong {
    field: String,
    what: &'static str,
    why: String,
}

impl Wrong {
    /// `what` is the sort of error: `Required value`, `Invalid value`, `Unsupported value`, `Too long`, `Forbidden`.
    pub fn new(field: &str, what: &'static str, why: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            what,
            why: why.into(),
        }
    }

    pub fn dry_run(asked: &[&str]) -> Self {
        let why = format!("{}: supported values: \"All\"", shown(asked));
        Self::new("dryRun", "Unsupported value", why)
    }

    fn reason(&self) -> &'static str {
        match self.what {
            "Required value" => "FieldValueRequired",
            "Forbidden" => "FieldValueForbidden",
            "Unsupported value" => "FieldValueNotSupported",
            "Too long" => "FieldValueTooLong",
            _ => "FieldValueInvalid",
        }
    }

    fn text(&self) -> String {
        if self.why.is_empty() {
            return self.what.to_owned();
        }
        format!("{}: {}", self.what, self.why)
    }

    fn told(&self) -> String {
        format!("{}: {}", self.field, self.text())
    }

    fn cause(&self) -> Value {
        cause(self.reason(), &self.text(), &self.field)
    }
}

/// A list as Go's `%q` shows it: `["a" "b"]`.
fn shown(items: &[&str]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", quoted.join(" "))
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
