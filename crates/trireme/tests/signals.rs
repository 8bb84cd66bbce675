//! What becomes of a run and its children when somebody interrupts or kills it, or starts another.

#[cfg(test)]
mod support;

use std::path::Path;
use std::process::Command;
use support::*;

/// A run whose task has started a process of its own, written its id and now waits.
fn waiting(dir: &Path) -> (std::process::Child, std::path::PathBuf) {
    waiting_with(dir, "echo, args: [cleaned up]")
}

/// The same with another program for the hook that follows on an abort.
fn waiting_with(dir: &Path, hook: &str) -> (std::process::Child, std::path::PathBuf) {
    let text = "
resources: [{name: repo, type: git}]
jobs:
- name: build
  plan:
  - get: repo
    trigger: true
  - task: wait
    config:
      platform: linux
      run: {path: sh, args: [-c, 'sleep 600 & echo $! > ../pid.new; mv ../pid.new ../pid; wait']}
    on_abort: {task: after, config: {platform: linux, run: {path: HOOK}}}
";
    std::fs::write(dir.join("p.yml"), text.replace("HOOK", hook)).expect("the pipeline");
    let child = Command::new(env!("CARGO_BIN_EXE_trireme"))
        .args(["run", "p.yml", "--input", "repo=repo"])
        .current_dir(dir)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = dir.join(".trireme/builds/build/1/pid");
    until("the task runs", || pid.exists());
    let pid = std::fs::read_to_string(pid).expect("the id");
    (child, Path::new("/proc").join(pid.trim()))
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed().as_secs() < 20, "{what}: not in 20 s");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Whether a process is gone, or dead and not yet collected by whoever inherited it.
fn is_gone(process: &Path) -> bool {
    std::fs::read_to_string(process.join("stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn send(child: &std::process::Child, signal: rustix::process::Signal) {
    let id = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .expect("an id");
    rustix::process::kill_process(id, signal).expect("the signal is sent");
}

#[test]
fn kill_9_takes_the_children_along_and_the_next_run_goes_on() {
    let dir = folder();
    let (mut child, task) = waiting(dir.path());
    child.kill().expect("killed");
    child.wait().expect("collected");
    until("the task ends with the runner", || is_gone(&task));
    std::fs::write(dir.path().join("p.yml"), PIPELINE).expect("the pipeline");
    let next = trireme(
        dir.path(),
        &["run", "p.yml", "--input", "repo=repo", "--var", "code=0"],
    );
    assert_eq!(next.status.code(), Some(0), "{}", stderr(&next));
    assert!(stderr(&next).contains("build 2"), "{}", stderr(&next));
}

#[test]
fn an_interrupt_runs_hooks_and_exits_75() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let dir = folder();
        let (child, task) = waiting(dir.path());
        send(&child, signal);
        let end = child.wait_with_output().expect("the end");
        assert_eq!(end.status.code(), Some(75), "{}", stderr(&end));
        assert!(
            stderr(&end).contains("build task after | cleaned up"),
            "{}",
            stderr(&end)
        );
        assert!(is_gone(&task));
    }
}

#[test]
fn a_second_run_on_the_same_state_waits_for_nobody() {
    let dir = folder();
    let (mut child, task) = waiting(dir.path());
    for way in [&["--input", "repo=repo"][..], &["--sandbox"]] {
        let second = trireme(dir.path(), &[&["run", "p.yml"], way].concat());
        let words = stderr(&second);
        assert_eq!(second.status.code(), Some(1), "{words}");
        assert!(words.contains("in use by another `trireme run`"), "{words}");
    }
    let platform = dir.path().join(".trireme/sandbox");
    assert!(!platform.exists(), "no platform was started");
    assert!(!is_gone(&task), "the first one goes on");
    child.kill().expect("killed");
    child.wait().expect("collected");
    until("the task ends with the runner", || is_gone(&task));
}

#[test]
fn a_second_interrupt_stops_the_hooks_too() {
    let dir = folder();
    let (child, task) = waiting_with(
        dir.path(),
        "sh, args: [-c, 'touch ../hook; trap \"\" TERM; while :; do sleep 1; done']",
    );
    send(&child, rustix::process::Signal::INT);
    let hook = dir.path().join(".trireme/builds/build/1/hook");
    until("the hook runs", || hook.exists());
    send(&child, rustix::process::Signal::INT);
    let end = child.wait_with_output().expect("the end");
    assert_eq!(end.status.code(), Some(75), "{}", stderr(&end));
    assert!(
        stderr(&end).contains("task after: was aborted"),
        "{}",
        stderr(&end)
    );
    assert!(is_gone(&task));
}
