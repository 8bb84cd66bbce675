//! What an observer saw, each time with one fault.

use std::collections::BTreeMap;

use jiff::Timestamp;
use trireme_sandbox::witnesses::observer::{BudgetSample, Gap, NodeSample, Observed};

use crate::judge::{
    Objection, Verdict,
    observer::{Roll, judge, span},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn node(second: i64, version: &str, schedulable: bool) -> NodeSample {
    NodeSample {
        at: at(second),
        zone: "az-a".into(),
        version: version.into(),
        ready: true,
        schedulable,
    }
}

fn budget(second: i64, current: i32) -> BudgetSample {
    BudgetSample {
        at: at(second),
        current,
        desired: 2,
        allowed: current - 2,
    }
}

/// One node from v1 to v2, one budget over three pods.
fn good() -> Observed {
    let node = vec![
        node(0, "v1", true),
        node(10, "v1", false),
        node(20, "v2", false),
        node(30, "v2", true),
    ];
    let budget = vec![budget(1, 3), budget(12, 2), budget(14, 3)];
    Observed {
        nodes: BTreeMap::from([("w-a1".into(), node)]),
        budgets: BTreeMap::from([("shop/web".into(), budget)]),
        ..Observed::default()
    }
}

fn verdict(change: impl FnOnce(&mut Observed)) -> Verdict {
    let mut observed = good();
    change(&mut observed);
    let roll = Roll {
        nodes: 1,
        budgets: 1,
        from: "v1",
        to: "v2",
    };
    judge(&observed, &roll)
}

fn of_node(observed: &mut Observed) -> &mut Vec<NodeSample> {
    observed.nodes.get_mut("w-a1").expect("the node")
}

fn of_budget(observed: &mut Observed) -> &mut Vec<BudgetSample> {
    observed.budgets.get_mut("shop/web").expect("the budget")
}

#[test]
fn a_roll_that_kept_its_promises_is_let_pass() {
    assert_eq!(verdict(|_| {}), Ok(()));
    assert_eq!(span(&good()), Some(at(10)..=at(30)));
}

type Change = fn(&mut Observed);

#[test]
fn an_observer_that_may_have_missed_something_has_no_verdict() {
    let changes: [(&str, Change); 8] = [
        ("a gap", |seen| {
            let why = "the server no longer knows".into();
            seen.gaps.push(Gap { at: at(15), why });
        }),
        ("a budget that was deleted", |seen| {
            seen.deleted.push("PodDisruptionBudget shop/web".into());
        }),
        ("no node", |seen| seen.nodes.clear()),
        ("no budget", |seen| seen.budgets.clear()),
        ("a node without samples", |seen| of_node(seen).clear()),
        ("a node that was first seen cordoned", |seen| {
            drop(of_node(seen).remove(0));
        }),
        ("a budget that was first seen during the roll", |seen| {
            of_budget(seen)[0].at = at(11);
        }),
        ("a budget that never moved", |seen| {
            of_budget(seen).truncate(1)
        }),
    ];
    for (what, change) in changes {
        let verdict = verdict(change);
        assert!(
            matches!(verdict, Err(Objection::Unseen(_))),
            "{what}: {verdict:?}"
        );
    }
}

#[test]
fn a_promise_that_was_broken_is_found() {
    let changes: [(&str, Change); 7] = [
        ("on the old version", |seen| {
            of_node(seen)[3].version = "v1".into()
        }),
        ("still cordoned", |seen| drop(of_node(seen).pop())),
        ("not ready", |seen| of_node(seen)[3].ready = false),
        ("cordoned twice", |seen| {
            of_node(seen).extend([node(40, "v2", false), node(50, "v2", true)]);
        }),
        ("never cordoned", |seen| {
            drop(of_node(seen).drain(1..3));
        }),
        ("a budget below what it demands", |seen| {
            of_budget(seen)[1].current = 1
        }),
        ("a violation that was counted", |seen| {
            seen.budget_violations = 1
        }),
    ];
    for (what, change) in changes {
        let verdict = verdict(change);
        assert!(
            matches!(verdict, Err(Objection::Broken(_))),
            "{what}: {verdict:?}"
        );
    }
}
