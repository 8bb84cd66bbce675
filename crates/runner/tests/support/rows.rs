//! Rules for pipelines. Each row names the file of Concourse (github.com/concourse/concourse) that the rule was read from, or
//! says that it is the runner's own.

pub const VALIDATE: &str = "atc/configvalidate/validate.go";
pub const STEPS: &str = "atc/step_validator.go";
const PARSE: &str = "atc/steps.go";
const CONFIG: &str = "atc/config.go";
const TASK: &str = "atc/task.go";
const LIMITS: &str = "atc/container_limits.go";
const YAML: &str = "atc/config.go (UnmarshalStrict of sigs.k8s.io/yaml)";
const OURS: &str = "the runner's own";

/// Where a rule is from, a pipeline without its resources, the place of the error, a part of the message.
pub type Row = (&'static str, &'static str, &'static str, &'static str);

pub const J: &str = "jobs: [{name: j, plan: [{get: r}]}]";

#[rustfmt::skip] // One row, one line.
pub const ROWS: &[Row] = &[
    // Groups.
    (VALIDATE, "groups: [{name: g, jobs: [x, j]}]\nJ", "3:27", "group 'g' has unknown job 'x'"),
    (VALIDATE, "groups: [{name: g, jobs: [j], resources: [x]}]\nJ", "3:43", "group 'g' has unknown resource 'x'"),
    (VALIDATE, "groups: [{name: g, jobs: [j]}, {name: g, jobs: [j]}]\nJ", "3:39", "the same name ('g')"),
    (VALIDATE, "groups: [{name: g}]\nJ", "4:15", "job 'j' belongs to no group"),
    (VALIDATE, "groups: [{jobs: [j]}]\nJ", "3:10", "groups[0] has no name"),
    // The pipeline.
    (YAML, "jobs: {j: {plan: [{get: r}]}}", "3:7", "`jobs` must be a list"),
    (YAML, "display: {background: x}\nJ", "3:11", "unknown key `background`"),
    // Resources and their types.
    (VALIDATE, "resources: [{name: r, type: mock}, {name: r, type: mock}]\nJ", "2:43", "the same name ('r')"),
    (VALIDATE, "resources: [{type: mock}]\nJ", "2:13", "resources[0] has no name"),
    (VALIDATE, "resources: [{name: r}]\nJ", "2:13", "resources.r has no type"),
    (VALIDATE, "resources: [{name: r, type: mock}, {name: s, type: mock}]\nJ", "2:36", "resource 's' is not used"),
    (YAML, "resources: [{name: r, type: mock, sauce: {}}]\nJ", "2:35", "unknown key `sauce`"),
    (YAML, "resources: [{name: r, type: mock, source: x}]\nJ", "2:43", "`source` must be a mapping"),
    (YAML, "resources: [{name: r, type: mock, version: latest}]\nJ", "2:44", "`version` must be a mapping of texts"),
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
    (YAML, "jobs: [{name: j, public: 1, plan: [{get: r}]}]", "3:26", "`public` must be true or false"),
    (YAML, "jobs: [{name: j, interruptible: 1, plan: [{get: r}]}]", "3:33", "`interruptible` must be true or false"),
    (YAML, "jobs: [{name: j, disable_manual_trigger: 1, plan: [{get: r}]}]", "3:42", "`disable_manual_trigger` must be true or false"),
    (YAML, "jobs: [{name: j, serial: 1, plan: [{get: r}]}]", "3:26", "`serial` must be true or false"),
    (YAML, "jobs: [{name: j, serial_groups: g, plan: [{get: r}]}]", "3:33", "`serial_groups` must be a list of texts"),
    (VALIDATE, "jobs: [{name: j, max_in_flight: -1, plan: [{get: r}]}]", "3:33", "at least 0"),
    (VALIDATE, "display: {background_image: 'ftp://x/y'}\nJ", "3:29", "http, https or relative"),
    (OURS, "jobs: []", "1:1", "no jobs"),
    // Steps: what they are.
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {}]}]", "3:35", "no step is declared"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {timeout: 1m}]}]", "3:35", "no step is declared"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, put: s}]}]", "3:26", "unknown key `get`"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, pased: [j]}]}]", "3:34", "unknown key `pased`"),
    (PARSE, "jobs: [{name: j, plan: [{get: r, version: {v: 1}}]}]", "3:47", "must be a text"),
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
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {in_parallel: 3}]}]", "3:49", "a list of steps"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {aggregate: []}]}]", "3:36", "use `in_parallel`"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, passed: ['{j,k']}]}]", "3:43", "invalid glob expression '{j,k'"),
    // Steps: what they name.
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {get: r}]}]", "3:41", "repeated name"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {get: x}]}]", "3:41", "unknown resource 'x'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {put: x}]}]", "3:41", "unknown resource 'x'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, passed: [x]}]}]", "3:43", "unknown job 'x'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r, passed: [k]}]}, {name: k, plan: [{task: t, file: r/x}]}]", "3:43", "does not interact with resource 'r'"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {task: t}]}]", "3:42", "must specify either"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {task: t, file: r/x, config: {platform: linux, run: {path: x}}}]}]", "3:51", "not both"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {set_pipeline: p}]}]", "3:50", "no file specified"),
    (STEPS, "jobs: [{name: j, plan: [{get: r}, {run: m, type: p}]}]", "3:50", "unknown prototype 'p'"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {set_pipeline: p, file: r/p, vars: x}]}]", "3:70", "`vars` must be a mapping"),
    (VALIDATE, "prototypes: [{name: p}]\nJ", "3:14", "prototypes.p has no type"),
    (VALIDATE, "var_sources: [{name: v}]\nJ", "3:15", "missing `type`"),
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
    (OURS, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, caches: [{}]}}]}]", "3:96", "missing a path"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, image_resource: x}}]}]", "3:103", "`image_resource` must be a mapping"),
    (TASK, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, rootfs_uri: 1}}]}]", "3:99", "`rootfs_uri` must be a text"),
    (LIMITS, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, container_limits: {cpu: true}}]}]", "3:112", "`cpu` must be a number"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, privileged: 1}]}]", "3:100", "`privileged` must be true or false"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, image: 1}]}]", "3:95", "`image` must be a text"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, hermetic: 1}]}]", "3:98", "`hermetic` must be true or false"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, tags: 1}]}]", "3:94", "`tags` must be a list of texts"),
    (PARSE, "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}}, input_mapping: {a: 1}}]}]", "3:107", "`a` must be a text"),
    // Vars.
    (OURS, "jobs: [{name: j, serial: ((.:x)), plan: [{get: r}]}]", "3:26", "cannot be a local var"),
];

