//! A program whose clock is off: that of the day, not the one by which it measures how long something takes.

use std::{env::consts::ARCH, path::Path, process::Command};

use crate::{PeerError, Tool};

/// In a mount namespace of its own, the path of the program `$1` becomes that of a script which sets `$2` before it starts the
/// program: a program that starts itself anew with an empty environment, as Trireme does, is off there too. The first start
/// is by descriptor, so that the program knows itself by its own path.
const ENTER: &str = r#"
set -eu
program=$1 settings=$2
shift 2
mount -t tmpfs tmpfs /mnt
: >/mnt/program
mount --bind "$program" /mnt/program
cat >/mnt/off <<END
#!/bin/sh
exec env $settings /mnt/program "\$@"
END
chmod +x /mnt/off
exec 3<"$program"
mount --bind /mnt/off "$program"
exec env $settings /proc/self/fd/3 "$@"
"#;

/// The command of a program, linked dynamically, whose clock is off by `clock`: `+6s`, `-0.7s`. It needs no privilege, and the
/// process that is started is that of the program.
///
/// # Errors
/// [`PeerError::Missing`] when Debian's `libfaketime` is not installed.
pub fn off(program: &Path, clock: &str) -> Result<Command, PeerError> {
    let settings = settings(clock)?.map(|(name, value)| format!("{name}={value}"));
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", ENTER])
        .arg("sh")
        .arg(program)
        .arg(settings.join(" "));
    Ok(command)
}

/// A tool that takes now for another time, and starts no other program.
pub(crate) fn tool_at(clock: &str, tool: Tool) -> Result<Tool, PeerError> {
    let settings = settings(clock)?.into_iter();
    Ok(settings.fold(tool, |tool, (name, value)| tool.env(name, value)))
}

fn settings(clock: &str) -> Result<[(&'static str, String); 3], PeerError> {
    let library = format!("/usr/lib/{ARCH}-linux-gnu/faketime/libfaketimeMT.so.1");
    if !Path::new(&library).is_file() {
        return Err(PeerError::Missing {
            name: "debian".into(),
            path: library,
        });
    }
    Ok([
        ("LD_PRELOAD", library),
        ("FAKETIME", clock.into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ])
}
