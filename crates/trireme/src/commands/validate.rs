//! `trireme validate`.

use crate::cli::PipelineArgs;
use crate::linked;

/// Shows warnings, or fails with all errors at once.
pub fn run(args: &PipelineArgs) -> anyhow::Result<u8> {
    let problems = trireme_runner::validate(
        &args.file,
        &args.vars()?,
        &linked::catalogue()?,
        &args.supply(),
    )?;
    for warning in &problems.warnings {
        eprintln!(
            "{}:{}: warning: {}",
            args.file.display(),
            warning.at,
            warning.message
        );
    }
    eprintln!("{}: valid", args.file.display());
    Ok(0)
}
