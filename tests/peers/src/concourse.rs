//! Concourse as a peer: calls a compiled resource program as its worker does, and holds it to what every resource must
//! do (`atc/resource/resource.go`, and the exit codes that ours document).
//!
//! [`bare`] is the container with the least in it.
//!
//! Every other call runs without HOME, PATH, USER and BUILD_*, with a temporary folder that does not exist, in `/`.

pub mod bare;
mod malformed;
mod proxy;
mod secret;
mod site;
mod token;
mod word;

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use site::Site;

/// Concourse kills ten seconds after SIGTERM (`gardenProcessStopGracePeriod`).
const KILLED_AFTER: Duration = Duration::from_secs(10);
/// A secret with a character for every escape.
const CANARY: &str = "c4nary+s3cret=/42%x";
/// The same inside of a URL.
const CANARY_IN_URL: &str = "c4nary%2Bs3cret%3D%2F42%25x";

/// What stands in the place of a secret.
const MASK: &str = "((redacted))";

/// A compiled resource program and how it is used.
pub struct Resource<'a> {
    /// The name of the resource type; its program is `trireme-NAME`.
    pub name: &'a str,
    /// The program.
    pub program: &'a str,
    /// JSON of a source that asks the server `ADDRESS` (host and port), with the secret `CANARY`, or `URL_CANARY` where
    /// it stands in a URL.
    pub source: &'a str,
    /// JSON of a version that could exist.
    pub version: &'a str,
}

/// The tests of a [`Resource`]: one for each thing that every resource must do.
#[macro_export]
macro_rules! held_as_by_concourse {
    ($resource:expr) => {
        #[test]
        fn it_answers_to_its_names() {
            $resource.answers_to_its_names();
        }

        #[test]
        fn what_is_no_request_is_refused() {
            $resource.refuses_what_is_no_request();
        }

        #[test]
        fn version_and_params_may_be_nothing() {
            $resource.takes_nothing_for_version_and_params();
        }

        #[test]
        fn a_last_version_that_it_does_not_know_is_none() {
            $resource.takes_any_last_version();
        }

        #[test]
        fn it_ends_when_told_while_a_server_hangs() {
            $resource.ends_when_told_while_a_server_hangs();
        }

        #[test]
        fn it_repeats_no_secret() {
            $resource.repeats_no_secret();
        }

        #[test]
        fn it_repeats_no_malformed_secret() {
            $resource.repeats_no_malformed_secret();
        }

        #[test]
        fn it_repeats_no_password_of_a_proxy() {
            $resource.repeats_no_password_of_a_proxy();
        }

        #[test]
        #[cfg(feature = "peers")]
        fn a_bare_container_is_enough() {
            $resource.is_content_with_a_bare_container();
        }

        #[test]
        #[cfg(feature = "peers")]
        fn a_folder_that_cannot_be_written_is_named() {
            $resource.names_a_folder_that_it_cannot_write();
        }
    };
}

/// A folder with the symlinks of a resource image, and the directory that `in` and `out` get.
struct Worker {
    folder: TempDir,
}

