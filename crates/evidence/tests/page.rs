//! The page of a roll: what it says, and that nothing in it can act.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use trireme_evidence::page::roll_page;
use trireme_evidence::{Budget, Node, Outcome, RollFile, Sample};

const ROLL_1: &str = include_str!("fixtures/roll-1.json");
const ROLL_2: &str = include_str!("fixtures/roll-2.json");

fn failed() -> RollFile {
    RollFile::from_json(ROLL_2.as_bytes()).unwrap()
}

/// Asserts that the page has these texts, in this order.
fn assert_in_order(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        let at = rest.find(text);
        let at = at.unwrap_or_else(|| panic!("{text:?} is not in the rest of the page:\n{rest}"));
        rest = &rest[at + text.len()..];
    }
}

#[test]
fn a_failed_roll_says_first_how_it_ended_and_why_and_what_is_left_cordoned() {
    let page = roll_page(&failed());
    let order = [
        "<h1>Roll to v1.37.2: failed</h1>",
        "Reason: node w-c (az-b): its Job failed: BackoffLimitExceeded",
        "Still cordoned: w-c.",
        "May still be cordoned, because the last update was not confirmed: w-d.",
        "again: it continues where this roll stopped",
        "2 of 4",
        "nodes done",
        "110.0 s",
        "in 2 runs, whose clocks may differ",
        "<b>0</b>",
        "what shop/web demands",
        "Nodes by zone",
        "the roll did not watch the budgets for 10.0 s of 110.0 s: 2026-01-01 10:00:28 to 10:00:38 (UTC)",
        "Disruption budgets",
        "shop/web",
        "two clocks",
        "not begun",
        "clocks may differ",
        "node-act",
        "r-7c1e",
        "Lease epoch 7",
        "worker-1/roll #12",
    ];
    assert_in_order(&page, &order);
}

#[test]
fn a_roll_that_is_done_has_nothing_to_run_again() {
    let page = roll_page(&RollFile::from_json(ROLL_1.as_bytes()).unwrap());
    assert_in_order(
        &page,
        &[
            "Roll to v1.37.2: done",
            "2 of 2",
            "66.0 s",
            "10:00:26",
            "<td class=\"number\">26</td>",
        ],
    );
    for absent in ["Reason", "Still cordoned", "again", "two clocks"] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn a_roll_that_began_no_node_has_a_page() {
    let roll = RollFile {
        outcome: Outcome::Aborted,
        nodes: Vec::new(),
        budgets: Vec::new(),
        unwatched: None,
        budgets_left_out: 7,
        ..failed()
    };
    let page = roll_page(&roll);
    assert_in_order(
        &page,
        &[
            "aborted",
            "0 of 0",
            "No node was cordoned",
            "it is not known when",
            "No budget was seen",
            "of 7 other budgets",
        ],
    );
}

/// Every text that others can choose.
fn with_everywhere(text: &str) -> RollFile {
    let mut roll = failed();
    let own = || text.to_owned();
    roll.roll = Some(own());
    roll.blueprint = own();
    roll.reason = Some(own());
    roll.from = own();
    roll.to = own();
    roll.left_cordoned = vec![own()];
    roll.may_be_cordoned = vec![own()];
    roll.images.insert(own(), own());
    roll.runs[0].holder = Some(own());
    for node in &mut roll.nodes {
        (node.name, node.zone) = (own(), own());
        (node.from, node.to) = (Some(own()), Some(own()));
        node.attempts = vec![own()];
    }
    for budget in &mut roll.budgets {
        (budget.namespace, budget.name) = (own(), own());
    }
    roll
}

#[test]
fn hostile_names_are_text_wherever_they_stand() {
    for hostile in [
        "</style><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='alert(1)",
    ] {
        let page = roll_page(&with_everywhere(hostile));
        // The page has as many elements and attributes as with a harmless name.
        let harmless = roll_page(&with_everywhere("w"));
        for mark in ["<", ">", "\""] {
            let count = |page: &str| page.matches(mark).count();
            assert_eq!(count(&page), count(&harmless), "{mark} with {hostile}");
        }
        // Every attribute is in double quotes, so that single ones mean nothing.
        assert!(!harmless.contains("='"));
    }
    let page = roll_page(&with_everywhere("w\u{202e}\u{1b}[2J\u{0}"));
    let odd = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
    assert_eq!(page.chars().find(odd), None);
}

#[test]
fn the_page_needs_nothing_beside_it() {
    let page = roll_page(&failed());
    for outside in [
        "http:", "https:", "src=", "href=", "<script", "@import", "url(",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    for part in [
        "default-src 'none'",
        "prefers-color-scheme: dark",
        "@media print",
        "name=\"viewport\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

/// A roll as large as a cluster can be.
fn large() -> RollFile {
    let mut roll = failed();
    let (node, budget) = (roll.nodes[0].clone(), roll.budgets[0].clone());
    let named = |number| Node {
        name: format!("ip-10-0-{number:05}.eu-central-1.compute.internal"),
        ..node.clone()
    };
    roll.nodes = (0..5_000).map(named).collect();
    let sample = |current| Sample {
        current,
        ..budget.samples[0]
    };
    let named = |number| Budget {
        namespace: format!("team-{number}"),
        name: "web".to_owned(),
        samples: vec![sample(5), sample(3 + number % 7), sample(4)],
    };
    roll.budgets = (0..3_500).map(named).collect();
    roll
}

#[test]
fn the_files_of_5000_nodes_and_3500_budgets_can_be_read_again_and_the_page_stays_readable() {
    let roll = large();
    let json = roll.to_json();
    assert!(json.len() < 6 << 20, "{} bytes", json.len());
    assert_eq!(RollFile::from_json(&json).as_ref(), Ok(&roll));
    let page = roll_page(&roll);
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
    assert_in_order(
        &page,
        &[
            "5000 of 5000",
            "Not drawn: more than 150 nodes",
            "04999.eu-central-1",
        ],
    );
    // Those with the least headroom are drawn.
    assert_eq!(page.matches("<svg").count(), 12);
}
