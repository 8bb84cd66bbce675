//! Rules for pipelines: `support/rows.rs` holds them.

#[cfg(test)]
#[path = "support/rows.rs"]
mod rows;
#[cfg(test)]
mod support;

use proptest::prelude::*;
use rows::{J, MILD, ROWS, STEPS, VALIDATE};
use std::fs;
use std::path::Path;
use support::catalogue;
use trireme_runner::*;

/// What is said about a pipeline with the resource `r`, by kind.
fn said(kind: &str, rows: &str) -> Vec<String> {
    let resources = "resource_types: [{name: mock, type: registry-image, source: {repository: x/trireme-mock}}]\n";
    let text = rows.replace("\nJ", &format!("\n{J}"));
    // `--type` serves the type where a row has its own resource types.
    let head = if text.contains("resource_types") {
        "# no types\n"
    } else {
        resources
    };
    let r = "resources: [{name: r, type: mock, source: {home: x}}]";
    let text = if text.starts_with("resources:") {
        text
    } else {
        format!("{r}\n{text}")
    };
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("p.yml");
    fs::write(&file, format!("{head}{text}\n")).expect("a file");
    let serves = !text.contains("type: git");
    let supply = LocalInputs {
        types: serves
            .then(|| ("mock".to_owned(), "mock".to_owned()))
            .into_iter()
            .collect(),
        ..LocalInputs::default()
    };
    let line = |problem: &Problem| format!("{}: {}", problem.at, problem.message);
    match validate(&file, &vars::Vars::default(), &catalogue(), &supply) {
        Ok(valid) => match kind {
            "warning" => valid.warnings.iter().map(line).collect(),
            "note" => valid.notes.iter().map(line).collect(),
            _ => Vec::new(),
        },
        Err(error) => {
            let prefix = format!("{}:", file.display());
            error
                .to_string()
                .lines()
                .skip(1)
                .map(|line| match kind {
                    "error" => line.replace(&prefix, ""),
                    _ => format!("error {line}"),
                })
                .collect()
        }
    }
}

#[test]
fn every_rule_is_kept() {
    let rows = ROWS
        .iter()
        .map(|(from, text, at, part)| ("error", format!("{from}: {text}"), *text, *at, *part));
    assert_said(rows);
}

#[test]
fn what_concourse_takes_is_a_warning_or_a_note() {
    let rows = MILD
        .iter()
        .map(|(kind, text, at, part)| (*kind, (*text).to_owned(), *text, *at, *part));
    assert_said(rows);
}

#[track_caller]
fn assert_said<'r>(rows: impl Iterator<Item = (&'r str, String, &'r str, &'r str, &'r str)>) {
    let mut broken = String::new();
    for (kind, name, text, at, part) in rows {
        let said = said(kind, text);
        let is_said = said
            .iter()
            .any(|line| line.starts_with(&format!("{at}: ")) && line.contains(part));
        if !is_said {
            broken += &format!("{name}\nexpected {kind} {at} … {part}\nfound {said:#?}\n");
        }
    }
    assert!(broken.is_empty(), "{broken}");
}

#[test]
fn an_unused_resource_is_an_error_and_a_strange_name_a_warning() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("p.yml");
    let text = "resources: [{name: A, type: time}, {name: b c, type: time}]\njobs: [{name: j, plan: [{get: A}]}]\n";
    fs::write(&file, text).expect("a file");
    let check = |text: &str| {
        fs::write(&file, text).expect("a file");
        validate(
            &file,
            &vars::Vars::default(),
            &catalogue(),
            &LocalInputs::default(),
        )
    };
    let error = check(text).expect_err("unused").to_string();
    assert!(
        error.contains("p.yml:1:36: resource 'b c' is not used"),
        "{VALIDATE}: {error}"
    );
    let problems = check(&text.replace("{get: A}", "{get: A}, {get: b c}")).expect("valid");
    let warnings: Vec<&str> = problems
        .warnings
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    assert!(
        warnings
            .iter()
            .any(|text| text.contains("'A' is not a valid identifier: must start")),
        "{warnings:?}"
    );
    assert!(
        warnings
            .iter()
            .any(|text| text.contains("'b c' is not a valid identifier: illegal")),
        "{warnings:?}"
    );
}

#[test]
fn a_var_that_hides_another_is_a_warning() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("p.yml");
    let text = "resources: [{name: a, type: time}]\njobs: [{name: j, plan: [{get: a}, {load_var: v, file: a/v}, \
                {put: a, across: [{var: v, values: [1]}]}]}]\n";
    fs::write(&file, text).expect("a file");
    let (vars, supply) = (vars::Vars::default(), LocalInputs::default());
    let valid = validate(&file, &vars, &catalogue(), &supply).expect("valid");
    let said: Vec<String> = valid
        .warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.at, warning.message))
        .collect();
    let expected = "2:85: jobs.j.plan[2].across: shadows local var 'v'";
    assert!(
        said.iter().any(|line| line == expected),
        "{STEPS}: {said:?}"
    );
}

