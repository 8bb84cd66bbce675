//! The main job, as a newcomer runs it: `trireme run pipelines/repair.yml --sandbox`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
        .env("NO_COLOR", "1")
        // A proxy that is not there: the platform is on loopback, to which none leads.
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("https_proxy", "http://127.0.0.1:1");
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
    assert!(
        summary["prober"]["during_roll"]["sent"].as_u64() > Some(50),
        "{summary:#}"
    );
    assert_eq!(summary["prober"]["unmeasured"], json!([]), "{summary:#}");
    assert_eq!(summary["budget_violations"], 0, "{summary:#}");
    printed(&stderr(&first), &summary, state.path());
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

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The summary that ends a run tells people what `summary.json` tells programs, and where both files are.
fn printed(stderr: &str, summary: &Value, state: &Path) {
    let mut lines = vec!["release    v1.37.2 (from v1.36.4)".to_owned()];
    for image in summary["images"].as_array().expect("images") {
        let signed = if image["signed"] == true {
            "signed"
        } else {
            "not signed"
        };
        let findings = match image["findings"].as_u64() {
            Some(1) => "1 finding".to_owned(),
            count => format!("{} findings", count.expect("a count")),
        };
        lines.push(format!("image      {}", text(image, "reference")));
        lines.push(format!(
            "           {}  {} ({findings}), {signed}",
            text(image, "digest"),
            text(image, "verdict")
        ));
    }
    for node in summary["nodes"].as_array().expect("nodes") {
        let [name, zone, from, to] = ["name", "zone", "from", "to"].map(|key| text(node, key));
        let seconds = node["seconds"].as_f64().expect("seconds");
        lines.push(format!(
            "node       {name:<12} {zone:<8} {from} -> {to}  {seconds:>6.1} s"
        ));
    }
    let prober = &summary["prober"];
    lines.push(format!(
        "available  100.00 % while the cluster rolled (0 of {} connections failed, in the whole run 0 of {} connections \
         failed, 0 budget violations)",
        prober["during_roll"]["sent"], prober["sent"]
    ));
    for (label, file) in [
        ("report     ", "report.html"),
        ("summary    ", "summary.json"),
    ] {
        lines.push(format!("{label}{}", state.join(file).display()));
    }
    let printed: Vec<&str> = stderr.lines().collect();
    for line in lines {
        assert!(printed.contains(&line.as_str()), "`{line}` is in {stderr}");
    }
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
        for part in [
            "the roll did not watch the budgets for",
            "while the cluster rolled, as far as it was measured",
            "nobody measured",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    measured_since_the_second_run(&summary(state.path()));
    // Both runs together cordoned each node once.
    let both = format!("{first}{text}");
    let cordoned = |line: &&str| line.contains(": cordoning, ");
    let mut nodes: Vec<&str> = both
        .lines()
        .filter(cordoned)
        .filter_map(|line| line.split("node ").nth(1)?.split(' ').next())
        .collect();
    assert_eq!(nodes.len(), 9, "{both}");
    nodes.sort_unstable();
    nodes.dedup();
    assert_eq!(nodes.len(), 9, "a node was disturbed twice: {both}");
}

/// What the killed run measured is lost with it: of the roll that it began, its part is said to be unmeasured.
fn measured_since_the_second_run(summary: &Value) {
    let instant = |value: &Value| -> jiff::Timestamp {
        let text = value.as_str().expect("an instant");
        text.parse().expect("an instant")
    };
    let prober = &summary["prober"];
    let hole = &prober["unmeasured"][0];
    let since = instant(&prober["measured"]["from"]);
    assert_eq!(instant(&hole["until"]), since, "{summary:#}");
    assert!(instant(&hole["from"]) < since, "{summary:#}");
    let sent = |counts: &Value| counts["sent"].as_u64().expect("a count");
    let during = sent(&prober["during_roll"]);
    assert!(0 < during && during <= sent(prober), "{summary:#}");
}

fn kill_once(mut child: Child, log: &Path, line: &str) {
    wait_for(&mut child, log, line);
    child.kill().expect("a child to kill");
    child.wait().expect("a child");
}

fn wait_for(child: &mut Child, log: &Path, line: &str) {
    let started = Instant::now();
    while !fs::read_to_string(log).unwrap_or_default().contains(line) {
        assert!(started.elapsed() < DEADLINE, "`{line}` was never printed");
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended before `{line}`"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_roll_that_was_aborted_is_told_as_one_and_not_as_none() {
    let _alone = alone();
    let state = tempfile::tempdir().expect("a folder");
    let log = state.path().join("run.log");
    let mut command = command(&pipelines().join("repair.yml"), state.path());
    let file = fs::File::create(&log).expect("a log");
    let mut child = command.stderr(file).spawn().expect("the program starts");
    wait_for(&mut child, &log, "node w-a1 (az-a): empty, starting Job");
    let pid = child.id().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(told.expect("kill").success());
    let ended = child.wait().expect("a child");
    let text = fs::read_to_string(&log).expect("a log");
    assert_eq!(ended.code(), Some(75), "{text}");
    for part in [
        "release    v1.37.2 (the roll did not finish)\n",
        "stopped    roll put platform: was aborted: ",
        "Left cordoned: w-a1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let summary = summary(state.path());
    assert_eq!(summary["roll"], "unfinished");
    let page = fs::read_to_string(state.path().join("report.html")).expect("a page");
    for part in ["not known", "What stopped", "Left cordoned: w-a1"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("No node was rolled"));
}

#[test]
fn an_image_that_is_only_scanned_is_told_with_its_deny() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = folder.path().join("scan.yml");
    let text = "\
resource_types: [{name: image-scan, type: registry-image, source: {repository: x/trireme-image-scan}}]
resources: [{name: scan, type: image-scan, source: {repository: ((application)), tag: stable, database: ((advisories))}}]
jobs: [{name: judge, plan: [{get: scan, trigger: true}]}]
";
    fs::write(&pipeline, text).expect("a pipeline");
    let state = folder.path().join("state");
    let output = command(&pipeline, &state).output().expect("the program");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let summary = summary(&state);
    let image = &summary["images"][0];
    let reference = image["reference"].as_str().expect("a reference");
    assert!(reference.ends_with("/upstream/shop"), "{summary:#}");
    assert_eq!(image["verdict"], "deny", "{summary:#}");
    assert_eq!(summary["troubles"][0]["step"], "get scan", "{summary:#}");
    assert!(stderr(&output).contains("stopped    judge get scan: was denied: "));
}

#[test]
fn without_on_deny_the_vulnerable_application_ends_its_job_with_a_deny() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(pipelines().join("repair.yml")).expect("the pipeline");
    let strict = text.replace(", params: {on_deny: report}", "");
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
