//! `trireme run`.

use super::progress;
use crate::cli::RunArgs;
use crate::linked;
use trireme_runner::{Interrupt, RunOptions, Runner};

/// Runs the pipeline; the exit code is that of the run.
pub async fn run(args: &RunArgs, interrupt: &Interrupt) -> anyhow::Result<u8> {
    let runner = Runner::new(options(args)?, progress())?;
    let report = runner.run(interrupt).await?;
    if report.nothing_to_do() {
        eprintln!("run: nothing to do");
    }
    Ok(report.exit_code())
}

fn options(args: &RunArgs) -> anyhow::Result<RunOptions> {
    Ok(RunOptions {
        file: args.pipeline.file.clone(),
        vars: args.pipeline.vars()?,
        jobs: args.jobs.clone(),
        supply: args.pipeline.supply(),
        state: args.state.clone(),
        catalogue: linked::catalogue()?,
    })
}
