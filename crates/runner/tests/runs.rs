//! One run after another: what is new, what has passed.

#[cfg(test)]
mod support;

use support::*;
use trireme_runner::*;

const CHAIN: &str = "
- name: first
  plan:
  - {get: a, trigger: true}
  - {put: b, params: {v: a/v}}
- name: second
  plan:
  - {get: b, passed: [first], trigger: true}
- name: by-hand
  plan:
  - {get: b, passed: [second]}
";

fn outcomes(report: &RunReport) -> Vec<String> {
    let shown = |job: &JobReport| match &job.outcome {
        JobOutcome::Built(builds) => format!(
            "{} {:?}",
            job.name,
            builds.iter().map(|b| b.status).collect::<Vec<_>>()
        ),
        JobOutcome::Idle(Idle::Waiting { .. }) => format!("{} waits", job.name),
        JobOutcome::Idle(idle) => format!("{} {idle:?}", job.name),
        JobOutcome::Unknown(_) => format!("{} unknown", job.name),
    };
    report.jobs.iter().map(shown).collect()
}

#[tokio::test]
async fn a_second_run_has_nothing_to_do_until_something_is_new() {
    let world = World::new(CHAIN);
    let report = world.run().await;
    assert_eq!(
        outcomes(&report),
        ["first waits", "second waits", "by-hand NotTriggered"]
    );
    world.found("a", &["1"]);
    assert_eq!(
        outcomes(&world.run().await),
        [
            "first [Succeeded]",
            "second [Succeeded]",
            "by-hand NotTriggered"
        ]
    );
    let report = world.run().await;
    assert_eq!(
        outcomes(&report),
        ["first UpToDate", "second UpToDate", "by-hand NotTriggered"]
    );
    assert!(report.nothing_to_do());
    assert_eq!(report.exit_code(), 0);
    world.found("a", &["2"]);
    assert_eq!(
        outcomes(&world.run().await)[..2],
        ["first [Succeeded]", "second [Succeeded]"]
    );
    assert!(
        world
            .calls("a")
            .last()
            .unwrap()
            .contains(r#""version":{"v":"2"}"#)
    );
}

#[tokio::test]
async fn a_job_named_by_hand_runs_without_news_and_alone() {
    let mut world = World::new(CHAIN);
    world.found("a", &["1"]);
    world.run().await;
    world.jobs = vec!["by-hand".to_owned()];
    assert_eq!(outcomes(&world.run().await), ["by-hand [Succeeded]"]);
    assert_eq!(outcomes(&world.run().await), ["by-hand [Succeeded]"]);
    world.jobs = vec!["by-hand".to_owned(), "first".to_owned()];
    assert_eq!(
        outcomes(&world.run().await),
        ["first [Succeeded]", "by-hand [Succeeded]"],
        "in the order of the pipeline"
    );
    world.jobs = vec!["none".to_owned()];
    let error = world.runner().err().unwrap();
    assert!(
        error.to_string().contains("first, second, by-hand"),
        "{error}"
    );
}

#[tokio::test]
async fn what_failed_is_tried_again_and_blocks_what_follows() {
    let world = World::new(&CHAIN.replace("v: a/v", "exit: '1'"));
    world.found("a", &["1"]);
    assert_eq!(
        outcomes(&world.run().await)[..2],
        ["first [Failed]", "second waits"]
    );
    assert_eq!(
        outcomes(&world.run().await)[..2],
        ["first [Failed]", "second waits"]
    );
    let file = world.path("pipeline.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("exit: '1'", "v: a/v")).unwrap();
    assert_eq!(
        outcomes(&world.run().await)[..2],
        ["first [Succeeded]", "second [Succeeded]"]
    );
}

#[tokio::test]
async fn every_version_gets_its_build() {
    let world = World::new("\n- {name: j, plan: [{get: a, version: every, trigger: true}]}\n");
    world.found("a", &["1"]);
    assert_eq!(outcomes(&world.run().await), ["j [Succeeded]"]);
    world.found("a", &["2", "3", "4"]);
    assert_eq!(
        outcomes(&world.run().await),
        ["j [Succeeded, Succeeded, Succeeded]"]
    );
    assert_eq!(outcomes(&world.run().await), ["j UpToDate"]);
}

#[tokio::test]
async fn a_folder_and_the_time_are_resources_too() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("content")).unwrap();
    std::fs::write(dir.path().join("content/v"), "mine\n").unwrap();
    let text = "
resources: [{name: repo, type: git}, {name: clock, type: time, source: {interval: 24h}}]
jobs:
- name: j
  plan:
  - {get: repo, trigger: true}
  - {get: clock, trigger: true}
  - {task: show, config: {platform: linux, inputs: [{name: repo}], run: {path: cat, args: [repo/v]}}}
";
    std::fs::write(dir.path().join("pipeline.yml"), text).unwrap();
    let mut world = World::at(dir);
    let report = world.run().await;
    let JobOutcome::Unknown(check) = &report.jobs[0].outcome else {
        panic!("{report:?}");
    };
    let reason = check.reason.as_deref().unwrap();
    assert!(reason.contains("--input repo=DIR"), "{reason}");
    assert_eq!(report.exit_code(), 1);
    world
        .supply
        .inputs
        .insert("repo".to_owned(), world.path("content"));
    assert_eq!(outcomes(&world.run().await), ["j [Succeeded]"]);
    assert_eq!(world.lines(), ["j/show: mine"]);
    assert_eq!(outcomes(&world.run().await), ["j UpToDate"]);
    std::fs::write(world.path("content/v"), "yours\n").unwrap();
    assert_eq!(outcomes(&world.run().await), ["j [Succeeded]"]);
}

