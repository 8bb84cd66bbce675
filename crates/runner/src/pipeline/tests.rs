use super::*;
use crate::yaml;
use std::time::Duration;

fn read(text: &str) -> (Pipeline, Vec<String>) {
    let mut problems = Problems::default();
    let pipeline = Pipeline::read(&yaml::parse(text).unwrap(), &mut problems);
    let lines = problems
        .errors
        .into_iter()
        .map(|p| format!("{}: {}", p.at, p.message));
    (pipeline, lines.collect())
}

#[test]
fn durations_are_those_of_go() {
    let rows = [
        ("90s", Some(Duration::from_secs(90))),
        ("1h30m", Some(Duration::from_secs(5400))),
        ("1.5h", Some(Duration::from_secs(5400))),
        ("500ms", Some(Duration::from_millis(500))),
        ("0", Some(Duration::ZERO)),
        ("", None),
        ("10", None),
        ("-1s", None),
        ("1d", None),
        ("1s2", None),
        ("99999999999999999h", None),
    ];
    for (text, expected) in rows {
        assert_eq!(parse_duration(text), expected, "{text}");
    }
}

#[test]
fn a_step_is_read_with_its_modifiers() {
    let text = "
jobs:
- name: j
  ensure: {task: t, file: a/b.yml}
  plan:
  - in_parallel:
      limit: 2
      steps:
      - get: r
        passed: [j]
        version: every
        timeout: 5m
        attempts: 3
        on_failure: {do: [{try: {put: r}}]}
";
    let (pipeline, problems) = read(text);
    assert_eq!(problems, Vec::<String>::new());
    let mut contexts = Vec::new();
    pipeline.jobs[0].visit(&mut |step| contexts.push(step.context.clone()));
    let plan = "jobs.j.plan[0]";
    let get = format!("{plan}.in_parallel.steps[0]");
    let hook = format!("{get}.on_failure");
    let expected = [
        plan.to_owned(),
        get,
        hook.clone(),
        format!("{hook}.do[0]"),
        format!("{hook}.do[0].try"),
        "jobs.j.ensure".to_owned(),
    ];
    assert_eq!(contexts, expected);
}

#[test]
fn across_takes_lists_and_vars() {
    let text = "
jobs:
- name: j
  plan:
  - task: t
    file: a/b
    across: [{var: v, values: ((.:list)), max_in_flight: all}, {var: w, values: [1]}]
    fail_fast: true
    attempts: 2
    ensure: {put: r, params: {x: ((.:y))}}
";
    let (pipeline, problems) = read(text);
    assert_eq!(problems, Vec::<String>::new());
    let across = pipeline.jobs[0].plan[0].across.as_ref().unwrap();
    assert!(across.fail_fast);
    assert_eq!(
        [across.vars[0].max_in_flight, across.vars[1].max_in_flight],
        [None, Some(1)]
    );
}

#[test]
fn top_level_keys_are_free_and_one_that_is_nearly_known_is_a_warning() {
    let job = "jobs: [{name: j, plan: [{get: r}]}]\n";
    let said = |text: &str| {
        let mut problems = Problems::default();
        Pipeline::read(
            &yaml::parse(&format!("{text}{job}")).unwrap(),
            &mut problems,
        );
        assert_eq!(problems.errors, []);
        let warnings = problems.warnings.into_iter();
        warnings.map(|one| one.message).collect::<Vec<_>>()
    };
    assert_eq!(said("meta: {a: 1}\nshared: [x]\nanchors: 3\n"), [""; 0]);
    let expected = "the pipeline: Concourse ignores the key `resource`; is `resources` meant?";
    assert_eq!(said("resource: []\n"), [expected]);
}

#[test]
fn outside_of_steps_a_number_is_taken_for_a_text() {
    let text = "
resources: [{name: 1, type: t, version: {ref: 1.5, x: yes}, webhook_token: 12}]
jobs: [{name: 2, old_name: 3, serial_groups: [4], plan: [{get: r}]}]
groups: [{name: 5, jobs: [2]}]
";
    let (pipeline, errors) = read(text);
    assert_eq!(errors, [""; 0]);
    let resource = &pipeline.resources[0];
    assert_eq!(resource.name.text, "1");
    let version =
        [("ref", "1.5"), ("x", "true")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(resource.version, Some(version.into()));
    assert_eq!(pipeline.jobs[0].name.text, "2");
    assert_eq!(pipeline.groups[0].jobs[0].text, "2");
    let (_, errors) = read("jobs: [{name: j, plan: [{get: 1}, {get: r, passed: [n]}]}]");
    assert_eq!(
        errors[0],
        "1:31: jobs.j.plan[0]: `get` must be a text, not a number: quote it"
    );
    assert!(
        errors
            .iter()
            .any(|line| line.ends_with("not a truth value: quote it")),
        "{errors:?}"
    );
}

#[test]
fn more_jobs_than_a_machine_runs_are_refused() {
    let jobs: String = (0..1001)
        .map(|job| format!("- {{name: j{job}, plan: [{{get: r}}]}}\n"))
        .collect();
    let mut problems = Problems::default();
    let pipeline = Pipeline::read(
        &yaml::parse(&format!("jobs:\n{jobs}")).unwrap(),
        &mut problems,
    );
    assert_eq!(pipeline.jobs.len(), 1000);
    let said: Vec<&str> = problems
        .errors
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        said,
        ["`jobs` has 1001 entries; the runner takes 1000 at most"]
    );
}
