//! Each kind of step, run with real child processes.

#[cfg(test)]
mod support;

use support::*;
use trireme_runner::*;

#[tokio::test]
async fn get_and_put_speak_concourses_wire() {
    let world = World::new(
        "
- name: j
  plan:
  - {get: a, trigger: true, params: {say: hello}}
  - {put: b, params: {v: a/v}, get_params: {say: again}}
",
    );
    world.found("a", &["1", "2"]);
    let report = world.run().await;
    assert_eq!(
        steps(&report),
        ["a Get Succeeded", "b Put Succeeded", "b Get Succeeded"]
    );
    assert_eq!(report.exit_code(), 0);
    let home = |name: &str| {
        format!(
            r#""source":{{"home":"{}","token":"canary-token"}}"#,
            world.path(name).display()
        )
    };
    let (a, b) = (home("a"), home("b"));
    assert_eq!(
        world.calls("a"),
        [
            format!("check {{{a}}}"),
            format!(r#"in {{"params":{{"say":"hello"}},{a},"version":{{"v":"2"}}}}"#),
        ]
    );
    assert_eq!(
        world.calls("b"),
        [
            format!(r#"out {{"params":{{"v":"a/v"}},{b}}}"#),
            format!(r#"in {{"params":{{"say":"again"}},{b},"version":{{"v":"2"}}}}"#),
        ]
    );
    assert_eq!(world.lines(), ["j/a: hello", "j/b: again"]);
    let get = report.steps().next().unwrap();
    assert_eq!(
        std::fs::read_to_string(get.dir.as_ref().unwrap().join("v")).unwrap(),
        "2\n"
    );
    assert_eq!(get.metadata[0].value, "red");
}

#[tokio::test]
async fn a_put_sees_what_its_params_name() {
    for (inputs, seen) in [("detect", "b\n"), ("all", "a\nb\n"), ("[a]", "a\n")] {
        let world = World::new(&format!(
            "
- name: j
  plan:
  - {{get: a, trigger: true}}
  - {{get: b}}
  - {{put: c, inputs: {inputs}, no_get: true, params: {{v: x, deep: [{{path: b/v}}]}}}}
"
        ));
        world.found("a", &["1"]);
        world.found("b", &["1"]);
        assert_eq!(world.run().await.exit_code(), 0, "{inputs}");
        assert_eq!(
            std::fs::read_to_string(world.path("c/seen")).unwrap(),
            seen,
            "{inputs}"
        );
    }
}

#[tokio::test]
async fn a_task_runs_in_a_folder_of_its_own() {
    let world = World::new("
- name: j
  plan:
  - {get: a, trigger: true}
  - task: make
    config:
      platform: linux
      image_resource: {type: registry-image, source: {repository: busybox}}
      inputs: [{name: in}, {name: none, optional: true}]
      outputs: [{name: out, path: deep/out}]
      caches: [{path: cache}]
      params: {A: 1, B: from-config, C: null}
      run:
        path: sh
        args: [-ec, 'echo \"$A $B [$C]\"; cp in/v deep/out/v; echo changed > in/v; echo x >> cache/count; cp in/../cache/count deep/out/']
    input_mapping: {in: a}
    output_mapping: {out: made}
    params: {B: from-step}
  - {put: b, params: {v: made/v}}
  - {load_var: kept, file: a/v, reveal: true}
  - {load_var: count, file: made/count, format: raw}
  - {task: say, config: {platform: linux, run: {path: echo, args: ['((.:kept)) ((.:a.colour))']}}}
");
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(report.exit_code(), 0, "{report:#?}");
    let lines = [
        "j/make: image_resource: not used, the task runs on this host",
        "j/make: 1 from-step []",
        "j/say: 1 red",
    ];
    assert_eq!(
        world.lines(),
        lines,
        "an input is a copy: the artifact did not change"
    );
    assert_eq!(
        report
            .steps()
            .find(|step| step.kind == StepKind::Put)
            .unwrap()
            .version
            .as_ref()
            .unwrap()["v"],
        "1"
    );
    world.found("a", &["2"]);
    let report = world.run().await;
    let task = report.steps().find(|step| step.name == "make").unwrap();
    let count = std::fs::read_to_string(task.dir.as_ref().unwrap().join("deep/out/count")).unwrap();
    assert_eq!(count, "x\nx\n", "a cache outlives the build");
}

#[tokio::test]
async fn a_task_file_is_read_from_an_artifact_with_vars() {
    let world = World::new("
- name: j
  plan:
  - {get: a, trigger: true}
  - task: write
    config:
      platform: linux
      outputs: [{name: repo}]
      run: {path: sh, args: [-c, 'printf \"platform: linux\\nrun: {path: echo, args: [\\050\\050greeting)), \\050\\050.:who))]}\\n\" > repo/t.yml; echo \"[x, y]\" > repo/list.yml; echo world > repo/who']}
  - {load_var: who, file: repo/who}
  - {task: read, file: repo/t.yml, vars: {greeting: hello}}
  - {load_var: list, file: repo/list.yml, reveal: true}
  - {task: bad, file: repo/none.yml, on_error: {task: after, config: {platform: linux, run: {path: echo, args: [erred]}}}}
");
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(statuses(&report), [Status::Errored]);
    assert_eq!(
        world.lines(),
        ["j/read: hello ((redacted))", "j/after: erred"],
        "what load_var read is hidden without reveal"
    );
    let bad = report.steps().find(|step| step.name == "bad").unwrap();
    assert!(bad.reason.as_ref().unwrap().contains("none.yml"), "{bad:?}");
}

#[tokio::test]
async fn across_repeats_over_a_list_that_load_var_read() {
    let world = World::new("
- name: j
  plan:
  - {get: a, trigger: true}
  - task: list
    config: {platform: linux, outputs: [{name: o}], run: {path: sh, args: [-c, 'echo \"[{k: x}, {k: w}]\" > o/list.yml']}}
  - {load_var: list, file: o/list.yml, reveal: true}
  - across:
    - {var: item, values: ((.:list)), max_in_flight: all}
    - {var: size, values: [1, 2]}
    put: b
    no_get: true
    params: {v: '((.:item.k))-((.:size))'}
");
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(report.exit_code(), 0, "{report:#?}");
    let mut made = std::fs::read_to_string(world.path("b/versions"))
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    made.sort();
    assert_eq!(made, ["w-1", "w-2", "x-1", "x-2"]);
    let paths: Vec<&str> = report
        .steps()
        .filter(|step| step.name == "b")
        .map(|step| step.path.as_str())
        .collect();
    assert!(
        paths.contains(&r#"plan[3] (item: {"k":"x"}) (size: 2)"#),
        "{paths:?}"
    );
}

#[tokio::test]
async fn parallel_steps_run_together_and_fail_fast_stops_the_others() {
    let world = World::new("
- name: together
  plan:
  - in_parallel:
    - {get: a, trigger: true, params: {wait: BOTH}}
    - {get: b, params: {wait: BOTH}}
- name: fast
  plan:
  - in_parallel:
      fail_fast: true
      steps:
      - {get: a, trigger: true, params: {wait: NEVER}}
      - task: fail
        config: {platform: linux, run: {path: sh, args: [-c, 'while [ ! -e HOME/waiting ]; do sleep 0.02; done; exit 3']}}
");
    let file = world.path("pipeline.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("BOTH", &world.path("both").display().to_string());
    let text = text.replace("NEVER", &world.path("never").display().to_string());
    std::fs::write(
        file,
        text.replace("HOME", &world.path("a").display().to_string()),
    )
    .unwrap();
    world.found("a", &["1"]);
    world.found("b", &["1"]);
    let both = async {
        world.until("a/waiting").await;
        world.until("b/waiting").await;
        std::fs::remove_file(world.path("a/waiting")).unwrap();
        std::fs::write(world.path("both"), "").unwrap();
    };
    let (report, ()) = tokio::join!(world.run(), both);
    assert_eq!(statuses(&report), [Status::Succeeded, Status::Failed]);
    let fast: Vec<String> = report.jobs[1].builds()[0]
        .steps
        .iter()
        .map(|s| format!("{} {:?}", s.name, s.status))
        .collect();
    assert_eq!(fast, ["fail Failed", "a Aborted"]);
    assert!(
        world.path("a/interrupted").exists(),
        "the get was stopped with SIGTERM"
    );
}

#[tokio::test]
async fn what_is_read_is_never_secret_in_output() {
    let world = World::new(
        "\n- {name: j, plan: [{get: a, trigger: true, params: {say: 'canary-token, canary-param', secret: canary-param, exit: '1'}}]}\n",
    );
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(world.lines(), ["j/a: ((redacted)), ((redacted))"]);
    let shown = serde_json::to_string(&report).unwrap();
    assert!(!shown.contains("canary-"), "{shown}");
    let state = std::fs::read_to_string(world.path("state/runner.json")).unwrap();
    assert!(!state.contains("canary-token"));
}

/// Fails when another one of its kind runs at the same time.
const ALONE: &str = "{task: alone, config: {platform: linux, run: {path: sh, args: [-c, 'mkdir ../lock && sleep 0.05 && rmdir ../lock']}}}";

#[tokio::test]
async fn limits_hold_and_across_takes_one_value_at_a_time() {
    let across = ALONE.replacen('{', "{across: [{var: v, values: [1, 2, 3]}], ", 1);
    let limited = ALONE.replacen(
        '{',
        "{across: [{var: v, values: [1, 2, 3], max_in_flight: 1}, {var: w, values: [1, 2]}], ",
        1,
    );
    let world = World::new(&format!(
        "
- name: j
  plan:
  - {{get: a, trigger: true}}
  - in_parallel: {{limit: 1, steps: [{ALONE}, {ALONE}, {ALONE}]}}
  - {across}
  - {limited}
"
    ));
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(statuses(&report), [Status::Succeeded], "{report:#?}");
    assert_eq!(report.steps().count(), 1 + 3 + 3 + 6);
}

#[tokio::test]
async fn across_goes_on_after_a_failure_unless_it_is_to_fail_fast() {
    let step = "{across: [{var: v, values: [1, 2, 3]}], fail_fast: FAST, task: t, config: {platform: linux, run: {path: sh, args: [-c, 'exit ((.:v))']}}}";
    let plan = |fast: &str| format!("{{get: a, trigger: true}}, {}", step.replace("FAST", fast));
    let world = World::new(&format!(
        "\n- {{name: slow, plan: [{}]}}\n- {{name: fast, plan: [{}]}}\n",
        plan("false"),
        plan("true")
    ));
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(statuses(&report), [Status::Failed, Status::Failed]);
    let ran: Vec<usize> = report.builds().map(|build| build.steps.len() - 1).collect();
    assert_eq!(ran, [3, 1]);
}

#[tokio::test]
async fn load_var_reads_each_format_and_nested_fields() {
    let write = r#"printf ' x\n' > o/v; printf '{"a": {"b": ["c"], "n": 2}}' > o/v.json; printf 'a: {b: yes}\n' > o/v.yml"#;
    let world = World::new(&format!(
        "
- name: j
  plan:
  - {{get: a, trigger: true}}
  - {{task: w, config: {{platform: linux, outputs: [{{name: o}}], run: {{path: sh, args: [-c, {write}]}}}}}}
  - {{load_var: trim, file: o/v, reveal: true}}
  - {{load_var: raw, file: o/v, format: raw, reveal: true}}
  - {{load_var: json, file: o/v.json, reveal: true}}
  - {{load_var: yaml, file: o/v.yml, reveal: true}}
  - {{load_var: text, file: o/v.json, format: trim, reveal: true}}
  - task: show
    params: {{RAW: ((.:raw)), LIST: ((.:json.a.b)), TEXT: ((.:text))}}
    config: {{platform: linux, run: {{dir: made/here, path: sh, args: [-c, 'basename $PWD; printf \"%s|\" ((.:trim)) \"$RAW\" ((.:json.a.n)) ((.:yaml.a.b)) $LIST \"$TEXT\"']}}}}
  - {{load_var: bad, file: o/v, format: json, reveal: true}}
",
        write = serde_json::to_string(write).unwrap()
    ));
    world.found("a", &["1"]);
    let report = world.run().await;
    let expected = [
        "j/show: here",
        "j/show: x| x",
        r#"j/show: |2|true|["c"]|{"a": {"b": ["c"], "n": 2}}|"#,
    ];
    assert_eq!(world.lines(), expected, "{report:#?}");
    assert_eq!(
        statuses(&report),
        [Status::Errored],
        "a file that is no JSON"
    );
}

/// `atc/exec/put_inputs.go`: a list names what must be there, `detect` takes what is there.
#[tokio::test]
async fn a_put_needs_the_artifacts_that_it_lists() {
    let world = World::new(
        "\n- {name: j, plan: [{get: a, trigger: true}, {put: b, inputs: [a, none], params: {v: x}}]}\n",
    );
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(statuses(&report), [Status::Errored]);
    let reason = report.steps().last().unwrap().reason.clone().unwrap();
    assert_eq!(reason, "there is no artifact `none` here; there is: a");
    assert!(world.calls("b").is_empty());
}

#[tokio::test]
async fn what_only_a_concourse_does_is_refused_at_its_step() {
    let world = World::new(
        "
- {name: set, plan: [{get: a, trigger: true}, {set_pipeline: p, file: a/p.yml}]}
- {name: windows, plan: [{get: a, trigger: true}, {task: t, config: {platform: windows, run: {path: x}}}]}
- {name: right, plan: [{get: a, trigger: true, tags: [here]}]}
",
    );
    world.found("a", &["1"]);
    let report = world.run().await;
    let ends = [Status::Errored, Status::Errored, Status::Succeeded];
    assert_eq!(statuses(&report), ends);
    let reasons: Vec<&str> = report
        .steps()
        .filter_map(|step| step.reason.as_deref())
        .collect();
    assert!(
        reasons[0].contains("run that pipeline by itself"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].contains("`windows` does not run on this host"),
        "{reasons:?}"
    );
    let expected = "p SetPipeline Errored";
    assert!(steps(&report).contains(&expected.to_owned()), "{report:?}");
}
