//! Ends of steps: failed, denied, errored, aborted; what follows on them; and the exit codes.

#[cfg(test)]
mod support;

use support::*;
use trireme_runner::*;

const SAY: &str = "{task: NAME, config: {platform: linux, run: {path: 'true'}}}";

fn say(name: &str) -> String {
    SAY.replace("NAME", name)
}

/// A job with one step and all hooks on it, each a task of the hook's name.
fn hooked(step: &str) -> World {
    let hooks: String = ["on_success", "on_failure", "on_error", "on_abort", "ensure"]
        .iter()
        .map(|hook| format!("    {hook}: {}\n", say(hook)))
        .collect();
    let world = World::new(&format!(
        "\n- name: j\n  plan:\n  - get: b\n    trigger: true\n  - {step}\n{hooks}"
    ));
    world.found("b", &["1"]);
    world
}

#[tokio::test]
async fn each_end_has_its_hook_and_its_exit_code() {
    let rows = [
        (
            "put: a\n    params: {v: '1'}\n    no_get: true",
            "on_success",
            Status::Succeeded,
            0,
        ),
        (
            "put: a\n    params: {exit: '1'}",
            "on_failure",
            Status::Failed,
            1,
        ),
        (
            "put: a\n    params: {exit: '2'}",
            "on_failure",
            Status::Denied,
            2,
        ),
        (
            "task: t\n    config: {platform: linux, run: {path: sh, args: [-c, exit 2]}}",
            "on_failure",
            Status::Failed,
            1,
        ),
        (
            "task: t\n    config: {platform: linux, run: {path: /no/such/program}}",
            "on_error",
            Status::Errored,
            1,
        ),
        (
            "put: a\n    params: {v: '((.:none))'}",
            "on_error",
            Status::Errored,
            1,
        ),
        (
            "load_var: v\n    file: b/../../x",
            "on_error",
            Status::Errored,
            1,
        ),
    ];
    for (step, hook, status, code) in rows {
        let world = hooked(step);
        let report = world.run().await;
        let all = steps(&report);
        let hooks: Vec<&str> = all
            .iter()
            .skip(2)
            .map(|step| step.split(' ').next().unwrap())
            .collect();
        assert_eq!(hooks, [hook, "ensure"], "{step}: {all:?}");
        assert_eq!(
            (statuses(&report), report.exit_code()),
            (vec![status], code),
            "{step}"
        );
    }
}

#[tokio::test]
async fn an_interrupt_stops_the_step_and_runs_its_hooks() {
    let world = hooked("put: a\n    params: {wait: /no/such/file}");
    let interrupt = Interrupt::new();
    let runner = world.runner().unwrap();
    let stop = async {
        world.until("a/waiting").await;
        interrupt.raise();
    };
    let (report, ()) = tokio::join!(runner.run(&interrupt), stop);
    let report = report.unwrap();
    assert_eq!(
        steps(&report)[1..],
        [
            "a Put Aborted",
            "on_abort Task Succeeded",
            "ensure Task Succeeded"
        ]
    );
    assert_eq!(
        (statuses(&report), report.exit_code()),
        (vec![Status::Aborted], 75)
    );
    assert!(
        world.lines().contains(&"j/a: interrupted".to_owned()),
        "SIGTERM, not SIGKILL: {:?}",
        world.lines()
    );
}