#[tokio::test]
async fn a_named_job_that_cannot_be_built_is_no_success() {
    let mut world = World::new(CHAIN);
    world.jobs = vec!["second".to_owned()];
    let report = world.run().await;
    assert_eq!(outcomes(&report), ["second waits"]);
    assert_eq!((report.exit_code(), report.nothing_to_do()), (1, false));
}

/// `FindVersionOfResource` in `atc/db/versions_db.go`: a version that contains the pin, the newest of them.
#[tokio::test]
async fn a_pinned_version_is_taken_although_newer_ones_are_there() {
    let world = World::new("\n- {name: j, plan: [{get: a, version: {v: '2'}, trigger: true}]}\n");
    world.found("a", &["1", "2", "3"]);
    let report = world.run().await;
    assert_eq!(outcomes(&report), ["j [Succeeded]"]);
    let taken = report.steps().next().unwrap().version.clone().unwrap();
    assert_eq!(taken["v"], "2");
    world.found("a", &["4"]);
    assert_eq!(outcomes(&world.run().await), ["j UpToDate"]);
}

#[tokio::test]
async fn the_time_can_be_put_and_a_check_has_its_own_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("slow");
    let text = format!("
resource_types: [{{name: mock, type: registry-image, source: {{repository: x/trireme-mock}}}}]
resources:
- {{name: clock, type: time, source: {{interval: 1h}}}}
- {{name: slow, type: mock, check_timeout: 50ms, source: {{home: {home}, wait: {home}/never}}}}
jobs:
- {{name: tick, plan: [{{put: clock}}, {{task: show, config: {{platform: linux, inputs: [{{name: clock}}], run: {{path: test, args: [-s, clock/timestamp]}}}}}}]}}
- {{name: after, plan: [{{get: clock, passed: [tick], trigger: true}}]}}
- {{name: late, plan: [{{get: slow, trigger: true}}]}}
", home = script.display());
    std::fs::create_dir(&script).unwrap();
    std::fs::write(dir.path().join("pipeline.yml"), text).unwrap();
    let mut world = World::at(dir);
    world.jobs = ["tick", "after", "late"].map(str::to_owned).to_vec();
    let report = world.run().await;
    assert_eq!(
        outcomes(&report),
        ["tick [Succeeded]", "after [Succeeded]", "late unknown"]
    );
    let JobOutcome::Unknown(check) = &report.jobs[2].outcome else {
        panic!("{report:#?}")
    };
    assert!(
        check.reason.as_ref().unwrap().contains("longer than 50ms"),
        "{check:?}"
    );
}

#[tokio::test]
async fn a_job_that_nobody_may_start_by_hand_runs_when_it_is_triggered() {
    let mut world = World::new(
        "\n- {name: j, disable_manual_trigger: true, plan: [{get: a, trigger: true}]}\n",
    );
    world.found("a", &["1"]);
    world.jobs = vec!["j".to_owned()];
    let error = world.runner().err().unwrap();
    assert_eq!(error.exit_code(), 78);
    assert!(
        error
            .to_string()
            .contains("--job j: the job has `disable_manual_trigger: true`"),
        "{error}"
    );
    world.jobs = Vec::new();
    assert_eq!(outcomes(&world.run().await), ["j [Succeeded]"]);
}

