//! The rules for a new or changed object.

mod metadata;

use serde_json::Value;

use super::{
    failure::Failure,
    kinds::Kind,
    object::{name, text},
};

/// Refuses an object that the real server would refuse: wrong types, a bad name, labels or a budget that break
/// its rules.
///
/// # Errors
/// 400 for what cannot be read as this kind, 422 for what can but must not be.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<(), Failure> {
    (kind.decode)(object).map_err(|error| {
        Failure::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: json: {error}",
            kind.kind, kind.version, kind.kind
        ))
    })?;
    if is_deeper(object, DEEPEST) {
        let message = format!("the object is nested deeper than {DEEPEST} levels");
        return Err(Failure::bad_request(message));
    }
    check_name(kind, object)?;
    check_metadata(kind, object)?;
    match kind.plural {
        "poddisruptionbudgets" => check_budget(kind, object),
        _ => Ok(()),
    }
}

/// Objects nested deeper are refused: the parser of the log of changes allows 128 levels, and the log adds two.
const DEEPEST: usize = 100;

fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else {
        return true;
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper(item, left)),
        Value::Object(fields) => fields.values().any(|field| is_deeper(field, left)),
        _ => false,
    }
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// The longest name of an object, in letters.
const LONGEST_NAME: usize = 253;

fn check_name(kind: &Kind, object: &Value) -> Result<(), Failure> {
    const FIELD: &str = "metadata.name";
    let name = name(object);
    if name.is_empty() {
        let why = "name or generateName is required";
        return Err(Failure::invalid(kind, "", FIELD, "Required value", why));
    }
    let why = if kind.group == "rbac.authorization.k8s.io" && !name.contains(['/', '%']) {
        return Ok(());
    } else if name.len() > LONGEST_NAME {
        format!("{name:?}: must be no more than {LONGEST_NAME} characters")
    } else if !is_subdomain(name) {
        format!("{name:?}: {SUBDOMAIN}")
    } else {
        return Ok(());
    };
    Err(Failure::invalid(kind, name, FIELD, "Invalid value", &why))
}

fn is_subdomain(name: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    name.split('.').all(|part| {
        part.starts_with(inner)
            && part.ends_with(inner)
            && part.chars().all(|letter| inner(letter) || letter == '-')
    })
}

fn check_metadata(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let wrong = metadata::wrong(kind, object);
    if wrong.is_empty() {
        return Ok(());
    }
    let of = (kind.group, kind.kind);
    Err(Failure::invalid_fields(of, name(object), &wrong))
}

fn check_budget(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let spec = &object["spec"];
    let invalid = |field: &str, why: &str| {
        let what = "Invalid value";
        Err(Failure::invalid(kind, name(object), field, what, why))
    };
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        // As the real server shows its own type, in its order of fields.
        let why = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}: minAvailable and maxUnavailable cannot be both set",
            spec["minAvailable"],
            spec["selector"],
            spec["maxUnavailable"],
            spec["unhealthyPodEvictionPolicy"]
        );
        return invalid("spec", &why);
    }
    for key in ["minAvailable", "maxUnavailable"] {
        let Some(percent) = spec[key].as_str().and_then(|text| text.strip_suffix('%')) else {
            continue;
        };
        if !percent.parse::<u64>().is_ok_and(|percent| percent <= 100) {
            let why = format!("\"{percent}%\": must not be greater than 100%");
            return invalid(&format!("spec.{key}"), &why);
        }
    }
    Ok(())
}

/// Whether an object's own words fit where it was sent: API version, kind, namespace and name.
///
/// # Errors
/// 400, in the words of the real server.
pub(crate) fn check_address(
    kind: &Kind,
    object: &Value,
    namespace: &str,
    url_name: Option<&str>,
) -> Result<(), Failure> {
    if !object.is_object() {
        return Err(Failure::bad_request(
            "the object provided is unrecognized (must be of type an object)",
        ));
    }
    let (version, called) = (text(object, "/apiVersion"), text(object, "/kind"));
    let expected = kind.api_version();
    if !version.is_empty() && version != expected {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        )));
    }
    if !called.is_empty() && called != kind.kind {
        return Err(Failure::bad_request(format!(
            "{called} in version {:?} cannot be handled as a {}: no kind match",
            kind.version, kind.kind
        )));
    }
    let own = super::object::namespace(object);
    if kind.namespaced && !own.is_empty() && own != namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    match url_name {
        Some(wanted) if name(object).is_empty() => Err(Failure::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        ))),
        Some(wanted) if name(object) != wanted => Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({wanted})",
            name(object)
        ))),
        _ => Ok(()),
    }
}
