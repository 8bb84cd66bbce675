//! A container as bare as ours: a program, what it is linked with, the CA bundle, and nothing else.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{Ended, Resource, Worker, site::Site};

/// Who the program is in there; no file names this user.
const USER: u32 = 12345;

/// Makes `$1` the work folder of `$2` and calls it by a name of Concourse, in a mount namespace of its own: the root is
/// a read-only file system without `/etc/passwd`, `/tmp`, `/proc` and `/dev`. The second namespace takes every capability away.
const ENTER: &str = r#"
set -eu
work=$1 program=$2 user=$3 root=/mnt bundle=/etc/ssl/certs/ca-certificates.crt
shift 3
mount -t tmpfs tmpfs "$root"
mkdir -p "$root/opt/resource" "$root/work" "$root${bundle%/*}"
for folder in /lib /lib64 /usr/lib; do
  [ ! -d "$folder" ] || { mkdir -p "$root$folder" && mount --rbind "$folder" "$root$folder"; }
done
: >"$root/opt/resource/program"
: >"$root$bundle"
for name in check in out; do
  ln -s program "$root/opt/resource/$name"
done
mount --bind "$program" "$root/opt/resource/program"
mount --bind "$bundle" "$root$bundle"
mount --bind "$work" "$root/work"
mount -o remount,bind,ro "$root"
exec unshare --user --map-user="$user" --map-group="$user" --root="$root" --wd=/ "$@"
"#;

/// `check`, `in` or `out` of a resource program in such a container, with an empty environment; `work` is its `/work`,
/// which `in` and `out` get. It shares the network of the test.
pub fn command(program: &Path, call: &str, work: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", ENTER])
        .arg("sh")
        .args([work, program])
        .arg(USER.to_string())
        .arg(format!("/opt/resource/{call}"));
    if call != "check" {
        command.arg("/work");
    }
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a step says that must end well in such a container.
pub fn answer(program: &str, call: &str, request: &Value, work: &Path) -> Value {
    let mut command = command(Path::new(program), call, work);
    let child = super::start(&mut command, request.to_string().as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{call}: {words}");
    serde_json::from_slice(&output.stdout).expect("one JSON value")
}

impl Resource<'_> {
    /// As any user, with a read-only root, without HOME, `/etc/passwd` and `/tmp`, it comes as far as to ask the server.
    pub fn is_content_with_a_bare_container(&self) {
        let site = Site::telling();
        let request = json!({"source": self.source(&site.address()), "version": self.version()});
        for call in ["check", "in"] {
            let worker = Worker::new(self.program);
            let ended = self.call_in_bare_container(&worker, call, &request);
            assert_eq!(ended.code, Some(1), "{call}: {ended:?}");
            assert!(ended.stderr.contains("403"), "{call}: {ended:?}");
            worker.assert_empty();
        }
    }

    /// `in` cannot do without its folder: that is an operational error, before any server is asked.
    pub fn names_a_folder_that_it_cannot_write(&self) {
        let site = Site::telling();
        let request = json!({"source": self.source(&site.address()), "version": self.version()});
        let worker = Worker::new(self.program);
        let nobody_writes = fs::Permissions::from_mode(0o555);
        fs::set_permissions(worker.work(), nobody_writes).expect("our folder");
        let ended = self.call_in_bare_container(&worker, "in", &request);
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{ended:?}");
        for words in ["/work", "Permission denied", "may write"] {
            assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        }
        assert!(!site.heard("/"), "a server was asked");
        worker.assert_empty();
    }

    fn call_in_bare_container(&self, worker: &Worker, call: &str, request: &Value) -> Ended {
        let command = command(Path::new(self.program), call, &worker.work());
        worker.run(command, request.to_string().as_bytes())
    }
}
