//! The program as a person calls it.

#[cfg(test)]
mod support;

use std::path::Path;
use support::*;

#[test]
fn a_run_succeeds_once_and_then_has_nothing_to_do() {
    let dir = folder();
    let run = ["run", "p.yml", "--input", "repo=repo", "--var", "code=0"];
    let first = trireme(dir.path(), &run);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert!(
        stderr(&first).contains("build task say | spoken"),
        "{}",
        stderr(&first)
    );
    assert!(dir.path().join(".trireme/builds/build/1").is_dir());
    let second = trireme(dir.path(), &run);
    assert_eq!(second.status.code(), Some(0));
    assert!(
        stderr(&second).contains("nothing to do"),
        "{}",
        stderr(&second)
    );
}

#[test]
fn a_failing_task_fails_the_run_whatever_its_code() {
    let dir = folder();
    let run = trireme(
        dir.path(),
        &["run", "p.yml", "--input", "repo=repo", "--var", "code=2"],
    );
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    assert!(
        stderr(&run).contains("build task say: failed"),
        "{}",
        stderr(&run)
    );
}

#[test]
fn what_is_wrong_is_said_all_at_once_with_its_place() {
    let dir = folder();
    let text = PIPELINE.replace("trigger: true", "triger: true");
    std::fs::write(dir.path().join("p.yml"), text).expect("the pipeline");
    let run = trireme(dir.path(), &["run", "p.yml"]);
    assert_eq!(run.status.code(), Some(78));
    for part in ["unknown key `triger`", "((code)) has no value"] {
        assert!(stderr(&run).contains(part), "{}", stderr(&run));
    }
}

#[test]
fn what_cannot_run_here_is_a_note_and_stops_only_the_jobs_that_need_it() {
    let dir = folder();
    let note = "p.yml:2:32: note: resources.repo: nothing here serves the type `git`";
    let valid = trireme(dir.path(), &["validate", "p.yml"]);
    assert_eq!(valid.status.code(), Some(0), "{}", stderr(&valid));
    assert!(stderr(&valid).contains(note), "{}", stderr(&valid));
    let run = trireme(dir.path(), &["run", "p.yml", "--var", "code=0"]);
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    let reason =
        "nothing here serves the type `git`; give the content of repo with --input repo=DIR";
    assert!(stderr(&run).contains(reason), "{}", stderr(&run));
    let supplied = trireme(dir.path(), &["validate", "p.yml", "--input", "repo=repo"]);
    assert_eq!(supplied.status.code(), Some(0), "{}", stderr(&supplied));
    assert!(
        !stderr(&supplied).contains("note:"),
        "{}",
        stderr(&supplied)
    );
}

#[test]
fn wrong_use_exits_64_and_help_0() {
    let dir = folder();
    for wrong in [
        &["fly"][..],
        &["run"],
        &["run", "p.yml", "--var", "x"],
        &["resource", "none", "check"],
    ] {
        assert_eq!(
            trireme(dir.path(), wrong).status.code(),
            Some(64),
            "{wrong:?}"
        );
    }
    let help = trireme(dir.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("validate"));
}

#[test]
fn a_linked_resource_is_called_as_its_own_program() {
    let dir = folder();
    let schema = trireme(dir.path(), &["resource", "image-signature", "schema"]);
    assert_eq!(schema.status.code(), Some(0), "{}", stderr(&schema));
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert!(schema["source"].is_object());
}

#[test]
fn later_vars_files_win_and_single_vars_over_all() {
    let dir = folder();
    let say = "'((a)) ((b)) ((c.d)) ((c.e.f))'";
    std::fs::write(
        dir.path().join("p.yml"),
        PIPELINE.replace(
            "[-c, 'cat repo/words; exit ((code))']",
            &format!("[-c, \"echo {say}\"]"),
        ),
    )
    .expect("the pipeline");
    std::fs::write(
        dir.path().join("1.yml"),
        "{a: 1, b: 1, c: {d: 1, e: {f: 1}}}",
    )
    .expect("vars");
    std::fs::write(dir.path().join("2.yml"), "{b: 2, c: {d: 2, e: {f: 2}}}").expect("vars");
    let files = ["--load-vars-from", "1.yml", "--load-vars-from", "2.yml"];
    let run = ["run", "p.yml", "--var", "c.e.f=3", "--input", "repo=repo"];
    let end = trireme(dir.path(), &[&run[..], &files].concat());
    assert!(stderr(&end).contains("say | 1 2 2 3\n"), "{}", stderr(&end));
    let one = trireme(dir.path(), &[&run[..], &files[2..]].concat());
    assert_eq!(one.status.code(), Some(78));
    assert!(
        stderr(&one).contains("p.yml:7:") && stderr(&one).contains("((a)) has no value"),
        "{}",
        stderr(&one)
    );
}

