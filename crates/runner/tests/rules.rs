//! Rules for pipelines. Each row names the file of Concourse (github.com/concourse/concourse) that the rule was read from, or
//! says that it is the runner's own.

#[cfg(test)]
mod support;

use proptest::prelude::*;
use std::fs;
use std::path::Path;
use support::catalogue;
use trireme_runner::*;

const VALIDATE: &str = "atc/configvalidate/validate.go";
const STEPS: &str = "atc/step_validator.go";
const PARSE: &str = "atc/steps.go";
const CONFIG: &str = "atc/config.go";
const TASK: &str = "atc/task.go";
const LIMITS: &str = "atc/container_limits.go";
const YAML: &str = "atc/config.go (UnmarshalStrict of sigs.k8s.io/yaml)";
const OURS: &str = "the runner's own";

/// Where a rule is from, a pipeline without its resources, the place of the error, a part of the message.
type Row = (&'static str, &'static str, &'static str, &'static str);

const J: &str = "jobs: [{name: j, plan: [{get: r}]}]";

#[rustfmt::skip] // One row, one line.
const ROWS: &[Row] = &[
    // Groups.
    (VALIDATE, "groups: [{name: g, jobs: [x, j]}]\nJ", "3:27", "group 'g' has unknown job 'x'"),
    (VALIDATE, "groups: [{name: g, jobs: [j], resources: [x]}]\nJ", "3:43", "group 'g' has unknown resource 'x'"),
    (VALIDATE, "groups: [{name: g, jobs: [j]}, {name: g, jobs: [j]}]\nJ", "3:39", "the same name ('g')"),
    (VALIDATE, "groups: [{name: g}]\nJ", "4:15", "job 'j' belongs to no group"),
    (VALIDATE, "groups: [{jobs: [j]}]\nJ", "3:10", "groups[0] has no name"),
    // The pipeline.
    (OURS, "jbos: []\nJ", "3:1", "unknown key `jbos`"),
    (OURS, "prototypes: []\nJ", "3:1", "prototypes are not supported"),
    (YAML, "jobs: {j: {plan: [{get: r}]}}", "3:7", "`jobs` must be a list"),
    (YAML, "display: {background: x}\nJ", "3:11", "unknown key `background`"),
    (YAML, "display: {background_filter: 1}\nJ", "3:30", "`background_filter` must be a text"),
    // Resources and their types.
    (VALIDATE, "resources: [{name: r, type: mock}, {name: r, type: mock}]\nJ", "2:43", "the same name ('r')"),
    (VALIDATE, "resources: [{type: mock}]\nJ", "2:13", "resources[0] has no name"),
    (VALIDATE, "resources: [{name: r}]\nJ", "2:13", "resources.r has no type"),
    (VALIDATE, "resources: [{name: r, type: mock}, {name: s, type: mock}]\nJ", "2:36", "resource 's' is not used"),
    (YAML, "resources: [{name: r, type: mock, sauce: {}}]\nJ", "2:35", "unknown key `sauce`"),
    (YAML, "resources: [{name: r, type: mock, source: x}]\nJ", "2:43", "`source` must be a mapping"),
    (YAML, "resources: [{name: r, type: mock, version: latest}]\nJ", "2:44", "`version` must be a mapping of texts"),
    (YAML, "resources: [{name: r, type: mock, old_name: 1}]\nJ", "2:45", "`old_name` must be a text"),
    (YAML, "resources: [{name: r, type: mock, public: 'yes'}]\nJ", "2:43", "`public` must be true or false"),
    (YAML, "resources: [{name: r, type: mock, webhook_token: [x]}]\nJ", "2:50", "`webhook_token` must be a text"),
    (YAML, "resources: [{name: r, type: mock, tags: here}]\nJ", "2:41", "`tags` must be a list of texts"),
    (YAML, "resources: [{name: r, type: mock, icon: {}}]\nJ", "2:41", "`icon` must be a text"),
    (YAML, "resources: [{name: r, type: mock, expose_build_created_by: 1}]\nJ", "2:60", "`expose_build_created_by` must be true or false"),
    (CONFIG, "resources: [{name: r, type: mock, check_every: soon}]\nJ", "2:48", "`check_every`: invalid duration 'soon'"),
    (OURS, "resources: [{name: r, type: mock, check_timeout: soon}]\nJ", "2:50", "`check_timeout`: invalid duration 'soon'"),
    (OURS, "resources: [{name: r, type: mock, version: {v: ((.:pin))}}]\nJ", "2:48", "`v` cannot be a local var"),
    (OURS, "resources: [{name: r, type: mock, version: ((.:pin))}]\nJ", "2:44", "`version` cannot be a local var"),
    (YAML, "resource_types: [{name: t, type: x, privileged: 1}]\nJ", "3:49", "`privileged` must be true or false"),
    (YAML, "resource_types: [{name: t, type: x, tags: 1}]\nJ", "3:43", "`tags` must be a list of texts"),
    (YAML, "resource_types: [{name: t, type: x, params: 1}]\nJ", "3:45", "`params` must be a mapping"),
    (YAML, "resource_types: [{name: t, type: x, defaults: 1}]\nJ", "3:47", "`defaults` must be a mapping"),
    (VALIDATE, "resource_types: [{name: t, type: x}, {name: t, type: x}]\nJ", "3:45", "the same name ('t')"),
    (VALIDATE, "resource_types: [{type: x}]\nJ", "3:18", "resource_types[0] has no name"),
    (VALIDATE, "resource_types: [{name: t}]\nJ", "3:18", "resource_types.t has no type"),
    (CONFIG, "resource_types: [{name: t, type: x, unique_version_history: true}]\nJ", "3:37", "unknown key `unique_version_history`"),
    // Jobs.
    (VALIDATE, "jobs: [{name: j, plan: [{get: r}]}, {name: j, plan: [{get: r}]}]", "3:44", "the same name ('j')"),
    (VALIDATE, "jobs: [{plan: [{get: r}]}]", "3:8", "jobs[0] has no name"),
    (VALIDATE, "jobs: [{name: j, plan: [{get: r}], build_logs_to_retain: 1, build_log_retention: {days: 1}}]", "3:82", "can't use both"),
    (VALIDATE, "jobs: [{name: j, plan: [{get: r}], build_logs_to_retain: -1}]", "3:58", "at least 0"),
    (VALIDATE, "jobs: [{name: j, plan: [{get: r}], build_log_retention: {days: -1}}]", "3:64", "at least 0"),
    (VALIDATE, "jobs: [{name: j, plan: [{get: r}], build_log_retention: {builds: 1, minimum_succeeded_builds: 2}}]", "3:57", "greater than builds"),
    (YAML, "jobs: [{name: j, plans: [], plan: [{get: r}]}]", "3:18", "unknown key `plans`"),
    (YAML, "jobs: [{name: j, plan: {get: r}}]", "3:24", "`plan` must be a list of steps"),
    (YAML, "jobs: [{name: j, old_name: 1, plan: [{get: r}]}]", "3:28", "`old_name` must be a text"),
    (YAML, "jobs: [{name: j, public: 1, plan: [{get: r}]}]", "3:26", "`public` must be true or false"),
    (YAML, "jobs: [{name: j, interruptible: 1, plan: [{get: r}]}]", "3:33", "`interruptible` must be true or false"),
    (YAML, "jobs: [{name: j, disable_manual_trigger: 1, plan: [{get: r}]}]", "3:42", "`disable_manual_trigger` must be true or false"),
    (YAML, "jobs: [{name: j, tags: 1, plan: [{get: r}]}]", "3:24", "`tags` must be a list of texts"),
    (YAML, "jobs: [{name: j, serial: 1, plan: [{get: r}]}]", "3:26", "`serial` must be true or false"),
    (YAML, "jobs: [{name: j, serial_groups: g, plan: [{get: r}]}]", "3:33", "`serial_groups` must be a list of texts"),
    (VALIDATE, "jobs: [{name: j, max_in_flight: -1, plan: [{get: r}]}]", "3:33", "at least 1"),
    (VALIDATE, "display: {background_image: 'ftp://x/y'}\nJ", "3:29", "http, https or relative"),
    (VALIDATE, "var_sources: [{name: v, type: vault}]\nJ", "3:1", "var sources are not supported"),
    (OURS, "jobs: [{name: j, plan: [{get: r}]}, {name: k}]", "3:37", "nothing to run"),
    (OURS, "jobs: []", "1:1", "no jobs"),
    (OURS, "jobs: [{name: j, plan: [{get: r, passed: [k]}]}, {name: k, plan: [{get: r, passed: [j]}]}]", "3:15", "wait for each other"),
    // Steps: what they are.
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {}]}]", "3:35", "no step is declared"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {timeout: 1m}]}]", "3:35", "no step is declared"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, put: s}]}]", "3:26", "unknown key `get`"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, pased: [j]}]}]", "3:34", "unknown key `pased`"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, version: newest}]}]", "3:43", "latest, every or a mapping"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, version: {v: 1}}]}]", "3:47", "must be a text"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {put: r, inputs: some}]}]", "3:52", "all, detect or a list"),
    (OURS, "jobs: [{name: j, plan: [{get: r, version: ((.:pin))}]}]", "3:43", "`version` cannot be a local var"),
    (OURS, "jobs: [{name: j, plan: [{get: r, version: {v: 'x-((.:pin))'}}]}]", "3:47", "`v` cannot be a local var"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, version: [x]}]}]", "3:43", "`version` must be a text"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, tags: x}]}]", "3:40", "`tags` must be a list of texts"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, trigger: 1}]}]", "3:43", "`trigger` must be true or false"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {put: r, tags: x}]}]", "3:50", "`tags` must be a list of texts"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {put: r, no_get: 1}]}]", "3:52", "`no_get` must be true or false"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {do: 3}]}]", "3:40", "a list of steps"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {try: }]}]", "3:36", "`try` has no step"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {in_parallel: {limit: -1, steps: [{put: r}]}}]}]", "3:57", "at least 0"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {in_parallel: {step: [{put: r}]}}]}]", "3:50", "unknown key `step`"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {in_parallel: 3}]}]", "3:49", "a list of steps"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {aggregate: []}]}]", "3:36", "use `in_parallel`"),
    (OURS, "jobs: [{name: j, plan: [{get: r}, {set_pipeline: p, file: r/p.yml}]}]", "3:36", "`set_pipeline` is refused"),
    (OURS, "jobs: [{name: j, plan: [{get: r}, {run: m, type: p}]}]", "3:36", "`run` is refused"),
    (OURS, "jobs: [{name: j, plan: [{get: r, passed: ['{j,k}']}]}]", "3:43", "understands `*` and `?`"),
    (YAML, "jobs: [{name: j, plan: [{get: r}], name: k}]", "3:36", "stands twice"),
    // Steps: what they name.
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {get: r}]}]", "3:41", "repeated name"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {get: x}]}]", "3:41", "unknown resource 'x'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {put: x}]}]", "3:41", "unknown resource 'x'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, passed: [x]}]}]", "3:43", "unknown job 'x'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, passed: [k]}]}, {name: k, plan: [{task: t, file: r/x}]}]", "3:43", "does not interact with resource 'r'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {task: t}]}]", "3:42", "must specify either"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {task: t, file: r/x, config: {platform: linux, run: {path: x}}}]}]", "3:51", "not both"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {load_var: v}]}]", "3:46", "no file specified"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {load_var: v, file: r/v}, {load_var: v, file: r/w}]}]", "3:72", "repeated var name"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {put: r, across: []}]}]", "3:44", "no vars specified"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {put: r, across: [{var: v, values: [1]}, {var: v, values: [1]}]}]}]", "3:82", "repeated var name"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {put: r, across: [{var: v, values: [1], max_in_flight: 0}]}]}]", "3:90", "at least 1"),
    (OURS, "jobs: [{name: j, plan: [{get: r}, {put: r, across: [{values: [1]}]}]}]", "3:53", "missing `var`"),
    (OURS, "jobs: [{name: j, plan: [{get: r}, {put: r, across: [{var: v, values: 1}]}]}]", "3:70", "`values`"),
    (OURS, "jobs: [{name: j, plan: [{get: }]}, {name: k, plan: [{get: r}]}]", "3:26", "`get` has no name"),
    ("atc/exec/load_var_step.go", "jobs: [{name: j, plan: [{get: r}, {load_var: v, file: r/v, format: toml}]}]", "3:68", "json, yaml, trim or raw"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, timeout: soon}]}]", "3:43", "invalid duration 'soon'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, attempts: 0}]}]", "3:44", "at least 1"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, on_failure: {put: x}}]}]", "3:52", "unknown resource 'x'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}], ensure: {try: {do: [{in_parallel: [{put: x}]}]}}}]", "3:77", "unknown resource 'x'"),
    // Tasks.
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {run: {path: x}}}]}]", "3:53", "missing `platform`"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux}}]}]", "3:53", "missing `run`"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {}}}]}]", "3:76", "missing `path`"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, inputs: [{}]}}]}]", "3:96", "missing a name"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, outputs: [{}]}}]}]", "3:97", "missing a name"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, outptus: []}}]}]", "3:87", "unknown key `outptus`"),
    (OURS, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: windows, run: {path: x}}}]}]", "3:64", "`platform`: `windows` is refused"),
    (OURS, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, caches: [{}]}}]}]", "3:96", "missing a path"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, image_resource: x}}]}]", "3:103", "`image_resource` must be a mapping"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, image_resource: {source: {}}}}]}]", "3:103", "missing `type`"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, image_resource: {type: t, sauce: {}}}}]}]", "3:113", "unknown key `sauce`"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, rootfs_uri: 1}}]}]", "3:99", "`rootfs_uri` must be a text"),
    (LIMITS, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, container_limits: {ram: 1}}}]}]", "3:106", "unknown key `ram`"),
    (LIMITS, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, container_limits: {cpu: true}}]}]", "3:112", "`cpu` must be a number"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, privileged: 1}]}]", "3:100", "`privileged` must be true or false"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, image: 1}]}]", "3:95", "`image` must be a text"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, hermetic: 1}]}]", "3:98", "`hermetic` must be true or false"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, tags: 1}]}]", "3:94", "`tags` must be a list of texts"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, input_mapping: {a: 1}}]}]", "3:107", "`a` must be a text"),
    (OURS, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x, user: root}}}]}]", "3:86", "`user`"),
    // Vars.
    (OURS, "jobs: [{name: j, serial: ((.:x)), plan: [{get: r}]}]", "3:26", "cannot be a local var"),
];

