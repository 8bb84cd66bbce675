use super::*;
use crate::yaml;
use proptest::prelude::*;
use serde_json::json;

fn vars(value: Value) -> Vars {
    let mut vars = Vars::default();
    vars.add_layer(value.as_object().unwrap().clone());
    vars
}

fn fill(vars: &Vars, text: &str) -> (Value, Vec<String>) {
    let mut problems = Vec::new();
    let node = vars.fill(
        &yaml::parse(text).unwrap(),
        Missing::KeepLocal,
        &mut problems,
    );
    let lines = problems
        .into_iter()
        .map(|p| format!("{}: {}", p.at, p.message));
    (node.to_json(), lines.collect())
}

#[test]
fn a_whole_text_takes_the_type_and_a_part_becomes_text() {
    let vars = vars(json!({"n": 3, "list": [1, "x"], "a": {"b": {"c": true}}, "d.e": "dots"}));
    let rows = [
        ("((n))", json!(3)),
        ("((list))", json!([1, "x"])),
        ("v((n))-((a.b.c))", json!("v3-true")),
        ("((a.b))", json!({"c": true})),
        ("'((\"d.e\"))'", json!("dots")),
        ("{((n)): ((n))}", json!({"3": 3})),
        ("x (( n )) y", json!("x 3 y")),
        ("((.:local)) ((n))", json!("((.:local)) 3")),
        ("$((1+2))", json!("$((1+2))")),
        ("(((n)))", json!("(3)")),
    ];
    for (text, expected) in rows {
        assert_eq!(fill(&vars, text), (expected, vec![]), "{text}");
    }
}

#[test]
fn everything_missing_is_said_at_once() {
    let text = "x: ((one))\ny: [((a.c)), '-((l))', ((vault:two))]\n";
    let (_, problems) = fill(&vars(json!({"a": {"b": 1}, "l": []})), text);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].starts_with("1:4: ((one)) has no value"));
    assert!(problems[1].contains("((a.c))"));
    assert!(problems[2].contains("inside a text"));
    assert!(problems[3].contains("var source `vault`"));
}

#[test]
fn later_layers_win_and_dotted_names_nest() {
    let mut vars = vars(json!({"a": {"b": 1, "c": 2}}));
    vars.set("a.b", json!("new")).unwrap();
    vars.set("x.y.z", json!("deep")).unwrap();
    let expected = json!([{"b": "new", "c": 2}, {"y": {"z": "deep"}}]);
    assert_eq!(fill(&vars, "[((a)), ((x))]").0, expected);
    assert!(vars.set("not a name", json!(1)).is_err());
    assert!(vars.set(".:local", json!(1)).is_err());
}

#[test]
fn a_value_may_name_others_and_those_are_taken_as_they_are() {
    let vars = vars(
        json!({"password": "((harbor.password))", "harbor": {"password": "((x))"}, "policy": {"host": "a.((zone))"}, "zone": "b"}),
    );
    assert_eq!(fill(&vars, "((password))"), (json!("((x))"), vec![]));
    assert_eq!(fill(&vars, "((policy))"), (json!({"host": "a.b"}), vec![]));
    let (_, problems) = fill(&self::vars(json!({"a": "((b.c))"})), "x-((a))");
    assert_eq!(
        problems,
        ["1:1: ((b.c)) has no value: give it with --var or --load-vars-from"]
    );
}

#[test]
fn what_is_named_and_what_is_given_are_compared() {
    let vars = vars(json!({"a": "((b.c))", "typo": 1, "b": {}}));
    let found = vars.compare(&json!({"((d))": ["x ((a))", "((.:local))", "((vault:e))"]}));
    assert_eq!(
        found,
        Comparison {
            without_value: ["b.c", "d", "vault:e"].map(str::to_owned).into(),
            unnamed: vec!["typo".to_owned()],
        }
    );
}

#[test]
fn a_person_gives_the_values_of_a_var_source() {
    let mut vars = vars(json!({"a": "plain"}));
    vars.set("vault:a.b", json!("s3cret")).unwrap();
    let (filled, problems) = fill(&vars, "[((vault:a.b)), ((a)), ((vault:c))]");
    assert_eq!(filled, json!(["s3cret", "plain", "((vault:c))"]));
    let expected = "((vault:c)) asks the var source `vault`, which only Concourse does: give the value with --var vault:c=VALUE";
    assert!(problems[0].ends_with(expected), "{problems:?}");
    assert_eq!(vars.secrets(), ["s3cret"]);
}

#[test]
fn local_vars_are_apart() {
    let mut problems = Vec::new();
    let node = yaml::parse("[((.:v.digest)), ((v)), ((.:none))]").unwrap();
    let locals = vars(json!({"v": {"digest": "sha256:1"}}));
    let filled = locals.fill_local(&node, Missing::Report, &mut problems);
    assert_eq!(filled.to_json(), json!(["sha256:1", "((v))", "((.:none))"]));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("((.:none)) is not set"));
}

#[test]
fn a_text_full_of_brackets_is_read_in_a_moment() {
    let (open, close) = ("(".repeat(2_000_000), ")".repeat(2_000_000));
    for text in [open.clone(), close.clone(), format!("{open}!{close}")] {
        assert!(references(&text).is_empty());
    }
    assert_eq!(references(&format!("{open}ü{close}")).len(), 1);
}

#[test]
fn values_whose_names_say_so_are_secrets() {
    let values = json!({
        "registry": {"host": "h", "password": "p1", "username": "u"},
        "cosign_key": "k1",
        "Kubeconfig": "c1",
        "tokens": ["t1", {"any": "t2"}],
        "keyboard": "qwerty",
    });
    let mut found = vars(values).secrets();
    found.sort();
    assert_eq!(found, ["c1", "k1", "p1", "t1", "t2"]);
}

proptest! {
    #[test]
    fn pieces_put_together_are_the_text(text in "[a(). :\"-]{0,30}") {
        let written = |piece: &Piece<'_>| match piece {
            Piece::Text(text) | Piece::Reference(_, text) => (*text).to_owned(),
        };
        prop_assert_eq!(reference::pieces(&text).iter().map(written).collect::<String>(), text);
    }

    #[test]
    fn a_printed_reference_reads_the_same(
        source in prop::option::of("[a-z.]{1,3}"),
        name in "[a-z./-]{1,5}",
        fields in prop::collection::vec("[a-z.]{1,4}", 0..3),
    ) {
        let reference = Reference { source, name, fields };
        prop_assert_eq!(reference.to_string().parse(), Ok(reference));
    }
}

#[test]
fn a_long_value_named_many_times_stays_small() {
    let mut vars = Vars::default();
    vars.set("x", "x".repeat(1 << 20).into()).unwrap();
    let node = crate::yaml::parse(&format!("[{}]", "((x)), ".repeat(1000))).unwrap();
    let mut problems = Vec::new();
    vars.fill(&node, Missing::KeepLocal, &mut problems);
    assert!(
        problems[0].message.contains("larger than"),
        "{}",
        problems[0].message
    );
}
