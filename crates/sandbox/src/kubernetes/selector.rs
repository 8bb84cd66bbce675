//! Label and field selectors, as text in a query and as `LabelSelector` in an object.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{failure::Failure, kinds::Kind, object};

/// One condition on labels.
#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::Absent(key) => !labels.contains_key(key),
        }
    }
}

/// Conditions on labels, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Labels(Vec<Requirement>);

impl Labels {
    /// Reads `a=b,c!=d,e in (f,g),!h`.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let parts = split_outside_brackets(text);
        let requirements = parts.iter().map(|part| requirement(part));
        Ok(Self(requirements.collect::<Result<_, _>>()?))
    }

    /// The selector that an object carries (`matchLabels`, `matchExpressions`); `None` when it has none. An empty one
    /// selects everything.
    pub fn of(selector: Option<&Value>) -> Option<Self> {
        let selector = selector.filter(|value| value.is_object())?;
        let labels = object::pairs(selector, "/matchLabels");
        let equal = labels
            .into_iter()
            .map(|(key, value)| Requirement::In(key, vec![value]));
        let expressions = object::list(selector, "/matchExpressions")
            .iter()
            .map(expression);
        Some(Self(equal.chain(expressions).collect()))
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| requirement.holds(labels))
    }
}

fn expression(expression: &Value) -> Requirement {
    let key = object::text(expression, "/key").to_owned();
    let values = object::list(expression, "/values").iter();
    let values = values
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    match object::text(expression, "/operator") {
        "NotIn" => Requirement::NotIn(key, values),
        "Exists" => Requirement::Exists(key),
        "DoesNotExist" => Requirement::Absent(key),
        _ => Requirement::In(key, values),
    }
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn requirement(part: &str) -> Result<Requirement, Failure> {
    let key = |text: &str| -> Result<String, Failure> {
        let key = text.trim();
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        if key.is_empty() || !key.chars().all(legal) {
            let message = format!("unable to parse requirement: {part:?} is no label selector");
            return Err(Failure::bad_request(message));
        }
        Ok(key.to_owned())
    };
    let set = |values: &str| -> Vec<String> {
        let values = values.trim().trim_start_matches('(').trim_end_matches(')');
        values.split(',').map(|v| v.trim().to_owned()).collect()
    };
    if let Some((name, values)) = part.split_once(" notin ") {
        return Ok(Requirement::NotIn(key(name)?, set(values)));
    }
    if let Some((name, values)) = part.split_once(" in ") {
        return Ok(Requirement::In(key(name)?, set(values)));
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(
            key(name)?,
            vec![value.trim().to_owned()],
        ));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::In(key(name)?, vec![value.trim().to_owned()]));
    }
    match part.strip_prefix('!') {
        Some(name) => Ok(Requirement::Absent(key(name)?)),
        None => Ok(Requirement::Exists(key(part)?)),
    }
}

/// Conditions on fields, all of which must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String, bool)>);

/// The fields besides name and namespace by which a kind may be selected, as the real server lists them.
fn selectable(plural: &str) -> &'static [&'static str] {
    match plural {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "source",
            "type",
            "reportingComponent",
        ],
        "secrets" => &["type"],
        "jobs" => &["status.successful"],
        "replicasets" => &["status.replicas"],
        "services" => &["spec.clusterIP", "spec.type"],
        _ => &[],
    }
}

impl Fields {
    /// Reads `spec.nodeName=w-1,status.phase!=Running`.
    ///
    /// # Errors
    /// 400 when it cannot be read, or the kind cannot be selected by such a field.
    pub fn parse(text: &str, kind: &Kind) -> Result<Self, Failure> {
        let mut conditions = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (field, value, equal) = part
                .split_once("!=")
                .map(|(field, value)| (field, value, false))
                .or_else(|| part.split_once("==").map(|(f, v)| (f, v, true)))
                .or_else(|| part.split_once('=').map(|(f, v)| (f, v, true)))
                .ok_or_else(|| {
                    let message = format!("invalid selector: '{text}'; can't understand '{part}'");
                    Failure::bad_request(message)
                })?;
            let known = ["metadata.name", "metadata.namespace"];
            if !known.contains(&field) && !selectable(kind.plural).contains(&field) {
                let message = format!("field label not supported: {field}");
                return Err(Failure::bad_request(message));
            }
            conditions.push((field.replace('.', "/"), value.to_owned(), equal));
        }
        Ok(Self(conditions))
    }

    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, wanted, equal)| {
            let found = object.pointer(&format!("/{field}"));
            let found = match found {
                None | Some(Value::Null) if field.ends_with("unschedulable") => "false".to_owned(),
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            (found == *wanted) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::kinds::stored;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        Labels::parse(selector).unwrap().matches(&labels.collect())
    }

    #[test]
    fn label_selectors_mean_what_they_mean_in_kubernetes() {
        let web = [("app", "web"), ("tier", "front")];
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app=web,tier=back", false),
            ("app!=web", false),
            ("missing!=web", true),
            ("app in (web, api),tier", true),
            ("app notin (web,api)", false),
            ("missing notin (web)", true),
            ("!missing", true),
            ("!app", false),
        ] {
            assert_eq!(matches(selector, &web), expected, "{selector}");
        }
        assert!(Labels::parse("a b").is_err());
    }

    #[test]
    fn field_selectors_refuse_fields_that_the_real_server_refuses() {
        let fields =
            Fields::parse("spec.nodeName=w-1,status.phase!=Failed", stored("pods")).unwrap();
        let pod = json!({"spec": {"nodeName": "w-1"}, "status": {"phase": "Running"}});
        assert!(fields.matches(&pod));
        assert!(!fields.matches(&json!({"spec": {"nodeName": "w-2"}})));
        assert!(Fields::parse("spec.replicas=1", stored("deployments")).is_err());
        let schedulable = Fields::parse("spec.unschedulable=false", stored("nodes")).unwrap();
        assert!(schedulable.matches(&json!({})));
    }
}
