//! The main job, as a newcomer runs it: `trireme run pipelines/repair.yml --sandbox`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Each test starts a platform; one at a time measures itself and not its neighbour.
static ONE: Mutex<()> = Mutex::new(());

const DEADLINE: Duration = Duration::from_secs(240);

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pipelines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines")
}

fn command(pipeline: &Path, state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trireme"));
    command
        .arg("run")
        .arg(pipeline)
        .arg("--sandbox")
        .arg("--state")
        .arg(state)
        .env("NO_COLOR", "1");
    command
}

fn run(state: &Path) -> Output {
    command(&pipelines().join("repair.yml"), state)
        .output()
        .expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn summary(state: &Path) -> Value {
    let text = fs::read_to_string(state.join("summary.json")).expect("a summary");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_platform_is_repaired_with_no_downtime_and_then_nothing_is_to_do() {
    let _alone = alone();
    let state = tempfile::tempdir().expect("a folder");
    let first = run(state.path());
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let summary = summary(state.path());
    assert_eq!(summary["release"]["from"], "v1.36.4");
    assert_eq!(summary["release"]["to"], "v1.37.2");
    judged(&summary);
    assert_eq!(
        summary["nodes"].as_array().expect("nodes").len(),
        9,
        "{summary:#}"
    );
    assert!(
        summary["prober"]["sent"].as_u64() > Some(100),
        "{summary:#}"
    );
    assert_eq!(summary["prober"]["failed"], 0, "{summary:#}");
    assert_eq!(summary["budget_violations"], 0, "{summary:#}");
    let page = fs::read_to_string(state.path().join("report.html")).expect("a page");
    assert!(page.contains("<svg") && !page.contains("http://") && !page.contains("<script"));
    #[cfg(feature = "peers")]
    opens_in_a_browser(&state.path().join("report.html"));

    let second = run(state.path());
    assert_eq!(second.status.code(), Some(0), "{}", stderr(&second));
    assert!(
        stderr(&second).contains("nothing to do; the last report is "),
        "{}",
        stderr(&second)
    );
}

/// Headless Chromium lays the page out and gives back what it understood.
#[cfg(feature = "peers")]
fn opens_in_a_browser(page: &Path) {
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new("timeout")
        .args([
            "60",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args(["--disable-sync", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium starts");
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        dom.matches("<svg").count() >= 3,
        "timeline, prober and budgets are drawn"
    );
    for part in [
        "Nodes by zone",
        "w-c2",
        "shop/web",
        "verified",
        "Repaired to v1.37.2",
    ] {
        assert!(dom.contains(part), "the page shows {part}");
    }
}

/// Five images of the platform are permitted and signed; the application's is denied, with findings.
fn judged(summary: &Value) {
    let images = summary["images"].as_array().expect("images");
    let (ours, others): (Vec<_>, Vec<_>) = images.iter().partition(|image| {
        image["reference"]
            .as_str()
            .is_some_and(|text| text.contains("/platform/"))
    });
    assert_eq!((ours.len(), others.len()), (5, 1), "{summary:#}");
    for image in ours {
        assert_eq!(
            (&image["verdict"], &image["signed"]),
            (&"permit".into(), &true.into()),
            "{image}"
        );
    }
    assert_eq!(others[0]["verdict"], "deny");
    assert!(others[0]["findings"].as_u64() > Some(0));
}

#[test]
fn a_run_that_is_killed_goes_on_and_disturbs_no_node_twice() {
    let _alone = alone();
    let state = tempfile::tempdir().expect("a folder");
    let log = state.path().join("first.log");
    let file = fs::File::create(&log).expect("a log");
    let child = command(&pipelines().join("repair.yml"), state.path())
        .stderr(Stdio::from(file))
        .spawn()
        .expect("the program starts");
    kill_once(child, &log, "node w-a2 (az-a): evicting");
    let first = fs::read_to_string(&log).expect("a log");

    let second = run(state.path());
    let text = stderr(&second);
    assert_eq!(second.status.code(), Some(0), "{text}");
    assert_eq!(
        summary(state.path())["nodes"]
            .as_array()
            .expect("nodes")
            .len(),
        9
    );
    let page = fs::read_to_string(state.path().join("report.html")).expect("a page");
    for told in [&page, &text] {
        assert!(
            told.contains("the roll did not watch the budgets for"),
            "{told}"
        );
    }
    for node in ["cp-a", "cp-b", "cp-c", "w-a1"] {
        assert!(
            first.contains(&format!("node {node} ")),
            "{node} came first: {first}"
        );
        let again = format!("node {node} ({}): cordoning", zone(node));
        assert!(!text.contains(&again), "{node} was disturbed twice: {text}");
    }
}

fn zone(node: &str) -> String {
    let letter = node.trim_start_matches("cp-").trim_start_matches("w-");
    format!("az-{}", &letter[..1])
}

fn kill_once(mut child: Child, log: &Path, line: &str) {
    let started = Instant::now();
    while !fs::read_to_string(log).unwrap_or_default().contains(line) {
        assert!(started.elapsed() < DEADLINE, "`{line}` was never printed");
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended before `{line}`"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("a child to kill");
    child.wait().expect("a child");
}

#[test]
fn without_on_deny_the_vulnerable_application_ends_its_job_with_a_deny() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(pipelines().join("repair.yml")).expect("the pipeline");
    let strict = text
        .replace(", on_deny: report", "")
        .replace("    get_params: {on_deny: report}\n", "");
    assert!(
        !strict.contains("on_deny"),
        "the pipeline says on_deny elsewhere"
    );
    let pipeline = folder.path().join("strict.yml");
    fs::write(&pipeline, strict).expect("a pipeline");
    fs::create_dir(folder.path().join("vars")).expect("a folder");
    fs::copy(
        pipelines().join("vars/sandbox.yml"),
        folder.path().join("vars/sandbox.yml"),
    )
    .expect("vars");
    let output = command(&pipeline, &folder.path().join("state"))
        .args(["--job", "report-application"])
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
