use trireme_evidence::page::roll_page;

use super::*;
use crate::goal::{Before, Window};
use crate::kubernetes::{RollAnnotation, RolledAnnotation};
use crate::policy::{Policy, Wanted};

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_767_225_600 + second, 0).unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn goal() -> Goal {
    Goal {
        blueprint: "b1".into(),
        roll: "7-1".into(),
        epoch: 9,
        wanted: Wanted {
            version: version("v1.37.2"),
            images: [("node-act".to_owned(), "r.example/a@sha256:00".to_owned())].into(),
        },
        policy: Policy::default(),
        window: Window::Open,
        before: Before::default(),
    }
}

fn node(name: &str, running: &str) -> Node {
    Node {
        name: name.into(),
        uid: format!("uid-{name}"),
        resource_version: "1".into(),
        zone: "az-a".into(),
        version: version(running),
        image: String::new(),
        ready: true,
        schedulable: true,
        control_plane: false,
        roll: None,
        rolled: None,
    }
}

/// A node that was finished by this roll, begun at that second.
fn done(name: &str, second: i64, one_clock: bool) -> Node {
    let rolled = RolledAnnotation {
        blueprint: "b1".into(),
        attempt: format!("attempt-{name}"),
        roll: "7-1".into(),
        epoch: 8,
        one_clock,
        from: version("v1.36.4"),
        to: version("v1.37.2"),
        cordoned_at: at(second),
        drained_at: at(second + 1),
        acted_at: at(second + 2),
        ready_at: at(second + 3),
        uncordoned_at: at(second + 4),
    };
    Node {
        rolled: Some(rolled),
        ..node(name, "v1.37.2")
    }
}

fn begun(name: &str, second: i64) -> Node {
    let roll = RollAnnotation {
        blueprint: "b1".into(),
        attempt: format!("attempt-{name}"),
        roll: "7-1".into(),
        epoch: 9,
        from: version("v1.36.4"),
        to: version("v1.37.2"),
        cordoned_at: at(second),
        clock: 8,
        acted: false,
        started: false,
        unready_before: BTreeSet::new(),
    };
    Node {
        roll: Some(roll),
        schedulable: false,
        ..node(name, "v1.36.4")
    }
}

fn ending(outcome: Outcome, second: i64) -> Ending {
    Ending {
        outcome,
        reason: None,
        left_cordoned: Vec::new(),
        may_be_cordoned: Vec::new(),
        run: Some(Run {
            epoch: 9,
            holder: Some("me".into()),
        }),
        at: at(second),
    }
}

fn file(nodes: &[Node], ending: Ending) -> RollFile {
    let mut log = ObservationLog::of("b1");
    for second in [0, 2, 4] {
        log.observe(&[], at(second));
    }
    roll_file(nodes, &goal(), &version("v1.36.4"), &log, ending)
}

fn states(file: &RollFile) -> Vec<(&str, NodeState)> {
    let nodes = file.nodes.iter();
    nodes.map(|node| (node.name.as_str(), node.state)).collect()
}

#[test]
fn a_roll_that_is_done_has_every_node_in_its_order_with_attempts_and_runs() {
    let nodes = [
        done("w-b", 10, true),
        done("w-a", 20, false),
        done("w-c", 0, true),
    ];
    let file = file(&nodes, ending(Outcome::Done, 90));
    let order: Vec<_> = file.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(order, ["w-c", "w-b", "w-a"]);
    assert_eq!((file.started_at, file.ended_at), (at(0), at(24)));
    assert_eq!(file.nodes[0].attempts, ["attempt-w-c"]);
    let seconds: Vec<_> = file.nodes.iter().map(|node| node.seconds).collect();
    assert_eq!(
        seconds,
        [Some(4), Some(4), None],
        "no duration from two clocks"
    );
    let epochs: Vec<_> = file
        .runs
        .iter()
        .map(|run| (run.epoch, run.holder.as_deref()))
        .collect();
    assert_eq!(epochs, [(8, None), (9, Some("me"))]);
    assert_eq!(file.roll.as_deref(), Some("7-1"));
    assert_eq!(file.images.len(), 1);
    let gaps = file.unwatched.unwrap();
    assert_eq!(
        gaps,
        [file::Span {
            from: at(4),
            until: at(24)
        }]
    );
}

#[test]
fn a_roll_that_failed_has_its_begun_nodes_and_those_that_were_not_begun() {
    let others = Node {
        rolled: done("x", 0, true).rolled.map(|rolled| RolledAnnotation {
            roll: "6-1".into(),
            ..rolled
        }),
        ..node("of-an-earlier-roll", "v1.37.2")
    };
    let nodes = [
        node("w-d", "v1.36.4"),
        begun("w-b", 10),
        done("w-a", 0, true),
        others,
        node("new", "v1.37.2+k3s1"),
    ];
    let file = file(&nodes, ending(Outcome::Failed, 90));
    let (done, begun, waits) = (NodeState::Done, NodeState::Begun, NodeState::NotBegun);
    assert_eq!(
        states(&file),
        [("w-a", done), ("w-b", begun), ("w-d", waits)]
    );
    assert_eq!((file.started_at, file.ended_at), (at(0), at(90)));
    assert_eq!(file.nodes[1].cordoned_at, Some(at(10)));
    assert_eq!(file.nodes[1].runs, [8, 9]);
    assert_eq!(file.nodes[2].from.as_deref(), Some("v1.36.4"));
}

#[test]
fn a_node_that_was_finished_under_another_goal_counts_only_if_it_is_due_again() {
    let under_another = |running: &str| {
        let mut node = done("w-a", 0, true);
        node.version = version(running);
        node.rolled.as_mut().unwrap().blueprint = "b0".into();
        node
    };
    let file = |running| file(&[under_another(running)], ending(Outcome::Failed, 90));
    assert_eq!(states(&file("v1.37.2")), []);
    assert_eq!(states(&file("v1.36.9")), [("w-a", NodeState::NotBegun)]);
}

#[test]
fn a_roll_that_touched_no_node_has_no_images_and_its_own_time() {
    let file = file(&[node("w-a", "v1.37.2")], ending(Outcome::Done, 90));
    assert_eq!((file.nodes.len(), file.images.len()), (0, 0));
    assert_eq!((file.started_at, file.ended_at), (at(90), at(90)));
}

#[test]
fn a_clock_that_was_ahead_does_not_turn_the_roll_round() {
    let file = file(&[begun("w-a", 300)], ending(Outcome::Aborted, 90));
    assert_eq!((file.started_at, file.ended_at), (at(300), at(300)));
    assert!(roll_page(&file).contains("aborted"));
}

#[test]
fn annotations_of_the_first_release_have_no_ids() {
    let mut node = done("w-a", 0, false);
    let rolled = node.rolled.as_mut().unwrap();
    (rolled.attempt, rolled.roll, rolled.epoch) = (String::new(), String::new(), 0);
    let goal = Goal {
        roll: String::new(),
        ..goal()
    };
    let log = ObservationLog::of("b1");
    let ending = Ending {
        run: None,
        ..ending(Outcome::Done, 90)
    };
    let file = roll_file(&[node], &goal, &version("v1.36.4"), &log, ending);
    assert_eq!(states(&file), [("w-a", NodeState::Done)]);
    assert_eq!((file.roll, file.runs.len()), (None, 0));
    assert!(file.nodes[0].attempts.is_empty() && file.nodes[0].runs.is_empty());
}
