use super::*;

fn version(text: &str) -> Version {
    Version::from([("v".to_owned(), text.to_owned())])
}

fn taken(text: &str) -> Taken {
    Taken {
        resource: "r".to_owned(),
        version: version(text),
    }
}

fn open(dir: &Path) -> Result<Store, RunnerError> {
    Store::open(StateLock::take(dir)?)
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

#[test]
fn versions_are_ordered_as_concourse_orders_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.set_config("r", "a".to_owned());
    store
        .add_versions("r", vec![version("1"), version("2")])
        .unwrap();
    store.add_versions("r", vec![version("1")]).unwrap();
    assert_eq!(
        store.versions("r"),
        [version("1"), version("2")],
        "nothing new: the order stays"
    );
    store
        .add_versions("r", vec![version("1"), version("3")])
        .unwrap();
    assert_eq!(
        store.versions("r"),
        [version("2"), version("1"), version("3")],
        "something new: all of it moves"
    );
    store.set_config("r", "a".to_owned());
    assert_eq!(store.versions("r").len(), 3);
    store.set_config("r", "b".to_owned());
    assert!(
        store.versions("r").is_empty(),
        "another source has other versions"
    );
}

#[test]
fn a_build_that_was_cut_off_counts_as_aborted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let chosen = Chosen {
        inputs: BTreeMap::from([("r".to_owned(), taken("1"))]),
        passed_builds: BTreeMap::from([("k".to_owned(), 7)]),
    };
    let (first, path) = store.start_build("j", &chosen, now()).unwrap();
    assert!(path.is_dir());
    store.add_output("j", first, taken("2")).unwrap();
    drop(store);
    let mut store = open(dir.path()).unwrap();
    assert_eq!(store.builds("j")[0].status, Some(Status::Aborted));
    assert_eq!(
        store.versions("r"),
        [version("2")],
        "what its put made is there all the same"
    );
    assert_eq!(store.succeeded("j").count(), 0);
    let (second, _) = store.start_build("j", &chosen, now()).unwrap();
    store.end_build("j", second, Status::Succeeded).unwrap();
    assert_eq!((first, second), (1, 2));
    let last = store.succeeded("j").next().unwrap();
    assert_eq!(last.inputs, chosen.inputs);
    assert_eq!(last.passed_builds, chosen.passed_builds);
}

#[test]
fn one_run_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(RunnerError::Busy { .. })));
    drop(store);
    assert!(open(dir.path()).is_ok());
}

#[test]
fn format_1_stays_readable_and_others_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("runner.json");
    let fixture = include_str!("../../tests/data/state/format-1.json");
    fs::write(&file, fixture).unwrap();
    let store = open(dir.path()).unwrap();
    assert_eq!(store.versions("release").len(), 2);
    assert_eq!(store.succeeded("detect").count(), 1);
    drop(store);
    for damaged in [
        &fixture[..fixture.len() / 2],
        &fixture.replace("\"format\": 1", "\"format\": 9"),
    ] {
        fs::write(&file, damaged).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(
            error.to_string().contains("remove it to start afresh"),
            "{error}"
        );
    }
}

#[test]
fn old_build_folders_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let paths: Vec<PathBuf> = (0..12)
        .map(|_| store.start_build("j", &Chosen::default(), now()).unwrap().1)
        .collect();
    let there: Vec<bool> = paths.iter().map(|path| path.is_dir()).collect();
    assert_eq!(there, [vec![false; 2], vec![true; 10]].concat());
}

#[test]
fn names_stay_inside_the_folder_and_apart() {
    let rows = [
        ("../a b/ü", "%2E.%2Fa%20b%2Fü"),
        ("image.v1", "image.v1"),
        ("a%2Fb", "a%252Fb"),
        ("", ""),
    ];
    for (name, file) in rows {
        assert_eq!(file_name(name), file);
    }
}