/// A pipeline that Concourse takes, the place and a part of what is said of it: `warning` or `note`.
pub type Mild = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip] // One row, one line.
pub const MILD: &[Mild] = &[
    // What Concourse takes, and is likely a mistake.
    ("warning", "jbos: []\nJ", "3:1", "Concourse ignores the key `jbos`; is `jobs` meant?"),
    ("warning", "resources: [{name: r, type: mock, old_name: on}]\nJ", "2:45", "makes the text `true` of it: quote it"),
    ("warning", "jobs: [{name: j, plan: [{get: r}]}, {name: k}]", "3:37", "no plan: there is nothing to run"),
    ("warning", "jobs: [{name: j, plan: [{get: r, passed: [k]}]}, {name: k, plan: [{get: r, passed: [j]}]}]", "3:15", "wait for each other"),
    ("warning", "jobs: [{name: j, plan: [{get: r, version: newest}]}]", "3:43", "Concourse takes `newest` for latest"),
    ("warning", "jobs: [{name: j, plan: [{get: r}, {put: r, inputs: some}]}]", "3:52", "Concourse takes `some` for detect"),
    ("warning", "jobs: [{name: j, plan: [{get: r}, {in_parallel: {step: [{put: r}]}}]}]", "3:50", "ignores the unknown key `step`"),
    ("warning", "jobs: [{name: j, plan: [{get: r}], name: j}]", "3:36", "stands twice"),
    ("warning", "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, outptus: []}}]}]", "3:87", "ignores the unknown key `outptus`"),
    ("warning", "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, image_resource: {type: t, sauce: {}}}}]}]", "3:113", "ignores the unknown key `sauce`"),
    ("warning", "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x}, container_limits: {ram: 1}}}]}]", "3:106", "ignores the unknown key `ram`"),
    // What is right for Concourse, and cannot be done here.
    ("note", "var_sources: [{name: v, type: vault, config: {url: x}}]\nJ", "3:1", "--var SOURCE:NAME=VALUE"),
    ("note", "resources: [{name: r, type: git, source: {uri: x}}]\nJ", "2:29", "nothing here serves the type `git`; give the content of r with --input r=DIR"),
    ("note", "resources: [{name: r, type: mock, tags: [here]}]\nJ", "2:35", "`tags` choose a worker"),
    ("note", "jobs: [{name: j, plan: [{get: r, tags: [here]}]}]", "3:34", "`tags` choose a worker"),
    ("note", "jobs: [{name: j, plan: [{get: r}, {set_pipeline: p, file: r/p.yml, vars: {a: 1}, instance_vars: {b: 2}}]}]", "3:36", "run that pipeline by itself"),
    ("note", "prototypes: [{name: p, type: registry-image, source: {repository: x}}]\njobs: [{name: j, plan: [{get: r}, {run: m, type: p, params: {a: 1}}]}]", "4:36", "has no prototypes"),
    ("note", "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: windows, run: {path: x}}}]}]", "3:54", "a task for `windows` does not run here"),
    ("note", "jobs: [{name: j, plan: [{get: r}, {task: t, config: {platform: linux, run: {path: x, user: root}}}]}]", "3:86", "`user`: tasks run as the user who started"),
];