#[tokio::test]
async fn a_pin_may_be_a_var() {
    for version in ["((pin))", "{v: ((pin.v))}", "{v: '((pin.v))'}"] {
        let mut world = World::new(&format!(
            "\n- {{name: j, plan: [{{get: a, trigger: true, version: {version}}}]}}\n"
        ));
        world.found("a", &["1", "2"]);
        world
            .vars
            .set("pin", serde_json::json!({"v": "1"}))
            .unwrap();
        let report = world.run().await;
        let taken = report.steps().next().unwrap().version.clone().unwrap();
        assert_eq!(taken["v"], "1", "{version}");
    }
}

/// As in Concourse (`atc/exec/get_step.go`): a get of the same version, source and params does not run a second time.
#[tokio::test]
async fn a_get_of_a_known_version_comes_from_the_resource_cache() {
    let world = World::new(
        "
- name: first
  plan: [{get: a, trigger: true}]
- name: second
  plan:
  - {get: a, passed: [first], trigger: true}
  - {put: b, params: {v: a/v}}
- name: third
  plan: [{get: a, passed: [second], params: {other: yes}, trigger: true}]
",
    );
    world.found("a", &["1"]);
    let report = world.run().await;
    let cached: Vec<(&str, bool)> = report
        .steps()
        .filter(|step| step.kind == StepKind::Get && step.name == "a")
        .map(|step| (step.path.as_str(), step.cached))
        .collect();
    assert_eq!(
        cached,
        [("plan[0]", false), ("plan[0]", true), ("plan[0]", false)],
        "other params are fetched anew"
    );
    let gets = || {
        world
            .calls("a")
            .iter()
            .filter(|call| call.starts_with("in "))
            .count()
    };
    assert_eq!(gets(), 2);
    assert!(
        world
            .lines()
            .iter()
            .any(|line| line.contains("resource cache")),
        "{:?}",
        world.lines()
    );
    let report = world.run().await;
    assert!(report.nothing_to_do());
    world.found("a", &["2"]);
    world.run().await;
    assert_eq!(gets(), 4, "a new version is fetched");
}

#[tokio::test]
async fn a_get_whose_files_are_gone_runs_again() {
    let mut world = World::new("\n- {name: j, plan: [{get: a, trigger: true}]}\n");
    world.found("a", &["1"]);
    world.run().await;
    std::fs::remove_dir_all(world.path("state/builds")).unwrap();
    world.jobs = vec!["j".to_owned()];
    assert!(world.run().await.steps().all(|step| !step.cached));
    assert!(world.run().await.steps().all(|step| step.cached));
}

#[tokio::test]
async fn a_get_that_failed_is_never_in_the_cache() {
    let mut world =
        World::new("\n- {name: j, plan: [{get: a, trigger: true, params: {exit: '2'}}]}\n");
    world.found("a", &["1"]);
    assert_eq!(statuses(&world.run().await), [Status::Denied]);
    world.jobs = vec!["j".to_owned()];
    assert_eq!(statuses(&world.run().await), [Status::Denied]);
    let gets = world
        .calls("a")
        .iter()
        .filter(|call| call.starts_with("in "))
        .count();
    assert_eq!(gets, 2);
}

/// Metadata are local vars: a later step has the value, and no file of the state folder the secret.
#[tokio::test]
async fn metadata_that_holds_a_secret_are_a_var_and_not_kept_in_the_cache() {
    let mut world = World::new(
        "
- name: j
  plan:
  - {get: a, trigger: true, params: {secret: canary-in-metadata}}
  - {put: b, params: {v: one, note: ((.:a.colour))}}
",
    );
    world.found("a", &["1"]);
    world.run().await;
    let calls = world.calls("b").join("\n");
    assert!(calls.contains(r#""note":"canary-in-metadata""#), "{calls}");
    let state = std::fs::read_to_string(world.path("state/runner.json")).unwrap();
    assert!(!state.contains("canary-in-metadata"), "{state}");
    world.jobs = vec!["j".to_owned()];
    let again = world.run().await;
    assert!(
        again
            .steps()
            .filter(|step| step.name == "a")
            .all(|step| !step.cached)
    );
}
