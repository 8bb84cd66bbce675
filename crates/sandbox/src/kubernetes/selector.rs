//! Label and field selectors, as text in a query and as `LabelSelector` in an object.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Expression, Selector, SelectorExt};
use serde::Deserialize;
use serde_json::Value;

use super::{failure::Failure, kinds::Kind};

/// Conditions on labels; all must match.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Labels(Selector);

impl Labels {
    /// Reads `a=b,c!=d,e in (f,g),!h`.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let parts = split_outside_brackets(text);
        let expressions = parts.iter().map(|part| expression(part));
        Ok(Self(expressions.collect::<Result<_, _>>()?))
    }

    /// The selector that an object carries (`matchLabels`, `matchExpressions`); `None` when it has none that can be read. An
    /// empty one selects everything.
    pub fn of(selector: Option<&Value>) -> Option<Self> {
        let selector = LabelSelector::deserialize(selector?).ok()?;
        Selector::try_from(selector).ok().map(Self)
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.matches(labels)
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

fn expression(part: &str) -> Result<Expression, Failure> {
    let key = |text: &str| -> Result<String, Failure> {
        let key = text.trim();
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        if key.is_empty() || !key.chars().all(legal) {
            let message = format!("unable to parse requirement: {part:?} is no label selector");
            return Err(Failure::bad_request(message));
        }
        Ok(key.to_owned())
    };
    let set = |values: &str| -> BTreeSet<String> {
        let values = values.trim().trim_start_matches('(').trim_end_matches(')');
        values.split(',').map(|v| v.trim().to_owned()).collect()
    };
    if let Some((name, values)) = part.split_once(" notin ") {
        return Ok(Expression::NotIn(key(name)?, set(values)));
    }
    if let Some((name, values)) = part.split_once(" in ") {
        return Ok(Expression::In(key(name)?, set(values)));
    }
    if let Some((name, value, equal)) = comparison(part) {
        let (name, value) = (key(name)?, value.trim().to_owned());
        return Ok(match equal {
            true => Expression::Equal(name, value),
            false => Expression::NotEqual(name, value),
        });
    }
    match part.strip_prefix('!') {
        Some(name) => Ok(Expression::DoesNotExist(key(name)?)),
        None => Ok(Expression::Exists(key(part)?)),
    }
}

/// The left and the right side of a comparison, and whether they must be equal.
fn comparison(part: &str) -> Option<(&str, &str, bool)> {
    let by = |operator| part.split_once(operator);
    let equal = |(left, right)| (left, right, true);
    let other = by("!=").map(|(left, right)| (left, right, false));
    other.or_else(|| by("==").or_else(|| by("=")).map(equal))
}

/// Conditions on fields; all must match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String, bool)>);

/// The fields besides name and namespace by which a kind may be selected: as far as `kubectl drain`, `kubectl describe` and the
/// roller use them.
fn selectable(plural: &str) -> &'static [&'static str] {
    match plural {
        "pods" => &["spec.nodeName", "status.phase"],
        "nodes" => &["spec.unschedulable"],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
        ],
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
            let (field, value, equal) = comparison(part).ok_or_else(|| {
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
