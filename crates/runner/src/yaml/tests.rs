use super::*;
use proptest::prelude::*;
use serde_json::json;

#[track_caller]
fn json_of(text: &str) -> Value {
    parse(text).unwrap().to_json()
}

#[test]
fn plain_scalars_have_the_types_that_concourse_gives_them() {
    let rows = [
        ("yes", json!(true)),
        ("off", json!(false)),
        ("~", json!(null)),
        ("0755", json!(493)),
        ("0x1F", json!(31)),
        ("-12", json!(-12)),
        ("1_000", json!(1000)),
        ("1.5", json!(1.5)),
        ("1e3", json!(1000)),
        ("1.0", json!(1)),
        ("-2.50", json!(-2.5)),
        ("1e300", json!(1e300)),
        ("1.37", json!(1.37)),
        ("1.2.3", json!("1.2.3")),
        ("2026-01-02", json!("2026-01-02")),
        ("\"yes\"", json!("yes")),
        ("'1'", json!("1")),
        ("!!str 1", json!("1")),
        ("-", json!([null])),
        ("+", json!("+")),
        (".", json!(".")),
        ("18446744073709551615", json!(u64::MAX)),
    ];
    for (text, expected) in rows {
        assert_eq!(json_of(text), expected, "{text}");
    }
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{x: 9}, *a]}\nd: *a\n";
    let expected = json!({"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}, "c": {"x": 9, "y": 2}, "d": {"x": 1, "y": 2}});
    assert_eq!(json_of(text), expected);
}

#[test]
fn positions_start_at_one() {
    let node = parse("a:\n  bc: [1, {d: e}]\n").unwrap();
    assert_eq!(node.entry("a").unwrap().at, Position { line: 1, column: 1 });
    assert_eq!(
        node.at_pointer("/a/bc/1/d").at,
        Position {
            line: 2,
            column: 15
        }
    );
    assert_eq!(node.at_pointer("/a/none/1").at, node.get("a").unwrap().at);
}

#[test]
fn what_cannot_be_read_says_where() {
    let rows = [
        ("a: 1\na: 2\n", "2:1", "twice"),
        ("a: [1\n", "", ""),
        ("a: *b\n", "1:4", "anchor"),
        ("--- 1\n--- 2\n", "2:1", "second document"),
        ("", "1:1", "empty"),
        ("a: .inf", "1:4", "JSON"),
        ("? [a]\n: 1\n", "1:3", "key"),
        ("a: &a [*a]", "1:8", ""),
        ("a: !custom x", "1:4", "custom"),
    ];
    for (text, at, part) in rows {
        let problem = parse(text).expect_err(text);
        assert!(
            at.is_empty() || problem.at.to_string() == at,
            "{text:?}: {problem:?}"
        );
        assert!(problem.message.contains(part), "{text:?}: {problem:?}");
    }
}

#[test]
fn hostile_input_stays_small() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    assert!(parse(&bomb).unwrap_err().message.contains("unfolded"));
    let long = format!(
        "a: &a '{}'\nb: [{}]\n",
        "x".repeat(100_000),
        "*a, ".repeat(1000)
    );
    assert!(parse(&long).unwrap_err().message.contains("bytes of text"));
    let keys: String = (0..200_000).map(|key| format!("k{key}: 1, ")).collect();
    assert!(
        parse(&format!("{{{keys}}}")).is_ok(),
        "many keys take no time"
    );
    assert!(parse(&"[".repeat(10_000)).is_err());
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(parse(&deep).unwrap_err().message.contains("deeper"));
    assert!(
        parse(&" ".repeat(5_000_000))
            .unwrap_err()
            .message
            .contains("limit")
    );
}

#[test]
fn what_can_be_read_past_is_said_all_at_once() {
    let (node, objections) = read("a: 1\na: 2\nb: .nan\nc: !x y\n").unwrap();
    assert_eq!(node.to_json(), json!({"a": 1, "b": null, "c": null}));
    let places: Vec<String> = objections
        .iter()
        .map(|problem| problem.at.to_string())
        .collect();
    assert_eq!(places, ["2:1", "3:4", "4:4"], "{objections:?}");
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "[-a-c:\\[\\]{},&*!|>?'\"#%@~ \\n0-2<]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn json_is_yaml(value in json_value()) {
        let text = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(parse(&text).unwrap().to_json(), value);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z ():.~-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}
