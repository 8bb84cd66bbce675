use super::*;
use crate::{Position, yaml};
use serde_json::json;

fn schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["repository"],
        "properties": {
            "repository": {"type": "string"},
            "count": {"type": "integer"},
            "password": {"$ref": "#/$defs/Secret"},
            "keys": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/Secret"}, {"type": "null"}]}},
            "from": {"$ref": "#/$defs/From"},
            "timeout": {"type": ["string", "null"], "pattern": "^[0-9]+s$", "description": "How long it may take (30s)."},
            "mirror": {"anyOf": [{"enum": [null, false, ""]}], "deprecated": true, "description": "name it in `repository`"},
            "severity": {"oneOf": [{"const": "low", "type": "string"}, {"const": "high", "type": "string"}]},
        },
        "$defs": {
            "Secret": {"type": "string", "writeOnly": true},
            "From": {
                "type": "object",
                "additionalProperties": false,
                "properties": {"tag": {"type": "string"}, "again": {"$ref": "#/$defs/From"}},
            },
        },
    })
}

fn said(text: &str) -> Vec<(String, String)> {
    let found = objections(&schema(), &yaml::parse(text).unwrap());
    found
        .into_iter()
        .map(|objection| (objection.pointer, objection.message))
        .collect()
}

#[test]
fn everything_wrong_is_said_with_its_place() {
    let found = said("{repositry: x, count: many, from: {tga: 1}, password: 12}");
    let text = format!("{found:?}");
    assert!(
        text.contains("(\"/repositry\", \"unknown key `repositry`; known here: count, from, keys"),
        "{text}"
    );
    assert!(text.contains("missing key `repository`"), "{text}");
    assert!(text.contains("(\"/count\", "), "{text}");
    assert!(
        text.contains("(\"/from/tga\", \"unknown key `tga`; known here: again, tag\")"),
        "{text}"
    );
    assert!(text.contains("(\"/password\", "), "{text}");
}

#[test]
fn what_a_value_should_be_is_said() {
    let found = said("{repository: x, timeout: 12, severity: hihg}");
    let said = |pointer: &str| {
        let one = found.iter().find(|(place, _)| place == pointer);
        one.map(|(_, message)| message.as_str()).unwrap_or_default()
    };
    assert_eq!(
        said("/severity"),
        "the value must be one of \"low\", \"high\""
    );
    assert!(
        said("/timeout").ends_with(": How long it may take (30s)"),
        "{found:?}"
    );
}

#[test]
fn of_a_deprecated_key_it_is_said_what_takes_its_place_unless_it_means_nothing() {
    let found = said("{repository: x, mirror: {host: y}}");
    let place = ("/mirror".to_owned(), "name it in `repository`".to_owned());
    assert_eq!(found, [place]);
    for nothing in ["''", "false", "null"] {
        let text = format!("{{repository: x, mirror: {nothing}}}");
        assert_eq!(said(&text), [], "{nothing}");
    }
    let unknown = format!("{:?}", said("{repository: x, mirrors: 1}"));
    assert!(!unknown.contains("mirror,"), "{unknown}");
}

#[test]
fn what_is_still_a_var_is_not_judged_but_its_siblings_are() {
    assert_eq!(said("{repository: ((r)), count: ((n)), from: ((f))}"), []);
    assert_eq!(said("{repository: ((r)), count: ((n)), x: 1}").len(), 1);
}

#[test]
fn values_are_never_shown() {
    let found = said("{repository: x, count: canary-secret, password: [canary-secret]}");
    assert_eq!(found.len(), 2);
    assert!(!format!("{found:?}").contains("canary-secret"), "{found:?}");
}

#[test]
fn secrets_are_found_through_references_and_choices() {
    let value = json!({"repository": "r", "password": "p1", "keys": ["k1", null, "k2"], "from": {"again": {"tag": "t"}}});
    assert_eq!(secrets(&schema(), &value), ["k1", "k2", "p1"]);
}

#[test]
fn defaults_fill_what_is_not_given() {
    let (defaults, own) = (
        yaml::parse("{a: 1, b: {x: 1}}").unwrap(),
        yaml::parse("{b: {z: 2}}").unwrap(),
    );
    let merged = over_defaults(Some(&defaults), Some(&own), Position::default());
    assert_eq!(merged.to_json(), json!({"b": {"z": 2}, "a": 1}));
}
