//! The developer program: runs pipelines on one laptop, judges them, and calls single resources.
//!
//! `cli.rs` holds the command line, `commands/` one file per command, `linked.rs` the resources that are linked in. A resource
//! runs as a child process of this same program (`trireme resource NAME …`, hidden), over the wire that Concourse uses.

mod cli;
mod commands;
mod linked;
mod report;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => commands::dispatch(cli.command),
        Err(error) => {
            // `--help` and `--version` are no errors; everything else is wrong use.
            let code = if error.use_stderr() { 64 } else { 0 };
            let _ = error.print();
            ExitCode::from(code)
        }
    }
}
