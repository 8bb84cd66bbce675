//! `trireme run`.

use super::sandbox;
use crate::cli::RunArgs;
use crate::linked;
use crate::report::{self, Files, Witnessed};
use std::path::Path;
use tracing::info;
use trireme_runner::{Interrupt, RunOptions, RunReport, Runner, StateLock, read_vars, vars::Vars};
use trireme_sandbox::Sandbox;

/// Runs the pipeline; the exit code is that of the run.
pub async fn run(args: &RunArgs, interrupt: &Interrupt) -> anyhow::Result<u8> {
    // Ours before anything is touched in it, until everything is written.
    let state = StateLock::take(&args.state)?;
    if args.sandbox {
        return in_sandbox(args, &state, interrupt).await;
    }
    let report = build(args, &state, args.pipeline.vars()?, interrupt).await?;
    if !report.nothing_to_do() {
        report::write(&args.state, &report, None)?;
    }
    Ok(report.exit_code())
}

async fn build(
    args: &RunArgs,
    state: &StateLock,
    vars: Vars,
    interrupt: &Interrupt,
) -> anyhow::Result<RunReport> {
    let runner = Runner::new(options(args, vars)?, state.clone())?;
    let report = runner.run(interrupt).await?;
    if report.nothing_to_do() {
        let (idle, last_report) = (idle(&report), last_report(&args.state));
        info!(object = "run", "{idle}{last_report}");
    }
    Ok(report)
}

/// Why no job was built. That one waits is in order (no new release, no version) unless `--job` names it; but it is not done.
fn idle(report: &RunReport) -> String {
    let waiting: Vec<_> = report
        .waiting()
        .map(|(job, reason)| format!("job {job} waits: {reason}"))
        .collect();
    match waiting.is_empty() {
        true => "nothing to do".to_owned(),
        false => format!("nothing was done; {}", waiting.join("; ")),
    }
}

/// Where the report of the last run that had something to do is, if there is one.
fn last_report(state: &Path) -> String {
    let page = Files::of(state).page;
    if page.exists() {
        return format!("; the last report is {}", page.display());
    }
    String::new()
}

/// Starts the platform, watches and measures it while the jobs run, and says what came of it. A run that had nothing to do
/// leaves the summary of the last one.
async fn in_sandbox(
    args: &RunArgs,
    state: &StateLock,
    interrupt: &Interrupt,
) -> anyhow::Result<u8> {
    let sandbox = sandbox::start(&args.state, args.untidy(), None).await?;
    let vars = sandbox_vars(args, &sandbox)?;
    let witness = sandbox.witness().await?;
    let report = build(args, state, vars, interrupt).await?;
    if !report.nothing_to_do() {
        let witnessed = Witnessed {
            observed: witness.observer.caught_up().await,
            measured: witness.prober.measured(),
        };
        report::write(&args.state, &report, Some(&witnessed))?;
    }
    Ok(report.exit_code())
}

/// The values beside the pipeline, then those of the running sandbox, then what a person gave.
fn sandbox_vars(args: &RunArgs, sandbox: &Sandbox) -> anyhow::Result<Vars> {
    let folder = args.pipeline.file.parent().unwrap_or(Path::new("."));
    let mut vars = Vars::default();
    let beside = folder.join("vars/sandbox.yml");
    if beside.exists() {
        vars.add_layer(read_vars(&beside)?);
    }
    vars.add_layer(sandbox.vars()?);
    args.pipeline.add_vars(&mut vars)?;
    Ok(vars)
}

fn options(args: &RunArgs, vars: Vars) -> anyhow::Result<RunOptions> {
    Ok(RunOptions {
        file: args.pipeline.file.clone(),
        vars,
        jobs: args.jobs.clone(),
        supply: args.pipeline.supply(),
        catalogue: linked::catalogue()?,
    })
}