#[test]
fn proxies_are_handed_on_in_lower_case_and_their_password_is_hidden() {
    let dir = folder();
    let show = "echo $http_proxy, $https_proxy, $no_proxy, $HTTPS_PROXY";
    let text = PIPELINE.replace("cat repo/words; exit ((code))", show);
    std::fs::write(dir.path().join("p.yml"), text).expect("the pipeline");
    let run = ["run", "p.yml", "--input", "repo=repo"];
    let end = std::process::Command::new(env!("CARGO_BIN_EXE_trireme"))
        .args(run)
        .current_dir(dir.path())
        .env("http_proxy", "http://lower:1")
        .env("HTTPS_PROXY", "http://robot:s3cret@upper:1")
        .env("https_proxy", "http://lower:1")
        .env("NO_PROXY", "upper.invalid")
        .env_remove("no_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .expect("the program runs");
    let line = "say | http://lower:1, http://robot:((redacted))@upper:1, upper.invalid,\n";
    assert!(stderr(&end).contains(line), "{}", stderr(&end));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = folder();
    let run = ["run", "p.yml", "--input", "repo=repo", "--var", "code=0"];
    std::fs::write(dir.path().join("list.yml"), "[1]").expect("no vars");
    let rows: [(&[&str], i32, &str); 6] = [
        (&["run", "none.yml"], 1, "cannot read none.yml"),
        (&["validate", "repo"], 1, "cannot read repo"),
        (
            &[&run[..], &["--load-vars-from", "none.yml"]].concat(),
            1,
            "cannot read none.yml",
        ),
        (
            &[&run[..], &["--load-vars-from", "list.yml"]].concat(),
            78,
            "list.yml:1:1: vars must be a mapping",
        ),
        (
            &[&run[..], &["--state", "p.yml/state"]].concat(),
            1,
            "cannot create p.yml/state",
        ),
        (
            &["run", "p.yml", "--input", "repo=none", "--var", "code=0"],
            78,
            "--input repo=none: there is no such folder",
        ),
    ];
    for (arguments, code, part) in rows {
        let end = trireme(dir.path(), arguments);
        assert_eq!(
            end.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&end)
        );
        assert!(
            stderr(&end).contains(part),
            "{arguments:?}: {}",
            stderr(&end)
        );
    }
}

#[test]
fn a_secret_that_a_task_prints_is_hidden() {
    let dir = folder();
    let canary = "canary/secret+value=1";
    let script = "[-c, 'echo ((db.password)); printf %s ((db.password)) | base64']";
    std::fs::write(
        dir.path().join("p.yml"),
        PIPELINE.replace("[-c, 'cat repo/words; exit ((code))']", script),
    )
    .expect("the pipeline");
    let var = format!("db.password={canary}");
    let end = trireme(
        dir.path(),
        &["run", "p.yml", "--input", "repo=repo", "--var", &var],
    );
    assert_eq!(end.status.code(), Some(0), "{}", stderr(&end));
    assert_eq!(
        stderr(&end).matches("say | ((redacted))").count(),
        2,
        "{}",
        stderr(&end)
    );
    assert!(!stderr(&end).contains(canary));
}

/// A pipeline with one linked resource, whose registry is not there, and a password in its source.
const SECRET: &str = "
resource_types: [{name: signature, type: registry-image, source: {repository: example.com/trireme-image-signature}}]
resources:
- {name: signed, type: signature, source: {repository: 'localhost:1/x', tag: v1, username: u, password: ((registry.password)), key: ((cosign_key))}}
jobs: [{name: j, plan: [{get: signed, trigger: true}]}]
";

#[test]
fn planted_secrets_appear_nowhere() {
    let dir = folder();
    std::fs::write(dir.path().join("p.yml"), SECRET).expect("the pipeline");
    let canary = "canary/secret+value=1";
    let (password, key) = (
        format!("registry.password={canary}"),
        format!("cosign_key={canary}"),
    );
    let vars = ["--var", password.as_str(), "--var", key.as_str()];
    for command in [
        &["run", "p.yml"][..],
        &["validate", "p.yml"],
        &["check", "p.yml", "signed"],
    ] {
        let end = trireme(dir.path(), &[command, &vars].concat());
        assert!(!stderr(&end).contains("panicked"), "{}", stderr(&end));
        if command[0] != "validate" {
            assert_ne!(end.status.code(), Some(0), "{command:?}: {}", stderr(&end));
        }
        let shown = format!("{}{}", stderr(&end), String::from_utf8_lossy(&end.stdout));
        for form in [
            canary,
            "canary%2Fsecret%2Bvalue%3D1",
            "Y2FuYXJ5L3NlY3JldCt2YWx1ZT0x",
        ] {
            assert!(!shown.contains(form), "{command:?}: {shown}");
        }
    }
    let mut kept = vec![dir.path().join(".trireme")];
    while let Some(path) = kept.pop() {
        if path.is_dir() {
            kept.extend(
                std::fs::read_dir(&path)
                    .expect("the folder")
                    .map(|entry| entry.expect("an entry").path()),
            );
        } else {
            let text = std::fs::read(&path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .expect("the file");
            assert!(!text.contains(canary), "{}", path.display());
        }
    }
}

#[test]
fn the_pipelines_of_this_repository_are_valid() {
    let pipelines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines");
    for vars in [
        &[][..],
        &["--load-vars-from", "vars/example.yml"],
        &["--load-vars-from", "vars/sandbox.yml"],
    ] {
        let end = trireme(&pipelines, &[&["validate", "repair.yml"], vars].concat());
        assert_eq!(end.status.code(), Some(0), "{vars:?}: {}", stderr(&end));
    }
}
