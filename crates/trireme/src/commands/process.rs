//! Children of the runner: they end when it does, even when it is killed.

use crate::cli::{ExecArgs, ResourceArgs};
use crate::linked;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// A linked resource as a program of its own.
pub fn resource(args: &ResourceArgs) -> ExitCode {
    // SIGTERM: a resource that holds a lease gives it back.
    if args
        .parent
        .is_some_and(|parent| !end_with(parent, Signal::TERM))
    {
        return ExitCode::from(75);
    }
    linked::run(&args.name, &args.arguments).unwrap_or_else(|| {
        eprintln!("trireme: no resource `{}` is linked in", args.name);
        ExitCode::from(64)
    })
}

/// The program of a task. It takes the place of this process, and keeps its parent's death as its own.
pub fn exec(args: &ExecArgs) -> ExitCode {
    if !end_with(args.parent, Signal::KILL) {
        return ExitCode::from(75);
    }
    let Some((program, arguments)) = args.command.split_first() else {
        return ExitCode::from(64);
    };
    let error = Command::new(program).args(arguments).exec();
    eprintln!("{}: {error}", program.to_string_lossy());
    // As shells say it: found but not executable, or not found.
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound {
        127
    } else {
        126
    })
}

/// Asks the kernel for this signal at the parent's end; false when the parent is gone already.
fn end_with(parent: i32, signal: Signal) -> bool {
    set_parent_process_death_signal(Some(signal)).is_ok()
        && getppid()
            .map(Pid::as_raw_nonzero)
            .is_some_and(|id| id.get() == parent)
}
