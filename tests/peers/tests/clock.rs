//! A program whose clock is off, and what it starts.
#![cfg(feature = "peers")]

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use trireme_peers::clock;

/// Essential in Debian.
const PERL: &str = "/usr/bin/perl";

/// Says what time it is, and starts itself anew with an empty environment, which says it too.
const TWICE: &str = r#"
$| = 1;
print time, "\n";
%ENV = ();
exec "/usr/bin/perl", "-e", 'print time, "\n"';
"#;

/// Seconds since 1970 by our own clock.
fn now() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i128::from(since.expect("a time after 1970").as_secs())
}

#[test]
fn the_clock_of_a_program_is_off_and_that_of_the_same_program_when_it_starts_itself() {
    for (clock, off) in [("+6s", 6), ("-6s", -6), ("-300s", -300)] {
        let began = now();
        let mut command = clock::off(Path::new(PERL), clock).unwrap();
        let output = command.args(["-e", TWICE]).output().unwrap();
        let ended = now();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        let text = String::from_utf8(output.stdout).unwrap();
        let said: Vec<i128> = text.lines().map(|line| line.parse().unwrap()).collect();
        let own = (began + off)..=(ended + off);
        assert_eq!(said.len(), 2, "{text}");
        assert!(
            said.iter().all(|at| own.contains(at)),
            "{clock}: {said:?}, {own:?}"
        );
    }
}
