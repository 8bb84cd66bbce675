use serde_json::json;

use super::*;

fn pod(name: &str) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name}})
}

fn names(store: &Store) -> Vec<String> {
    store.with(|world| {
        let pods = world.list("pods", "shop");
        pods.iter().map(|pod| name(pod).to_owned()).collect()
    })
}

fn log_file(dir: &Path) -> std::path::PathBuf {
    dir.join("objects.jsonl")
}

#[test]
fn a_world_comes_back_with_its_revision_and_its_watchable_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.with(|world| {
        world.put("pods", pod("a")).unwrap();
        world.put("pods", pod("b")).unwrap();
        world.remove("pods", "shop", "a").unwrap();
    });
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(names(&store), ["b"]);
    store.with(|world| {
        assert_eq!(world.revision(), 3);
        let changes: Vec<_> = world.changes_since(1).unwrap();
        let changes: Vec<_> = changes.iter().map(|e| (e.revision, e.change)).collect();
        assert_eq!(changes, [(2, Change::Added), (3, Change::Deleted)]);
    });
}

#[test]
fn a_torn_last_line_is_cut_off_at_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.with(|world| world.put("pods", pod("a")).unwrap());
    let whole = std::fs::read(log_file(dir.path())).unwrap();
    store.with(|world| world.put("pods", pod("b")).unwrap());
    drop(store);
    let longer = std::fs::read(log_file(dir.path())).unwrap();
    for length in whole.len()..longer.len() {
        std::fs::write(log_file(dir.path()), &longer[..length]).unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(names(&store), ["a"], "cut at {length}");
        store.with(|world| world.put("pods", pod("c")).unwrap());
        drop(store);
        assert_eq!(names(&Store::open(dir.path()).unwrap()), ["a", "c"]);
    }
}

#[test]
fn damage_elsewhere_is_an_error_that_names_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.with(|world| world.put("pods", pod("a")).unwrap());
    drop(store);
    let mut text = std::fs::read_to_string(log_file(dir.path())).unwrap();
    text.push_str("{\"kind\":\n{}\n");
    std::fs::write(log_file(dir.path()), text).unwrap();
    let error = Store::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("line 3 is damaged"), "{error}");
}

#[test]
fn a_long_log_is_compacted_and_old_watches_are_told_to_list_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.with(|world| {
        for round in 0..10_500 {
            let mut pod = pod("a");
            pod["round"] = round.into();
            world.put("pods", pod).unwrap();
        }
        assert!(world.changes_since(10).is_none());
    });
    drop(store);
    let before = std::fs::metadata(log_file(dir.path())).unwrap().len();
    let store = Store::open(dir.path()).unwrap();
    assert!(std::fs::metadata(log_file(dir.path())).unwrap().len() < before / 100);
    store.with(|world| {
        assert_eq!(world.revision(), 10_500);
        assert!(world.changes_since(10_499).is_none());
        assert_eq!(world.get("pods", "shop", "a").unwrap()["round"], 10_499);
        world.put("pods", pod("b")).unwrap();
        assert_eq!(world.changes_since(10_500).unwrap().len(), 1);
    });
}

#[test]
fn a_list_of_the_past_shows_what_was_there_then() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.with(|world| {
        world.put("pods", pod("a")).unwrap();
        world.put("pods", pod("b")).unwrap();
        let mut changed = pod("b");
        changed["spec"] = json!({"nodeName": "w-1"});
        world.put("pods", changed).unwrap();
        world.remove("pods", "shop", "a").unwrap();
        world.put("pods", pod("c")).unwrap();
        let at = |revision| world.list_at("pods", "shop", revision).unwrap();
        let names =
            |revision| -> Vec<_> { at(revision).iter().map(|o| name(o).to_owned()).collect() };
        assert_eq!(names(1), ["a"]);
        assert_eq!(names(3), ["a", "b"]);
        assert_eq!(at(2)[1].get("spec"), None);
        assert_eq!(at(3)[1]["spec"]["nodeName"], "w-1");
        assert_eq!(names(5), ["b", "c"]);
        assert_eq!(world.list_at("pods", "elsewhere", 5).unwrap().len(), 0);
    });
}
