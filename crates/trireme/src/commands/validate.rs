//! `trireme validate`.

use crate::cli::PipelineArgs;
use crate::linked;

/// Shows warnings, or fails with all errors at once.
pub fn run(args: &PipelineArgs) -> anyhow::Result<u8> {
    let vars = args.vars()?;
    let problems =
        trireme_runner::validate(&args.file, &vars, &linked::catalogue()?, &args.supply())?;
    for warning in &problems.warnings {
        eprintln!(
            "{}:{}: warning: {}",
            args.file.display(),
            warning.at,
            warning.message
        );
    }
    let compared = trireme_runner::compare_vars(&args.file, &vars)?;
    for name in &compared.unnamed {
        eprintln!("warning: the pipeline names no ((var)) `{name}`");
    }
    if !compared.without_value.is_empty() {
        eprintln!(
            "no value is given for {}: Concourse asks its credential manager for them, `trireme run` needs them",
            compared.without_value.join(", ")
        );
    }
    eprintln!("{}: valid", args.file.display());
    Ok(0)
}
