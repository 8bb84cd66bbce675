use super::*;
use crate::report::Status;
use crate::store::StateLock;
use crate::{problem::Problems, yaml};
use jiff::Timestamp;

const JOBS: &str = "
resources: [{name: a, type: t}, {name: b, type: t}]
jobs:
- {name: first, plan: [{get: a, trigger: true}, {get: b}]}
- {name: second, plan: [{get: a, passed: [first], trigger: true}, {get: b, passed: [first]}]}
- {name: each, plan: [{get: a, version: every, trigger: true}]}
- {name: pinned, plan: [{get: a, version: {v: '1'}}]}
";

struct World {
    pipeline: Pipeline,
    store: Store,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::of(JOBS)
    }

    fn of(jobs: &str) -> Self {
        let root = yaml::parse(jobs).unwrap();
        let pipeline = Pipeline::read(&root, &mut Problems::default());
        let dir = tempfile::tempdir().unwrap();
        Self {
            pipeline,
            store: Store::open(StateLock::take(dir.path()).unwrap()).unwrap(),
            _dir: dir,
        }
    }

    fn found(&mut self, resource: &str, versions: &[&str]) {
        self.store
            .add_versions(resource, versions.iter().copied().map(version).collect())
            .unwrap();
    }

    fn built(&mut self, job: &str, inputs: &[(&str, &str)]) {
        let taken = |&(name, text): &(&str, &str)| {
            (
                name.to_owned(),
                Taken {
                    resource: name.to_owned(),
                    version: version(text),
                },
            )
        };
        let started: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let chosen = Chosen {
            inputs: inputs.iter().map(taken).collect(),
            passed_builds: BTreeMap::new(),
        };
        let (number, _) = self.store.start_build(job, &chosen, started).unwrap();
        self.store
            .end_build(job, number, Status::Succeeded)
            .unwrap();
    }

    fn choose(&self, job: &str) -> Result<Vec<String>, Idle> {
        let chosen = choose(&self.pipeline, &self.store, self.pipeline.job(job).unwrap())?;
        Ok(chosen
            .inputs
            .into_iter()
            .map(|(name, taken)| format!("{name}={}", taken.version["v"]))
            .collect())
    }

    fn triggered(&self, job: &str) -> Result<(), Idle> {
        let job = self.pipeline.job(job).unwrap();
        is_triggered(&self.store, job, &choose(&self.pipeline, &self.store, job)?)
    }
}

fn version(text: &str) -> Version {
    Version::from([("v".to_owned(), text.to_owned())])
}

#[test]
fn the_newest_version_is_taken_and_triggers_once() {
    let mut world = World::new();
    world.found("a", &["1", "2"]);
    assert!(matches!(world.choose("first"), Err(Idle::Waiting { input, .. }) if input == "b"));
    world.found("b", &["7"]);
    assert_eq!(world.choose("first").unwrap(), ["a=2", "b=7"]);
    assert_eq!(world.triggered("first"), Ok(()));
    world.built("first", &[("a", "2"), ("b", "7")]);
    assert_eq!(world.triggered("first"), Err(Idle::UpToDate));
    world.found("b", &["8"]);
    assert_eq!(
        world.triggered("first"),
        Err(Idle::UpToDate),
        "b does not trigger"
    );
    world.found("a", &["3"]);
    assert_eq!(world.triggered("first"), Ok(()));
}

#[test]
fn passed_versions_come_from_one_build() {
    let mut world = World::new();
    world.found("a", &["1", "2", "3"]);
    world.found("b", &["7", "8"]);
    assert!(
        matches!(world.choose("second"), Err(Idle::Waiting { reason, .. }) if reason.contains("passed job first"))
    );
    world.built("first", &[("a", "1"), ("b", "8")]);
    world.built("first", &[("a", "2"), ("b", "7")]);
    assert_eq!(
        world.choose("second").unwrap(),
        ["a=2", "b=7"],
        "never a=2 with b=8"
    );
}

#[test]
fn after_a_pin_back_the_next_job_takes_what_was_built_last() {
    let mut world = World::new();
    world.found("a", &["1", "2"]);
    world.found("b", &["7"]);
    world.built("first", &[("a", "1"), ("b", "7")]);
    world.built("first", &[("a", "2"), ("b", "7")]);
    world.built("first", &[("a", "1"), ("b", "7")]);
    assert_eq!(world.choose("second").unwrap(), ["a=1", "b=7"]);
}

#[test]
fn every_takes_one_after_another() {
    let mut world = World::new();
    world.found("a", &["1"]);
    world.built("each", &[("a", "1")]);
    assert_eq!(world.triggered("each"), Err(Idle::UpToDate));
    world.found("a", &["2", "3"]);
    assert_eq!(world.choose("each").unwrap(), ["a=2"]);
    world.built("each", &[("a", "2")]);
    assert_eq!(world.choose("each").unwrap(), ["a=3"]);
}

#[test]
fn a_pinned_version_must_be_there_and_a_job_without_trigger_waits_for_a_person() {
    let mut world = World::new();
    world.found("a", &["2"]);
    assert!(
        matches!(world.choose("pinned"), Err(Idle::Waiting { reason, .. }) if reason.contains("pinned"))
    );
    world.found("a", &["1", "3"]);
    assert_eq!(world.choose("pinned").unwrap(), ["a=1"]);
    assert_eq!(world.triggered("pinned"), Err(Idle::NotTriggered));
}

#[test]
fn passed_survives_a_changed_source() {
    let mut world = World::new();
    world.found("a", &["1"]);
    world.found("b", &["7"]);
    world.built("first", &[("a", "1"), ("b", "7")]);
    world.store.set_config("a", "new".to_owned());
    assert_eq!(world.choose("second").unwrap(), ["a=1", "b=7"]);
}

/// Twelve gets with nothing in common, each with six versions, and two that no build brings together: whoever tries the versions
/// of all of them one after another needs two billion tries.
#[test]
fn gets_without_an_answer_do_not_try_the_versions_of_all_others() {
    let mut jobs = String::from("jobs:\n");
    let mut resources = String::from("resources: [{name: x, type: t}, {name: z, type: t}");
    let mut gets = String::new();
    for number in 0..12 {
        resources += &format!(", {{name: r{number}, type: t}}");
        jobs += &format!("- {{name: j{number}, plan: [{{get: r{number}}}]}}\n");
        gets += &format!("{{get: r{number}, passed: [j{number}]}}, ");
    }
    let jobs = format!(
        "{resources}]\n{jobs}- {{name: both, plan: [{{get: x}}, {{get: z}}]}}\n\
         - {{name: all, plan: [{gets}{{get: x, passed: [both], version: {{v: '1'}}}}, {{get: z, passed: [both], version: {{v: '2'}}}}]}}\n"
    );
    let mut world = World::of(&jobs);
    for number in 0..12 {
        for version in ["1", "2", "3", "4", "5", "6"] {
            world.built(&format!("j{number}"), &[(&format!("r{number}"), version)]);
        }
    }
    world.built("both", &[("x", "1"), ("z", "1")]);
    world.built("both", &[("x", "2"), ("z", "2")]);
    assert!(
        matches!(world.choose("all"), Err(Idle::Waiting { reason, .. }) if reason.contains("together"))
    );
    world.built("both", &[("x", "1"), ("z", "2")]);
    let chosen = world.choose("all").unwrap();
    assert_eq!(chosen.len(), 14);
    assert!(
        chosen.contains(&"r0=6".to_owned()) && chosen.contains(&"x=1".to_owned()),
        "{chosen:?}"
    );
}