/// What is said about a pipeline with the resource `r`.
fn said(rows: &str) -> Vec<String> {
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
    let supply = Supply {
        types: [("mock".to_owned(), "mock".to_owned())].into(),
        ..Supply::default()
    };
    match validate(&file, &vars::Vars::default(), &catalogue(), &supply) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let prefix = format!("{}:", file.display());
            error
                .to_string()
                .lines()
                .skip(1)
                .map(|line| line.replace(&prefix, ""))
                .collect()
        }
    }
}

#[test]
fn every_rule_is_kept() {
    let mut broken = String::new();
    for (from, text, at, part) in ROWS {
        let said = said(text);
        let is_kept = said
            .iter()
            .any(|line| line.starts_with(&format!("{at}: ")) && line.contains(part));
        if !is_kept {
            broken += &format!("{from}: {text}\nexpected {at} … {part}\nfound {said:#?}\n");
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
            &Supply::default(),
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
    let (vars, supply) = (vars::Vars::default(), Supply::default());
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
fn what_is_given_as_a_folder_cannot_be_put() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("p.yml");
    let text = "resources: [{name: r, type: git}]\njobs: [{name: j, plan: [{put: r}]}]\n";
    fs::write(&file, text).expect("a file");
    let supply = Supply {
        inputs: [("r".to_owned(), dir.path().to_owned())].into(),
        ..Supply::default()
    };
    let error = validate(&file, &vars::Vars::default(), &catalogue(), &supply).expect_err("wrong");
    let part = "p.yml:2:31: jobs.j.plan[0]: `r` cannot be put: it is given as a folder";
    assert!(error.to_string().contains(part), "{error}");
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
    let supply = Supply {
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
            &Supply::default(),
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
            &Supply::default(),
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
        let _ = validate(&file, &vars::Vars::default(), &catalogue(), &Supply::default());
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