#[test]
fn what_is_given_as_a_folder_cannot_be_put_here() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("p.yml");
    let text = "resources: [{name: r, type: git}]\njobs: [{name: j, plan: [{put: r}]}]\n";
    fs::write(&file, text).expect("a file");
    let supply = LocalInputs {
        inputs: [("r".to_owned(), dir.path().to_owned())].into(),
        ..LocalInputs::default()
    };
    let valid = validate(&file, &vars::Vars::default(), &catalogue(), &supply).expect("valid");
    let part = "jobs.j.plan[0]: `r` cannot be put here: it is given as a folder";
    assert_eq!(valid.notes[0].message, part);
}

#[test]
fn options_that_name_nothing_are_said_with_everything_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("p.yml");
    fs::write(
        &file,
        "resources: [{name: r, type: git}]\njobs: [{name: j, plan: [{get: r}]}]\n",
    )
    .expect("a file");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let supply = LocalInputs {
        inputs: [
            ("r".to_owned(), dir.path().join("none")),
            ("x".to_owned(), dir.path().to_owned()),
        ]
        .into(),
        types: [pair("hg", "mock"), pair("git", "none")].into(),
    };
    let error = validate(&file, &vars::Vars::default(), &catalogue(), &supply)
        .expect_err("wrong")
        .to_string();
    for part in [
        "none: there is no such folder",
        "--input x=",
        "--type hg=mock: no resource of the pipeline has that type",
        "--type git=none: linked in are mock",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

fn files(folder: &str) -> Vec<std::path::PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/pipelines")
        .join(folder);
    let entries = fs::read_dir(dir)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "yml"))
        .collect()
}

#[test]
fn valid_pipelines_are_valid() {
    for file in files("valid") {
        let result = validate(
            &file,
            &vars::Vars::default(),
            &catalogue(),
            &LocalInputs::default(),
        );
        assert!(result.is_ok(), "{}", result.expect_err("checked"));
    }
}

/// Beside each invalid pipeline lies everything that is said about it.
#[test]
fn invalid_pipelines_say_all_of_it() {
    for file in files("invalid") {
        let error = validate(
            &file,
            &vars::Vars::default(),
            &catalogue(),
            &LocalInputs::default(),
        )
        .expect_err("invalid");
        let prefix = format!("{}:", file.display());
        let found: Vec<String> = error
            .to_string()
            .lines()
            .skip(1)
            .map(|line| line.replace(&prefix, ""))
            .collect();
        let expected = fs::read_to_string(file.with_extension("txt")).expect("what is expected");
        let expected: Vec<&str> = expected.lines().collect();
        assert_eq!(found, expected, "{}", file.display());
    }
}

proptest! {
    /// Whatever is written, there is an answer.
    #[test]
    fn judging_never_panics(text in pipeline_text()) {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("p.yml");
        fs::write(&file, text).expect("a file");
        let _ = validate(&file, &vars::Vars::default(), &catalogue(), &LocalInputs::default());
    }
}

/// Keys of pipelines, for the property above.
const KEYS: &str = "jobs resources resource_types groups name type source plan get \
    put task try do in_parallel steps load_var file config \
    across var values ensure on_failure timeout attempts passed trigger \
    version params run path inputs max_in_flight build_log_retention";

/// Text made of what pipelines are made of, so that most of it gets past the YAML reader.
fn pipeline_text() -> impl Strategy<Value = String> {
    let key = prop::sample::select(KEYS.split_whitespace().collect::<Vec<_>>());
    let leaf = prop::sample::select(vec![
        "x", "'1'", "1", "-1", "true", "null", "((v))", "((.:v))", "time", "5m", "every", "\"((\"",
    ]);
    let value = leaf
        .prop_map(str::to_owned)
        .prop_recursive(6, 60, 4, move |inner| {
            let entry =
                (key.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}: {value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[{}]", items.join(", "))),
                prop::collection::vec(entry, 1..5)
                    .prop_map(|entries| format!("{{{}}}", entries.join(", "))),
            ]
        });
    let top = prop::sample::subsequence(
        vec!["jobs", "resources", "resource_types", "groups", "display"],
        0..5,
    );
    (top, prop::collection::vec(value, 5)).prop_map(|(keys, values)| {
        keys.iter()
            .zip(values)
            .map(|(key, value)| format!("{key}: {value}\n"))
            .collect()
    })
}
