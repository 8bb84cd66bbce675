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

/// What sigs.k8s.io/yaml 1.6.0 makes of the same text.
#[test]
fn y_and_n_are_truth_values_and_keys_are_typed_too() {
    let rows = [
        (
            "[y, n, Y, N, oFF, tRUE]",
            json!([true, false, true, false, "oFF", "tRUE"]),
        ),
        ("['y', \"n\", !!str y]", json!(["y", "n", "y"])),
        ("{y: 1, n: 2}", json!({"true": 1, "false": 2})),
        ("{\"y\": 1, !!str n: 2}", json!({"y": 1, "n": 2})),
        (
            "{0755: x, 1.0: w, 1.50: z, 1e3: u}",
            json!({"493": "x", "1": "w", "1.5": "z", "1000": "u"}),
        ),
        (
            "[0o17, 0B11, 0O17, 0X1f, -0b11, 1__0, 08]",
            json!([15, 3, 15, 31, -3, 10, 8]),
        ),
        (
            "{a: !custom x, b: !foo {c: 1}}",
            json!({"a": "x", "b": {"c": 1}}),
        ),
        ("\"<<\": {a: 1}", json!({"<<": {"a": 1}})),
        ("--- {a: 1}\n--- [\n", json!({"a": 1})),
    ];
    for (text, expected) in rows {
        assert_eq!(json_of(text), expected, "{text}");
    }
}

#[test]
fn of_keys_that_stand_twice_the_last_one_is_taken() {
    assert_eq!(json_of("a: 1\nb: 2\na: 3\n"), json!({"a": 3, "b": 2}));
    // A merge sets its keys where it stands.
    let text = "a: &a {x: 1, z: 2}\nb: {z: 3, <<: *a}\nc: {<<: *a, z: 3}\n";
    let expected = json!({"a": {"x": 1, "z": 2}, "b": {"x": 1, "z": 2}, "c": {"x": 1, "z": 3}});
    assert_eq!(json_of(text), expected);
    let (_, problems) = read(text).unwrap();
    assert_eq!(
        problems.warnings,
        [],
        "to set a merged key is what merges are for"
    );
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let text = "a: &a {x: 1, z: 2}\nb: {<<: *a, z: 3}\nc: {<<: [{x: 9}, *a]}\nd: *a\n";
    let expected = json!({"a": {"x": 1, "z": 2}, "b": {"z": 3, "x": 1}, "c": {"x": 9, "z": 2}, "d": {"x": 1, "z": 2}});
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
        ("~: 1", "1:1", "not nothing"),
        ("a: [1\n", "", ""),
        ("a: *b\n", "1:4", "anchor"),
        ("", "1:1", "empty"),
        ("a: .inf", "1:4", "JSON"),
        ("? [a]\n: 1\n", "1:3", "key"),
        ("a: &a [*a]", "1:8", ""),
        ("a: !!binary eA==", "1:4", "binary"),
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
    let (node, problems) = read("a: 1\na: 2\nb: .nan\nc: !x y\nn: 1\n--- 2\n").unwrap();
    assert_eq!(
        node.to_json(),
        json!({"a": 2, "b": null, "c": "y", "false": 1})
    );
    let said = |list: &[crate::Problem]| {
        let lines = list
            .iter()
            .map(|problem| format!("{}: {}", problem.at, problem.message));
        lines.collect::<Vec<_>>()
    };
    let errors = ["3:4: `.nan` is a number that JSON does not have: quote it if a text is meant"];
    assert_eq!(said(&problems.errors), errors);
    let warnings = [
        "2:1: the key `a` stands twice in one mapping: Concourse takes this one",
        "4:4: Concourse ignores the tag `x` and takes a text",
        "5:1: Concourse reads the key `n` as `false`: quote it if a text is meant",
        "6:1: Concourse ignores this second document: a pipeline is one document",
    ];
    assert_eq!(said(&problems.warnings), warnings);
    let (_, problems) = read_strictly("a: 1\na: 2\nn: 1\n").unwrap();
    assert_eq!(
        said(&problems.errors),
        ["2:1: the key `a` stands twice in one mapping"]
    );
    assert_eq!(problems.warnings.len(), 1);
}

/// `1.30` would be the tag `1.3`, which nobody named.
#[test]
fn a_number_that_is_written_anew_is_a_warning() {
    for (text, number) in [("1.30", "1.3"), ("0x1f", "31"), ("1e3", "1000")] {
        let (_, problems) = read(&format!("tag: {text}")).unwrap();
        let said = problems.warnings.iter().map(|problem| &problem.message);
        assert_eq!(
            said.collect::<Vec<_>>(),
            [&format!(
                "Concourse reads `{text}` as `{number}`: quote it if a text is meant"
            )]
        );
    }
    let (_, problems) = read("[1.32, 7, -0.5, 0, '1.30', !!float 1.30, 1.30.0]").unwrap();
    assert_eq!(problems.warnings, []);
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
