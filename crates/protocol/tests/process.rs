//! What only a running process shows: limits, signals, kills, colours, secrets.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml lets only functions marked as tests, not their helpers"
)]

mod harness;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Bench, feed};
use rustix::process::{Pid, Signal, kill_process};

/// Concourse kills ten seconds after SIGTERM (`gardenProcessStopGracePeriod`).
const KILLED_AFTER: Duration = Duration::from_secs(10);

fn answer(bench: &Bench, call: &str, request: &str) -> Output {
    let mut child = bench.command(call).spawn().unwrap();
    feed(&mut child, request.as_bytes());
    child.wait_with_output().unwrap()
}

/// Starts a step, returns once it says that it waits.
fn waiting(bench: &Bench, act: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = bench.command("in DIR").spawn().unwrap();
    let request = format!(r#"{{"source":{{"text":"a","act":"{act}"}},"version":{{"text":"a"}}}}"#);
    feed(&mut child, request.as_bytes());
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "demo: waiting\n");
    (child, lines)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn input_over_the_limit_is_refused_after_the_limit() {
    const MIB: usize = 1 << 20;
    let bench = Bench::new();
    // 128 MiB of address space: whoever kept the input would be killed by it.
    let mut command = Command::new("/bin/sh");
    let program = bench.command("check").get_program().to_owned();
    command
        .args(["-c", "ulimit -v 131072; exec \"$0\""])
        .arg(program)
        .env_clear();
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut child = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let block = vec![b' '; MIB];
    let accepted = (0..100)
        .take_while(|_| input.write_all(&block).is_ok())
        .count();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains("larger than 2097152 bytes"));
    // The limit, and what a pipe holds.
    assert!(accepted <= 4, "{accepted} MiB were taken in");
}

#[test]
fn a_step_may_end_tidily_after_sigterm() {
    let bench = Bench::new();
    let (mut child, mut lines) = waiting(&bench, "wait");
    let started = Instant::now();
    signal(&child, Signal::TERM);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert!(started.elapsed() < KILLED_AFTER);
    assert_eq!(rest, "demo: stopped tidily\nerror: stopped at node w-2\n");
    assert!(bench.files().is_empty(), "{:?}", bench.files());
}

#[test]
fn a_step_that_hangs_is_dropped_after_its_grace() {
    for by in [Signal::TERM, Signal::INT] {
        let bench = Bench::new();
        let (mut child, mut lines) = waiting(&bench, "hang");
        let started = Instant::now();
        signal(&child, by);
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(75));
        assert!(started.elapsed() < KILLED_AFTER);
        assert!(rest.contains("interrupted"), "{rest}");
        assert!(bench.files().is_empty(), "{:?}", bench.files());
    }
}

#[test]
fn a_step_that_still_reads_its_input_ends_too() {
    for call in ["check", "in DIR", "out DIR"] {
        let bench = Bench::new();
        let mut child = bench.command(call).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"{").unwrap();
        until_it_catches_signals(&child);
        let started = Instant::now();
        signal(&child, Signal::TERM);
        let output = child.wait_with_output().unwrap();
        drop(input);
        assert_eq!(output.status.code(), Some(75), "{call}");
        assert!(started.elapsed() < KILLED_AFTER && output.stdout.is_empty());
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("interrupted by a signal"), "{words}");
    }
}

/// Waits until SIGTERM (bit 14) is in the mask of the signals that the process catches.
fn until_it_catches_signals(child: &Child) {
    let status = format!("/proc/{}/status", child.id());
    let catches = || {
        let text = std::fs::read_to_string(&status).unwrap();
        let mask = text
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << 14) != 0
    };
    let started = Instant::now();
    while !catches() {
        assert!(started.elapsed() < KILLED_AFTER, "it never listens");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_a_killed_run_left_looks_partial_and_is_removed_by_the_next() {
    let bench = Bench::new();
    let (mut child, _lines) = waiting(&bench, "hang");
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let left = bench.files();
    assert!(!left.is_empty());
    assert!(
        left.iter()
            .all(|name| name.starts_with(".trireme-partial-")),
        "{left:?}"
    );
    let output = answer(
        &bench,
        "in DIR",
        r#"{"source":{"text":"a"},"version":{"text":"a"}}"#,
    );
    assert!(output.status.success());
    assert_eq!(bench.files(), ["digest", "rootfs/hosts"]);
}

#[test]
fn lines_are_coloured_without_a_terminal_unless_no_color_is_set() {
    let bench = Bench::new();
    let request = br#"{"source":{"text":"a","act":"fail"}}"#;
    for (no_color, coloured) in [(None, true), (Some(""), true), (Some("1"), false)] {
        let mut command = bench.command("check");
        command
            .env_remove("NO_COLOR")
            .envs(no_color.map(|value| ("NO_COLOR", value)));
        let mut child = command.spawn().unwrap();
        feed(&mut child, request);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.stderr.contains(&0x1b),
            coloured,
            "NO_COLOR={no_color:?}"
        );
    }
}

/// A password with a character for every escape: quote, backslash, slash, space, percent, plus.
const CANARY: &str = "ca\"na\\ry/ %+7Qx!k@tz";

#[test]
fn a_planted_secret_is_in_no_output() {
    let json = serde_json::Value::from(CANARY).to_string();
    let encoded = STANDARD.encode(CANARY);
    let wrapped = STANDARD.encode(format!("robot:{CANARY}"));
    let forms = [
        CANARY,
        json.trim_matches('"'),
        "ry/ %+7Qx",
        "7Qx!k",
        "7Qx%21k",
        &encoded[4..20],
        // A line of it, where it is wrapped.
        &wrapped[16..24],
    ];
    for (fields, exit) in [
        (format!(r#""password":{json},"debug":true,"act":"tell""#), 0),
        (format!(r#""password":{json},"act":"leak""#), 1),
        (format!(r#""password":[{json}]"#), 78),
        (format!(r#""password":{{"a":{json}}}"#), 78),
        (format!(r#""password":{json},"policy":{json}"#), 78),
        (format!(r#""password":{json},"act":{json}"#), 78),
        (format!(r#""password":{json},{json}:1"#), 78),
    ] {
        for call in ["check", "in DIR"] {
            let bench = Bench::new();
            let request =
                format!(r#"{{"source":{{"text":"a",{fields}}},"version":{{"text":"a"}}}}"#);
            let output = answer(&bench, call, &request);
            let all = [output.stdout, output.stderr].concat();
            let all = String::from_utf8_lossy(&all);
            assert_eq!(output.status.code(), Some(exit), "{call} {fields}: {all}");
            for form in forms {
                assert!(!all.contains(form), "{call} {fields}: {all}");
            }
            assert_eq!(
                bench.files().is_empty(),
                exit != 0 || call == "check",
                "{fields}"
            );
        }
    }
}

#[test]
fn a_closed_standard_output_is_a_failure() {
    let bench = Bench::new();
    let mut child = bench.command("check").spawn().unwrap();
    drop(child.stdout.take());
    feed(&mut child, br#"{"source":{"text":"a"}}"#);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
