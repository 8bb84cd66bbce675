//! One file per command, and what they share: the runtime, interruption, and how errors are shown.

mod process;
mod run;
mod sandbox;
mod single;
mod validate;

use crate::cli::{Command, SandboxCommand};
use std::future::Future;
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use trireme_protocol::redact::redact;
use trireme_runner::{Interrupt, RunnerError};

/// Runs a command to its exit code.
pub fn dispatch(command: Command) -> ExitCode {
    match command {
        Command::Run(args) => in_runtime(async |interrupt| run::run(&args, interrupt).await),
        Command::Validate(args) => in_runtime(async |_| validate::run(&args)),
        Command::Check(args) => in_runtime(async |interrupt| single::check(&args, interrupt).await),
        Command::Get(args) => in_runtime(async |interrupt| single::get(&args, interrupt).await),
        Command::Put(args) => in_runtime(async |interrupt| single::put(&args, interrupt).await),
        Command::Sandbox(args) => match &args.command {
            Some(SandboxCommand::Release(release)) => {
                in_runtime(async |_| sandbox::release(release).await)
            }
            None => in_runtime(async |interrupt| sandbox::sandbox(&args, interrupt).await),
        },
        Command::Resource(args) => process::resource(&args),
        Command::Exec(args) => process::exec(&args),
    }
}

/// Runs asynchronous work on the main thread (children end with the thread that started them), with an interrupt that Ctrl-C
/// and SIGTERM raise.
fn in_runtime(work: impl AsyncFnOnce(&Interrupt) -> anyhow::Result<u8>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    show_progress();
    let interrupt = Interrupt::new();
    let end = runtime.block_on(async {
        tokio::spawn(raise_on_signals(interrupt.clone())?);
        work(&interrupt).await
    });
    match end {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error),
    }
}

fn raise_on_signals(interrupt: Interrupt) -> std::io::Result<impl Future<Output = ()>> {
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
            }
            interrupt.raise();
        }
    })
}

/// Shows an error with its causes, and gives its exit code.
fn fail(error: &anyhow::Error) -> ExitCode {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    eprintln!("trireme: {}", redact(&causes.join(": ")));
    let code = error
        .downcast_ref::<RunnerError>()
        .map_or(1, RunnerError::exit_code);
    ExitCode::from(code)
}

/// Progress on standard error, in colour when a person watches and has not asked otherwise (`NO_COLOR`).
fn show_progress() {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    trireme_runner::show_progress(colour);
}
