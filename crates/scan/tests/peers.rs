//! dpkg as the judge of our order of Debian versions.
#![cfg(feature = "peers")]

use std::cmp::Ordering;

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use trireme_peers::Tool;
use trireme_scan::version::Order;

const PAIRS: usize = 2000;

/// Reads lines of two versions and writes `lt`, `eq` or `gt` for each: one shell for all of them.
const COMPARE: &str = r#"
while read -r a b; do
  if dpkg --compare-versions "$a" lt "$b"; then echo lt
  elif dpkg --compare-versions "$a" eq "$b"; then echo eq
  else echo gt
  fi
done"#;

/// A version as Debian policy 5.6.12 allows it.
fn version() -> impl Strategy<Value = String> {
    let upstream = "[0-9][0-9a-cA-C.+~]{0,6}(-[0-9a-c.+~]{0,2})?";
    ("([0-2]:)?", upstream, "(-[0-9a-c.+~]{1,4})?")
        .prop_map(|(epoch, upstream, revision)| format!("{epoch}{upstream}{revision}"))
        // An empty revision is none that dpkg takes.
        .prop_filter("a revision", |version| !version.ends_with('-'))
}

/// Two versions: strangers, or one and what a small change makes of it, where the order is decided late.
fn pair() -> impl Strategy<Value = (String, String)> {
    let neighbours = (version(), "[0-9a-c.+~]{0,2}", any::<prop::sample::Index>());
    let neighbours = neighbours.prop_map(|(version, inserted, place)| {
        let after_epoch = version.find(':').map_or(0, |at| at + 1) + 1;
        let at = after_epoch + place.index(version.len() - after_epoch + 1);
        let changed = format!("{}{inserted}{}", &version[..at], &version[at..]);
        (version, changed)
    });
    prop_oneof![(version(), version()), neighbours]
}

#[test]
fn our_order_is_that_of_dpkg() {
    let mut runner = TestRunner::new(Config::default());
    let pairs: Vec<_> = (0..PAIRS)
        .map(|_| pair().new_tree(&mut runner).expect("a pair").current())
        .collect();
    let lines: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    let ran = Tool::system("sh").args(["-c", COMPARE]).input(lines).run();
    let ran = ran.expect("a shell");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(0), ""),
        "is dpkg installed?"
    );
    let answers: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(answers.len(), PAIRS);
    for ((a, b), answer) in pairs.iter().zip(&answers) {
        let ours = match Order::Dpkg.compare(a, b) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert_eq!(ours, *answer, "{a} and {b}");
    }
    for answer in ["lt", "eq", "gt"] {
        assert!(answers.contains(&answer), "no pair is {answer}");
    }
}