impl Worker {
    fn new(program: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["check", "in", "out", "chek"] {
            symlink(program, folder.path().join(name)).expect("a link");
        }
        let own = Path::new(program).file_name().expect("its name");
        symlink(program, folder.path().join(own)).expect("a link");
        std::fs::create_dir(folder.path().join("work")).expect("a folder");
        Self { folder }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn command(&self, call: &str) -> Command {
        let mut words = call.split_whitespace();
        let name = words.next().expect("a program");
        let mut command = Command::new(self.folder.path().join(name));
        for word in words {
            match word {
                "DIR" => command.arg(self.work()),
                word => command.arg(word),
            };
        }
        command
            .env_clear()
            .env("TMPDIR", "/nonexistent")
            .env("NO_COLOR", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, mut command: Command, request: &[u8]) -> Ended {
        let child = start(&mut command, request);
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().expect("it ends");
        Ended {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    fn call(&self, call: &str, request: &str) -> Ended {
        self.run(self.command(call), request.as_bytes())
    }

    fn assert_empty(&self) {
        let left = std::fs::read_dir(self.work()).expect("the folder").count();
        assert_eq!(left, 0, "nothing half-done stays");
    }
}

/// Writes the request; that a program ends before it has read all of it is no error here.
fn start(command: &mut Command, request: &[u8]) -> std::process::Child {
    use std::io::Write as _;
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input");
    let _ = stdin.write_all(request);
    child
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Resource<'_> {
    fn source(&self, address: &str) -> Value {
        let text = self.source.replace("ADDRESS", address);
        let text = text.replace("URL_CANARY", CANARY_IN_URL);
        let text = text.replace("CANARY", CANARY);
        serde_json::from_str(&text).expect("JSON of a source")
    }

    fn version(&self) -> Value {
        serde_json::from_str(self.version).expect("JSON of a version")
    }

    /// Three names, and by hand `check`, `in DIR`, `out DIR`, `schema`, `--version`, `--help`; nothing else.
    pub fn answers_to_its_names(&self) {
        let worker = Worker::new(self.program);
        let own = &*format!("trireme-{}", self.name);
        for (call, code) in [
            ("check", 65),
            ("in DIR", 65),
            ("out DIR", 65),
            (&format!("{own} check"), 65),
            ("chek", 64),
            ("check DIR", 64),
            ("in", 64),
            ("out DIR DIR", 64),
            ("chek check", 64),
            ("chek in DIR", 64),
            ("chek --help", 64),
            (own, 64),
            (&format!("{own} nonsense"), 64),
            (&format!("{own} in"), 64),
        ] {
            let ended = worker.call(call, "");
            assert_eq!(ended.code, Some(code), "{call}: {ended:?}");
            assert!(
                ended.stdout.is_empty() && !ended.stderr.is_empty(),
                "{call}: {ended:?}"
            );
        }
        let version = worker.call(&format!("{own} --version"), "").stdout;
        assert!(
            version.starts_with(&format!("trireme-{} ", self.name)),
            "{version}"
        );
        let help = worker.call(&format!("{own} --help"), "").stdout;
        assert!(help.contains("in DIR") && help.contains("78"), "{help}");
        let schema = worker.call(&format!("{own} schema"), "").stdout;
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        assert_eq!(schema["name"], self.name);
        for part in ["source", "version", "get_params", "put_params"] {
            assert_eq!(schema[part]["type"], "object", "{part}: {schema}");
        }
        assert_eq!(schema["source"]["additionalProperties"], false);
    }

    /// What is no request ends with 65, what is no source or params with 78, and says where it is wrong.
    pub fn refuses_what_is_no_request(&self) {
        for (call, request, code, words) in self.bad_requests() {
            let worker = Worker::new(self.program);
            let ended = worker.call(call, &request.to_string());
            assert_eq!(ended.code, Some(code), "{call} {request}: {ended:?}");
            assert!(ended.stderr.contains(words), "{call} {request}: {ended:?}");
            assert_eq!(ended.stdout, "");
            worker.assert_empty();
        }
        let worker = Worker::new(self.program);
        for request in ["", "{", "{} {}", &" ".repeat(17 << 20)] {
            let ended = worker.call("check", request);
            assert_eq!(ended.code, Some(65), "{ended:?}");
        }
    }

    /// How it is called, with what, the exit code, and words of the error.
    fn bad_requests(&self) -> Vec<(&'static str, Value, i32, &'static str)> {
        let (source, version) = (self.source("127.0.0.1:1"), self.version());
        let mut unknown = source.clone();
        unknown["nonsense"] = true.into();
        let mut mistyped = source.clone();
        mistyped["debug"] = "yes".into();
        let params = json!({"nonsense": true});
        vec![
            ("check", json!([]), 65, "a list"),
            (
                "check",
                json!({"source": source, "sauce": {}}),
                65,
                "`sauce`",
            ),
            ("check", json!({"source": 7}), 78, "a number"),
            ("check", json!({"source": unknown}), 78, "`nonsense`"),
            ("check", json!({"source": mistyped}), 78, "source.debug"),
            (
                "in DIR",
                json!({"source": source, "version": {"nonsense": 1}}),
                65,
                "version",
            ),
            ("in DIR", json!({"source": source}), 65, "`version`"),
            (
                "in DIR",
                json!({"source": source, "version": null}),
                65,
                "`version`",
            ),
            (
                "in DIR",
                json!({"source": source, "version": {}}),
                65,
                "`version`",
            ),
            (
                "in DIR",
                json!({"source": source, "version": version, "params": params}),
                78,
                "`nonsense`",
            ),
            (
                "out DIR",
                json!({"source": source, "params": params}),
                78,
                "`nonsense`",
            ),
        ]
    }

    /// `version` and `params` may be absent, null or `{}`: what fails then is the question to the server.
    pub fn takes_nothing_for_version_and_params(&self) {
        let site = Site::telling();
        let source = self.source(&site.address());
        let worker = Worker::new(self.program);
        for nothing in [None, Some(Value::Null), Some(json!({}))] {
            let mut check = json!({"source": source});
            let mut get = json!({"source": source, "version": self.version()});
            if let Some(nothing) = nothing {
                check["version"] = nothing.clone();
                check["params"] = nothing.clone();
                get["params"] = nothing;
            }
            for (call, request) in [("check", check), ("in DIR", get)] {
                let ended = worker.call(call, &request.to_string());
                assert_eq!(ended.code, Some(1), "{call} {request}: {ended:?}");
                assert!(ended.stderr.contains("403"), "{call} {request}: {ended:?}");
            }
        }
        worker.assert_empty();
    }

    /// Concourse hands the last version to `check` whatever it is: of another source, of another release of the resource, or
    /// what somebody typed. It never keeps `check` from asking the server, and what is not understood is said.
    pub fn takes_any_last_version(&self) {
        let site = Site::telling();
        let source = self.source(&site.address());
        let mut garbled = self.version();
        for value in garbled.as_object_mut().expect("keys").values_mut() {
            *value = "garbage".into();
        }
        let mut mistyped = self.version();
        for value in mistyped.as_object_mut().expect("keys").values_mut() {
            *value = 7.into();
        }
        let mut partly = self.version();
        partly["nonsense"] = "a key of a later release".into();
        let worker = Worker::new(self.program);
        for (version, is_none) in [
            (json!({"ref": "61cbef", "": ""}), true),
            (mistyped, true),
            (garbled, true),
            (partly, false),
        ] {
            let request = json!({"source": source, "version": version});
            let ended = worker.call("check", &request.to_string());
            assert_eq!(ended.code, Some(1), "{request}: {ended:?}");
            assert!(ended.stderr.contains("403"), "{request}: {ended:?}");
            let said = ended
                .stderr
                .lines()
                .any(|line| line.starts_with("version: "));
            assert!(said || !is_none, "{request}: {ended:?}");
        }
    }

    /// A signal ends it in time while a server does not answer; nothing is left of an `in`.
    pub fn ends_when_told_while_a_server_hangs(&self) {
        let request = |site: &Site| json!({"source": self.source(&site.address()), "version": self.version()});
        for call in ["check", "in DIR"] {
            let site = Site::silent();
            let worker = Worker::new(self.program);
            let child = start(
                &mut worker.command(call),
                request(&site).to_string().as_bytes(),
            );
            site.wait_for_a_question();
            let told = Instant::now();
            kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
            let output = child.wait_with_output().expect("it ends");
            assert!(told.elapsed() < KILLED_AFTER, "{call}");
            let words = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(75), "{call}: {words}");
            assert!(
                output.stdout.is_empty() && words.contains("interrupted"),
                "{call}: {words}"
            );
            worker.assert_empty();
        }
    }
}
