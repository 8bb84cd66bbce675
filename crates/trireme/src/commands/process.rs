//! Children of the runner: they end when it does, even when it is killed.

use crate::cli::{ExecArgs, ResourceArgs};
use crate::linked;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

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

/// The program of a task, and whatever it starts: when the runner is killed, this process ends its whole group. A signal of the
/// kernel alone would reach the program, but not the children of a shell.
pub fn exec(args: &ExecArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let code = runtime.and_then(|runtime| runtime.block_on(supervise(args)));
    code.unwrap_or_else(|error| {
        eprintln!("trireme: cannot watch over a task: {error}");
        ExitCode::from(75)
    })
}

async fn supervise(args: &ExecArgs) -> io::Result<ExitCode> {
    let mut asked = signal(SignalKind::terminate())?;
    if !end_with(args.parent, Signal::TERM) {
        return Ok(ExitCode::from(75));
    }
    let Some((program, arguments)) = args.command.split_first() else {
        return Ok(ExitCode::from(64));
    };
    let mut child = match Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("{}: {error}", program.to_string_lossy());
            // As shells say it: found but not executable, or not found.
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(ExitCode::from(if is_missing { 127 } else { 126 }));
        }
    };
    loop {
        tokio::select! {
            status = child.wait() => return Ok(ExitCode::from(code(status?))),
            _ = asked.recv() => {}
        }
        // The runner tells the whole group to end; while it lives, the program decides when it does.
        if !is_parent(args.parent) {
            rustix::process::kill_current_process_group(Signal::KILL)?;
        }
    }
}

/// The exit code; 128 + n after a signal n, as shells say it.
fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}

/// Asks the kernel for this signal at the parent's end; false when the parent is gone already.
fn end_with(parent: i32, signal: Signal) -> bool {
    set_parent_process_death_signal(Some(signal)).is_ok() && is_parent(parent)
}

fn is_parent(parent: i32) -> bool {
    getppid()
        .map(Pid::as_raw_nonzero)
        .is_some_and(|id| id.get() == parent)
}