#[tokio::test]
async fn attempts_try_again_and_timeouts_fail() {
    let world = World::new(&format!("
- name: again
  plan:
  - {{get: a, trigger: true}}
  - task: third
    attempts: 5
    config: {{platform: linux, caches: [{{path: c}}], run: {{path: sh, args: [-c, 'echo x >> c/n; [ $(wc -l < c/n) -ge 3 ]']}}}}
- name: late
  plan:
  - {{get: a, trigger: true}}
  - {{task: slow, timeout: 50ms, config: {{platform: linux, run: {{path: sleep, args: ['600']}}}}, on_failure: {}}}
- name: tried
  plan:
  - {{get: a, trigger: true}}
  - try: {{put: b, params: {{exit: '2'}}}}
  - do: [{}]
", say("after"), say("done")));
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(
        statuses(&report),
        [Status::Succeeded, Status::Failed, Status::Succeeded]
    );
    let tries: Vec<&str> = report
        .steps()
        .filter(|step| step.name == "third")
        .map(|step| step.path.as_str())
        .collect();
    assert_eq!(
        tries,
        [
            "plan[1] (attempt 1)",
            "plan[1] (attempt 2)",
            "plan[1] (attempt 3)"
        ]
    );
    let all = steps(&report);
    for expected in [
        "after Task Succeeded",
        "b Put Denied",
        "done Task Succeeded",
    ] {
        assert!(all.contains(&expected.to_owned()), "{all:?}");
    }
}

#[tokio::test]
async fn hooks_of_hooks_and_of_jobs_see_what_became_of_the_step() {
    let world = World::new(&format!(
        "
- name: j
  on_failure: {}
  ensure: {}
  plan:
  - get: a
    trigger: true
    on_success:
      put: b
      params: {{exit: '1'}}
      on_failure: {}
    on_failure: {}
",
        say("job-failed"),
        say("job-end"),
        say("inner"),
        say("outer")
    ));
    world.found("a", &["1"]);
    let report = world.run().await;
    let names: Vec<String> = steps(&report)
        .iter()
        .map(|step| step.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        ["a", "b", "inner", "outer", "job-failed", "job-end"],
        "a failed on_success is a failure of the step"
    );
    assert_eq!(statuses(&report), [Status::Failed]);
}

#[tokio::test]
async fn a_check_that_fails_is_no_news_and_no_success() {
    let world = World::new(
        "\n- {name: j, plan: [{get: a, trigger: true}]}\n- {name: k, plan: [{get: b, trigger: true}]}\n",
    );
    let file = world.path("pipeline.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replacen("token: canary-token", "exit: '3', say: registry is down", 1),
    )
    .unwrap();
    world.found("b", &["1"]);
    let report = world.run().await;
    let JobOutcome::Unknown(check) = &report.jobs[0].outcome else {
        panic!("{report:#?}")
    };
    assert_eq!(
        check.reason.as_deref(),
        Some("check failed with exit code 3: registry is down")
    );
    assert_eq!(report.jobs[1].builds().len(), 1, "other jobs go on");
    assert_eq!(report.exit_code(), 1);
    assert!(!report.nothing_to_do());
}

/// `atc/exec/on_abort.go`, `on_error.go`, `try_step.go`: a deadline is an error inside, a failure outside.
#[tokio::test]
async fn a_deadline_is_an_error_inside_and_a_failure_outside() {
    let slow = "{task: slow, config: {platform: linux, run: {path: sleep, args: ['600']}}, on_abort: ABORT, on_error: ERROR}";
    let slow = slow
        .replace("ABORT", &say("abort"))
        .replace("ERROR", &say("error"));
    let world = World::new(&format!(
        "
- name: late
  plan:
  - {{get: a, trigger: true}}
  - {{do: [{slow}, {never}], timeout: 50ms, on_failure: {failed}}}
- name: tried
  plan:
  - {{get: a, trigger: true}}
  - {{try: {slow}, timeout: 50ms, on_success: {done}}}
",
        never = say("never"),
        failed = say("failed"),
        done = say("done")
    ));
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(statuses(&report), [Status::Failed, Status::Succeeded]);
    let expected = ["slow Task Errored", "error Task Succeeded"];
    let all = steps(&report);
    assert_eq!(all[1..3], expected);
    assert_eq!(all[3], "failed Task Succeeded");
    assert_eq!(all[5..7], expected);
    assert_eq!(all[7], "done Task Succeeded");
}

#[tokio::test]
async fn hooks_see_what_an_interrupted_task_had_made() {
    let world = World::new(
        "
- name: j
  plan:
  - {get: a, trigger: true}
  - task: long
    config:
      platform: linux
      outputs: [{name: out}]
      run: {path: sh, args: [-c, 'echo half > out/v; touch ../made; sleep 600']}
    on_abort: {put: b, params: {v: out/v}, no_get: true}
",
    );
    world.found("a", &["1"]);
    let interrupt = Interrupt::new();
    let runner = world.runner().unwrap();
    let stop = async {
        world.until("state/builds/j/1/made").await;
        interrupt.raise();
    };
    let (report, ()) = tokio::join!(runner.run(&interrupt), stop);
    let report = report.unwrap();
    assert_eq!(
        steps(&report)[1..],
        ["long Task Aborted", "b Put Succeeded"]
    );
    assert_eq!(
        std::fs::read_to_string(world.path("b/versions")).unwrap(),
        "half\n"
    );
}
