//! `trireme validate`.

use crate::cli::PipelineArgs;
use crate::linked;

/// Shows warnings, or fails with all errors at once.
pub fn run(args: &PipelineArgs) -> anyhow::Result<u8> {
    let vars = args.vars()?;
    let valid = trireme_runner::validate(&args.file, &vars, &linked::catalogue()?, &args.supply())?;
    for warning in &valid.warnings {
        eprintln!(
            "{}:{}: warning: {}",
            args.file.display(),
            warning.at,
            warning.message
        );
    }
    for name in &valid.vars.unnamed {
        eprintln!("warning: the pipeline names no ((var)) `{name}`");
    }
    if !valid.vars.without_value.is_empty() {
        eprintln!(
            "no value is given for {}: Concourse asks its credential manager for them, `trireme run` needs them",
            valid.vars.without_value.join(", ")
        );
    }
    eprintln!("{}: valid", args.file.display());
    Ok(0)
}
